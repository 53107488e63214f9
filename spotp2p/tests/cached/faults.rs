//! Disks that fail, and bytes that rot.

use crate::disk::Disk;
use crate::house::{House, TRACK};
use crate::shelf::{PIECES, SHELF};
use spotcache::cache::{DiskError, Place, Quota, Trouble};
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotproto::UnixTime;
use spotproto::content::FileId;
use spotproto::message::Wanted;

const TODAY: UnixTime = UnixTime(1_800_000_000);

fn file() -> FileId {
    SHELF.file()
}

fn all_pieces(house: &House) -> Vec<u32> {
    let mut pieces = [house.pieces(Kind::Cache), house.pieces(Kind::Server)].concat();
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

#[test]
fn a_piece_that_rotted_is_fetched_again_and_nobody_is_accused() {
    let mut house = House::new();
    house.play(0);
    house.disk.rot(file(), Place::Piece(9));
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), [9]);
    assert_eq!(house.pieces(Kind::Cache).len(), PIECES as usize - 1);
    assert!(!house.events.iter().any(|event| matches!(event, Event::Forged { .. })));
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), [], "it was mended");
}

#[test]
fn leaves_that_rotted_cost_their_group_and_no_more() {
    let mut house = House::new();
    house.play(0);
    house.disk.rot(file(), Place::Leaves(2));
    house.play(0);
    assert_eq!(all_pieces(&house), (0..PIECES).collect::<Vec<_>>());
    assert!(house.pieces(Kind::Server).iter().all(|piece| (128..192).contains(piece)));
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), [], "it was mended");
}

/// What of a group the disk has is in no memory yet when the server's part of it comes.
#[test]
fn leaves_that_come_before_those_of_the_disk_are_read_do_not_take_their_place() {
    let mut house = House::new();
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 60_000 });
    house.tell(Command::Stop);
    house.slow = true;
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 });
    assert!(house.leaves(0).contains(&0), "if the program died now, piece 0 could not be proved any more");
    house.catch_up();
    assert_eq!(house.leaves(0), (0..64).collect::<Vec<_>>());
    house.tell(Command::Stop);
    house.play(0);
    assert!(house.pieces(Kind::Cache).contains(&0));
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), []);
}

#[test]
fn a_sheet_that_rotted_costs_the_file() {
    let mut house = House::new();
    house.play(0);
    house.disk.rot(file(), Place::Sheet);
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache).len() + house.pieces(Kind::Server).len(), PIECES as usize);
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), [], "it was mended");
}

#[test]
fn another_devices_cache_is_of_no_use_and_no_harm() {
    let mut house = House::new();
    house.play(0);
    let mut stolen = Disk::default();
    for (place, content) in &house.disk.parts {
        stolen.parts.insert(*place, content.clone());
    }
    let mut house = House::with(stolen, TODAY, Quota::Bytes(1 << 30));
    house.play(0);
    assert_eq!(all_pieces(&house), (0..PIECES).collect::<Vec<_>>());
}

#[test]
fn a_full_disk_a_read_only_one_and_a_failing_one_do_not_stop_the_music() {
    for error in [DiskError::Full, DiskError::ReadOnly, DiskError::Failed] {
        let mut house = House::new();
        house.disk.refuses = Some(error);
        house.play(0);
        assert_eq!(all_pieces(&house), (0..PIECES).collect::<Vec<_>>(), "{error}");
        let told = house.events.iter().filter(|event| matches!(event, Event::CacheTrouble(_))).count();
        assert_eq!(told, 1, "{error}: said once");
    }
}

#[test]
fn a_disk_too_busy_to_write_loses_nothing_that_plays() {
    let mut house = House::new();
    house.disk.refuses = Some(DiskError::Busy);
    house.play(0);
    assert_eq!(all_pieces(&house), (0..PIECES).collect::<Vec<_>>());
}

#[test]
fn a_disk_that_vanishes_in_mid_play_does_not_stop_the_music() {
    let mut house = House::new();
    house.play(0);
    house.disk.gone = true;
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), (0..PIECES).collect::<Vec<_>>());
}

#[test]
fn a_cache_that_cannot_be_opened_is_none() {
    let disk = Disk { gone: true, ..Disk::default() };
    let mut house = House::with(disk, TODAY, Quota::Bytes(1 << 30));
    assert!(house.events.contains(&Event::CacheTrouble(Trouble::Disk(DiskError::Failed))));
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), (0..PIECES).collect::<Vec<_>>());
}

#[test]
fn a_cache_that_is_off_still_plays_and_asks_nothing_of_the_disk() {
    let mut house = House::with(Disk::default(), TODAY, Quota::Bytes(0));
    for _ in 0..2 {
        house.play(0);
        assert_eq!(house.pieces(Kind::Server), (0..PIECES).collect::<Vec<_>>());
    }
    assert!(house.disk.parts.is_empty() && house.disk.reads == 0);
}

#[test]
fn a_track_larger_than_the_quota_plays_all_the_same() {
    let mut house = House::with(Disk::default(), TODAY, Quota::Bytes(2 << 20));
    for _ in 0..2 {
        house.play(0);
        assert_eq!(all_pieces(&house), (0..PIECES).collect::<Vec<_>>());
        let usage = house.node.cache().expect("a cache").usage();
        assert!(usage.bytes <= usage.quota, "{usage:?}");
    }
}
