//! Files by number, and numbers by file: a slab beside an open-addressing table.

use super::holders::Holders;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Files that somebody holds.
///
/// The table is probed linearly and is never walked but to grow, so its order means nothing. Taking out shifts what
/// follows back, so there are no graves. What a look-up costs among a million files is misses of the processor's caches:
/// so slots are as small as can be, and what a slot has no use for in a file's number is filled with bits of its hash,
/// which end nearly every vain probe.
#[derive(Debug)]
pub(super) struct Files<K> {
    seed: u64,
    /// Of each file its number, below bits of its hash. As many as a power of two.
    slots: Vec<u32>,
    entries: Vec<Entry<K>>,
    /// Entries that stand for no file.
    free: Vec<u32>,
}

/// With a key of 32 bytes exactly one line of a processor's cache.
#[derive(Debug)]
#[repr(align(64))]
struct Entry<K> {
    key: K,
    /// Clients that named it, those that the ring forgot included.
    clients: u32,
    holders: Holders,
}

/// No slot with a file looks so: a table is never full, so no file has its greatest number.
const EMPTY: u32 = u32::MAX;

/// Slots of the smallest table.
const FIRST_SLOTS: usize = 16;

impl<K: Copy + Eq + Hash> Files<K> {
    /// No files; `seed` keeps anyone from choosing keys that fall together.
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, slots: Vec::new(), entries: Vec::new(), free: Vec::new() }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.free.len()
    }

    /// The number of a file.
    pub(super) fn find(&self, key: &K) -> Option<u32> {
        let hash = self.hash(key);
        let numbers = self.numbers();
        let (front, back) = self.slots.split_at_checked(hash as usize & numbers as usize)?;
        // A table is never full, so an empty slot ends every search.
        let run = back.iter().chain(front).take_while(|slot| **slot != EMPTY);
        run.filter(|slot| (*slot ^ hash) & !numbers == 0)
            .map(|slot| slot & numbers)
            .find(|file| self.entries.get(*file as usize).is_some_and(|entry| entry.key == *key))
    }

    /// Takes in a file that is not there yet.
    pub(super) fn insert(&mut self, key: K) -> u32 {
        if (self.len() + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let entry = Entry { key, clients: 0, holders: Holders::NOBODY };
        let file = match self.free.pop() {
            Some(file) => {
                if let Some(place) = self.entries.get_mut(file as usize) {
                    *place = entry;
                }
                file
            }
            None => {
                self.entries.push(entry);
                (self.entries.len() - 1) as u32
            }
        };
        self.put(self.hash(&key), file);
        file
    }

    /// A client names the file for the first time.
    pub(super) fn gain(&mut self, file: u32, seat: u32) {
        if let Some(entry) = self.entries.get_mut(file as usize) {
            entry.clients += 1;
            entry.holders.put(seat);
        }
    }

    /// A client names the file again.
    pub(super) fn rejoin(&mut self, file: u32, seat: u32) {
        if let Some(entry) = self.entries.get_mut(file as usize) {
            entry.holders.put(seat);
        }
    }

    /// A client that named the file holds it no more; with the last one the file goes.
    pub(super) fn lose(&mut self, file: u32, seat: u32) {
        let Some(entry) = self.entries.get_mut(file as usize) else { return };
        entry.holders.remove(seat);
        entry.clients -= 1;
        if entry.clients == 0 {
            let key = entry.key;
            self.remove(file, &key);
        }
    }

    /// Seats of the latest clients that named it.
    pub(super) fn holders(&self, file: u32) -> &[u32] {
        self.entries.get(file as usize).map_or(&[], |entry| entry.holders.as_slice())
    }

    fn remove(&mut self, file: u32, key: &K) {
        self.free.push(file);
        let (mask, numbers) = (self.slots.len() - 1, self.numbers());
        let mut hole = self.home(key);
        while self.slots[hole] & numbers != file {
            hole = (hole + 1) & mask;
        }
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let slot = self.slots[next];
            if slot == EMPTY {
                break;
            }
            let home = self.home(&self.entries[(slot & numbers) as usize].key);
            // It may move back into the hole if its home is not behind that.
            if next.wrapping_sub(home) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = next;
            }
        }
        self.slots[hole] = EMPTY;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(FIRST_SLOTS);
        let numbers = self.numbers();
        let old = core::mem::replace(&mut self.slots, alloc::vec![EMPTY; size]);
        for slot in old.into_iter().filter(|slot| *slot != EMPTY) {
            let file = slot & numbers;
            self.put(self.hash(&self.entries[file as usize].key), file);
        }
    }

    /// Puts a file into the first empty slot from its home on.
    fn put(&mut self, hash: u32, file: u32) {
        let numbers = self.numbers();
        let mask = self.slots.len() - 1;
        let mut place = hash as usize & mask;
        while self.slots[place] != EMPTY {
            place = (place + 1) & mask;
        }
        self.slots[place] = file | hash & !numbers;
    }

    /// The bits of a slot that are a file's number; the number of slots is a power of two.
    fn numbers(&self) -> u32 {
        self.slots.len().wrapping_sub(1) as u32
    }

    /// Where a file's search begins.
    fn home(&self, key: &K) -> usize {
        (self.hash(key) & self.numbers()) as usize
    }

    fn hash(&self, key: &K) -> u32 {
        let mut mixer = Mixer(self.seed);
        key.hash(&mut mixer);
        mixer.finish() as u32
    }
}

/// Mixes by folded multiplication, as wyhash does (Wang Yi 2019): quick, and unforeseeable without the seed. Not for secrets.
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word.iter_mut().zip(chunk).for_each(|(to, from)| *to = *from);
            self.0 = fold(self.0 ^ u64::from_le_bytes(word), 0xa076_1d64_78bd_642f);
        }
    }

    fn finish(&self) -> u64 {
        fold(self.0 ^ 0xe703_7ed1_a0b4_28db, 0x8ebc_6af0_9c88_c6e3)
    }
}

const fn fold(a: u64, b: u64) -> u64 {
    let wide = a as u128 * b as u128;
    (wide >> 64) as u64 ^ wide as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeMap;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_table_that_gains_and_loses_finds_what_a_map_finds(
            steps in proptest::collection::vec((0u16..90, any::<bool>()), 0..600), seed: u64
        ) {
            let mut files = Files::new(seed);
            let mut model: BTreeMap<u16, u32> = BTreeMap::new();
            for (key, gains) in steps {
                match (model.get(&key).copied(), gains) {
                    (None, true) => {
                        let file = files.insert(key);
                        files.gain(file, 7);
                        model.insert(key, file);
                    }
                    (Some(file), false) => {
                        files.lose(file, 7);
                        model.remove(&key);
                    }
                    _ => {}
                }
                prop_assert_eq!(files.len(), model.len());
                for key in 0..90 {
                    prop_assert_eq!(files.find(&key), model.get(&key).copied());
                }
            }
        }
    }
}
