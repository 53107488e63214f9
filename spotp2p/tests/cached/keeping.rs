//! Tracks kept for listening without the server.

use crate::disk::Disk;
use crate::house::{House, TRACK};
use crate::shelf::{PIECES, SHELF};
use spotcache::cache::{DiskError, PinRefused, Quota};
use spotp2p::node::{Command, Event, NotKept};
use spotp2p::planner::Kind;
use spotproto::UnixTime;
use spotproto::message::{Urgency, Wanted};

const TODAY: UnixTime = UnixTime(1_800_000_000);
const WANTED: Wanted<spotproto::content::FileId> = Wanted::Track(TRACK);

#[test]
fn a_track_that_is_kept_is_fetched_whole_pinned_and_plays_without_the_server() {
    let mut house = House::new();
    house.tell(Command::Keep { wanted: WANTED });
    assert!(house.events.contains(&Event::Kept { wanted: WANTED, file: SHELF.file() }));
    assert!(house.heard.iter().filter_map(|it| it.request()).all(|(urgency, _)| urgency == Urgency::Offline));
    let holding = house.node.cache().and_then(|cache| cache.holding(&SHELF.file())).expect("held");
    assert!(holding.pinned && holding.complete && holding.held == PIECES);
    let mut house = house.restarted(TODAY);
    house.up = false;
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache).len(), PIECES as usize);
}

#[test]
fn what_is_held_already_is_kept_without_the_server() {
    let mut house = House::new();
    house.play(0);
    house.tell(Command::Stop);
    house.cut();
    house.heard.clear();
    house.tell(Command::Keep { wanted: WANTED });
    assert!(house.events.contains(&Event::Kept { wanted: WANTED, file: SHELF.file() }));
    assert_eq!(house.heard, []);
}

#[test]
fn keeping_waits_for_the_server_and_goes_on_when_it_is_back() {
    let mut house = House::new();
    house.up = false;
    house.tell(Command::Keep { wanted: WANTED });
    assert!(!house.events.iter().any(|event| matches!(event, Event::Kept { .. } | Event::NotKept { .. })));
    house.up = true;
    house.wait(core::time::Duration::from_secs(120));
    assert!(house.events.contains(&Event::Kept { wanted: WANTED, file: SHELF.file() }));
}

#[test]
fn what_does_not_fit_the_quota_is_not_kept_and_says_so() {
    let mut house = House::with(Disk::default(), TODAY, Quota::Bytes(2 << 20));
    house.tell(Command::Keep { wanted: WANTED });
    let refused = |event: &Event<_, _>| {
        matches!(event, Event::NotKept { why: NotKept::Pin(PinRefused::NoRoom { .. }), .. })
    };
    assert!(house.events.iter().any(refused), "{:?}", house.events);
}

#[test]
fn what_the_disk_does_not_take_is_not_kept_and_says_so() {
    let mut house = House::new();
    house.disk.refuses = Some(DiskError::Full);
    house.tell(Command::Keep { wanted: WANTED });
    let refused = |event: &Event<_, _>| matches!(event, Event::NotKept { why: NotKept::Trouble(_), .. });
    assert!(house.events.iter().any(refused), "{:?}", house.events);
}

#[test]
fn playing_and_keeping_the_same_track_fetches_it_once() {
    let mut house = House::new();
    house.tell(Command::Keep { wanted: WANTED });
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache).len(), PIECES as usize);
}
