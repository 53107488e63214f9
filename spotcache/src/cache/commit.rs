//! Writing the journal: when, and what.

use super::effect::{DiskError, Effect, RequestId};
use super::journal::{self, FRAME_LEN, File, HEADER_LEN, Record, runs};
use super::ledger::{Flight, Ledger, SEALED, Unclaimed};
use super::shelf::Shelf;
use super::words::Trouble;
use super::{Asked, Cache, CacheKey, Disk, Event, Timer};
use alloc::vec::Vec;
use bytes::Bytes;
use spotproto::Instant;

impl<K: CacheKey, B> Cache<K, B> {
    /// Makes sure that what was said is written before long.
    pub(super) fn commit_later(&mut self, now: Instant) {
        if self.disk == Disk::Ready && self.ledger.is_pending() {
            self.timers.set_earlier(Timer::Commit, now + self.config.limits.commit_after);
        }
    }

    /// Writes what waits, unless the disk is in trouble or has too much to do.
    pub(super) fn commit(&mut self) {
        // A retry that is due writes everything.
        if self.disk != Disk::Ready || self.timers.get(Timer::Retry).is_some() {
            return;
        }
        if !self.ledger.is_pending() {
            return self.answer_sync();
        }
        // A new journal claims what those before it claimed, so it waits until that is known to last.
        let flying = self.ledger.flights.len();
        if flying + 2 > self.config.limits.commits.max(2) || (self.ledger.stale && flying > 0) {
            self.ledger.urgent = true;
            return;
        }
        self.timers.clear(Timer::Commit);
        self.ledger.urgent = false;
        if self.date.latest > self.date.written {
            self.ledger.say(&Record::Date(self.date.latest));
            self.date.written = self.date.latest;
        }
        if self.ledger.stale || (flying == 0 && self.is_long()) {
            self.replace();
        }
        self.append();
    }

    /// Writes the journal anew. Claims nothing that is not claimed yet: the files were not made to last.
    fn replace(&mut self) {
        // With the journal goes the order, so what was used counts now.
        self.take_touches();
        let journal = self.snapshot();
        let length = journal.len() as u64;
        let request =
            self.ask(Asked::Journal, |request| Effect::Replace { request, journal: Bytes::from(journal) });
        let ledger = &mut self.ledger;
        ledger.records = Vec::new();
        (ledger.removals, ledger.owed, ledger.stale) = (false, false, false);
        // What is not claimed yet is appended behind it, and a sync waits for that.
        let sync = ledger.fresh.is_empty() && core::mem::take(&mut ledger.sync);
        let pins = core::mem::take(&mut ledger.pins);
        let flight = Flight { request, replaces: true, void: false, claims: Vec::new(), pins, sync, length };
        ledger.flights.push_back(flight);
    }

    fn append(&mut self) {
        let ledger = &mut self.ledger;
        if !ledger.is_pending() {
            return;
        }
        let mut claims = core::mem::take(&mut ledger.fresh);
        let after = Ledger::files(&mut claims, &self.books);
        let mut records = core::mem::take(&mut ledger.records);
        for of_one in claims.chunk_by(|one, other| one.0 == other.0) {
            let Some((slot, _)) = of_one.first() else { continue };
            let key = self.books.shelf.key(*slot);
            let pieces = of_one.iter().map(|claim| claim.1).filter(|piece| *piece != SEALED);
            journal::write_runs(&mut records, &runs(pieces), |runs| Record::Claim(key, runs));
        }
        (ledger.removals, ledger.owed) = (false, false);
        let (sync, pins) = (core::mem::take(&mut ledger.sync), core::mem::take(&mut ledger.pins));
        let length = records.len() as u64;
        let request = self.ask(Asked::Journal, |request| Effect::Append {
            request,
            after,
            records: Bytes::from(records),
        });
        let flight = Flight { request, replaces: false, void: false, claims, pins, sync, length };
        self.ledger.flights.push_back(flight);
    }

    /// Whether the journal is long against what it has to say.
    fn is_long(&self) -> bool {
        let waits = (self.ledger.records.len() + self.ledger.fresh.len()) as u64;
        let says = u64::from(self.books.shelf.len()) * (K::LEN + FRAME_LEN + 12) as u64;
        self.ledger.length + waits > 2 * says + self.config.limits.journal_slack as u64
    }

    fn snapshot(&mut self) -> Vec<u8> {
        self.ledger.fresh.sort_unstable();
        let unclaimed = &self.ledger.fresh;
        let files = self.books.shelf.len() as usize;
        let mut out = Vec::with_capacity(HEADER_LEN + files * (K::LEN + FRAME_LEN + 12));
        out.extend_from_slice(&journal::header::<K>());
        let mut pins = Vec::new();
        self.books.each(|shelf, slot| {
            write_file(&mut out, shelf, slot, unclaimed);
            if shelf.facts(slot).pinned {
                pins.push(slot);
            }
        });
        // A pin is said twice, each in another place: the one thing that damage must not take.
        for slot in pins {
            let file = about(&self.books.shelf, slot, false);
            journal::write(&mut out, &Record::Pin(file));
        }
        if self.date.latest > 0 {
            journal::write::<K>(&mut out, &Record::Date(self.date.latest));
            self.date.written = self.date.latest;
        }
        out
    }

    /// The disk has answered a journal write.
    pub(super) fn journal_done(&mut self, now: Instant, request: RequestId, result: Result<(), DiskError>) {
        let Some(at) = self.ledger.flights.iter().position(|flight| flight.request == request) else {
            return;
        };
        match result {
            Err(error) => {
                self.ledger.fail();
                self.ledger.flights.remove(at);
                self.journal_failed(now, error);
            }
            Ok(()) => {
                let Some(flight) = self.ledger.flights.remove(at).filter(|flight| !flight.void) else {
                    return;
                };
                let before = if flight.replaces { 0 } else { self.ledger.length };
                self.ledger.length = before + flight.length;
                for (file, pinned) in flight.pins {
                    self.tell(if pinned { Event::Pinned(file) } else { Event::Unpinned(file) });
                }
                if flight.sync {
                    self.tell(Event::Synced { saved: true });
                }
                if flight.replaces {
                    self.recovered();
                    self.sweep(now);
                }
            }
        }
        if self.ledger.urgent || self.ledger.fresh.len() >= self.config.limits.batch {
            self.commit();
        }
        self.commit_later(now);
    }

    fn journal_failed(&mut self, now: Instant, error: DiskError) {
        if error == DiskError::Busy {
            self.retry_later(now);
        } else {
            self.trouble(now, error);
        }
        if self.disk != Disk::Ready && core::mem::take(&mut self.ledger.sync) {
            self.tell(Event::Synced { saved: false });
        }
    }

    /// The disk failed at something: what can be done with it from now on.
    pub(super) fn trouble(&mut self, now: Instant, error: DiskError) {
        if !self.is_open() {
            return;
        }
        let disk = match error {
            DiskError::Busy => return,
            DiskError::Full => Disk::Full,
            DiskError::ReadOnly => Disk::ReadOnly,
            _ => Disk::Off,
        };
        if self.disk != disk {
            if disk == Disk::Off {
                return self.switch_off(Trouble::Disk(error));
            }
            self.disk = disk;
            self.tell(Event::Trouble(Trouble::Disk(error)));
            self.relieve(now);
        }
        self.ledger.spoil();
        self.timers.clear(Timer::Commit);
        self.retry_later(now);
    }

    pub(super) fn retry_later(&mut self, now: Instant) {
        if self.timers.get(Timer::Retry).is_none() {
            let span = self.dice.jitter(self.backoff);
            self.timers.set(Timer::Retry, now + span);
            self.backoff = (self.backoff * 2).min(self.config.limits.retry_most);
        }
    }

    /// Tries the disk again: with a new journal, which is due anyway.
    pub(super) fn retry(&mut self, now: Instant) {
        match self.disk {
            Disk::Ready => {
                self.sweep(now);
                self.commit();
            }
            Disk::Full | Disk::ReadOnly => {
                self.relieve(now);
                if self.ledger.flights.is_empty() {
                    self.replace();
                } else {
                    self.retry_later(now);
                }
            }
            Disk::New | Disk::Opening | Disk::Off => {}
        }
    }

    /// The disk took a new journal.
    fn recovered(&mut self) {
        self.backoff = self.config.limits.retry_after;
        self.timers.clear(Timer::Retry);
        if matches!(self.disk, Disk::Full | Disk::ReadOnly) {
            self.disk = Disk::Ready;
            self.tell(Event::Recovered);
        }
    }

    /// Answers a sync for which there is nothing to wait, or has it wait for what is on its way.
    fn answer_sync(&mut self) {
        if core::mem::take(&mut self.ledger.sync) {
            match self.ledger.flights.back_mut() {
                Some(flight) if !flight.void => flight.sync = true,
                _ => self.tell(Event::Synced { saved: true }),
            }
        }
    }

    /// Tells the journal which files were used since it was told last.
    pub(super) fn write_touches(&mut self) {
        for slot in self.take_touches() {
            let key = self.books.shelf.key(slot);
            self.ledger.say(&Record::Touch(key));
        }
    }

    fn take_touches(&mut self) -> Vec<u32> {
        self.timers.clear(Timer::Touches);
        let shelf = &mut self.books.shelf;
        let mut touches = core::mem::take(&mut self.touches);
        touches.retain(|&slot| {
            // A slot may have gone to another file since.
            let due = shelf.key_at(slot).is_some() && shelf.touched(slot);
            if due {
                shelf.set_touched(slot, false);
            }
            due
        });
        touches
    }
}

/// What the journal says of a file apart from its pieces.
pub(super) fn about<K: CacheKey>(shelf: &Shelf<K>, slot: u32, whole: bool) -> File<K> {
    let facts = shelf.facts(slot);
    File {
        key: shelf.key(slot),
        pieces: facts.pieces,
        prefix: facts.prefix,
        alias: shelf.alias(slot),
        whole,
        main: shelf.in_main(slot),
        uses: shelf.uses(slot),
    }
}

/// All that a new journal says of a file.
fn write_file<K: CacheKey>(out: &mut Vec<u8>, shelf: &Shelf<K>, slot: u32, unclaimed: &[Unclaimed]) {
    let facts = shelf.facts(slot);
    let from = unclaimed.partition_point(|claim| claim.0 < slot);
    let of_this = unclaimed.get(from..).unwrap_or_default();
    let mut waiting = of_this.iter().take_while(|claim| claim.0 == slot).map(|claim| claim.1).peekable();
    let any_waits = waiting.peek().is_some_and(|piece| *piece != SEALED);
    let whole = facts.complete() && !any_waits;
    let file = about(shelf, slot, whole);
    journal::write(out, &Record::File(file));
    if !whole && facts.held > 0 {
        let claimed = (0..facts.pieces).filter(|piece| {
            while waiting.next_if(|waits| waits < piece).is_some() {}
            shelf.has(slot, *piece) && waiting.peek() != Some(piece)
        });
        journal::write_runs(out, &runs(claimed), |runs| Record::Claim(file.key, runs));
    }
    if facts.cut {
        journal::write(out, &Record::Cut(file.key, facts.prefix));
    }
    if facts.pinned {
        journal::write(out, &Record::Pin(file));
    }
}
