//! Reading parts of cached files.

use super::files::{Access, Files};
use super::handles::Handles;
use alloc::sync::Arc;
use bytes::Bytes;
use core::panic::AssertUnwindSafe;
use spotcache::cache::{Content, DiskError, LEAVES_LEN, Layout, Place, SHEET_LEN};
use spotproto::content::{FileId, PIECE_LEN};
use std::panic::catch_unwind;

use super::fault;

/// Reads what an [`Executor`](super::Executor) over the same files has written, on any thread.
#[derive(Debug)]
pub struct Reader<F: Files>(pub(super) Arc<Handles<F>>);

impl<F: Files> Clone for Reader<F> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<F: Files> Reader<F> {
    /// A part of a cached file: as many bytes as may lie there, fewer at the end of the file. Nothing is checked.
    ///
    /// # Errors
    /// [`DiskError::Missing`] if there is no such file, or if it ends before the part begins; [`DiskError::Failed`] also if the
    /// files panic.
    pub fn read(&self, file: FileId, layout: Layout, place: Place) -> Result<Content<Bytes>, DiskError> {
        catch_unwind(AssertUnwindSafe(|| self.try_read(file, layout, place)))
            .unwrap_or(Err(DiskError::Failed))
    }

    fn try_read(&self, file: FileId, layout: Layout, place: Place) -> Result<Content<Bytes>, DiskError> {
        let handle = self.0.open(file, Access::Read).map_err(|error| fault::reading(&error))?;
        let mut bytes = vec![0; most(place)];
        let length = self
            .0
            .files
            .read(&handle, layout.offset(place), &mut bytes)
            .map_err(|error| fault::reading(&error))?;
        if length == 0 {
            return Err(DiskError::Missing);
        }
        bytes.truncate(length);
        Ok(match place {
            Place::Piece(_) => Content::Piece(bytes.into()),
            Place::Sheet | Place::Leaves(_) => Content::Sealed(bytes.into()),
        })
    }
}

/// Bytes that may lie in a part.
pub(super) const fn most(place: Place) -> usize {
    match place {
        Place::Sheet => SHEET_LEN as usize,
        Place::Leaves(_) => LEAVES_LEN as usize,
        Place::Piece(_) => PIECE_LEN,
    }
}
