//! Opening: the journal and the files of the disk are brought together.

use super::effect::{DiskError, Found};
use super::journal::{self, File, HEADER_LEN, Record, Run, Unreadable};
use super::list::List;
use super::place::{Layout, Place};
use super::shelf::Shelf;
use super::words::{Opened, Trouble};
use super::{Cache, CacheKey, Disk, Event};
use alloc::vec::Vec;
use core::ops::Range;
use spotproto::Instant;

impl<K: CacheKey, B> Cache<K, B> {
    /// The disk has said what is there.
    pub(super) fn opened(&mut self, now: Instant, found: Result<Found<K>, DiskError>) {
        if self.disk != Disk::Opening {
            return;
        }
        let found = match found {
            Ok(found) => found,
            Err(error) => return self.switch_off(Trouble::Disk(error)),
        };
        let mut told =
            Told { shelf: &mut self.books.shelf, order: List::EMPTY, date: 0, limits: &self.config.limits };
        let journal = found.journal.as_deref().unwrap_or_default();
        let damaged = match journal::replay(journal, |record| told.take(record)) {
            Ok(damaged) => damaged,
            Err(Unreadable::Newer(version)) => return self.switch_off(Trouble::NewerJournal { version }),
            Err(Unreadable::OtherNames(length)) => return self.switch_off(Trouble::OtherNames { length }),
        };
        let date = told.date;
        let order = told.order;
        self.date.latest = self.date.latest.max(date);
        self.date.written = date;
        self.disk = Disk::Ready;
        self.ledger.length = journal.len() as u64;
        // Without a header what is appended would be found, and still a new journal is due.
        self.ledger.stale = journal.len() < HEADER_LEN || damaged > 0;
        let mut summary = Opened { damaged, ..Opened::default() };
        self.free = found.files.iter().fold(found.free, |free, file| free.saturating_add(file.1));
        self.quota = self.config.quota.bytes(self.free);
        let gone = self.compare(found.files, &mut summary);
        self.adopt(order, &gone);
        if damaged > 0 || summary.forgotten > 0 || !gone.is_empty() {
            self.ledger.spoil();
        }
        summary.files = self.books.shelf.len();
        summary.complete = self.books.totals().complete;
        self.tell(Event::Ready(summary));
        if self.ledger.owed {
            self.commit();
        }
        self.sweep(now);
    }

    /// Compares what the journal claims with the files that are there; answers with the slots
    /// of files that are not there, in order.
    fn compare(&mut self, files: Vec<(K, u64)>, summary: &mut Opened) -> Vec<u32> {
        let shelf = &mut self.books.shelf;
        let slots = shelf.slots();
        let mut seen = alloc::vec![0u64; slots as usize / 64 + 1];
        for (file, length) in files {
            let Some(slot) = shelf.find(&file) else {
                self.strays.push(file);
                continue;
            };
            seen[slot as usize / 64] |= 1 << (slot % 64);
            let there = pieces_within(shelf.facts(slot).pieces, length);
            summary.forgotten += u64::from(shelf.detail_mut(slot).truncate(there));
            shelf.fold(slot);
        }
        self.strays.sort_unstable();
        summary.strays = self.strays.len() as u32;
        let mut gone = Vec::new();
        for slot in 0..slots {
            if shelf.key_at(slot).is_some() && seen[slot as usize / 64] >> (slot % 64) & 1 == 0 {
                summary.forgotten += u64::from(shelf.detail_mut(slot).truncate(0));
                shelf.fold(slot);
                gone.push(slot);
            }
        }
        gone
    }

    /// Puts the files that the journal told of in order. Those without a file on disk are dropped, unless pinned.
    fn adopt(&mut self, mut order: List, gone: &[u32]) {
        while let Some(slot) = order.oldest() {
            order.remove(&mut self.books.shelf, slot);
            let dropped = gone.binary_search(&slot).is_ok() && !self.books.shelf.facts(slot).pinned;
            if dropped {
                self.books.shelf.remove(slot);
            } else {
                self.books.adopt(slot);
            }
        }
    }
}

/// How many pieces lie within a file of this length. Of the last piece, whose length is not known here, a byte must.
fn pieces_within(pieces: u32, length: u64) -> u32 {
    let layout = Layout { pieces };
    let last = pieces.saturating_sub(1);
    if length > layout.offset(Place::Piece(last)) {
        return pieces;
    }
    let behind = length.saturating_sub(layout.front());
    u32::try_from(behind / spotproto::content::PIECE_LEN as u64).unwrap_or(u32::MAX).min(last)
}

/// What the journal told.
struct Told<'a, K> {
    shelf: &'a mut Shelf<K>,
    /// The file told of last is the newest.
    order: List,
    date: u64,
    limits: &'a super::Limits,
}

impl<K: CacheKey> Told<'_, K> {
    fn take(&mut self, record: Record<K>) {
        match record {
            Record::File(file) => {
                if let Some(slot) = self.know(&file) {
                    self.order.renew(self.shelf, slot);
                    let detail = self.shelf.detail_mut(slot);
                    detail.truncate(0);
                    detail.cut = false;
                    if file.whole {
                        detail.fill();
                    }
                    self.shelf.set_alias(slot, file.alias);
                    self.shelf.set_main(slot, file.main);
                    self.shelf.set_uses(slot, file.uses);
                    self.shelf.fold(slot);
                }
            }
            Record::Pin(file) => {
                if let Some(slot) = self.know(&file) {
                    if self.shelf.alias(slot) == 0 {
                        self.shelf.set_alias(slot, file.alias);
                    }
                    self.shelf.set_pinned(slot, true);
                }
            }
            Record::Claim(key, runs) => self.change(&key, runs, |shelf, slot, pieces| {
                let detail = shelf.detail_mut(slot);
                detail.cut = false;
                pieces.for_each(|piece| detail.insert(piece));
            }),
            Record::Forget(key, runs) => self.change(&key, runs, |shelf, slot, pieces| {
                let detail = shelf.detail_mut(slot);
                pieces.for_each(|piece| detail.remove(piece));
            }),
            Record::Cut(key, pieces) => self.with(&key, |shelf, slot| {
                // Nothing but headers is ever kept of what is cut, whatever the record says.
                let headers = shelf.facts(slot).prefix;
                let detail = shelf.detail_mut(slot);
                detail.truncate(pieces.min(headers));
                detail.cut = true;
            }),
            Record::Remove(key) => {
                if let Some(slot) = self.shelf.find(&key) {
                    self.order.remove(self.shelf, slot);
                    self.shelf.remove(slot);
                }
            }
            Record::Unpin(key) => self.with(&key, |shelf, slot| shelf.set_pinned(slot, false)),
            Record::Touch(key) => {
                if let Some(slot) = self.shelf.find(&key) {
                    self.order.renew(self.shelf, slot);
                }
            }
            Record::Date(date) => self.date = self.date.max(date),
        }
    }

    /// The slot of a file, made if there is none; the oldest goes for it if there are too many.
    fn know(&mut self, file: &File<K>) -> Option<u32> {
        if let Some(slot) = self.shelf.find(&file.key) {
            if self.shelf.facts(slot).pieces == file.pieces {
                return Some(slot);
            }
            // A name has one number of pieces; the record that says otherwise is damage that no checksum found.
            return None;
        }
        if file.pieces == 0
            || file.pieces > self.limits.pieces
            || file.prefix > file.pieces.min(self.limits.header_pieces)
        {
            return None;
        }
        if self.shelf.len() >= self.limits.files {
            let oldest = self.order.oldest().filter(|&slot| !self.shelf.facts(slot).pinned)?;
            self.order.remove(self.shelf, oldest);
            self.shelf.remove(oldest);
        }
        let slot = self.shelf.insert(file.key, file.pieces, file.prefix);
        self.order.push(self.shelf, slot);
        Some(slot)
    }

    fn with(&mut self, key: &K, change: impl FnOnce(&mut Shelf<K>, u32)) {
        if let Some(slot) = self.shelf.find(key) {
            change(self.shelf, slot);
            self.shelf.fold(slot);
        }
    }

    fn change(&mut self, key: &K, runs: Vec<Run>, change: impl Fn(&mut Shelf<K>, u32, Range<u32>)) {
        self.with(key, |shelf, slot| {
            let pieces = shelf.facts(slot).pieces;
            for (first, count) in runs {
                change(shelf, slot, first.min(pieces)..first.saturating_add(count).min(pieces));
            }
        });
    }
}
