//! What the journal is still to be told, and what it is being told.

use super::effect::RequestId;
use super::journal::Record;
use super::key::CacheKey;
use super::{books::Books, journal};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// A file and a piece of it that is held and not claimed; [`SEALED`] for its sheet or leaves.
pub(super) type Unclaimed = (u32, u32);

/// In the place of a piece: the file's sheet or leaves were written, which the journal does not claim.
pub(super) const SEALED: u32 = u32::MAX;

/// Bytes of records that may wait; with more the journal is written anew.
const WAITING_MAX: usize = 256 * 1024;

#[derive(Debug)]
pub(super) struct Ledger<K> {
    /// Records that wait.
    pub(super) records: Vec<u8>,
    /// Among them is one of a file that went, or was cut. Until the journal says so nothing may be written: pieces that
    /// it claims would come to lie in gaps of a file.
    pub(super) removals: bool,
    /// There is something to say.
    pub(super) owed: bool,
    pub(super) fresh: Vec<Unclaimed>,
    /// Pins that wait, and what they are to be.
    pub(super) pins: Vec<(K, bool)>,
    /// Unanswered journal writes, in order.
    pub(super) flights: VecDeque<Flight<K>>,
    /// Bytes of the journal.
    pub(super) length: u64,
    /// The journal does not say what it should: it is missing, damaged, or a write failed. Only a new one helps.
    pub(super) stale: bool,
    /// The journal is to be written as soon as the disk has answered.
    pub(super) urgent: bool,
    /// A sync is answered when what waits has been written.
    pub(super) sync: bool,
}

/// A journal write that is not answered.
#[derive(Debug)]
pub(super) struct Flight<K> {
    pub(super) request: RequestId,
    /// A new journal, not an append.
    pub(super) replaces: bool,
    /// One before it failed.
    pub(super) void: bool,
    pub(super) claims: Vec<Unclaimed>,
    pub(super) pins: Vec<(K, bool)>,
    pub(super) sync: bool,
    /// Bytes that it writes.
    pub(super) length: u64,
}

impl<K: CacheKey> Ledger<K> {
    pub(super) const fn new() -> Self {
        Self {
            records: Vec::new(),
            removals: false,
            owed: false,
            fresh: Vec::new(),
            pins: Vec::new(),
            flights: VecDeque::new(),
            length: 0,
            stale: true,
            urgent: false,
            sync: false,
        }
    }

    /// Says something.
    pub(super) fn say(&mut self, record: &Record<K>) {
        self.owed = true;
        if self.stale {
            return; // The next journal is made of what is known then.
        }
        journal::write(&mut self.records, record);
        if self.records.len() > WAITING_MAX {
            self.spoil();
        }
    }

    /// The journal must be written anew.
    pub(super) fn spoil(&mut self) {
        self.stale = true;
        self.owed = true;
        self.records = Vec::new();
    }

    /// Whether there is anything to write.
    pub(super) fn is_pending(&self) -> bool {
        self.owed || !self.fresh.is_empty()
    }

    /// Pieces that are not claimed yet.
    pub(super) fn unclaimed(&self) -> usize {
        self.fresh.len() + self.flights.iter().map(|flight| flight.claims.len()).sum::<usize>()
    }

    /// Pins, and what takes them back, that are not known to last.
    pub(super) fn waiting_pins(&self) -> usize {
        self.pins.len() + self.flights.iter().map(|flight| flight.pins.len()).sum::<usize>()
    }

    /// Drops claims of a file that go against what happened since.
    pub(super) fn withdraw(&mut self, slot: u32, pieces: impl Fn(u32) -> bool) {
        let stays = |claim: &Unclaimed| claim.0 != slot || !pieces(claim.1);
        self.fresh.retain(stays);
        for flight in &mut self.flights {
            flight.claims.retain(stays);
        }
    }

    /// Drops what is to be told of a file's pin.
    pub(super) fn drop_pins(&mut self, file: &K) {
        let others = |pin: &(K, bool)| pin.0 != *file;
        self.pins.retain(others);
        for flight in &mut self.flights {
            flight.pins.retain(others);
        }
    }

    /// After a failure nothing that is on its way counts, and all of it waits again.
    pub(super) fn fail(&mut self) {
        self.spoil();
        for flight in &mut self.flights {
            flight.void = true;
            self.fresh.append(&mut flight.claims);
            self.pins.append(&mut flight.pins);
            self.sync |= core::mem::take(&mut flight.sync);
        }
    }

    /// Names of the files that have something to claim, each once. Sorts what there is to claim.
    pub(super) fn files(claims: &mut Vec<Unclaimed>, books: &Books<K>) -> Vec<K> {
        claims.sort_unstable();
        claims.dedup();
        let mut files = Vec::new();
        for of_one in claims.chunk_by(|one, other| one.0 == other.0) {
            files.extend(of_one.first().map(|claim| books.shelf.key(claim.0)));
        }
        files
    }
}
