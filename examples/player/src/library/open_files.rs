//! The files that are being served, kept open with all it takes to seal a piece of them.

use super::disk::{Disk, Stamp};
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use bytes::Bytes;
use spotcache::canonical::{Plan, ReadError};
use spotcache::seal::{PieceCipher, serve_piece};
use spotproto::content::{FileId, Geometry, LeafRange, Leaves};
use spotproto::crypto::{RustCrypto, TAG_LEN};
use spotproto::message::PieceRange;
use std::fs::File;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A file that is being served.
#[derive(Debug)]
pub(super) struct OpenFile {
    pub(super) file: File,
    /// Where it lies, below the folder.
    pub(super) path: PathBuf,
    /// What it was when it was looked at.
    pub(super) stamp: Stamp,
    pub(super) plan: Plan,
    pub(super) leaves: Leaves,
    pub(super) geometry: Geometry,
    pub(super) cipher: PieceCipher<RustCrypto>,
}

/// Why a piece cannot be served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum NoPiece {
    /// The file has no such piece.
    Behind,
    /// The system could not read it.
    Unreadable,
    /// The file is not what it was.
    Changed,
}

impl OpenFile {
    /// Reads and seals a piece; nothing that differs from what was published leaves here.
    pub(super) fn piece(&self, index: u32) -> Result<Bytes, NoPiece> {
        let leaf = self.leaves.hashes().get(index as usize).ok_or(NoPiece::Behind)?;
        let mut piece = vec![0; self.geometry.piece_len(index)];
        let block = piece.len().checked_sub(TAG_LEN).ok_or(NoPiece::Behind)?;
        let mut source = Disk { file: &self.file, size: self.stamp.size };
        match self.plan.read_at(&mut source, self.geometry.block(index).start, &mut piece[..block]) {
            Ok(count) if count == block => {}
            Ok(_) => return Err(NoPiece::Changed),
            Err(ReadError::Unreadable) => return Err(NoPiece::Unreadable),
            Err(_) => return Err(NoPiece::Changed),
        }
        serve_piece(&self.cipher, index, leaf, &mut piece).map_err(|_| NoPiece::Changed)?;
        Ok(piece.into())
    }

    /// Proves pieces; `None` if the file has no such pieces, or they are too many.
    pub(super) fn prove(&self, range: PieceRange) -> Option<LeafRange> {
        self.leaves.prove(range.start..range.end()).ok()
    }
}

/// The files that were used last.
///
/// Each holds one file descriptor, 64 bytes for each piece, and its plan: a few kilobytes, for a long MP4 some
/// hundred.
#[derive(Debug)]
pub(super) struct OpenFiles {
    most: usize,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    /// Counts uses, to tell the latest.
    uses: u64,
    files: BTreeMap<FileId, (u64, Arc<OpenFile>)>,
}

impl OpenFiles {
    /// Of at most `most` files, at least one.
    pub(super) fn new(most: usize) -> Self {
        Self { most: most.max(1), held: Mutex::default() }
    }

    pub(super) fn get(&self, file: &FileId) -> Option<Arc<OpenFile>> {
        let mut held = self.held();
        held.uses += 1;
        let now = held.uses;
        let (used, open) = held.files.get_mut(file)?;
        *used = now;
        Some(Arc::clone(open))
    }

    /// Keeps a file; the one that was not used for the longest time goes.
    pub(super) fn keep(&self, file: FileId, open: Arc<OpenFile>) {
        let mut held = self.held();
        held.uses += 1;
        let now = held.uses;
        held.files.insert(file, (now, open));
        if held.files.len() > self.most {
            let oldest = held.files.iter().min_by_key(|(_, (used, _))| *used).map(|(file, _)| *file);
            // Closed when the lock is open again: that may take the system a while.
            let gone = oldest.and_then(|oldest| held.files.remove(&oldest));
            drop(held);
            drop(gone);
        }
    }

    /// Closes this file, unless another one took its place.
    pub(super) fn forget(&self, file: &FileId, open: &Arc<OpenFile>) {
        let mut held = self.held();
        if held.files.get(file).is_some_and(|(_, kept)| Arc::ptr_eq(kept, open)) {
            held.files.remove(file);
        }
    }

    /// Closes all.
    pub(super) fn clear(&self) {
        let files = core::mem::take(&mut self.held().files);
        drop(files);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
