//! What the access point is told of what this client can serve.

use super::Node;
use crate::payload::{FileKey, Payload};
use crate::swarm::{Holding, Mode};
use alloc::boxed::Box;
use alloc::vec::Vec;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{self, MAX_HOLDING, Message};

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Tells all that is whole, after a log-in, when the cache is open, or when this client serves again.
    pub(super) fn announce_all(&mut self) {
        let Some(shelf) = self.shelf.as_ref().filter(|_| self.serves()) else { return };
        let whole: Vec<K> = shelf.cache.files().filter(|(_, it)| it.complete).map(|(file, _)| file).collect();
        for joined in whole.chunks(MAX_HOLDING) {
            self.tell_holding(joined.to_vec(), Vec::new());
        }
    }

    /// A file is whole.
    pub(super) fn announce(&mut self, file: K) {
        if self.serves() {
            self.tell_holding(alloc::vec![file], Vec::new());
        }
    }

    /// A file is not whole any more.
    pub(super) fn not_whole(&mut self, now: Instant, file: K) {
        self.forget_proofs(&file);
        self.swarm.lost(now, file);
        if self.serves() {
            self.tell_holding(Vec::new(), alloc::vec![file]);
        }
    }

    /// Takes back all that was told.
    pub(super) fn announce_nothing(&mut self) {
        let Some(shelf) = self.shelf.as_ref().filter(|_| self.server.logged_in) else { return };
        let whole: Vec<K> = shelf.cache.files().filter(|(_, it)| it.complete).map(|(file, _)| file).collect();
        for left in whole.chunks(MAX_HOLDING) {
            self.tell_holding(Vec::new(), left.to_vec());
        }
    }

    /// How much of a file could be served now.
    pub(super) fn holding(shelf: Option<&super::shelf::Shelf<K, B>>, file: &K) -> Holding {
        match shelf.and_then(|shelf| shelf.cache.holding(file)) {
            Some(holding) if holding.complete => Holding::Whole,
            Some(holding) if holding.held > 0 => Holding::Part,
            _ => Holding::Nothing,
        }
    }

    /// Whether anybody is to hear of what is here.
    fn serves(&self) -> bool {
        self.server.logged_in && self.mode == Mode::Full && self.member.is_some()
    }

    fn tell_holding(&mut self, joined: Vec<K>, left: Vec<K>) {
        self.send_server(Message::Holding(Box::new(message::Holding { joined, left })));
    }
}
