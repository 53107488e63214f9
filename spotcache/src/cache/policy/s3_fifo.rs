//! S3-FIFO: what comes in once and is not used again goes early, and is told apart from what comes back.
//!
//! J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023.
//! Sizes are counted in files.

use super::Policy;
use crate::cache::key::CacheKey;
use crate::cache::list::List;
use crate::cache::shelf::Shelf;
use alloc::vec::Vec;

/// The small queue's part of all files: one in so many (§4.1 of the paper: a tenth).
const SMALL: u32 = 10;

/// Files that get another turn before one is taken whatever its uses, so that a decision has a bound.
const TURNS: u32 = 64;

/// Places in a row of the ghosts' table.
const WAYS: usize = 4;

/// A small queue for what is new, a main one for what was used again, and ghosts of what went from the small one.
#[derive(Debug)]
pub(crate) struct S3Fifo {
    small: List,
    main: List,
    ghosts: Ghosts,
}

impl S3Fifo {
    pub(super) const fn new() -> Self {
        Self { small: List::EMPTY, main: List::EMPTY, ghosts: Ghosts { table: Vec::new(), made: 0 } }
    }

    const fn queue(&mut self, main: bool) -> &mut List {
        if main { &mut self.main } else { &mut self.small }
    }
}

impl Policy for S3Fifo {
    fn completed<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        shelf.set_uses(slot, 0);
        let back = self.ghosts.has(shelf.key(slot).bits());
        shelf.set_main(slot, back);
    }

    fn came<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        self.queue(shelf.in_main(slot)).push(shelf, slot);
    }

    fn touched<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        shelf.set_uses(slot, shelf.uses(slot) + 1);
    }

    fn left<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        self.queue(shelf.in_main(slot)).remove(shelf, slot);
    }

    fn victim<K: CacheKey>(&mut self, shelf: &mut Shelf<K>) -> Option<u32> {
        for _ in 0..TURNS {
            let all = self.small.len() + self.main.len();
            let from_small = self.small.len() > all / SMALL || self.main.len() == 0;
            let slot = self.queue(!from_small).oldest().or_else(|| self.small.oldest())?;
            let uses = shelf.uses(slot);
            match shelf.in_main(slot) {
                false if uses > 1 => {
                    self.small.remove(shelf, slot);
                    shelf.set_uses(slot, 0);
                    shelf.set_main(slot, true);
                    self.main.push(shelf, slot);
                }
                true if uses > 0 => {
                    shelf.set_uses(slot, uses - 1);
                    self.main.renew(shelf, slot);
                }
                _ => return Some(slot),
            }
        }
        self.main.oldest().or_else(|| self.small.oldest())
    }

    fn evicted<K: CacheKey>(&mut self, shelf: &Shelf<K>, slot: u32) {
        if !shelf.in_main(slot) {
            self.ghosts.add(shelf.key(slot).bits(), (self.small.len() + self.main.len()) as usize);
        }
    }

    fn each<K: CacheKey>(&self, shelf: &mut Shelf<K>, mut take: impl FnMut(&mut Shelf<K>, u32)) {
        self.small.each(shelf, &mut take);
        self.main.each(shelf, &mut take);
    }
}

/// Fingerprints of files that went, about as many as there are files; the oldest of a row is overwritten (§4.2 of the
/// paper: a table with a time in each place).
#[derive(Debug)]
struct Ghosts {
    /// Fingerprint and number of the ghost; 0 is an empty place.
    table: Vec<(u32, u32)>,
    /// Ghosts made so far.
    made: u32,
}

impl Ghosts {
    fn has(&self, bits: u64) -> bool {
        // One that is older than there are places counts as forgotten.
        let fresh = |made: u32| self.made.wrapping_sub(made) < self.table.len() as u32;
        let row = self.table.get(self.row(bits)..).unwrap_or_default();
        row.iter().take(WAYS).any(|&(print, made)| print == bits as u32 | 1 && fresh(made))
    }

    fn add(&mut self, bits: u64, files: usize) {
        // More than twice as many files, or fewer than a quarter: the table is made anew, and what it knew is forgotten.
        let places = files.next_multiple_of(WAYS).max(WAYS);
        if self.table.len() < places / 2 || self.table.len() / 4 > places || self.table.is_empty() {
            self.table = Vec::new();
            self.table.reserve_exact(places);
            self.table.resize(places, (0, 0));
        }
        self.made = self.made.wrapping_add(1);
        let (row, made) = (self.row(bits), self.made);
        let row = self.table.iter_mut().skip(row).take(WAYS);
        // An empty place is older than any.
        let age = |place: &(u32, u32)| if place.0 == 0 { u32::MAX } else { made.wrapping_sub(place.1) };
        if let Some(place) = row.max_by_key(|place| age(place)) {
            *place = (bits as u32 | 1, made);
        }
    }

    fn row(&self, bits: u64) -> usize {
        let rows = (self.table.len() / WAYS) as u128;
        ((u128::from(bits) * rows) >> 64) as usize * WAYS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::VecDeque;
    use proptest::prelude::*;

    struct World {
        shelf: Shelf<u32>,
        policy: S3Fifo,
    }

    impl World {
        fn add(&mut self, key: u32) -> u32 {
            let slot = self.shelf.insert(key, 1, 0);
            self.policy.completed(&mut self.shelf, slot);
            self.policy.came(&mut self.shelf, slot);
            slot
        }

        fn evict(&mut self) -> Option<u32> {
            let slot = self.policy.victim(&mut self.shelf)?;
            self.policy.evicted(&self.shelf, slot);
            self.policy.left(&mut self.shelf, slot);
            let key = self.shelf.key(slot);
            self.shelf.remove(slot);
            Some(key)
        }
    }

    fn world() -> World {
        World { shelf: Shelf::new([1, 2]), policy: S3Fifo::new() }
    }

    #[test]
    fn what_was_used_twice_outlives_what_came_later_and_was_not() {
        let mut world = world();
        let used = world.add(0);
        world.policy.touched(&mut world.shelf, used);
        world.policy.touched(&mut world.shelf, used);
        (1..10).for_each(|key| {
            world.add(key);
        });
        let order: Vec<u32> = core::iter::from_fn(|| world.evict()).collect();
        assert_eq!(order, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
    }

    #[test]
    fn what_comes_back_soon_goes_into_the_main_queue() {
        let mut world = world();
        (0..20).for_each(|key| {
            world.add(key);
        });
        assert_eq!(world.evict(), Some(0));
        let back = world.add(0);
        assert!(world.shelf.in_main(back));
        let new = world.add(99);
        assert!(!world.shelf.in_main(new));
    }

    #[test]
    fn a_decision_ends_though_everything_was_used() {
        let mut world = world();
        for key in 0..1000 {
            let slot = world.add(key);
            (0..3).for_each(|_| world.policy.touched(&mut world.shelf, slot));
        }
        let mut gone = 0;
        while world.evict().is_some() {
            gone += 1;
        }
        assert_eq!(gone, 1000);
    }

    #[test]
    fn a_scan_of_files_used_once_leaves_those_used_often() {
        let mut world = world();
        let often: Vec<u32> = (0..50).map(|key| world.add(key)).collect();
        for key in 1000..3000 {
            for &slot in &often {
                if world.shelf.key_at(slot).is_some_and(|key| *key < 50) {
                    world.policy.touched(&mut world.shelf, slot);
                }
            }
            world.add(key);
            if world.shelf.len() > 100 {
                world.evict();
            }
        }
        assert!((0..50).all(|key| world.shelf.find(&key).is_some()));
    }

    /// The same in two plain queues: key and uses of each, oldest first.
    #[derive(Default)]
    struct Model {
        small: VecDeque<(u32, u32)>,
        main: VecDeque<(u32, u32)>,
    }

    impl Model {
        fn victim(&mut self) -> Option<u32> {
            for _ in 0..64 {
                let tenth = (self.small.len() + self.main.len()) / 10;
                let from_small = self.small.len() > tenth || self.main.is_empty();
                let queue = if from_small { &mut self.small } else { &mut self.main };
                match queue.front().copied()? {
                    (key, 2..) if from_small => {
                        self.small.pop_front();
                        self.main.push_back((key, 0));
                    }
                    (key, uses @ 1..) if !from_small => {
                        self.main.pop_front();
                        self.main.push_back((key, uses - 1));
                    }
                    (key, _) => return Some(key),
                }
            }
            self.main.front().or(self.small.front()).map(|(key, _)| *key)
        }

        fn leave(&mut self, key: u32) {
            self.small.retain(|file| file.0 != key);
            self.main.retain(|file| file.0 != key);
        }
    }

    proptest! {
        #[test]
        fn it_does_what_two_plain_queues_do(steps in proptest::collection::vec((0u8..8, 0u32..60), 1..400)) {
            let (mut world, mut model) = (world(), Model::default());
            for (step, key) in steps {
                let slot = world.shelf.find(&key);
                match (step, slot) {
                    (0..=2, None) => {
                        let slot = world.add(key);
                        let queue = if world.shelf.in_main(slot) { &mut model.main } else { &mut model.small };
                        queue.push_back((key, 0));
                    }
                    (3, Some(slot)) => {
                        world.policy.left(&mut world.shelf, slot);
                        world.shelf.remove(slot);
                        model.leave(key);
                    }
                    (4, _) => {
                        let gone = model.victim();
                        prop_assert_eq!(world.evict(), gone);
                        gone.into_iter().for_each(|key| model.leave(key));
                    }
                    (_, Some(slot)) => {
                        world.policy.touched(&mut world.shelf, slot);
                        let both = model.small.iter_mut().chain(&mut model.main);
                        both.filter(|file| file.0 == key).for_each(|file| file.1 = (file.1 + 1).min(3));
                    }
                    _ => {}
                }
                let mut order = Vec::new();
                world.policy.each(&mut world.shelf, |shelf, slot| order.push((shelf.key(slot), shelf.uses(slot))));
                prop_assert!(order.iter().eq(model.small.iter().chain(&model.main)), "{order:?}");
            }
        }
    }

    #[test]
    fn there_are_as_many_places_for_ghosts_as_there_are_files() {
        let mut world = world();
        let often = [0, 1, 2, 3].map(|key| world.add(key));
        for slot in often {
            world.policy.touched(&mut world.shelf, slot);
            world.policy.touched(&mut world.shelf, slot);
        }
        (4..20).for_each(|key| _ = world.add(key));
        assert_eq!((world.evict(), world.policy.main.len()), (Some(4), 4));
        assert_eq!(world.policy.ghosts.table.len(), 20);
    }

    /// Of a table with so many places.
    fn ghosts(files: usize) -> Ghosts {
        let mut ghosts = Ghosts { table: Vec::new(), made: 0 };
        ghosts.add(0, files);
        ghosts
    }

    #[test]
    fn a_ghost_is_forgotten_when_as_many_others_were_made_as_there_are_places() {
        let mut ghosts = ghosts(8);
        // All others go into the second row, four at a time.
        for other in 0..7 {
            ghosts.add(1 << 63 | other << 8, 8);
            assert!(ghosts.has(0), "{other}");
        }
        ghosts.add(1 << 63 | 7 << 8, 8);
        assert!(!ghosts.has(0));
        let others = (0..8).filter(|other| ghosts.has(1 << 63 | other << 8));
        assert_eq!(others.collect::<Vec<u64>>(), [4, 5, 6, 7], "the oldest of a row make way");
    }

    #[test]
    fn the_table_is_made_anew_for_more_than_twice_as_many_files_or_fewer_than_a_quarter() {
        for (places, files, then) in
            [(40, 80, 40), (40, 81, 84), (40, 200, 200), (48, 12, 48), (48, 9, 48), (48, 8, 8), (48, 0, 4)]
        {
            let mut ghosts = ghosts(places);
            assert_eq!(ghosts.table.len(), places);
            ghosts.add(1 << 63 | 1 << 8, files);
            assert_eq!((ghosts.table.len(), ghosts.has(0)), (then, then == places), "{places} {files}");
        }
    }
}
