//! What the access point is told of what this client can serve.

use super::{Node, Timer};
use crate::payload::{FileKey, Payload};
use crate::swarm::{Holding, Mode};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{self, MAX_HOLDING, Message};

/// Files that an access point is told of: more of one client it would not keep.
const MOST_TOLD: usize = 4096;

/// From one such message to the next. An access point bears some at once, and then one a second.
const EVERY: Duration = Duration::from_secs(1);

/// Messages that go at once after a log-in.
const AT_ONCE: usize = 16;

/// What the access point is still to be told: whether it can be served, for each file; the last word counts.
pub(super) type Untold<K> = BTreeMap<K, bool>;

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Tells all that is whole, after a log-in, when the cache is open, or when this client serves again.
    pub(super) fn announce_all(&mut self, now: Instant) {
        if self.serves() {
            self.untold = None;
            let whole = self.whole();
            self.untold(whole, true);
            (0..AT_ONCE).for_each(|_| self.tell_holdings(now));
        }
    }

    /// A file is whole.
    pub(super) fn announce(&mut self, now: Instant, file: K) {
        if self.serves() {
            self.untold([file], true);
            self.tell_holdings_soon(now);
        }
    }

    /// A file is not whole any more.
    pub(super) fn not_whole(&mut self, now: Instant, file: K) {
        self.forget_proofs(now, &file);
        self.swarm.lost(now, file);
        if self.serves() {
            self.untold([file], false);
            self.tell_holdings_soon(now);
        }
    }

    /// Takes back all that was told.
    pub(super) fn announce_nothing(&mut self, now: Instant) {
        if self.server.logged_in && self.member.is_some() {
            let whole = self.whole();
            self.untold(whole, false);
            self.tell_holdings_soon(now);
        }
    }

    /// Tells some of what is untold, and more of it a while later.
    pub(super) fn tell_holdings(&mut self, now: Instant) {
        let Some(untold) = self.untold.as_mut().filter(|_| self.server.logged_in) else { return };
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        while let Some((file, held)) = untold.pop_first() {
            let list = if held { &mut joined } else { &mut left };
            list.push(file);
            if list.len() == MAX_HOLDING {
                break;
            }
        }
        if untold.is_empty() {
            self.untold = None;
        }
        self.timers.set(Timer::Holdings, now + EVERY);
        self.send_server(Message::Holding(Box::new(message::Holding { joined, left })));
    }

    /// A word goes at once if none did lately; else it waits for others like it, so that many changes cost few messages.
    fn tell_holdings_soon(&mut self, now: Instant) {
        if self.timers.get(Timer::Holdings).is_none() {
            self.tell_holdings(now);
        }
    }

    fn untold(&mut self, files: impl IntoIterator<Item = K>, held: bool) {
        let untold = self.untold.get_or_insert_default();
        untold.extend(files.into_iter().map(|file| (file, held)));
        if untold.is_empty() {
            self.untold = None;
        }
    }

    /// The files that could be served.
    fn whole(&self) -> Vec<K> {
        let files = self.shelf.as_ref().into_iter().flat_map(|shelf| shelf.cache.files());
        files.filter(|(_, it)| it.complete).map(|(file, _)| file).take(MOST_TOLD).collect()
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
}
