//! What is held, in which order it may go, and what it takes: changed in one place, so that sums and lists agree.

use super::config::Eviction;
use super::key::CacheKey;
use super::list::List;
use super::place::Layout;
use super::policy::{Chosen, Policy};
use super::shelf::{Facts, Shelf};
use spotproto::content::PIECE_LEN;

/// All files. Each is in exactly one list: kept, partial, headers only, or the policy's.
#[derive(Debug)]
pub(super) struct Books<K> {
    pub(super) shelf: Shelf<K>,
    /// In use or pinned: these don't go.
    kept: List,
    partial: List,
    headers: List,
    policy: Chosen,
    totals: Totals,
}

/// What all files take, in bytes, and how many there are of each kind.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Totals {
    pub(super) bytes: u64,
    pub(super) pinned: u64,
    /// Pinned files as if they were whole.
    pub(super) promised: u64,
    /// Files of which only headers were kept.
    pub(super) headers: u64,
    pub(super) complete: u32,
    pub(super) partial: u32,
    pub(super) headers_only: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Where {
    Kept,
    Partial,
    Headers,
    Whole,
}

impl Where {
    const fn of(facts: &Facts) -> Self {
        match facts {
            Facts { in_use: true, .. } | Facts { pinned: true, .. } => Self::Kept,
            facts if facts.complete() => Self::Whole,
            Facts { cut: true, .. } => Self::Headers,
            _ => Self::Partial,
        }
    }
}

impl<K: CacheKey> Books<K> {
    pub(super) const fn new(eviction: Eviction, seeds: [u64; 2]) -> Self {
        Self {
            shelf: Shelf::new(seeds),
            kept: List::EMPTY,
            partial: List::EMPTY,
            headers: List::EMPTY,
            policy: Chosen::new(eviction),
            totals: Totals::ZERO,
        }
    }

    pub(super) const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Puts in a file that is not there.
    pub(super) fn insert(&mut self, key: K, pieces: u32, prefix: u32, alias: u32) -> u32 {
        let slot = self.shelf.insert(key, pieces, prefix);
        self.shelf.set_alias(slot, alias);
        let facts = self.shelf.facts(slot);
        self.totals.add(&facts);
        self.enter(Where::of(&facts), slot);
        slot
    }

    /// Puts in order a file that lies on the shelf, in no list.
    pub(super) fn adopt(&mut self, slot: u32) {
        let facts = self.shelf.facts(slot);
        self.totals.add(&facts);
        self.enter(Where::of(&facts), slot);
    }

    /// Changes what is known of a file, and all that follows from it. Answers with what was known before and is now.
    pub(super) fn change(&mut self, slot: u32, change: impl FnOnce(&mut Shelf<K>)) -> (Facts, Facts) {
        let before = self.shelf.facts(slot);
        change(&mut self.shelf);
        self.shelf.fold(slot);
        let after = self.shelf.facts(slot);
        self.totals.sub(&before);
        self.totals.add(&after);
        if after.complete() && !before.complete() {
            self.policy.completed(&mut self.shelf, slot);
        }
        if Where::of(&before) != Where::of(&after) {
            self.leave(Where::of(&before), slot);
            self.enter(Where::of(&after), slot);
        }
        (before, after)
    }

    /// Takes a file out; `evicted` to make room.
    pub(super) fn remove(&mut self, slot: u32, evicted: bool) -> Facts {
        let facts = self.shelf.facts(slot);
        if evicted && Where::of(&facts) == Where::Whole {
            self.policy.evicted(&self.shelf, slot);
        }
        self.totals.sub(&facts);
        self.leave(Where::of(&facts), slot);
        self.shelf.remove(slot);
        facts
    }

    /// Keeps nothing of a file but its first `prefix` pieces, to make room.
    pub(super) fn cut(&mut self, slot: u32) {
        if Where::of(&self.shelf.facts(slot)) == Where::Whole {
            self.policy.evicted(&self.shelf, slot);
        }
        self.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            let prefix = detail.prefix;
            detail.truncate(prefix);
            detail.writing = 0;
            detail.cut = true;
        });
    }

    /// A file was used.
    pub(super) fn touch(&mut self, slot: u32) {
        let Self { shelf, kept, partial, headers, policy, .. } = self;
        match Where::of(&shelf.facts(slot)) {
            Where::Kept => kept.renew(shelf, slot),
            Where::Partial => partial.renew(shelf, slot),
            Where::Headers => headers.renew(shelf, slot),
            Where::Whole => policy.touched(shelf, slot),
        }
    }

    /// The file that goes next, if any may: parts before whole files, headers last.
    pub(super) fn victim(&mut self) -> Option<u32> {
        let Self { shelf, partial, headers, policy, .. } = self;
        partial.oldest().or_else(|| policy.victim(shelf)).or_else(|| headers.oldest())
    }

    /// The partial file that goes next.
    pub(super) fn partial_victim(&self) -> Option<u32> {
        self.partial.oldest()
    }

    /// The file of which only headers were kept that goes next.
    pub(super) fn headers_victim(&self) -> Option<u32> {
        self.headers.oldest()
    }

    /// Hands out all files, those that go first before others of their kind.
    pub(super) fn each(&mut self, mut take: impl FnMut(&mut Shelf<K>, u32)) {
        let Self { shelf, kept, partial, headers, policy, .. } = self;
        headers.each(shelf, &mut take);
        partial.each(shelf, &mut take);
        policy.each(shelf, &mut take);
        kept.each(shelf, &mut take);
    }

    fn enter(&mut self, place: Where, slot: u32) {
        let Self { shelf, kept, partial, headers, policy, .. } = self;
        match place {
            Where::Kept => kept.push(shelf, slot),
            Where::Partial => partial.push(shelf, slot),
            Where::Headers => headers.push(shelf, slot),
            Where::Whole => policy.came(shelf, slot),
        }
    }

    fn leave(&mut self, place: Where, slot: u32) {
        let Self { shelf, kept, partial, headers, policy, .. } = self;
        match place {
            Where::Kept => kept.remove(shelf, slot),
            Where::Partial => partial.remove(shelf, slot),
            Where::Headers => headers.remove(shelf, slot),
            Where::Whole => policy.left(shelf, slot),
        }
    }
}

impl Totals {
    const ZERO: Self =
        Self { bytes: 0, pinned: 0, promised: 0, headers: 0, complete: 0, partial: 0, headers_only: 0 };

    fn add(&mut self, facts: &Facts) {
        let charge = charge(facts);
        self.bytes += charge;
        if facts.pinned {
            self.pinned += charge;
            self.promised += whole_charge(facts.pieces);
        }
        if facts.complete() {
            self.complete += 1;
        } else if facts.cut {
            self.headers_only += 1;
            self.headers += charge;
        } else {
            self.partial += 1;
        }
    }

    fn sub(&mut self, facts: &Facts) {
        let charge = charge(facts);
        self.bytes -= charge;
        if facts.pinned {
            self.pinned -= charge;
            self.promised -= whole_charge(facts.pieces);
        }
        if facts.complete() {
            self.complete -= 1;
        } else if facts.cut {
            self.headers_only -= 1;
            self.headers -= charge;
        } else {
            self.partial -= 1;
        }
    }
}

/// Bytes that a file is charged with.
pub(super) const fn charge(facts: &Facts) -> u64 {
    let layout = Layout { pieces: facts.pieces };
    layout.front() + (facts.held as u64 + facts.writing as u64) * PIECE_LEN as u64
}

/// Bytes that a whole file is charged with.
pub(super) const fn whole_charge(pieces: u32) -> u64 {
    Layout { pieces }.length(pieces)
}
