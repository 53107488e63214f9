//! The few cached files that are kept open.

use super::files::{Access, Files, Name};
use alloc::sync::Arc;
use spotproto::content::FileId;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Files open at a time: what plays, what comes next, and a dozen uploads.
const OPEN_MAX: usize = 16;

/// Files with a bounded table of those in use, the least recently used closed first.
///
/// Shared by the thread that writes and the one that reads. No call to the system is made under the lock, so neither
/// waits for the other's disk work.
#[derive(Debug)]
pub(super) struct Handles<F: Files> {
    pub(super) files: F,
    table: Mutex<Table<F::File>>,
}

#[derive(Debug)]
struct Table<H> {
    /// The least recently used first.
    open: Vec<(FileId, Access, Arc<H>)>,
    /// Counts removals: what was opened before one may have lost its name, and is not kept.
    removals: u64,
}

impl<H> Table<H> {
    fn get(&mut self, file: FileId, access: Access) -> Option<Arc<H>> {
        let at = self.open.iter().position(|&(id, allowed, _)| id == file && allowed >= access)?;
        let entry = self.open.remove(at);
        let handle = entry.2.clone();
        self.open.push(entry);
        Some(handle)
    }

    fn put(&mut self, file: FileId, access: Access, handle: Arc<H>) {
        self.open.retain(|&(id, ..)| id != file);
        if self.open.len() == OPEN_MAX {
            self.open.remove(0);
        }
        self.open.push((file, access, handle));
    }
}

impl<F: Files> Handles<F> {
    pub(super) fn new(files: F) -> Self {
        Self { files, table: Mutex::new(Table { open: Vec::with_capacity(OPEN_MAX), removals: 0 }) }
    }

    /// A file that is there.
    pub(super) fn open(&self, file: FileId, access: Access) -> io::Result<Arc<F::File>> {
        let removals = {
            let mut table = self.table();
            if let Some(handle) = table.get(file, access) {
                return Ok(handle);
            }
            table.removals
        };
        let handle = Arc::new(self.files.open(Name::Cached(file), access)?);
        self.keep(file, access, &handle, removals);
        Ok(handle)
    }

    /// A new file.
    pub(super) fn create(&self, file: FileId) -> io::Result<Arc<F::File>> {
        let removals = self.table().removals;
        let handle = Arc::new(self.files.create(Name::Cached(file))?);
        self.keep(file, Access::Write, &handle, removals);
        Ok(handle)
    }

    /// Takes a file's name away, and never hands out a handle to it again.
    pub(super) fn remove(&self, file: FileId) -> io::Result<()> {
        let removed = self.files.remove(Name::Cached(file));
        let mut table = self.table();
        table.removals += 1;
        table.open.retain(|&(id, ..)| id != file);
        removed
    }

    fn keep(&self, file: FileId, access: Access, handle: &Arc<F::File>, removals: u64) {
        let mut table = self.table();
        if table.removals == removals {
            table.put(file, access, handle.clone());
        }
    }

    fn table(&self) -> MutexGuard<'_, Table<F::File>> {
        // Nothing under the lock leaves the table half changed.
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
