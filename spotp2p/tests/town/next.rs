//! The track that most likely follows.

use crate::listener::Listener;
use crate::shelf::{SHELF, Shelf};
use crate::town::Town;
use crate::tunes::NEXT;
use alloc::collections::BTreeMap;
use core::time::Duration;
use spotp2p::node::{Command, Event, Guesses};
use spotp2p::planner::Kind;
use spotp2p::playout::Ahead;
use spotp2p::swarm::Mode;
use spotproto::content::{FileId, PIECE_LEN};
use spotproto::message::Wanted;

const SECOND: Duration = Duration::from_secs(1);

fn next(wanted: Option<&Shelf>) -> Command<FileId> {
    Command::Next { wanted: wanted.map(|shelf| Wanted::File(shelf.file())), at_ms: 0 }
}

/// Listener 0 plays what four others hold; some of those hold the next tune too.
fn playing(hold_next: &[usize]) -> Town {
    plays(Town::new(5), hold_next)
}

fn plays(mut town: Town, hold_next: &[usize]) -> Town {
    town.wakes_up();
    town.heard_before(&[1, 2, 3, 4]);
    town.heard_all_of(hold_next, &NEXT);
    town.clicks(0);
    town.run(SECOND);
    town.tell(0, next(Some(&NEXT)));
    town
}

/// Runs until so many seconds of the tune are left.
fn until_left(town: &mut Town, seconds: u64) {
    let left = left(town).expect("it plays");
    town.run(left.saturating_sub(Duration::from_secs(seconds)));
}

/// How much of the tune is left, while it plays.
fn left(town: &Town) -> Option<Duration> {
    let ends = town.listeners[0].plays_since()? + Duration::from_millis(SHELF.entry.head.duration_ms.into());
    Some(ends.since(town.now))
}

/// Whether the cache of listener 0 has all of a tune.
fn is_here(town: &Town, tune: &Shelf) -> bool {
    let holding = town.listeners[0].node.cache().and_then(|cache| cache.holding(&tune.file()));
    holding.is_some_and(|held| held.complete)
}

fn opened(listener: &Listener) -> usize {
    listener.events.iter().filter(|event| matches!(event, Event::NextOpened { .. })).count()
}

/// Pieces of the next tune that the program has, by who delivered them.
fn pieces(listener: &Listener) -> BTreeMap<u32, Kind> {
    let pieces = listener.events.iter().filter_map(|event| match event {
        Event::NextPiece { index, data, from } => {
            assert!(*data == NEXT.pieces[*index as usize], "piece {index} is a lie");
            Some((*index, *from))
        }
        _ => None,
    });
    pieces.collect()
}

fn dropped(listener: &Listener) -> Vec<[u64; Kind::COUNT]> {
    let dropped = |event: &Event<_, _>| match event {
        Event::NextDropped { wasted } => Some(*wasted),
        _ => None,
    };
    listener.events.iter().filter_map(dropped).collect()
}

fn starts(listener: &Listener) -> usize {
    listener.events.iter().filter(|event| matches!(event, Event::Start(_))).count()
}

/// Clicks on a tune; whether the sound may start before anything else happens.
fn starts_at_once(town: &mut Town, tune: &'static Shelf) -> bool {
    let before = starts(&town.listeners[0]);
    let input = town.listeners[0].click_on(town.now, tune);
    town.hear(0, input);
    starts(&town.listeners[0]) > before
}

#[test]
fn peers_are_asked_for_the_next_track_thirty_seconds_before_its_turn() {
    let mut town = playing(&[1, 2]);
    until_left(&mut town, 31);
    assert_eq!(opened(&town.listeners[0]), 0);
    let served = town.served;
    until_left(&mut town, 28);
    assert_eq!(opened(&town.listeners[0]), 1);
    until_left(&mut town, 11);
    let pieces = pieces(&town.listeners[0]);
    let seconds = pieces.len() as f64 * 120.0 / NEXT.pieces.len() as f64;
    assert!((5.0..12.0).contains(&seconds), "{seconds} s: its beginning, and no more than that");
    assert!(pieces.values().all(|kind| *kind == Kind::Peer));
    assert_eq!(town.served, served, "the server sends nothing of it");
    until_left(&mut town, 1);
    assert_eq!(town.served, served, "nor later, since peers have brought it");
    assert!(starts_at_once(&mut town, &NEXT));
    town.run(SECOND * 90);
    assert!(is_here(&town, &NEXT), "the rest comes as it is heard");
}

#[test]
fn the_next_track_is_asked_for_as_early_as_is_set() {
    let mut town = Town::new(5);
    let now = town.now;
    town.listeners[0].looks_ahead(now, Ahead { peers: SECOND * 60, ..Ahead::DEFAULT });
    let mut town = plays(town, &[1, 2]);
    until_left(&mut town, 61);
    assert_eq!(opened(&town.listeners[0]), 0);
    until_left(&mut town, 58);
    assert_eq!(opened(&town.listeners[0]), 1);
}

#[test]
fn with_the_next_track_is_said_from_where_on_it_is_given() {
    let mut town = playing(&[1, 2]);
    let at_ms = 60_000;
    town.tell(0, Command::Next { wanted: Some(Wanted::File(NEXT.file())), at_ms });
    until_left(&mut town, 29);
    // Another place does not count any more.
    town.tell(0, next(Some(&NEXT)));
    let said =
        |event: &Event<_, _>| if let Event::NextOpened { at_ms, .. } = event { Some(*at_ms) } else { None };
    let said: Vec<u32> = town.listeners[0].events.iter().filter_map(said).collect();
    assert_eq!(said, [at_ms]);
    let first = pieces(&town.listeners[0]).into_keys().find(|piece| *piece > 0);
    assert_eq!(first, Some(NEXT.entry.head.piece_at(at_ms)));
}

#[test]
fn what_no_peer_has_the_server_is_asked_for_ten_seconds_before_and_for_its_beginning_only() {
    let mut town = playing(&[]);
    let served = town.served;
    until_left(&mut town, 11);
    assert_eq!((opened(&town.listeners[0]), town.served), (1, served));
    until_left(&mut town, 1);
    let seconds = (town.served - served) as f64 / PIECE_LEN as f64 * 120.0 / NEXT.pieces.len() as f64;
    assert!((5.0..7.0).contains(&seconds), "{seconds} s of music");
    assert!(starts_at_once(&mut town, &NEXT));
    assert_eq!(town.listeners[0].node.guesses(), Guesses { right: 1, ..Guesses::default() });
}

#[test]
fn over_a_line_hardly_faster_than_the_music_the_server_has_longer_for_a_beginning_that_is_longer() {
    let mut town = Town::new(1);
    town.wakes_up();
    // All of the tune is here before its end is near, so that what the server sends then is of the next one.
    town.tell(0, Command::Peers(Mode::Alone));
    town.server_up = 70_000.0;
    town.clicks(0);
    town.tell(0, next(Some(&NEXT)));
    while left(&town).is_none_or(|left| left > SECOND * 31) {
        town.run(SECOND / 10);
    }
    assert!(is_here(&town, &SHELF));
    let served = town.served;
    until_left(&mut town, 11);
    let seconds = (town.served - served) as f64 / PIECE_LEN as f64 * 120.0 / NEXT.pieces.len() as f64;
    assert!((6.0..31.0).contains(&seconds), "{seconds} s of music");
    until_left(&mut town, 1);
    assert!(starts_at_once(&mut town, &NEXT));
}

#[test]
fn what_a_peer_brought_before_it_left_is_no_beginning_if_a_start_needs_more() {
    let mut town = Town::new(2);
    town.wakes_up();
    town.heard_all_of(&[1], &NEXT);
    town.server_up = 70_000.0;
    town.clicks(0);
    town.tell(0, next(Some(&NEXT)));
    while pieces(&town.listeners[0]).len() < 20 {
        town.run(SECOND / 20);
        assert!(left(&town).is_none_or(|left| left > SECOND * 25), "it comes from the neighbour, and soon");
    }
    town.goes(1);
    let served = town.served;
    until_left(&mut town, 1);
    assert!(is_here(&town, &SHELF));
    let pieces = pieces(&town.listeners[0]).len();
    assert!(town.served > served && pieces > 30, "{pieces} pieces");
    assert!(starts_at_once(&mut town, &NEXT));
}

#[test]
fn without_a_cache_no_more_comes_of_the_next_track_than_there_is_room_for_and_nothing_twice() {
    let mut town = Town::new(5);
    let now = town.now;
    town.listeners[0].asks_far_ahead(now);
    town.wakes_up();
    town.heard_before(&[1, 2, 3, 4]);
    town.heard_all_of(&[1, 2], &NEXT);
    town.clicks(0);
    town.run(SECOND);
    town.tell(0, next(Some(&NEXT)));
    until_left(&mut town, 1);
    let pieces = pieces(&town.listeners[0]).len();
    assert!(pieces >= 256, "{pieces} pieces");
    town.tell(0, next(None));
    let bytes: u64 = dropped(&town.listeners[0])[0].iter().sum();
    assert!(bytes <= (pieces + pieces / 20) as u64 * PIECE_LEN as u64, "{bytes} bytes for {pieces} pieces");
}

#[test]
fn a_right_guess_plays_at_once_whether_it_is_waited_for_or_skipped_to() {
    for left in [1, 20] {
        let mut town = playing(&[1, 2]);
        until_left(&mut town, left);
        let had = pieces(&town.listeners[0]).len();
        assert!(starts_at_once(&mut town, &NEXT), "{had} pieces are here");
        assert!(town.listeners[0].events.iter().any(|event| matches!(event, Event::Opened { opened, .. }
            if opened.head.file == NEXT.file())));
        assert_eq!(town.listeners[0].node.guesses(), Guesses { right: 1, ..Guesses::default() });
        assert!(dropped(&town.listeners[0]).is_empty());
        town.run(SECOND * 60);
        assert_eq!(town.listeners[0].player.stutters, 0);
    }
}

#[test]
fn a_guess_that_is_withdrawn_or_wrong_is_called_back_and_its_bytes_are_waste() {
    for other in [false, true] {
        let mut town = playing(&[1, 2]);
        until_left(&mut town, 29);
        let listener = &town.listeners[0];
        assert!(!pieces(listener).is_empty() && dropped(listener).is_empty());
        if other {
            let input = town.listeners[0].click(town.now);
            town.hear(0, input);
        } else {
            town.tell(0, next(None));
        }
        let got = pieces(&town.listeners[0]).len();
        let wasted = dropped(&town.listeners[0])[0];
        assert!(wasted[Kind::Peer as usize] >= (got * PIECE_LEN) as u64, "{wasted:?}");
        let guesses = town.listeners[0].node.guesses();
        assert_eq!(guesses, Guesses { right: 0, wrong: 1, wasted });
        town.run(SECOND * 5);
        assert_eq!(pieces(&town.listeners[0]).len(), got, "nothing more comes");
        assert_eq!(dropped(&town.listeners[0]).len(), 1);
    }
}

#[test]
fn another_guess_takes_the_place_of_the_one_before() {
    let mut town = playing(&[1, 2]);
    town.tell(0, next(Some(&SHELF)));
    town.tell(0, next(Some(&NEXT)));
    until_left(&mut town, 25);
    assert_eq!(opened(&town.listeners[0]), 1);
    town.tell(0, next(Some(&NEXT)));
    assert!(dropped(&town.listeners[0]).is_empty(), "it is the same");
    town.tell(0, Command::Stop);
    assert_eq!(dropped(&town.listeners[0]).len(), 1);
}

#[test]
fn while_the_playing_track_may_stutter_what_was_begun_stands_still() {
    // Only the server has the playing tune, and only two slow neighbours the next.
    let mut town = Town::new(3);
    town.wakes_up();
    town.heard_all_of(&[1, 2], &NEXT);
    town.listeners[1].up = 30_000.0;
    town.listeners[2].up = 30_000.0;
    town.clicks(0);
    town.tell(0, next(Some(&NEXT)));
    town.run(SECOND * 10);
    town.server_up = 45_000.0;
    while left(&town).is_none_or(|left| left > SECOND * 28) {
        town.run(SECOND / 10);
    }
    assert_eq!((is_here(&town, &SHELF), opened(&town.listeners[0])), (false, 1));
    town.server_up = 2_000.0;
    town.run(SECOND * 6);
    let before = pieces(&town.listeners[0]).len();
    town.run(SECOND * 4);
    assert_eq!(pieces(&town.listeners[0]).len(), before, "it is held back");
    town.server_up = 1e6;
    while !is_here(&town, &SHELF) {
        town.run(SECOND);
    }
    town.run(SECOND * 3);
    assert!(pieces(&town.listeners[0]).len() > before, "and goes on");
}

#[test]
fn nothing_is_begun_while_the_sound_waits_for_music() {
    // The server becomes slower than the music, which stops and waits for enough.
    let mut town = Town::new(1);
    town.wakes_up();
    town.clicks(0);
    town.tell(0, next(Some(&NEXT)));
    town.run(SECOND * 5);
    town.server_up = 46_000.0;
    while !town.listeners[0].has_played() {
        let before = opened(&town.listeners[0]);
        town.run(SECOND / 10);
        if left(&town).is_none() && !is_here(&town, &SHELF) {
            assert_eq!(opened(&town.listeners[0]), before);
        }
    }
    assert!(town.listeners[0].player.stutters > 0);
}

#[test]
fn back_to_the_track_before_comes_from_the_own_disk() {
    let mut town = playing(&[1, 2]);
    until_left(&mut town, 1);
    assert!(starts_at_once(&mut town, &NEXT));
    town.run(SECOND * 2);
    let served = town.served;
    starts_at_once(&mut town, &SHELF);
    let before = starts(&town.listeners[0]);
    town.run(Duration::from_millis(1));
    assert!(starts(&town.listeners[0]) > before, "the disk answers");
    assert_eq!(town.served, served);
}
