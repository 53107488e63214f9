//! Where an access point's effects get their answers.

use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::panic::AssertUnwindSafe;
use spotp2p::RequestId;
use spotp2p::access_point::{Done, Effect, Entry};
use spotproto::content::{FileId, LeafRange};
use spotproto::message::{PieceRange, Refusal, Wanted};
use std::panic::catch_unwind;

/// A catalogue and its files.
///
/// The calls may block (they read files and databases): they are made from threads that are there for that.
pub trait Store: Send + Sync + 'static {
    /// What the catalogue knows of a track or file.
    ///
    /// # Errors
    /// What the client is told.
    fn find(&self, wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal>;

    /// Whether the catalogue has a file.
    fn knows(&self, file: &FileId) -> bool {
        self.find(&Wanted::File(*file)).is_ok()
    }

    /// Proves pieces of a file: one proof for each range.
    ///
    /// # Errors
    /// What the client is told.
    fn prove(&self, file: &FileId, ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal>;

    /// One piece of ciphertext, checked against its leaf: bytes that fail must not be returned.
    ///
    /// # Errors
    /// What the client is told.
    fn piece(&self, file: &FileId, piece: u32) -> Result<Bytes, Refusal>;
}

/// What a store says to an effect, or a refusal if it panics: who asked must not wait for ever.
pub(crate) fn answer_or_refuse<S: Store>(
    store: &S,
    effect: Effect<FileId>,
) -> Option<(RequestId, Done<FileId, Bytes>)> {
    let refusal = refusal(&effect);
    catch_unwind(AssertUnwindSafe(|| answer(store, effect))).unwrap_or(refusal)
}

fn refusal(effect: &Effect<FileId>) -> Option<(RequestId, Done<FileId, Bytes>)> {
    let why = Refusal::Unavailable;
    match effect {
        Effect::Find { request, .. } => Some((*request, Done::Found(Err(why)))),
        Effect::Prove { request, .. } => Some((*request, Done::Proofs(Err(why)))),
        Effect::Fetch { request, .. } => Some((*request, Done::Piece(Err(why)))),
        Effect::Index { request, files } => Some((*request, Done::Indexed(vec![false; files.len()]))),
        _ => None,
    }
}

/// What a store says to an effect; `None` if that is nothing for a store.
pub fn answer<S: Store>(store: &S, effect: Effect<FileId>) -> Option<(RequestId, Done<FileId, Bytes>)> {
    match effect {
        Effect::Find { request, wanted } => Some((request, Done::Found(store.find(&wanted).map(Box::new)))),
        Effect::Prove { request, file, ranges } => Some((request, Done::Proofs(store.prove(&file, &ranges)))),
        Effect::Fetch { request, file, piece } => Some((request, Done::Piece(store.piece(&file, piece)))),
        Effect::Index { request, files } => {
            Some((request, Done::Indexed(files.iter().map(|file| store.knows(file)).collect())))
        }
        _ => None,
    }
}
