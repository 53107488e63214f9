//! A node and an access point against each other: start, seek, break, refusal.

extern crate alloc;

mod world;

use core::time::Duration;
use spotp2p::node::{self, Command, Event};
use spotproto::error::Refused;
use spotproto::message::{Message, Refusal};
use spotproto::{Instant, SessionError};
use world::{World, head};

const MS: Duration = Duration::from_millis(1);

fn ms(at: Instant) -> u128 {
    at.since(Instant::START).as_millis()
}

#[test]
fn one_round_trip_brings_head_and_first_pieces() {
    let mut world = World::new();
    world.play(0);
    world.run(200 * MS);
    let opened = world.when(|event| matches!(event, Event::Opened { .. })).expect("it opened");
    assert_eq!(ms(opened), 50, "one round trip");
    let fourth = world.when(|event| matches!(event, Event::Piece { index: 3, .. })).expect("64 KiB came");
    assert!(ms(fourth) <= 106, "round trip and sending time: {}", ms(fourth));
}

#[test]
fn a_position_brings_the_header_and_the_music_there() {
    let mut world = World::new();
    world.play(120_000);
    world.run(120 * MS);
    let there = head().piece_at(120_000);
    assert_eq!(world.pieces()[..4], [0, there, there + 1, there + 2]);
}

#[test]
fn the_whole_track_comes_once_and_the_line_stays_full() {
    let mut world = World::new();
    world.play(0);
    world.run(Duration::from_secs(6));
    let pieces = head().pieces();
    assert_eq!(world.pieces().len(), pieces as usize);
    assert!(world.bytes.values().all(|times| *times == 1), "no piece was sent twice");
    let last = world.events.last().expect("events").0;
    let floor = f64::from(pieces) * world::PIECE as f64 / 1.2e6;
    let took = last.since(Instant::START).as_secs_f64();
    assert!(took < floor * 1.05 + 0.1, "{took} s, floor {floor} s");
}

#[test]
fn a_seek_in_mid_download_is_answered_at_once() {
    let mut world = World::new();
    world.play(0);
    world.run(Duration::from_secs(2));
    let clicked = world.now;
    world.command(Command::Seek { at_ms: 200_000 });
    world.run(Duration::from_secs(1));
    let there = head().piece_at(200_000);
    let arrived = world
        .when(|event| matches!(event, Event::Piece { index, .. } if *index == there + 3))
        .expect("64 KiB came");
    let took = arrived.since(clicked).as_millis();
    assert!(took <= 130, "{took} ms");
    let after: Vec<_> = world.pieces().into_iter().skip_while(|piece| *piece < there).collect();
    assert!(after.iter().filter(|piece| **piece < there).count() <= 5, "what was of no use was cancelled");
}

#[test]
fn a_decoder_that_looks_at_the_headers_again_is_no_seek() {
    let mut world = World::new();
    world.play(0);
    world.run(Duration::from_secs(2));
    world.command(Command::Seek { at_ms: 200_000 });
    world.command(Command::Reading { piece: 0 });
    world.run(Duration::from_secs(2));
    let there = head().piece_at(200_000);
    assert!((there..head().pieces()).all(|piece| world.pieces().contains(&piece)));
}

#[test]
fn after_a_break_the_rest_is_asked_for_and_nothing_twice() {
    let mut world = World::new();
    world.play(0);
    world.run(Duration::from_secs(2));
    world.cut();
    let before = world.pieces().len();
    world.run(Duration::from_secs(8));
    assert_eq!(world.connections, 2);
    let mut pieces = world.pieces();
    assert!(before < pieces.len());
    pieces.sort_unstable();
    assert_eq!(pieces, (0..head().pieces()).collect::<Vec<_>>());
}

#[test]
fn a_server_that_is_away_is_tried_again_and_again() {
    let mut world = World::new();
    world.up = false;
    world.play(0);
    world.run(Duration::from_secs(120));
    let tries = world.events.iter().filter(|(_, event)| matches!(event, Event::Offline { .. })).count();
    assert!((6..=14).contains(&tries), "{tries} tries in two minutes");
    world.up = true;
    world.run(Duration::from_secs(60));
    assert_eq!(world.pieces().len(), head().pieces() as usize);
}

#[test]
fn a_click_does_not_sit_out_the_wait_between_tries() {
    let mut world = World::new();
    world.up = false;
    world.play(0);
    world.run(Duration::from_secs(100));
    world.up = true;
    let clicked = world.now;
    world.play(0);
    world.run(Duration::from_secs(1));
    let opened = world.when(|event| matches!(event, Event::Opened { .. })).expect("it opened");
    assert_eq!(opened.since(clicked).as_millis(), 50);
}

#[test]
fn what_is_not_there_is_refused_in_plain_words() {
    let mut world = World::new();
    world.missing = true;
    world.play(0);
    world.run(Duration::from_secs(1));
    assert!(world.when(|event| matches!(event, Event::Refused(Refusal::NotFound))).is_some());
    assert!(world.pieces().is_empty());
}

#[test]
fn a_busy_server_is_asked_again_later_and_not_given_up() {
    let mut world = World::new();
    world.busy = true;
    world.play(0);
    world.run(Duration::from_secs(5));
    let asked = world.asked.iter().filter(|(_, message)| matches!(message, Message::Open { .. })).count();
    assert!((4..=6).contains(&asked), "{asked} times in five seconds");
    world.busy = false;
    world.run(Duration::from_secs(2));
    assert!(world.pieces().len() > 5);
    world.busy = true;
    world.command(Command::Seek { at_ms: 200_000 });
    let (before, since) = (world.pieces().len(), world.now);
    world.run(Duration::from_secs(5));
    let later = world.asked.iter().filter(|(at, _)| *at > since);
    let asked = later.filter(|(_, message)| matches!(message, Message::Read { .. })).count();
    assert!(world.pieces().len() < before + 50 && asked < 50, "{asked} reads in five seconds");
    world.busy = false;
    world.run(Duration::from_secs(2));
    assert!(world.pieces().contains(&head().piece_at(200_000)));
    assert!(world.when(|event| matches!(event, Event::Refused(_))).is_none());
}

#[test]
fn a_spoilt_piece_never_reaches_the_program_and_a_server_that_keeps_lying_is_given_up() {
    let mut world = World::new();
    world.spoilt = vec![50];
    world.play(0);
    world.run(Duration::from_secs(60));
    assert!(!world.pieces().contains(&50));
    let forged = world.events.iter().filter(|(_, event)| matches!(event, Event::Forged { index: 50, .. }));
    assert_eq!(forged.count(), 3);
    assert!(world.when(|event| matches!(event, Event::Refused(Refusal::Unavailable))).is_some());
}

#[test]
fn a_changed_key_is_told_and_not_tried_again() {
    let mut world = World::new();
    let why = SessionError::Refused(Refused::WrongKey);
    (world.up, world.refusal) = (false, Some(why));
    world.play(0);
    world.run(Duration::from_secs(300));
    let events: Vec<_> = world.events.iter().map(|(_, event)| event.clone()).collect();
    assert_eq!(events, [Event::GaveUp { why }]);
}

#[test]
fn a_stop_cancels_what_is_outstanding() {
    let mut world = World::new();
    world.play(0);
    world.run(Duration::from_secs(1));
    world.command(Command::Stop);
    let before = world.pieces().len();
    world.run(Duration::from_secs(5));
    assert_eq!(world.pieces().len(), before);
    assert!(world.asked.iter().any(|(_, message)| matches!(message, Message::Abort { .. })));
}

#[test]
fn a_long_track_is_kept_in_bounds() {
    let mut world = World::new();
    let mut config =
        node::Config::new(world::log_in(), "test", spotproto::Seed([4; 32]), (Instant::START, world::DATE));
    config.keep = 40;
    config.mode = spotp2p::swarm::Mode::Alone;
    world.node = spotp2p::Node::new(world.now, config);
    world.play(0);
    world.run(Duration::from_secs(5));
    assert!(world.pieces().len() <= 41, "{}", world.pieces().len());
    for piece in 0..head().pieces() {
        world.command(Command::Reading { piece });
        world.run(30 * MS);
    }
    assert_eq!(world.pieces().len(), head().pieces() as usize);
    let dropped: u32 = world
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Drop(range) => Some(range.count),
            _ => None,
        })
        .sum();
    assert!(head().pieces() - dropped <= 41);
}
