//! From where on peers deliver everything in time.

use crate::world::{Character, FAR_AHEAD, PIECE_MS, World, at};
use core::time::Duration;
use spotp2p::planner::{Clock, Curve, Holds, Kind, Output, Planner, Policy, Slot, Source};
use spotproto::Instant;
use spotproto::content::PIECE_LEN;
use spotproto::message::PieceRange;

/// Peers that delivered ten pieces each at this pace, an idle server, and a track of which `held` pieces are here. Playing
/// begins now. No peer has room for more until its next piece is here.
fn planner(peers: u32, each_ms: u64, held: u32) -> (Planner, Instant) {
    let curve = Curve::even(1000, 1, 1000 * PIECE_MS).unwrap();
    let mut planner = Planner::new(Instant::START, FAR_AHEAD, curve, Policy::PLAYING);
    for n in 0..peers {
        planner.add(at(0), Source(n + 1), Kind::Peer, Holds::All, Slot::Served);
        planner.round_trip(at(0), Source(n + 1), Duration::from_millis(40));
    }
    while planner.poll_output().is_some() {}
    let mut now = at(0);
    for _ in 0..10 {
        now = now + Duration::from_millis(each_ms);
        for n in 0..peers {
            let of_it =
                planner.outstanding().find(|(_, source, _)| source.0 == n + 1).map(|(piece, ..)| piece);
            planner.arrived(now, Source(n + 1), of_it.expect("peers are kept busy"), PIECE_LEN);
        }
        while planner.poll_output().is_some() {}
    }
    planner.have(now, PieceRange { start: 0, count: held });
    planner.set_clock(now, Clock::Running { at: now, position_ms: 0 });
    (planner, now)
}

fn server_asks(planner: &mut Planner) -> u32 {
    core::iter::from_fn(|| planner.poll_output())
        .map(|output| match output {
            Output::Ask(ask) if ask.source == Source(0) => ask.pieces.count,
            _ => 0,
        })
        .sum()
}

#[test]
fn peers_that_are_fast_enough_leave_nothing_to_the_server() {
    let (mut planner, now) = planner(4, 400, 12);
    planner.add(now, Source(0), Kind::Server, Holds::All, Slot::Served);
    assert_eq!(server_asks(&mut planner), 0);
    assert_eq!(planner.stats().from(Kind::Server), 0);
}

#[test]
fn what_peers_cant_bring_in_time_is_asked_of_the_server_and_not_a_piece_more() {
    // One peer at half the pace of the music: the server does the rest, within 15 s.
    let (mut planner, now) = planner(1, 1640, 6);
    planner.add(now, Source(0), Kind::Server, Holds::All, Slot::Served);
    assert!(server_asks(&mut planner) > 0);
    let position = planner.catch_up().expect("a decision hung on it");
    let ahead =
        planner.outstanding().filter(|(_, source, _)| *source == Source(0)).map(|(piece, ..)| piece).max();
    assert!(
        ahead.is_some_and(|piece| piece < position && piece * PIECE_MS <= 15_000),
        "{ahead:?} of {position}"
    );
}

#[test]
fn it_never_moves_back_while_paces_are_constant() {
    for (peers, pace) in [(2, 5), (3, 8), (8, 30), (5, 6)] {
        let mut world = World::new(1).with_server().with_peers(peers, pace).no_jitter();
        world.run();
        // Once every peer is known.
        let points: Vec<u32> =
            world.points.iter().filter(|(when, _)| *when > at(25_000)).map(|(_, point)| *point).collect();
        assert!(points.is_sorted(), "{peers} × {pace}: {points:?}");
    }
}

#[test]
fn it_does_not_flap_while_paces_vary() {
    let mut world = World::new(2).with_server().with_peers(4, 6);
    world.run();
    let points: Vec<u32> = world.points.iter().map(|(_, point)| *point).collect();
    let back = points.windows(2).filter(|pair| pair[1] < pair[0]).count();
    assert!(back <= 4, "{back} steps back: {points:?}");
}

#[test]
fn when_peers_turn_out_fast_the_server_is_called_back() {
    let (mut planner, now) = planner(1, 1640, 6);
    planner.add(now, Source(0), Kind::Server, Holds::All, Slot::Served);
    assert!(server_asks(&mut planner) > 2);
    let before = planner.catch_up().expect("a decision hung on it");
    // What is on its way is left alone; the rest is quicker, and free, from next door.
    (10..14).for_each(|n| assert!(planner.add(now, Source(n), Kind::Lan, Holds::All, Slot::Served)));
    let outputs: Vec<Output> = core::iter::from_fn(|| planner.poll_output()).collect();
    let called_back: u32 = outputs
        .iter()
        .map(|output| match output {
            Output::Cancel { source: Source(0), pieces } => pieces.count,
            _ => 0,
        })
        .sum();
    assert!(called_back > 1 && planner.catch_up() < Some(before), "{outputs:?}");
    assert!(outputs.iter().all(|output| !matches!(output, Output::Ask(ask) if ask.source == Source(0))));
}

#[test]
fn a_peer_that_is_asked_for_little_at_a_time_but_keeps_up_leaves_the_server_alone() {
    // Its window of two pieces leaves much lacking within 15 s: that alone is no reason to pay.
    for pace in [30, 40, 60] {
        let mut world = World::new(5).with_server();
        world.join(0, 10, Kind::Peer, pace, 40, Character::Honest);
        world.run();
        let of_server = world.bytes(Kind::Server) / PIECE_LEN as u64;
        assert!(of_server <= 8, "{pace}: {of_server} pieces");
        assert_eq!((world.stalls, world.planner.stats().late), (0, 0));
    }
}

#[test]
fn a_server_that_helped_through_a_bad_spell_is_let_go_when_peers_recover() {
    let mut world = World::new(4).with_server().with_peers(4, 30);
    world.run_until(3_000);
    (10..14).for_each(|peer| world.line(peer).slows_to(2));
    world.run_until(60_000);
    let in_the_spell = world.bytes(Kind::Server);
    (10..14).for_each(|peer| world.line(peer).slows_to(60));
    world.run_until(85_000);
    let meanwhile = world.bytes(Kind::Server);
    world.run();
    assert!(in_the_spell > 0);
    assert!(world.bytes(Kind::Server) - meanwhile <= 4 * PIECE_LEN as u64);
    assert_eq!((world.stalls, world.planner.stats().late), (0, 0));
}
