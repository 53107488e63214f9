//! Carries out a cache's effects, one after the other.

use super::fault;
use super::files::{Access, Directory, Files};
use super::handles::Handles;
use super::journal::Journal;
use super::read::{Reader, most};
use alloc::sync::Arc;
use bytes::Bytes;
use core::panic::AssertUnwindSafe;
use spotcache::cache::{Content, DiskError, Done, Effect, Found, Layout, Place, RequestId};
use spotproto::content::FileId;
use std::io;
use std::panic::catch_unwind;

/// Carries out effects in the order of the calls, and decides nothing.
///
/// What is made to last, and when:
///
/// | effect | before it is answered |
/// |---|---|
/// | `Write`, `Cut`, `Remove` | nothing: the system writes when it likes, and in any order |
/// | `Append` | bytes and length of each file in `after`; the names of files, if any was made since they last were made to last; the records; the journal's name, likewise |
/// | `Replace` | the new journal's bytes, then its name |
///
/// A removed file may thus be there again after a crash, with its old bytes.
///
/// Memory: the 16 files open at most; a piece while it is read; at the opening, the journal and 40 bytes a file.
#[derive(Debug)]
pub struct Executor<F: Files> {
    handles: Arc<Handles<F>>,
    journal: Journal<F>,
    /// Files were made, and their names need not last yet. True at first: a player that was killed may have made some.
    new_names: bool,
}

impl<F: Files> Executor<F> {
    /// Carries out effects on these files.
    #[must_use]
    pub fn new(files: F) -> Self {
        Self { handles: Arc::new(Handles::new(files)), journal: Journal::new(), new_names: true }
    }

    /// What reads on other threads.
    #[must_use]
    pub fn reader(&self) -> Reader<F> {
        Reader(self.handles.clone())
    }

    /// The files, for whoever looks after them.
    #[must_use]
    pub fn files(&self) -> &F {
        &self.handles.files
    }

    /// Carries out one effect; `None` if it is of a kind not known here. One over which the files panic has failed.
    pub fn carry_out(&mut self, effect: Effect<FileId, Bytes>) -> Option<(RequestId, Done<FileId, Bytes>)> {
        let failure = failure(&effect);
        catch_unwind(AssertUnwindSafe(|| self.try_carry_out(effect))).unwrap_or_else(|_| {
            // Whether there are new names is not known.
            self.new_names = true;
            self.journal.doubt();
            failure
        })
    }

    fn try_carry_out(&mut self, effect: Effect<FileId, Bytes>) -> Option<(RequestId, Done<FileId, Bytes>)> {
        let (request, carried) = match effect {
            Effect::Open { request } => return Some((request, Done::Opened(self.open()))),
            Effect::Read { request, file, layout, place } => {
                return Some((request, Done::Read(self.reader().read(file, layout, place))));
            }
            Effect::Write { request, file, layout, place, content } => {
                (request, self.write(file, layout, place, &content))
            }
            Effect::Append { request, after, records } => (request, self.append(&after, &records)),
            Effect::Replace { request, journal } => {
                (request, self.journal.replace(&self.handles.files, &journal))
            }
            Effect::Cut { request, file, length } => (request, self.cut(file, length)),
            Effect::Remove { request, file } => (request, self.remove(file)),
            _ => return None,
        };
        Some((request, Done::Carried(carried)))
    }

    fn open(&mut self) -> Result<Found<FileId>, DiskError> {
        let files = &self.handles.files;
        let mut found = || -> io::Result<_> {
            let journal = self.journal.open(files)?;
            Ok(Found { journal, files: files.list()?, free: files.free()? })
        };
        found().map_err(|error| fault::writing(&error))
    }

    fn write(
        &mut self,
        file: FileId,
        layout: Layout,
        place: Place,
        content: &Content<Bytes>,
    ) -> Result<(), DiskError> {
        let (Content::Piece(bytes) | Content::Sealed(bytes)) = content;
        if bytes.len() > most(place) {
            // It would lie on top of the next part.
            return Err(DiskError::Failed);
        }
        let written = self
            .open_or_create(file)
            .and_then(|handle| self.handles.files.write(&handle, layout.offset(place), bytes));
        written.map_err(|error| fault::writing(&error))
    }

    fn open_or_create(&mut self, file: FileId) -> io::Result<Arc<F::File>> {
        match self.handles.open(file, Access::Write) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let handle = self.handles.create(file)?;
                self.new_names = true;
                Ok(handle)
            }
            opened => opened,
        }
    }

    fn append(&mut self, after: &[FileId], records: &[u8]) -> Result<(), DiskError> {
        self.settle(after)?;
        self.journal.append(&self.handles.files, records)
    }

    /// Makes last what was written to these files.
    fn settle(&mut self, after: &[FileId]) -> Result<(), DiskError> {
        let files = &self.handles.files;
        for &file in after {
            // One that was closed since: what was written through another handle is made to last too.
            let synced = self.handles.open(file, Access::Write).and_then(|handle| files.sync(&handle));
            synced.map_err(|error| fault::reading(&error))?;
        }
        if self.new_names {
            files.sync_folder(Directory::Files).map_err(|error| fault::writing(&error))?;
            self.new_names = false;
        }
        Ok(())
    }

    fn cut(&self, file: FileId, length: u64) -> Result<(), DiskError> {
        let files = &self.handles.files;
        let cut = || -> io::Result<()> {
            let handle = self.handles.open(file, Access::Write)?;
            if files.length(&handle)? > length { files.set_length(&handle, length) } else { Ok(()) }
        };
        cut().map_err(|error| fault::reading(&error))
    }

    fn remove(&self, file: FileId) -> Result<(), DiskError> {
        match self.handles.remove(file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(fault::writing(&error)),
            _ => Ok(()),
        }
    }
}

/// What is answered to an effect that came to nothing.
fn failure(effect: &Effect<FileId, Bytes>) -> Option<(RequestId, Done<FileId, Bytes>)> {
    let why = DiskError::Failed;
    match effect {
        Effect::Open { request } => Some((*request, Done::Opened(Err(why)))),
        Effect::Read { request, .. } => Some((*request, Done::Read(Err(why)))),
        Effect::Write { request, .. }
        | Effect::Append { request, .. }
        | Effect::Replace { request, .. }
        | Effect::Cut { request, .. }
        | Effect::Remove { request, .. } => Some((*request, Done::Carried(Err(why)))),
        _ => None,
    }
}
