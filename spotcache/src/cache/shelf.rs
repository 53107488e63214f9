//! All files of a cache: one slab, an index of names, an index of aliases.

use super::detail::{Detail, whole_word};
use super::index::{Index, NONE};
use super::key::CacheKey;
use super::list::{Linked, Links};
use alloc::vec::Vec;

/// What is known of a file. A whole file that nobody uses takes its key and 12 bytes; of any other the rest lies in a
/// [`Detail`].
#[derive(Debug)]
struct Entry<K> {
    key: K,
    links: Links,
    /// Flags above, and below the number of a detail, or pieces and header pieces of a whole file.
    bits: u32,
}

/// Files of one alias: a track has a few encodings. A server that gave all its files one gid would make every look-up
/// and every change walk through them.
const ALIKE_MAX: usize = 32;

/// Not a file.
const FREE: u32 = 1 << 31;
/// The low bits are a detail's number.
const DETAIL: u32 = 1 << 30;
const PINNED: u32 = 1 << 29;
const TOUCHED: u32 = 1 << 28;
/// What a policy keeps.
const MARK: u32 = 3;
const MARK_AT: u32 = 26;
const QUEUE: u32 = 1 << 25;
const LOW: u32 = QUEUE - 1;
/// Bits of a whole file's pieces, below those of its header pieces.
const PIECES_BITS: u32 = 18;

/// What is known of a file, in one look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Facts {
    pub(super) pieces: u32,
    pub(super) prefix: u32,
    pub(super) held: u32,
    /// Pieces on their way to the disk.
    pub(super) writing: u32,
    pub(super) in_use: bool,
    pub(super) pinned: bool,
    /// Only headers were kept.
    pub(super) cut: bool,
}

impl Facts {
    pub(super) const fn complete(&self) -> bool {
        self.held == self.pieces
    }
}

#[derive(Debug)]
pub(super) struct Shelf<K> {
    entries: Vec<Entry<K>>,
    /// Slots not in use, chained.
    free: u32,
    len: u32,
    index: Index,
    details: Vec<Detail>,
    free_details: Vec<u32>,
    /// Of each slot, as far as any had one; 0 is none.
    aliases: Vec<u32>,
    by_alias: Index,
}

impl<K: CacheKey> Shelf<K> {
    pub(super) const fn new(seeds: [u64; 2]) -> Self {
        Self {
            entries: Vec::new(),
            free: NONE,
            len: 0,
            index: Index::new(seeds[0]),
            details: Vec::new(),
            free_details: Vec::new(),
            aliases: Vec::new(),
            by_alias: Index::new(seeds[1]),
        }
    }

    pub(super) const fn len(&self) -> u32 {
        self.len
    }

    /// Slots that are or were in use.
    pub(super) fn slots(&self) -> u32 {
        self.entries.len() as u32
    }

    pub(super) fn find(&self, key: &K) -> Option<u32> {
        self.index.candidates(key.bits()).find(|&slot| self.entry(slot).key == *key)
    }

    /// The name in a slot, if it is in use.
    pub(super) fn key_at(&self, slot: u32) -> Option<&K> {
        self.entries.get(slot as usize).filter(|entry| entry.bits & FREE == 0).map(|entry| &entry.key)
    }

    /// The name in a slot that is in use.
    pub(super) fn key(&self, slot: u32) -> K {
        self.entry(slot).key
    }

    /// Puts in a file that is not there, of which nothing is held.
    pub(super) fn insert(&mut self, key: K, pieces: u32, prefix: u32) -> u32 {
        let detail = Detail::new(pieces, prefix);
        let bits = DETAIL | self.put_detail(detail);
        let entry = Entry { key, links: Links::OUTSIDE, bits };
        let slot = match self.free {
            NONE => {
                reserve_an_eighth(&mut self.entries);
                self.entries.push(entry);
                self.entries.len() as u32 - 1
            }
            slot => {
                self.free = self.entry(slot).links.older();
                self.entries[slot as usize] = entry;
                slot
            }
        };
        if !self.index.has_room() {
            let all = self.entries.iter().zip(0..);
            let used = all.filter(|(entry, at)| entry.bits & FREE == 0 && *at != slot);
            self.index.grow(used.map(|(entry, at)| (entry.key.bits(), at)));
        }
        self.index.insert(key.bits(), slot);
        self.len += 1;
        slot
    }

    /// Takes out a file that is in no list any more.
    pub(super) fn remove(&mut self, slot: u32) {
        self.set_alias(slot, 0);
        let Self { index, entries, .. } = self;
        index.remove(entries[slot as usize].key.bits(), slot, |other| entries[other as usize].key.bits());
        let bits = self.entry(slot).bits;
        if bits & DETAIL != 0 {
            self.take_detail(bits & LOW);
        }
        let entry = &mut self.entries[slot as usize];
        entry.bits = FREE;
        entry.links = Links::free(self.free);
        self.free = slot;
        self.len -= 1;
    }

    pub(super) fn facts(&self, slot: u32) -> Facts {
        let bits = self.entry(slot).bits;
        let pinned = bits & PINNED != 0;
        if bits & DETAIL == 0 {
            let (pieces, prefix) = whole(bits);
            return Facts { pieces, prefix, held: pieces, writing: 0, in_use: false, pinned, cut: false };
        }
        let detail = &self.details[(bits & LOW) as usize];
        Facts {
            pieces: detail.pieces,
            prefix: detail.prefix,
            held: detail.held(),
            writing: detail.writing,
            in_use: detail.holds > 0,
            pinned,
            cut: detail.cut,
        }
    }

    pub(super) fn has(&self, slot: u32, piece: u32) -> bool {
        match self.detail(slot) {
            Some(detail) => detail.has(piece),
            None => piece < whole(self.entry(slot).bits).0,
        }
    }

    pub(super) fn word(&self, slot: u32, word: u32) -> u64 {
        match self.detail(slot) {
            Some(detail) => detail.word(word),
            None => whole_word(whole(self.entry(slot).bits).0, word),
        }
    }

    /// What a whole file that nobody uses does not have.
    pub(super) fn detail(&self, slot: u32) -> Option<&Detail> {
        let bits = self.entry(slot).bits;
        if bits & DETAIL == 0 { None } else { self.details.get((bits & LOW) as usize) }
    }

    /// The detail of a file, made if it has none, for a change. [`Shelf::fold`] is due when that is done.
    pub(super) fn detail_mut(&mut self, slot: u32) -> &mut Detail {
        let bits = self.entry(slot).bits;
        let number = if bits & DETAIL == 0 {
            let (pieces, prefix) = whole(bits);
            let number = self.put_detail(Detail::whole(pieces, prefix));
            self.entries[slot as usize].bits = bits & !LOW | DETAIL | number;
            number
        } else {
            bits & LOW
        };
        &mut self.details[number as usize]
    }

    /// Does without a detail if that can be.
    pub(super) fn fold(&mut self, slot: u32) {
        let bits = self.entry(slot).bits;
        let Some(detail) = self.detail(slot) else { return };
        let fits = detail.pieces >> PIECES_BITS == 0 && detail.prefix <= LOW >> PIECES_BITS;
        if fits && detail.is_whole() && detail.holds == 0 && detail.writing == 0 {
            let low = detail.prefix << PIECES_BITS | detail.pieces;
            self.take_detail(bits & LOW);
            self.entries[slot as usize].bits = bits & !LOW & !DETAIL | low;
        }
    }

    pub(super) fn set_pinned(&mut self, slot: u32, pinned: bool) {
        self.set(slot, PINNED, pinned);
    }

    /// Whether a use of the file waits for the journal.
    pub(super) fn touched(&self, slot: u32) -> bool {
        self.entry(slot).bits & TOUCHED != 0
    }

    pub(super) fn set_touched(&mut self, slot: u32, touched: bool) {
        self.set(slot, TOUCHED, touched);
    }

    /// How often a policy saw the file used, 0 to 3.
    pub(super) fn uses(&self, slot: u32) -> u32 {
        self.entry(slot).bits >> MARK_AT & MARK
    }

    pub(super) fn set_uses(&mut self, slot: u32, uses: u32) {
        let bits = &mut self.entries[slot as usize].bits;
        *bits = *bits & !(MARK << MARK_AT) | uses.min(MARK) << MARK_AT;
    }

    /// In which of a policy's two queues the file is.
    pub(super) fn in_main(&self, slot: u32) -> bool {
        self.entry(slot).bits & QUEUE != 0
    }

    pub(super) fn set_main(&mut self, slot: u32, main: bool) {
        self.set(slot, QUEUE, main);
    }

    /// The fingerprint of a file's alias; 0 for none.
    pub(super) fn alias(&self, slot: u32) -> u32 {
        self.aliases.get(slot as usize).copied().unwrap_or(0)
    }

    /// A file beyond the first [`ALIKE_MAX`] of one alias gets none.
    pub(super) fn set_alias(&mut self, slot: u32, mut alias: u32) {
        let old = self.alias(slot);
        if alias != old && alias != 0 && self.with_alias(alias).take(ALIKE_MAX).count() == ALIKE_MAX {
            alias = 0;
        }
        if old == alias {
            return;
        }
        let Self { aliases, by_alias, .. } = self;
        if old != 0 {
            by_alias.remove(u64::from(old), slot, |other| u64::from(aliases[other as usize]));
        }
        if aliases.len() <= slot as usize {
            aliases.reserve_exact(self.entries.capacity() - aliases.len());
            aliases.resize(slot as usize + 1, 0);
        }
        aliases[slot as usize] = alias;
        if alias != 0 {
            if !by_alias.has_room() {
                let all = aliases.iter().zip(0..).filter(|(one, at)| **one != 0 && *at != slot);
                by_alias.grow(all.map(|(one, at)| (u64::from(*one), at)));
            }
            by_alias.insert(u64::from(alias), slot);
        }
    }

    /// Slots of files with this alias.
    pub(super) fn with_alias(&self, alias: u32) -> impl Iterator<Item = u32> + '_ {
        self.by_alias.candidates(u64::from(alias)).filter(move |&slot| self.alias(slot) == alias)
    }

    fn entry(&self, slot: u32) -> &Entry<K> {
        &self.entries[slot as usize]
    }

    fn set(&mut self, slot: u32, flag: u32, on: bool) {
        let bits = &mut self.entries[slot as usize].bits;
        *bits = if on { *bits | flag } else { *bits & !flag };
    }

    fn put_detail(&mut self, detail: Detail) -> u32 {
        if let Some(number) = self.free_details.pop() {
            self.details[number as usize] = detail;
            return number;
        }
        reserve_an_eighth(&mut self.details);
        self.details.push(detail);
        self.details.len() as u32 - 1
    }

    fn take_detail(&mut self, number: u32) {
        self.details[number as usize] = Detail::default();
        self.free_details.push(number);
        if self.free_details.len() == self.details.len() {
            self.details = Vec::new();
            self.free_details = Vec::new();
        }
    }
}

impl<K: CacheKey> Linked for Shelf<K> {
    fn links(&mut self, slot: u32) -> &mut Links {
        &mut self.entries[slot as usize].links
    }
}

/// Pieces and header pieces of a whole file that has no detail.
const fn whole(bits: u32) -> (u32, u32) {
    let low = bits & LOW;
    (low & ((1 << PIECES_BITS) - 1), low >> PIECES_BITS)
}

/// Room for one more, by an eighth and not by doubling.
fn reserve_an_eighth<T>(vec: &mut Vec<T>) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact(vec.len() / 8 + 8);
    }
}

/// What an alias is found by; never 0.
pub(super) fn fingerprint(alias: &[u8; 16]) -> u32 {
    let number = u128::from_be_bytes(*alias);
    let (high, low) = ((number >> 64) as u64, number as u64);
    let mixed =
        high.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low.wrapping_mul(0xbf58_476d_1ce4_e5b9).rotate_left(29);
    let mixed = (mixed ^ mixed >> 31).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed >> 32) as u32).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_key_and_twelve_bytes() {
        assert_eq!(size_of::<Entry<u32>>(), 16);
        assert_eq!(size_of::<Entry<spotproto::content::FileId>>(), 44);
    }

    #[test]
    fn a_whole_file_has_no_detail_and_gets_one_back() {
        let mut shelf = Shelf::<u32>::new([1, 2]);
        let slot = shelf.insert(7, 100, 3);
        (0..100).for_each(|piece| shelf.detail_mut(slot).insert(piece));
        shelf.fold(slot);
        assert!(shelf.detail(slot).is_none() && shelf.details.is_empty());
        assert!(shelf.has(slot, 99) && !shelf.has(slot, 100));
        let facts = shelf.facts(slot);
        assert_eq!((facts.pieces, facts.prefix, facts.held), (100, 3, 100));
        shelf.detail_mut(slot).remove(50);
        shelf.fold(slot);
        assert!(!shelf.has(slot, 50) && shelf.has(slot, 49) && shelf.facts(slot).held == 99);
    }

    #[test]
    fn files_too_large_for_the_short_form_keep_their_detail() {
        let mut shelf = Shelf::<u32>::new([1, 2]);
        for (key, pieces) in [(1, 1 << PIECES_BITS), (2, (1 << PIECES_BITS) - 1)] {
            let slot = shelf.insert(key, pieces, 64);
            (0..pieces).for_each(|piece| shelf.detail_mut(slot).insert(piece));
            shelf.fold(slot);
            let facts = shelf.facts(slot);
            assert_eq!((facts.pieces, facts.prefix, facts.complete()), (pieces, 64, true));
        }
    }

    #[test]
    fn aliases_find_all_their_files_until_those_go() {
        let mut shelf = Shelf::<u32>::new([1, 2]);
        let slots: Vec<u32> = (0..50).map(|key| shelf.insert(key, 1, 0)).collect();
        for &slot in &slots {
            shelf.set_alias(slot, 1 + slot % 5);
        }
        assert_eq!(shelf.with_alias(3).count(), 10);
        shelf.remove(slots[7]);
        shelf.set_alias(slots[2], 0);
        assert_eq!(shelf.with_alias(3).count(), 8);
        assert_eq!(shelf.with_alias(9).count(), 0);
    }

    #[test]
    fn an_alias_of_all_files_finds_the_first_few() {
        let mut shelf = Shelf::<u32>::new([1, 2]);
        for key in 0..1000 {
            let slot = shelf.insert(key, 1, 0);
            shelf.set_alias(slot, 7);
        }
        assert_eq!(shelf.with_alias(7).count(), ALIKE_MAX);
    }
}
