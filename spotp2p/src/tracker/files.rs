//! Files by number, and numbers by file: a slab beside an open-addressing table.

use super::holders::Holders;
use alloc::vec::Vec;
use core::hash::{Hash, Hasher};

/// Files that somebody holds.
///
/// The table is probed linearly and is never walked, so its order means nothing. A slot carries 32 bits of the hash: most
/// probes end there, and growing needs no key. Taking out shifts what follows back, so there are no graves.
#[derive(Debug)]
pub(super) struct Files<K> {
    seed: u64,
    slots: Vec<Slot>,
    entries: Vec<Entry<K>>,
    /// Entries that stand for no file.
    free: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    tag: u32,
    file: u32,
}

#[derive(Debug)]
struct Entry<K> {
    key: K,
    /// Clients that named it, those that the ring forgot included.
    clients: u32,
    holders: Holders,
}

/// No file has this number.
const NO_FILE: u32 = u32::MAX;

const EMPTY: Slot = Slot { tag: 0, file: NO_FILE };

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
        let tag = self.tag(key);
        let start = self.home(tag);
        // A table is never full, so an empty slot ends every search.
        let (front, back) = (self.slots.get(..start)?, self.slots.get(start..)?);
        let run = back.iter().chain(front).take_while(|slot| slot.file != NO_FILE);
        run.filter(|slot| slot.tag == tag)
            .map(|slot| slot.file)
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
        let slot = Slot { tag: self.tag(&key), file };
        let home = self.home(slot.tag);
        put(&mut self.slots, home, slot);
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
        let mask = self.slots.len() - 1;
        let mut hole = self.home(self.tag(key));
        while self.slots[hole].file != file {
            hole = (hole + 1) & mask;
        }
        let mut next = hole;
        loop {
            next = (next + 1) & mask;
            let slot = self.slots[next];
            if slot.file == NO_FILE {
                break;
            }
            // It may move back into the hole if its home is not behind that.
            if next.wrapping_sub(self.home(slot.tag)) & mask >= next.wrapping_sub(hole) & mask {
                self.slots[hole] = slot;
                hole = next;
            }
        }
        self.slots[hole] = EMPTY;
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(FIRST_SLOTS);
        let old = core::mem::replace(&mut self.slots, alloc::vec![EMPTY; size]);
        for slot in old.into_iter().filter(|slot| slot.file != NO_FILE) {
            let home = self.home(slot.tag);
            put(&mut self.slots, home, slot);
        }
    }

    /// Where a file's search begins; the number of slots is a power of two.
    fn home(&self, tag: u32) -> usize {
        tag as usize & self.slots.len().wrapping_sub(1)
    }

    fn tag(&self, key: &K) -> u32 {
        let mut mixer = Mixer(self.seed);
        key.hash(&mut mixer);
        mixer.finish() as u32
    }
}

/// Puts a slot into the first empty one from `home` on.
fn put(slots: &mut [Slot], home: usize, slot: Slot) {
    let mask = slots.len() - 1;
    let mut place = home;
    while slots[place].file != NO_FILE {
        place = (place + 1) & mask;
    }
    slots[place] = slot;
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
