//! What comes from where.

use crate::disk::Disk;
use crate::house::{House, LEASE, TRACK};
use crate::shelf::{PIECES, SHELF};
use core::time::Duration;
use spotcache::cache::{Place, Quota};
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotproto::UnixTime;
use spotproto::message::{Message, Wanted};

const TODAY: UnixTime = UnixTime(1_800_000_000);

fn all() -> Vec<u32> {
    (0..PIECES).collect()
}

#[test]
fn the_second_play_costs_one_small_message() {
    let mut house = House::new();
    house.play(0);
    assert_eq!(house.pieces(Kind::Server), all());
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache), all());
    assert_eq!(house.heard, [Message::Playing { file: SHELF.file() }]);
}

#[test]
fn nobody_is_woken_for_a_track_that_is_here_whole() {
    let mut house = House::new();
    house.play(0);
    house.play(0);
    house.tell(Command::Sounds { at_ms: 0 });
    house.wait(Duration::from_secs(2));
    house.wakes = 0;
    house.wait(Duration::from_secs(30));
    assert!(house.wakes <= 2, "{}", house.wakes);
}

#[test]
fn a_piece_that_is_lost_of_a_track_that_was_whole_has_the_rest_looked_at_again() {
    let wakes = |loses: bool| {
        let mut house = House::new();
        house.play(0);
        house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 });
        house.tell(Command::Sounds { at_ms: 0 });
        house.wait(Duration::from_secs(2));
        house.cut();
        if loses {
            let lost = |(_, place): &(_, Place)| matches!(place, Place::Piece(piece) if *piece >= PIECES / 2);
            house.disk.parts.retain(|part, _| !lost(part));
        }
        (0..PIECES / 2).for_each(|piece| house.tell(Command::Reading { piece }));
        house.wakes = 0;
        house.wait(Duration::from_secs(30));
        house.wakes
    };
    let (whole, lost) = (wakes(false), wakes(true));
    assert!(lost >= whole + 4, "{lost} and {whole}");
}

#[test]
fn what_was_heard_is_there_after_a_restart_and_without_a_server() {
    let mut house = House::new();
    house.play(0);
    let mut house = house.restarted(TODAY);
    house.up = false;
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache), all());
    let opened = house.opened().expect("it opened");
    assert_eq!((&*opened.title, &*opened.artist), ("Tune", "Nobody"));
    assert_eq!(opened.key, SHELF.entry.key);
}

#[test]
fn the_server_hears_what_plays_once_it_listens() {
    let mut house = House::new();
    house.play(0);
    house.cut();
    house.play(0);
    assert_eq!(house.heard, []);
    house.up = true;
    house.wait(Duration::from_secs(120));
    assert_eq!(house.heard, [Message::Playing { file: SHELF.file() }]);
    house.wait(Duration::from_secs(120));
    assert_eq!(house.heard.len(), 1);
}

#[test]
fn of_half_a_track_the_other_half_is_fetched_and_nothing_twice() {
    let mut house = House::new();
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 60_000 });
    house.tell(Command::Stop);
    let held = house.node.cache().and_then(|cache| cache.holding(&SHELF.file())).expect("a part").held;
    assert!(held > 0 && held < PIECES);
    house.play(0);
    let (cached, served) = (house.pieces(Kind::Cache), house.pieces(Kind::Server));
    assert_eq!(cached.len() + served.len(), PIECES as usize);
    let asked: u32 =
        house.heard.iter().filter_map(|message| message.request()).map(|(_, pieces)| pieces).sum();
    assert_eq!(asked, PIECES - held, "what was held is not asked for");
}

#[test]
fn a_seek_goes_to_what_is_held_without_the_server() {
    let mut house = House::new();
    house.play(0);
    house.events.clear();
    house.heard.clear();
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 });
    house.tell(Command::Seek { at_ms: 100_000 });
    let there = SHELF.entry.head.piece_at(100_000);
    house.tell(Command::Reading { piece: there });
    assert!(house.pieces(Kind::Cache).contains(&there));
    assert_eq!(house.pieces(Kind::Server), []);
}

#[test]
fn memory_holds_little_of_a_track_that_the_disk_holds() {
    let mut house = House::new();
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 });
    let given = house.pieces(Kind::Server).len();
    let held = house.node.cache().and_then(|cache| cache.holding(&SHELF.file())).expect("it").held;
    assert_eq!(held, PIECES, "all of it is fetched");
    assert!(given < PIECES as usize, "{given} pieces were given to a program that reads the first one");
}

#[test]
fn a_lease_that_is_over_is_renewed_by_one_question_without_a_piece() {
    let mut house = House::new();
    house.play(0);
    let mut house = house.restarted(TODAY.plus(LEASE + Duration::from_secs(1)));
    house.play(0);
    assert_eq!(house.pieces(Kind::Cache), all());
    let [Message::Open { open, .. }] = &house.heard[..] else { panic!("{:?}", house.heard) };
    assert_eq!(open.credit, 0);
    assert!(house.events.contains(&Event::LeaseOver { until: TODAY.plus(LEASE) }));
    house.play(0);
    assert_eq!(house.heard, [Message::Playing { file: SHELF.file() }], "the new lease holds");
}

#[test]
fn without_a_server_nothing_plays_whose_lease_is_over() {
    let mut house = House::new();
    house.play(0);
    let mut house = house.restarted(TODAY.plus(LEASE + Duration::from_secs(1)));
    house.up = false;
    house.play(0);
    assert!(house.opened().is_none());
    assert_eq!(house.pieces(Kind::Cache), []);
}

#[test]
fn a_clock_that_is_put_back_does_not_bring_a_lease_back() {
    let mut house = House::new();
    house.play(0);
    let mut house = house.restarted(TODAY.plus(LEASE + Duration::from_secs(1)));
    house.up = false;
    house.play(0);
    assert!(house.opened().is_none(), "the lease is over");
    let mut house = house.restarted(TODAY);
    house.up = false;
    house.play(0);
    assert!(house.opened().is_none(), "and stays so on the day before");
}

#[test]
fn a_lease_runs_out_while_a_program_runs_too() {
    let mut house = House::new();
    house.play(0);
    house.cut();
    house.wait(LEASE + Duration::from_secs(1));
    house.play(0);
    assert!(house.opened().is_none());
}

/// Others are served from the cache too, and it takes only so many reads at a time.
#[test]
fn a_cache_that_takes_few_reads_is_read_all_the_same() {
    let mut limits = spotcache::cache::Limits::DEFAULT;
    limits.reads = 2;
    let config = spotcache::cache::Config { quota: Quota::Bytes(1 << 30), limits, ..Default::default() };
    let mut house = House::of(Disk::default(), UnixTime(1_800_000_000), config);
    house.play(0);
    house.slow = true;
    house.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 });
    house.catch_up();
    assert_eq!(house.pieces(Kind::Cache).len(), 256, "what the program has room for");
}
