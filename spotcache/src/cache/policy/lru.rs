//! The file that was not used for longest goes first.

use super::Policy;
use crate::cache::key::CacheKey;
use crate::cache::list::List;
use crate::cache::shelf::Shelf;

/// One list, the file used last at its new end.
#[derive(Debug)]
pub(crate) struct Lru {
    list: List,
}

impl Lru {
    pub(super) const fn new() -> Self {
        Self { list: List::EMPTY }
    }
}

impl Policy for Lru {
    fn completed<K: CacheKey>(&mut self, _: &mut Shelf<K>, _: u32) {}

    fn came<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        self.list.push(shelf, slot);
    }

    fn touched<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        self.list.renew(shelf, slot);
    }

    fn left<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        self.list.remove(shelf, slot);
    }

    fn victim<K: CacheKey>(&mut self, _: &mut Shelf<K>) -> Option<u32> {
        self.list.oldest()
    }

    fn evicted<K: CacheKey>(&mut self, _: &Shelf<K>, _: u32) {}

    fn each<K: CacheKey>(&self, shelf: &mut Shelf<K>, take: impl FnMut(&mut Shelf<K>, u32)) {
        self.list.each(shelf, take);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut shelf = Shelf::<u32>::new([1, 2]);
        let mut lru = Lru::new();
        let slots: [u32; 4] = core::array::from_fn(|key| shelf.insert(key as u32, 1, 0));
        slots.iter().for_each(|&slot| lru.came(&mut shelf, slot));
        lru.touched(&mut shelf, slots[0]);
        lru.left(&mut shelf, slots[2]);
        let mut order = alloc::vec::Vec::new();
        while let Some(slot) = lru.victim(&mut shelf) {
            lru.left(&mut shelf, slot);
            order.push(slot);
        }
        assert_eq!(order, [slots[1], slots[3], slots[0]]);
    }
}
