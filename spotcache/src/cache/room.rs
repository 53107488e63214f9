//! Making room: what goes, and what stays of it.

use super::effect::{DiskError, Effect};
use super::journal::Record;
use super::ledger::SEALED;
use super::place::{Layout, Place};
use super::shelf::Facts;
use super::{Asked, Cache, CacheKey, Clearing, Disk, Event, Timer};
use spotproto::Instant;

/// Files with headers only that may go for the headers of one other.
const DISPLACED: usize = 4;

impl<K: CacheKey, B> Cache<K, B> {
    /// Evicts until `bytes` more fit the quota; `false` if what could go is too little, or the disk has enough to do.
    pub(super) fn make_room(&mut self, bytes: u64) -> bool {
        loop {
            if self.books.totals().bytes.saturating_add(bytes) <= self.quota {
                return true;
            }
            if self.load.removals >= self.config.limits.removals {
                return false;
            }
            let Some(slot) = self.books.victim() else { return false };
            self.evict(slot);
        }
    }

    /// Lets a file go, apart from its headers if they can stay.
    pub(super) fn evict(&mut self, slot: u32) {
        let before = self.books.shelf.facts(slot);
        if self.keeps_headers(slot) {
            self.books.cut(slot);
            self.cut_on_disk(slot);
            let after = self.books.shelf.facts(slot);
            self.counts.evicted += u64::from(before.held - after.held);
            if before.complete() {
                self.tell(Event::Left(self.books.shelf.key(slot)));
            }
        } else {
            self.counts.evicted += u64::from(before.held);
            self.take_out(slot, true);
        }
    }

    /// Whether the headers of a file may stay when it goes; makes room for them among those of other files.
    fn keeps_headers(&mut self, slot: u32) -> bool {
        let facts = self.books.shelf.facts(slot);
        let prefix = facts.prefix;
        let held = self.books.shelf.detail(slot).is_none_or(|detail| detail.has_first(prefix));
        if facts.cut || prefix == 0 || prefix >= facts.pieces || !held {
            return false;
        }
        let size = Layout { pieces: facts.pieces }.length(prefix);
        let most = self.quota / self.config.limits.headers_share.max(1);
        for _ in 0..DISPLACED {
            let totals = self.books.totals();
            if totals.headers.saturating_add(size) <= most && totals.headers_only < self.config.limits.headers
            {
                return true;
            }
            match self.books.headers_victim().filter(|_| size <= most) {
                Some(victim) => self.evict(victim),
                None => return false,
            }
        }
        false
    }

    fn cut_on_disk(&mut self, slot: u32) {
        let facts = self.books.shelf.facts(slot);
        let file = self.books.shelf.key(slot);
        let gone = |piece| piece >= facts.prefix && piece != SEALED;
        self.void_asked(&file, |place| matches!(place, Place::Piece(piece) if gone(*piece)));
        self.ledger.withdraw(slot, gone);
        self.ledger.say(&Record::Cut(file, facts.prefix));
        self.ledger.removals = true;
        let length = Layout { pieces: facts.pieces }.length(facts.prefix);
        self.load.removals += 1;
        self.ask(Asked::Cut { file, void: false }, |request| Effect::Cut { request, file, length });
    }

    /// Takes a file out, from memory and disk.
    pub(super) fn take_out(&mut self, slot: u32, evicted: bool) {
        let file = self.drop_entry(slot, evicted);
        self.ledger.say(&Record::Remove(file));
        self.ledger.removals = true;
        self.remove_on_disk(file);
    }

    /// Takes a file out of memory alone.
    pub(super) fn drop_entry(&mut self, slot: u32, evicted: bool) -> K {
        let file = self.books.shelf.key(slot);
        self.void_asked(&file, |_| true);
        for asked in self.asked.values_mut() {
            if let Asked::Cut { file: other, void } = asked {
                *void |= *other == file;
            }
        }
        self.ledger.withdraw(slot, |_| true);
        self.ledger.drop_pins(&file);
        let facts = self.books.remove(slot, evicted);
        if facts.complete() {
            self.tell(Event::Left(file));
        }
        file
    }

    pub(super) fn remove_on_disk(&mut self, file: K) {
        self.load.removals += 1;
        self.ask(Asked::Remove { file }, |request| Effect::Remove { request, file });
    }

    /// What is on its way to these places of a file counts no more, nor does what a read that was asked for before finds
    /// missing there. The sums are the caller's.
    pub(super) fn void_asked(&mut self, file: &K, places: impl Fn(&Place) -> bool) -> u32 {
        let mut pieces = 0;
        for asked in self.asked.values_mut() {
            match asked {
                Asked::Read { file: other, place, void } if other == file && places(place) => *void = true,
                Asked::Write { file: other, place, void } if !*void && other == file && places(place) => {
                    *void = true;
                    pieces += u32::from(matches!(place, Place::Piece(_)));
                }
                _ => {}
            }
        }
        pieces
    }

    /// Goes on with what takes many steps, as far as the disk has answered: strays, clearing, a quota that shrank.
    pub(super) fn sweep(&mut self, now: Instant) {
        let held_up = self.timers.get(Timer::Retry).is_some() && self.disk == Disk::Ready;
        if held_up || !matches!(self.disk, Disk::Ready | Disk::Full) {
            return;
        }
        while self.load.removals < self.config.limits.removals {
            if self.disk == Disk::Ready
                && let Some(file) = self.strays.pop()
            {
                self.remove_on_disk(file);
            } else if let Some(slot) = self.next_to_clear() {
                self.take_out(slot, false);
            } else if let Some(slot) = self.surplus() {
                self.evict(slot);
            } else {
                break;
            }
        }
        self.commit_later(now);
    }

    /// A file that has to go because of a bound.
    fn surplus(&mut self) -> Option<u32> {
        let (totals, limits) = (*self.books.totals(), &self.config.limits);
        if totals.bytes > self.quota {
            return self.books.victim();
        }
        let headers_most = self.quota / limits.headers_share.max(1);
        let headers = self.books.headers_victim().filter(|_| totals.headers > headers_most);
        headers.or_else(|| self.books.partial_victim().filter(|_| totals.partial > limits.partial))
    }

    fn next_to_clear(&mut self) -> Option<u32> {
        let Clearing { next, pinned, spared } = self.clearing.as_mut()?;
        let shelf = &self.books.shelf;
        let found = (*next..shelf.slots()).find(|slot| {
            let facts = shelf.key_at(*slot).map(|_| shelf.facts(*slot));
            let goes = |facts: Facts| !facts.pinned || (*pinned && !spared.contains(slot));
            facts.is_some_and(|facts| !facts.in_use && goes(facts))
        });
        match found {
            Some(slot) => *next = slot + 1,
            None => self.clearing = None,
        }
        found
    }

    /// The disk is full: a few files go, whatever the quota says.
    pub(super) fn relieve(&mut self, now: Instant) {
        if self.disk == Disk::Full {
            for _ in 0..self.config.limits.relief {
                match self.books.victim().filter(|_| self.load.removals < self.config.limits.removals) {
                    Some(slot) => self.evict(slot),
                    None => break,
                }
            }
            self.sweep(now);
        }
    }

    /// The disk has answered a cut.
    pub(super) fn cut_done(&mut self, now: Instant, file: K, void: bool, result: Result<(), DiskError>) {
        self.load.removals -= 1;
        match result {
            Ok(()) => {}
            Err(DiskError::Missing) => {
                if let Some(slot) = self.books.shelf.find(&file).filter(|_| !void) {
                    let pieces = self.books.shelf.facts(slot).pieces;
                    self.lose(now, slot, 0..pieces);
                }
            }
            Err(error) => {
                // It is longer than it should be, and must go as a whole later, unless it is wanted again.
                if let Some(slot) = self.books.shelf.find(&file).filter(|_| !void)
                    && matches!(
                        self.books.shelf.facts(slot),
                        Facts { cut: true, in_use: false, pinned: false, .. }
                    )
                {
                    self.drop_entry(slot, false);
                    self.ledger.say(&Record::Remove(file));
                    self.ledger.removals = true;
                    self.stray(file);
                }
                self.removal_failed(now, error);
            }
        }
        self.sweep(now);
    }

    /// The disk has answered a removal.
    pub(super) fn remove_done(&mut self, now: Instant, file: K, result: Result<(), DiskError>) {
        self.load.removals -= 1;
        if let Err(error) = result
            && error != DiskError::Missing
        {
            if self.books.shelf.find(&file).is_none() {
                self.stray(file);
            }
            self.removal_failed(now, error);
        }
        self.sweep(now);
    }

    fn removal_failed(&mut self, now: Instant, error: DiskError) {
        if error == DiskError::Busy && self.is_open() {
            self.retry_later(now);
        } else {
            self.trouble(now, error);
        }
    }

    /// A file is to be removed when the disk can do it.
    fn stray(&mut self, file: K) {
        if self.is_open()
            && self.strays.len() < self.config.limits.files as usize
            && let Err(at) = self.strays.binary_search(&file)
        {
            self.strays.insert(at, file);
        }
    }
}
