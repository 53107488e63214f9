//! Which files go to make room, and what stays of them.

use crate::disk::{Disk, World, config, value};
use bytes::Bytes;
use spotcache::cache::{DiskError, Done, Effect, Event, Eviction, Input, NotKept, Place, Quota};
use std::collections::BTreeMap;
use std::time::Duration;

/// How many pieces are held of each file that is known.
fn held(world: &World) -> BTreeMap<u32, u32> {
    world.cache.files().map(|(file, holding)| (file, holding.held)).collect()
}

#[test]
fn with_the_other_policy_what_comes_back_soon_outlives_a_scan() {
    let mut setup = config(10 * 172);
    setup.eviction = Eviction::S3Fifo;
    let mut world = World::new(setup, Disk::new());
    (1..=11).for_each(|file| world.fill(file, 10, 0));
    assert_eq!(world.cache.holding(&1), None, "the first that came goes first");
    world.fill(1, 10, 0);
    (100..130).for_each(|file| world.fill(file, 10, 0));
    let held = held(&world);
    assert!(held.contains_key(&1) && held.len() == 10, "{held:?}");
}

#[test]
fn pieces_that_went_are_counted_and_headers_that_stay_are_not() {
    let mut setup = config(2 * 172 + 80);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    world.fill(1, 10, 3);
    world.fill(2, 10, 0);
    world.fill(3, 10, 0);
    assert_eq!((held(&world).get(&1), world.cache.usage().counts.evicted), (Some(&3), 7));
    world.fill(4, 10, 0);
    assert_eq!((held(&world).get(&2), world.cache.usage().counts.evicted), (None, 7 + 10));
}

#[test]
fn headers_stay_while_their_share_and_number_allow_and_the_oldest_make_way() {
    // One file's headers take 28 KiB of a quota that is 31 times as much, or 33 times.
    for (quota, stay) in [(32 * 28 - 1, 0), (32 * 28, 1), (2 * 32 * 28 - 1, 1), (2 * 32 * 28, 2)] {
        let mut world = World::new(config(quota), Disk::new());
        (0..40).for_each(|file| world.fill(file, 10, 1));
        assert_eq!(world.cache.usage().headers_only, stay, "{quota}");
    }
    let mut setup = config(3 * 172 + 60);
    // A cut that is answered counts no more: one at a time is enough.
    (setup.limits.headers_share, setup.limits.headers, setup.limits.removals) = (1, 2, 1);
    let mut world = World::new(setup, Disk::new());
    (1..=5).for_each(|file| world.fill(file, 10, 1));
    assert_eq!(held(&world), [(1, 1), (2, 1), (3, 10), (4, 10), (5, 10)].into());
    world.fill(6, 10, 1);
    assert_eq!(held(&world), [(2, 1), (3, 1), (4, 10), (5, 10), (6, 10)].into());
}

#[test]
fn no_more_files_are_held_in_part_than_may_however_they_come_to_be() {
    let mut setup = config(10_000);
    setup.limits.partial = 2;
    let mut world = World::new(setup, Disk::new());
    let begin = |world: &mut World, file| {
        world.cache.admit(world.now, file, 10, 1, None).unwrap();
        (0..3).for_each(|piece| world.cache.store(&file, piece, value(file, piece)).unwrap());
        world.settle();
    };
    (1..=3).for_each(|file| begin(&mut world, file));
    assert_eq!(held(&world), [(1, 1), (2, 3), (3, 3)].into());
    // One of which there were headers alone grows again.
    world.cache.store(&1, 5, value(1, 5)).unwrap();
    world.settle();
    assert_eq!(held(&world), [(1, 2), (2, 1), (3, 3)].into());
    // Whole ones lose a piece each.
    (4..=6).for_each(|file| world.fill(file, 10, 1));
    (4..=6).for_each(|file| world.input(Input::Forget(file, 9..10)));
    assert_eq!(world.cache.usage().partial, 2);
    assert_eq!(held(&world), [(1, 1), (2, 1), (3, 1), (4, 1), (5, 9), (6, 9)].into());
    world.wait(Duration::from_secs(5));
    let before = held(&world);
    assert_eq!(held(&world.restart(setup)), before);
}

/// The other's headers take their place among those that are kept.
#[test]
fn a_file_that_grows_again_is_not_let_go_of_for_the_headers_of_one_that_makes_way() {
    let mut setup = config(10_000);
    (setup.limits.partial, setup.limits.headers) = (1, 1);
    let mut world = World::new(setup, Disk::new());
    for file in 1..=2 {
        world.cache.admit(world.now, file, 10, 1, None).unwrap();
        (0..3).for_each(|piece| world.cache.store(&file, piece, value(file, piece)).unwrap());
        world.settle();
    }
    assert_eq!(held(&world), [(1, 1), (2, 3)].into());
    world.cache.store(&1, 5, value(1, 5)).unwrap();
    world.settle();
    assert_eq!(world.pieces(1), [0, 5]);
    assert_eq!(world.cache.usage().partial, 1);
}

#[test]
fn headers_that_are_more_than_their_share_of_a_smaller_quota_go() {
    let mut setup = config(600);
    setup.limits.headers_share = 2;
    let mut world = World::new(setup, Disk::new());
    (1..=6).for_each(|file| world.fill(file, 10, 1));
    for file in 4..=6 {
        world.input(Input::Remove(file));
    }
    assert_eq!(held(&world), [(1, 1), (2, 1), (3, 1)].into());
    world.input(Input::SetQuota(Quota::Bytes((2 * 3 * 28) << 10)));
    assert_eq!(held(&world).len(), 3);
    world.input(Input::SetQuota(Quota::Bytes(((2 * 3 * 28) << 10) - 2)));
    assert_eq!(held(&world), [(2, 1), (3, 1)].into());
}

#[test]
fn headers_and_sheet_of_a_file_that_is_cut_before_they_were_claimed_are_claimed() {
    let mut setup = config(2 * 172 + 40);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    world.fill(1, 10, 1);
    world.wait(Duration::from_secs(5));
    world.cache.admit(world.now, 2, 10, 1, None).unwrap();
    world.cache.write_sheet(&2, Bytes::from_static(b"sheet")).unwrap();
    (0..9).for_each(|piece| world.cache.store(&2, piece, value(2, piece)).unwrap());
    world.settle();
    // A part goes before any whole file.
    world.fill(3, 10, 1);
    assert_eq!(held(&world), [(1, 10), (2, 1), (3, 10)].into());
    world.input(Input::Sync);
    assert!(world.disk.durable[&2].parts.contains_key(&Place::Sheet));
    world.disk.lose_power();
    assert_eq!(held(&world.restart(setup)), [(1, 10), (2, 1), (3, 10)].into());
}

#[test]
fn a_read_that_was_under_way_when_its_file_went_says_nothing_of_the_one_that_came_back() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 3, 0);
    world.fill(2, 3, 0);
    world.held_back = true;
    assert!(world.cache.read(&1, Place::Piece(0)).is_some());
    assert!(world.cache.read(&2, Place::Piece(0)).is_some());
    world.settle();
    let reads: Vec<_> = world.waiting.drain(..).collect();
    assert!(matches!(reads[..], [Effect::Read { file: 1, .. }, Effect::Read { file: 2, .. }]));
    world.held_back = false;
    world.input(Input::Remove(1));
    world.fill(1, 3, 0);
    for effect in reads {
        let Effect::Read { request, .. } = effect else { panic!("{effect:?}") };
        world.cache.done(world.now, request, Done::Read(Err(DiskError::Missing)));
        world.settle();
    }
    assert_eq!((world.pieces(1), world.pieces(2)), (vec![0, 1, 2], vec![1, 2]));
}

/// Two asked for it before; the second hears that it is missing while it is being stored anew.
#[test]
fn a_read_that_was_under_way_when_a_piece_went_says_nothing_of_the_piece_that_came_back() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 3, 0);
    world.held_back = true;
    let reads = [(); 2].map(|()| world.cache.read(&1, Place::Piece(0)).expect("it is held"));
    world.settle();
    world.waiting.clear();
    let missing = |world: &mut World, request| {
        world.cache.done(world.now, request, Done::Read(Err(DiskError::Missing)));
        world.settle();
    };
    missing(&mut world, reads[0]);
    assert_eq!(world.pieces(1), [1, 2]);
    world.cache.store(&1, 0, value(1, 0)).unwrap();
    missing(&mut world, reads[1]);
    world.held_back = false;
    world.settle();
    assert_eq!(world.pieces(1), [0, 1, 2]);
}

#[test]
fn a_cut_that_was_under_way_when_its_file_went_says_nothing_of_the_one_that_came_back() {
    let mut setup = config(10_000);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    (1..=2).for_each(|file| world.fill(file, 10, 1));
    world.held_back = true;
    world.input(Input::SetQuota(Quota::Bytes(100 << 10)));
    assert_eq!(held(&world), [(1, 1), (2, 1)].into());
    let is_cut = |effect: &Effect<u32, u32>| matches!(effect, Effect::Cut { .. });
    let (cuts, others): (Vec<_>, Vec<_>) = world.waiting.drain(..).partition(is_cut);
    assert!(matches!(cuts[..], [Effect::Cut { file: 1, .. }, Effect::Cut { file: 2, .. }]));
    world.waiting = others.into();
    world.held_back = false;
    world.input(Input::Remove(1));
    world.fill(1, 3, 0);
    for cut in cuts {
        let Effect::Cut { request, .. } = cut else { panic!("{cut:?}") };
        world.cache.done(world.now, request, Done::Carried(Err(DiskError::Missing)));
        world.settle();
    }
    assert_eq!(held(&world), [(1, 3)].into());
}

#[test]
fn a_cut_that_the_disk_refuses_leaves_nothing_that_is_longer_than_it_is_said_to_be() {
    let mut setup = config(2 * 172 + 40);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    world.fill(1, 10, 1);
    world.fill(2, 10, 1);
    world.take_events();
    world.held_back = true;
    world.input(Input::SetQuota(Quota::Bytes(240 << 10)));
    let cut = world.waiting.iter().position(|effect| matches!(effect, Effect::Cut { file: 1, .. }));
    let Some(Effect::Cut { request, .. }) = cut.and_then(|at| world.waiting.remove(at)) else {
        panic!("{cut:?}")
    };
    world.held_back = false;
    world.cache.done(world.now, request, Done::Carried(Err(DiskError::Busy)));
    world.settle();
    assert_eq!((world.cache.holding(&1), world.pieces(2).len()), (None, 10));
    assert!(world.take_events().contains(&Event::Left(1)));
    world.wait(Duration::from_secs(60));
    assert_eq!(world.disk.files.keys().collect::<Vec<_>>(), [&2]);
}

#[test]
fn a_piece_that_the_journal_has_no_time_for_leaves_headers_what_they_are() {
    let mut setup = config(2 * 172 + 80);
    (setup.limits.headers_share, setup.limits.commits) = (1, 2);
    let mut world = World::new(setup, Disk::new());
    (1..=3).for_each(|file| world.fill(file, 10, 3));
    let headers = |world: &World| world.cache.holding(&1).is_some_and(|holding| holding.headers_only);
    assert!(headers(&world));
    world.held_back = true;
    world.cache.pin(&2).unwrap();
    world.input(Input::Sync);
    world.input(Input::Remove(3));
    assert_eq!(world.cache.store(&1, 5, value(1, 5)), Err(NotKept::Busy));
    assert!(headers(&world));
    world.held_back = false;
    world.settle();
    assert_eq!(world.cache.store(&1, 5, value(1, 5)), Ok(()));
    world.settle();
    assert_eq!((headers(&world), held(&world).get(&1)), (false, Some(&4)));
}

#[test]
fn of_files_that_are_held_in_part_as_many_stay_as_may() {
    let mut setup = config(10_000);
    setup.limits.partial = 3;
    let mut world = World::new(setup, Disk::new());
    for file in 1..=3 {
        world.cache.admit(world.now, file, 10, 0, None).unwrap();
        world.cache.store(&file, 0, value(file, 0)).unwrap();
        world.settle();
    }
    // What the disk answers has bounds looked at.
    world.input(Input::SetQuota(Quota::Bytes(9_000 << 10)));
    world.input(Input::Sync);
    assert_eq!(held(&world), [(1, 1), (2, 1), (3, 1)].into());
    setup.limits.partial = 2;
    assert_eq!(held(&world.restart(setup)).len(), 2);
}

#[test]
fn what_comes_while_the_cache_is_cleared_stays() {
    let mut world = World::new(config(100_000), Disk::new());
    (0..60).for_each(|file| world.fill(file, 3, 0));
    world.held_back = true;
    world.input(Input::Clear { pinned: false });
    assert_eq!(held(&world).len(), 60 - 32);
    world.cache.admit(world.now, 100, 3, 0, None).unwrap();
    world.held_back = false;
    world.settle();
    assert_eq!(held(&world), [(100, 0)].into());
}

#[test]
fn a_full_disk_is_given_no_more_removals_at_a_time_than_it_may_have() {
    let mut setup = config(10_000);
    setup.limits.removals = 4;
    let mut world = World::new(setup, Disk::new());
    (1..=20).for_each(|file| world.fill(file, 10, 0));
    world.held_back = true;
    world.cache.admit(world.now, 30, 10, 0, None).unwrap();
    world.cache.store(&30, 0, 0).unwrap();
    world.settle();
    let write = world.waiting.iter().position(|effect| matches!(effect, Effect::Write { .. })).unwrap();
    let Some(Effect::Write { request, .. }) = world.waiting.remove(write) else { unreachable!() };
    world.cache.done(world.now, request, Done::Carried(Err(DiskError::Full)));
    world.settle();
    let removals = world.waiting.iter().filter(|effect| matches!(effect, Effect::Remove { .. }));
    assert_eq!(removals.count(), 4);
}

#[test]
fn a_removal_that_the_disk_could_not_do_is_tried_again() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 3, 0);
    world.fill(2, 3, 0);
    world.disk.faults.push_back(Some(DiskError::Busy));
    world.input(Input::Remove(1));
    assert!(world.disk.files.contains_key(&1) && world.cache.holding(&1).is_none());
    world.wait(Duration::from_secs(60));
    assert_eq!(world.disk.files.keys().collect::<Vec<_>>(), [&2]);
}
