//! What a cache does, case by case.

use crate::disk::{Disk, World, config, value};
use spotcache::cache::{
    Config, Content, DiskError, Effect, Event, Input, NotKept, PinRefused, Place, Quota, Trouble,
};
use spotproto::{Machine, UnixTime};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn what_was_stored_is_held_read_and_there_after_a_restart() {
    let mut world = World::new(config(10_000), Disk::new());
    world.cache.admit(world.now, 1, 5, 1, Some(&[3; 16])).unwrap();
    for piece in [4, 0, 2] {
        world.cache.store(&1, piece, value(1, piece)).unwrap();
        assert!(!world.cache.holds(&1, piece), "not before the disk has it");
        world.settle();
    }
    assert_eq!(world.pieces(1), [0, 2, 4]);
    assert_eq!(world.cache.store(&1, 2, 0), Err(NotKept::Held));
    let request = world.cache.read(&1, Place::Piece(2)).unwrap();
    assert_eq!(world.cache.read(&1, Place::Piece(1)), None);
    world.take_events();
    world.settle();
    let result = Ok(Content::Piece(value(1, 2)));
    assert_eq!(world.take_events(), [Event::Data { request, file: 1, place: Place::Piece(2), result }]);

    world.wait(5 * SECOND);
    let mut world = world.restart(config(10_000));
    assert_eq!(world.pieces(1), [0, 2, 4]);
    assert_eq!(world.cache.find(&[3; 16]).collect::<Vec<_>>(), [1]);
    assert_eq!(world.cache.find(&[4; 16]).count(), 0);
    world.take_events();
    world.fill(1, 5, 1);
    assert!(world.take_events().contains(&Event::Complete(1)));
    let mut world = world.restart(config(10_000));
    assert_eq!(world.pieces(1), [0, 1, 2, 3, 4]);
    let usage = world.cache.usage();
    assert_eq!((usage.complete, usage.partial, usage.headers_only), (1, 0, 0));
    world.input(Input::Clear { pinned: false });
    assert_eq!((world.cache.usage().bytes, world.disk.files.len()), (0, 0));
    assert!(world.take_events().contains(&Event::Left(1)));
}

#[test]
fn pieces_are_claimed_only_after_their_file_was_made_to_last() {
    let mut world = World::new(config(10_000), Disk::new());
    world.cache.admit(world.now, 1, 5, 1, None).unwrap();
    world.cache.store(&1, 0, 0).unwrap();
    world.settle();
    assert!(world.disk.durable.is_empty());
    world.wait(5 * SECOND);
    assert_eq!(world.disk.durable, world.disk.files);
}

#[test]
fn a_crash_before_the_journal_was_written_loses_the_piece_and_leaves_no_stray() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 2, 0);
    world.cache.admit(world.now, 2, 5, 1, None).unwrap();
    world.cache.store(&2, 0, 0).unwrap();
    world.settle();
    let world = world.restart(config(10_000));
    assert_eq!(world.pieces(1), [0, 1]);
    assert_eq!(world.cache.holding(&2), None);
    assert_eq!(world.disk.files.keys().collect::<Vec<_>>(), [&1]);
}

#[test]
fn the_least_recently_used_goes_first_and_leaves_its_headers() {
    // Room for three files of 10 pieces: 12 KiB in front of 160 KiB. Headers may take all of it.
    let mut setup = config(3 * 172 + 40);
    setup.limits.headers_share = 1;
    let mut world = World::new(setup, Disk::new());
    (1..=3).for_each(|file| world.fill(file, 10, 1));
    world.cache.touch(world.now, &1);
    world.take_events();
    world.fill(4, 10, 1);
    assert_eq!(world.pieces(2), [0]);
    assert!(world.cache.holding(&2).unwrap().headers_only);
    assert_eq!(world.pieces(1).len(), 10);
    let events = world.take_events();
    assert!(events.contains(&Event::Left(2)) && events.contains(&Event::Complete(4)));
    assert_eq!(world.disk.files[&2].length, 12_288 + 16_384);

    world.wait(SECOND * 5);
    let world = world.restart(setup);
    assert_eq!((world.pieces(1).len(), world.pieces(2), world.pieces(3).len()), (10, vec![0], 10));
    assert!(world.cache.holding(&2).unwrap().headers_only);
}

#[test]
fn the_order_of_use_survives_a_restart() {
    let mut world = World::new(config(3 * 172), Disk::new());
    (1..=3).for_each(|file| world.fill(file, 10, 0));
    world.cache.touch(world.now, &1);
    world.input(Input::Sync);
    assert!(world.take_events().contains(&Event::Synced { saved: true }));
    let mut world = world.restart(config(3 * 172));
    world.fill(4, 10, 0);
    let held: Vec<u32> = world.cache.files().filter(|file| file.1.complete).map(|file| file.0).collect();
    assert!(held.contains(&1) && held.contains(&4) && !held.contains(&2), "{held:?}");
}

#[test]
fn what_is_in_use_or_pinned_never_goes() {
    let mut world = World::new(config(3 * 172), Disk::new());
    (1..=3).for_each(|file| world.fill(file, 10, 0));
    world.cache.hold(world.now, &1);
    world.cache.hold(world.now, &3);
    world.cache.pin(&2).unwrap();
    world.settle();
    assert!(world.take_events().contains(&Event::Pinned(2)));
    assert_eq!(world.cache.admit(world.now, 4, 10, 0, None), Err(NotKept::NoRoom));
    world.input(Input::Remove(1));
    assert_eq!(world.pieces(1).len(), 10);
    world.cache.release(world.now, &3);
    world.fill(4, 10, 0);
    assert_eq!((world.pieces(1).len(), world.pieces(2).len(), world.pieces(3).len()), (10, 10, 0));
    assert_eq!(world.pieces(4).len(), 10);
    world.input(Input::Clear { pinned: false });
    assert_eq!((world.pieces(1).len(), world.pieces(2).len(), world.pieces(4).len()), (10, 10, 0));
    world.input(Input::Clear { pinned: true });
    assert_eq!((world.pieces(1).len(), world.pieces(2).len()), (10, 0));
}

#[test]
fn pins_that_would_not_fit_are_refused() {
    let mut world = World::new(config(300), Disk::new());
    world.cache.admit(world.now, 1, 10, 0, None).unwrap();
    world.cache.admit(world.now, 2, 10, 0, None).unwrap();
    assert_eq!(world.cache.pin(&1), Ok(()));
    let refused = PinRefused::NoRoom { room: (300 - 172) << 10, wanted: 172 << 10 };
    assert_eq!(world.cache.pin(&2), Err(refused));
    assert_eq!(world.cache.pin(&9), Err(PinRefused::Unknown));
    world.input(Input::Pin(2));
    assert!(world.take_events().contains(&Event::PinRefused(2, refused)));
}

#[test]
fn a_pin_survives_though_its_file_is_gone() {
    let mut world = World::new(config(1_000), Disk::new());
    world.fill(1, 10, 2);
    world.cache.pin(&1).unwrap();
    world.settle();
    world.disk.files.clear();
    let mut world = world.restart(config(1_000));
    let holding = world.cache.holding(&1).unwrap();
    assert!(holding.pinned && holding.held == 0 && holding.header_prefix == 2);
    world.fill(1, 10, 2);
    let mut world = world.restart(config(1_000));
    assert!(world.cache.holding(&1).unwrap().complete);
    world.input(Input::Unpin(1));
    assert!(world.take_events().contains(&Event::Unpinned(1)));
    assert!(!world.restart(config(1_000)).cache.holding(&1).unwrap().pinned);
}

#[test]
fn a_full_disk_stops_storing_lets_go_and_is_tried_again() {
    let mut world = World::new(config(10_000), Disk::new());
    (1..=20).for_each(|file| world.fill(file, 10, 0));
    world.take_events();
    world.disk.broken = Some(DiskError::Full);
    world.cache.admit(world.now, 30, 10, 0, None).unwrap();
    world.cache.store(&30, 0, 0).unwrap();
    world.disk.faults.push_back(Some(DiskError::Full));
    world.settle();
    assert!(world.take_events().contains(&Event::Trouble(Trouble::Disk(DiskError::Full))));
    assert_eq!(world.cache.store(&30, 1, 0), Err(NotKept::Off));
    assert!(world.cache.usage().complete < 20, "some files went");
    assert!(world.cache.usage().complete > 5);
    assert!(world.cache.read(&20, Place::Piece(3)).is_some());
    world.wait(SECOND * 60);
    assert!(!world.take_events().contains(&Event::Recovered));
    world.disk.broken = None;
    world.wait(SECOND * 600);
    assert!(world.take_events().contains(&Event::Recovered));
    world.fill(31, 10, 0);
    assert_eq!(world.pieces(31).len(), 10);
    let kept = world.cache.usage().complete;
    let world = world.restart(config(10_000));
    assert_eq!(world.cache.usage().complete, kept);
}

#[test]
fn a_disk_that_became_read_only_still_answers_and_one_that_fails_is_left_alone() {
    let mut world = World::new(config(10_000), Disk::new());
    world.fill(1, 10, 0);
    world.fill(2, 10, 0);
    world.cache.hold(world.now, &2);
    world.disk.broken = Some(DiskError::ReadOnly);
    world.fill(3, 10, 0);
    let events = world.take_events();
    let told = events.iter().filter(|event| matches!(event, Event::Trouble(_))).count();
    assert_eq!(told, 1);
    assert_eq!(world.pieces(1).len(), 10);
    assert!(world.cache.read(&1, Place::Piece(0)).is_some());
    world.settle();
    world.disk.broken = Some(DiskError::Failed);
    world.wait(SECOND * 600);
    assert!(world.take_events().contains(&Event::Trouble(Trouble::Disk(DiskError::Failed))));
    assert_eq!(world.cache.files().count(), 0);
    assert_eq!(world.cache.poll_timeout(), None);
    world.disk.broken = None;
    world.input(Input::Open);
    assert_eq!(world.pieces(1).len(), 10);
}

#[test]
fn a_cache_of_no_bytes_asks_for_nothing() {
    let mut world = World::new(Config { quota: Quota::Bytes(0), ..Config::default() }, Disk::new());
    world.held_back = true;
    world.input(Input::Open);
    world.fill(1, 3, 0);
    world.input(Input::Read(1, Place::Sheet));
    assert_eq!(world.cache.pin(&1), Err(PinRefused::Off));
    world.input(Input::Sync);
    assert!(world.waiting.is_empty());
    assert_eq!(world.take_events(), [Event::Synced { saved: false }]);
}

#[test]
fn a_smaller_quota_lets_files_go_step_by_step() {
    let mut world = World::new(config(100 * 172), Disk::new());
    (0..100).for_each(|file| world.fill(file, 10, 0));
    assert_eq!(world.cache.usage().complete, 100);
    world.held_back = true;
    world.input(Input::SetQuota(Quota::Bytes((10 * 172) << 10)));
    let removals = world.waiting.iter().filter(|effect| matches!(effect, Effect::Remove { .. }));
    assert_eq!(removals.count(), 32);
    assert!(world.waiting.len() <= 40, "{}", world.waiting.len());
    world.held_back = false;
    world.settle();
    assert_eq!((world.cache.usage().complete, world.disk.files.len()), (10, 10));
}

#[test]
fn a_date_only_ever_goes_on() {
    let mut world = World::new(config(1_000), Disk::new());
    world.input(Input::NoteDate(UnixTime(2_000_000)));
    world.input(Input::NoteDate(UnixTime(1_000_000)));
    assert_eq!(world.cache.date(), UnixTime(2_000_000));
    world.wait(5 * SECOND);
    let mut world = world.restart(config(1_000));
    world.input(Input::NoteDate(UnixTime(1_500_000)));
    assert_eq!(world.cache.date(), UnixTime(2_000_000));
}

#[test]
fn a_pin_is_taken_back_at_once_however_many_wait_for_the_disk() {
    let mut setup = config(1_000);
    setup.limits.unclaimed = 4;
    let mut world = World::new(setup, Disk::new());
    world.cache.admit(world.now, 1, 10, 0, None).unwrap();
    world.cache.admit(world.now, 2, 10, 0, None).unwrap();
    world.cache.pin(&2).unwrap();
    world.settle();
    world.held_back = true;
    // Those that are on their way count too.
    let most = setup.limits.unclaimed;
    assert!((0..most).all(|_| world.cache.pin(&1).is_ok()));
    assert_eq!(world.cache.pin(&1), Err(PinRefused::Busy));
    for file in [1, 2] {
        world.input(Input::Unpin(file));
        assert!(!world.cache.holding(&file).unwrap().pinned, "{file}");
    }
    assert_eq!(world.cache.usage().pinned_bytes, 0);
    world.held_back = false;
    world.take_events();
    world.settle();
    let events = world.take_events();
    assert!([1, 2].iter().all(|file| events.contains(&Event::Unpinned(*file))));
    // No piece was ever stored: but for a pin nothing is known of them.
    assert_eq!(world.restart(setup).cache.files().count(), 0);
}

#[test]
fn what_is_cleared_is_what_is_there_or_is_being_found_and_nothing_while_it_is_off() {
    let mut world = World::new(config(10_000), Disk::new());
    // More than are removed at a time.
    (0..40).for_each(|file| {
        world.fill(file, 1, 0);
        world.cache.pin(&file).unwrap();
    });
    world.settle();
    world.disk.broken = Some(DiskError::Failed);
    world.input(Input::Remove(0));
    assert_eq!(world.cache.files().count(), 0);
    world.disk.broken = None;
    world.input(Input::Clear { pinned: true });
    world.input(Input::Open);
    let pinned = |world: &World| world.cache.files().filter(|(_, holding)| holding.pinned).count();
    assert_eq!(pinned(&world), 40);

    let mut world = world.restart(config(10_000));
    world.disk.broken = Some(DiskError::Failed);
    world.input(Input::Remove(0));
    world.disk.broken = None;
    world.held_back = true;
    world.input(Input::Open);
    world.input(Input::Clear { pinned: true });
    world.held_back = false;
    world.settle();
    assert_eq!((pinned(&world), world.disk.files.len()), (0, 0));
}
