//! All leaves of the files that neighbours are served from, so that every piece that goes out is proved.

use super::Node;
use super::shelf::Reader;
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use spotcache::cache::{Content, DiskError, Place};
use spotproto::Instant;
use spotproto::content::{Hash, LEAF_GROUP, LeafRange, Leaves};
use spotproto::crypto::Crypto;
use spotproto::message::Refusal;

/// Files whose leaves are kept: as many as there are slots, and some that were served a moment ago.
const MOST_BOOKS: usize = 8;

/// Groups of leaves that are read at a time.
const READ_AT_A_TIME: u32 = 8;

/// The leaves of a few files. 64 bytes for each piece of each.
#[derive(Debug)]
pub(super) struct ProofBooks<K> {
    /// The one used last at the end.
    books: Vec<(K, Book)>,
}

#[derive(Debug)]
enum Book {
    /// Groups are being read.
    Reading { leaves: Vec<Option<Hash>>, next: u32, left: u32 },
    /// All are here.
    Whole(Leaves),
}

impl<K> ProofBooks<K> {
    pub(super) const fn new() -> Self {
        Self { books: Vec::new() }
    }
}

impl<K: FileKey> ProofBooks<K> {
    fn book(&mut self, file: &K) -> Option<&mut Book> {
        self.books.iter_mut().find(|(of, _)| of == file).map(|(_, book)| book)
    }

    fn forget(&mut self, file: &K) {
        self.books.retain(|(of, _)| of != file);
    }

    /// The proof of these leaves.
    pub(super) fn prove(&mut self, file: &K, range: Range<u32>) -> Option<Box<LeafRange>> {
        match self.book(file)? {
            Book::Whole(leaves) => leaves.prove(range).ok().map(Box::new),
            Book::Reading { .. } => None,
        }
    }

    /// Whether this is the piece that was published; `None` if its leaf is not here any more. Where pieces carry their own
    /// verdict there are no leaves.
    pub(super) fn is_genuine<B: Payload>(&mut self, file: &K, piece: u32, data: &B) -> Option<bool> {
        if file.root().is_none() {
            return Some(data.is_genuine(None));
        }
        match self.book(file)? {
            Book::Whole(leaves) => Some(data.is_genuine(leaves.hashes().get(piece as usize))),
            Book::Reading { .. } => None,
        }
    }

    /// Marks a file as the one used last; whether all its leaves are here.
    pub(super) fn touch(&mut self, file: &K) -> bool {
        let Some(at) = self.books.iter().position(|(of, _)| of == file) else { return false };
        let book = self.books.remove(at);
        let whole = matches!(book.1, Book::Whole(_));
        self.books.push(book);
        whole
    }

    /// Makes a place for the leaves of a file; whether there is one.
    fn begin(&mut self, file: K, pieces: u32) -> bool {
        if self.books.len() >= MOST_BOOKS {
            let oldest = self.books.iter().position(|(_, book)| matches!(book, Book::Whole(_)));
            let Some(oldest) = oldest else { return false };
            self.books.remove(oldest);
        }
        let groups = pieces.div_ceil(LEAF_GROUP);
        let leaves = alloc::vec![None; pieces as usize];
        self.books.push((file, Book::Reading { leaves, next: 0, left: groups }));
        true
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Sees to it that pieces of a file can be proved; goes on with what waits for that.
    pub(super) fn read_proofs(&mut self, now: Instant, file: K) {
        if file.root().is_none() || self.giving().proofs.touch(&file) {
            return self.go_on(now, file, Ok(()));
        }
        if self.giving().proofs.book(&file).is_some() {
            return;
        }
        let holding = self.shelf.as_ref().and_then(|shelf| shelf.cache.holding(&file));
        let Some(holding) = holding.filter(|it| it.complete) else {
            return self.go_on(now, file, Err(Refusal::Unavailable));
        };
        if !self.giving().proofs.begin(file, holding.pieces) {
            return self.go_on(now, file, Err(Refusal::Busy));
        }
        for _ in 0..READ_AT_A_TIME {
            self.read_next_proof(now, file);
        }
    }

    fn read_next_proof(&mut self, now: Instant, file: K) {
        let Some(Book::Reading { leaves, next, .. }) = self.giving().proofs.book(&file) else { return };
        if *next >= (leaves.len() as u32).div_ceil(LEAF_GROUP) {
            return;
        }
        let group = *next;
        *next += 1;
        let shelf = self.shelf.as_mut();
        if !shelf.is_some_and(|shelf| shelf.read(Reader::Proofs, &file, Place::Leaves(group))) {
            self.forget_proofs(now, &file);
        }
    }

    /// A group of leaves for the proofs of a file is read, or could not be.
    pub(super) fn proofs_read(
        &mut self,
        now: Instant,
        file: K,
        place: Place,
        read: Result<Content<B>, DiskError>,
    ) {
        let Place::Leaves(group) = place else { return };
        let (Some(shelf), Some(giving)) = (self.shelf.as_ref(), self.giving.as_mut()) else { return };
        let Some(Book::Reading { leaves, left, .. }) = giving.proofs.book(&file) else { return };
        let sealed = if let Ok(Content::Sealed(sealed)) = read { Some(sealed) } else { None };
        if let Some(read) = sealed.and_then(|sealed| file.open_leaves::<C>(&shelf.keys, group, &sealed)) {
            for (piece, leaf) in read.leaves() {
                if let Some(place) = leaves.get_mut(piece as usize) {
                    *place = Some(leaf);
                }
            }
        }
        *left -= 1;
        if *left > 0 {
            return self.read_next_proof(now, file);
        }
        let leaves: Option<Vec<Hash>> = leaves.iter().copied().collect();
        let whole = leaves
            .and_then(Leaves::new::<C>)
            .filter(|whole| file.root().map(|root| root.root()) == Some(whole.root()));
        match (whole, giving.proofs.book(&file)) {
            (Some(whole), Some(book)) => {
                *book = Book::Whole(whole);
                self.go_on(now, file, Ok(()));
            }
            _ => self.forget_proofs(now, &file),
        }
    }

    /// The file is not what it was: whoever waits for its proofs waits in vain.
    pub(super) fn forget_proofs(&mut self, now: Instant, file: &K) {
        if let Some(giving) = self.giving.as_mut() {
            giving.proofs.forget(file);
            self.go_on(now, *file, Err(Refusal::Unavailable));
        }
    }
}
