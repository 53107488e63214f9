//! A track from the click to its end.

use crate::world::{Character, PIECE_MS, PIECES, World, at};
use alloc::collections::BTreeMap;
use spotp2p::planner::{Kind, Policy, Prospect, Source, Why};
use spotproto::content::PIECE_LEN;

const MUSIC_S: f64 = (PIECES * PIECE_MS) as f64 / 1000.0;

#[test]
fn a_start_asks_the_server_for_three_seconds_in_one_request_and_peers_for_the_rest() {
    let mut world = World::new(1).with_server().with_peers(8, 100);
    world.run();
    let (_, first, _) = world.asks[0];
    assert_eq!((first.source, first.pieces.start), (Source(0), 0));
    assert!((3..=5).contains(&first.pieces.count), "{first:?}");
    assert!(world.share(Kind::Server) <= 0.10, "{}", world.share(Kind::Server));
    assert_eq!((world.stalls, world.planner.stats().late), (0, 0));
    assert!(world.started_at.unwrap() < at(150), "{:?}", world.started_at);
}

#[test]
fn two_of_eight_peers_that_stall_after_they_were_asked_make_nothing_late() {
    for seed in 0..10 {
        let mut world = World::new(seed).with_server().with_peers(8, 100);
        world.line(11).turns(Character::StallsAfter(0));
        world.line(14).turns(Character::StallsAfter(3));
        world.run();
        assert!(world.share(Kind::Server) <= 0.10, "{}", world.share(Kind::Server));
        assert_eq!((world.stalls, world.planner.stats().late), (0, 0));
        let wasted = world.planner.stats().wasted as f64 / world.planner.stats().total() as f64;
        assert!(wasted <= 0.024, "{wasted}");
    }
}

#[test]
fn a_peer_that_forges_once_is_never_asked_again() {
    let mut world = World::new(3).with_server().with_peers(6, 100);
    world.line(12).turns(Character::ForgesAfter(4));
    world.run();
    let forged = world.planner.stats().wasted / PIECE_LEN as u64;
    assert!(forged >= 1);
    let last_of_it = world.asks.iter().rev().find(|(_, ask, _)| ask.source == Source(12)).unwrap().0;
    let end = world.came.values().filter(|source| **source == Source(12)).count();
    assert_eq!(end, 4);
    assert!(last_of_it < at(5_000), "{last_of_it:?}");
    assert_eq!(world.stalls, 0);
}

#[test]
fn where_peers_are_slower_than_the_music_the_server_fills_the_gap_and_no_more() {
    // Half of what is needed to four fifths: the music takes 20 kB/s.
    for (peers, pace, seed) in [(2, 5, 1), (3, 4, 2), (4, 4, 3), (2, 5, 4)] {
        let mut world = World::new(seed).with_server().with_peers(peers, pace);
        world.run();
        let gap =
            1.0 - f64::from(peers) * pace as f64 * 1000.0 * MUSIC_S / (f64::from(PIECES) * PIECE_LEN as f64);
        let share = world.share(Kind::Server);
        assert_eq!((world.stalls, world.planner.stats().late), (0, 0), "{peers} × {pace}");
        assert!((gap - 0.02..gap + 0.10).contains(&share), "{peers} × {pace}: {share:.2} for {gap:.2}");
        let of_server = world.asks.iter().filter(|(_, ask, _)| ask.source == Source(0));
        let ahead = of_server.map(|(_, _, ahead)| *ahead).max();
        assert!(ahead.is_some_and(|ahead| ahead <= 15_000), "{ahead:?}");
    }
}

#[test]
fn peers_so_slow_that_they_seem_dead_cost_money_but_make_nothing_late() {
    for (peers, pace) in [(4, 3), (8, 2), (20, 1), (3, 15)] {
        for seed in 0..5 {
            let mut world = World::new(seed).with_server().with_peers(peers, pace);
            world.run();
            assert_eq!((world.stalls, world.planner.stats().late), (0, 0), "{peers} × {pace}, seed {seed}");
        }
    }
}

#[test]
fn without_peers_the_server_streams_on_half_a_minute_ahead_if_none_are_found_and_all_if_none_will_come() {
    let mut world = World::new(5).with_server();
    world.run_until(5_000);
    let furthest = |world: &World| world.asks.iter().map(|(_, _, ahead)| *ahead).max().unwrap();
    assert!((3_500..=5_000).contains(&furthest(&world)), "{}", furthest(&world));
    world.planner.set_policy(world.now, Policy { prospect: Prospect::Later, ..Policy::PLAYING });
    world.run_until(12_000);
    assert!((28_000..=30_000).contains(&furthest(&world)), "{}", furthest(&world));
    assert!(!world.planner.is_complete());
    world.planner.set_policy(world.now, Policy { prospect: Prospect::Never, ..Policy::PLAYING });
    world.run_until(19_000);
    assert!(world.planner.is_complete());
    assert!(world.asks.iter().all(|(_, ask, _)| ask.why == Why::Alone));
}

#[test]
fn a_seek_is_answered_by_the_first_request() {
    let mut world = World::new(6).with_server().with_peers(8, 40);
    world.run_until(2_000);
    for (piece, millis) in [(200, 4_000), (120, 6_000), (240, 8_000)] {
        let (asked, cancelled) = (world.asks.len(), world.cancels.len());
        world.seek(piece);
        let (_, first, _) = world.asks[asked];
        assert!(world.planner.has(piece) || first.pieces.start == piece, "{first:?}");
        assert!(world.cancels.len() > cancelled, "what stands in the way is called back");
        world.run_until(millis);
        assert!(world.planner.has(piece));
    }
    assert_eq!(world.stalls, 0);
    world.run();
}

#[test]
fn a_source_that_dies_has_its_pieces_moved_at_once() {
    let mut world = World::new(7).with_server().with_peers(4, 60);
    world.run_until(1_500);
    let victim = Source(11);
    let of_it: Vec<u32> = world
        .planner
        .outstanding()
        .filter(|(_, source, _)| *source == victim)
        .map(|(piece, ..)| piece)
        .collect();
    assert!(!of_it.is_empty());
    let before = world.asks.len();
    world.lose(11);
    let most_urgent = of_it.iter().min().unwrap();
    let moved =
        world.asks[before..].iter().any(|(at, ask, _)| *at == world.now && ask.pieces.contains(*most_urgent));
    // With all windows full it waits for the next arrival, and is the first to go.
    world.run_until(1_900);
    let next = world.asks[before..].iter().position(|(_, ask, _)| ask.pieces.contains(*most_urgent));
    assert!(moved || next == Some(0), "{next:?}");
    world.run();
    assert_eq!((world.stalls, world.planner.stats().late), (0, 0));
}

#[test]
fn a_cdn_is_asked_before_the_server_and_a_cache_before_all() {
    let mut world = World::new(8).with_server();
    world.join(0, 1, Kind::Cdn, 1000, 60, Character::Honest);
    world.run();
    assert!(world.share(Kind::Cdn) > 0.95, "{}", world.share(Kind::Cdn));

    let mut world = World::new(8);
    world.join(0, 1, Kind::Cdn, 1000, 60, Character::Honest);
    world.join(0, 2, Kind::Cache, 50_000, 1, Character::Honest);
    let mut world = world.with_server().with_peers(4, 100);
    world.run();
    assert!(world.share(Kind::Cache) > 0.95, "{}", world.share(Kind::Cache));
    assert_eq!(world.stalls, 0);
}

#[test]
fn peers_on_the_same_network_are_asked_before_others() {
    let mut world = World::new(9).with_peers(4, 100).with_server();
    world.join(200, 5, Kind::Lan, 8000, 2, Character::Honest);
    world.run();
    assert!(world.share(Kind::Lan) > 0.8, "{}", world.share(Kind::Lan));
}

#[test]
fn nothing_is_asked_twice_unless_it_is_hedged_and_waste_is_bounded() {
    for seed in 0..10 {
        let mut world = World::new(seed).with_server().with_peers(8, 30);
        for peer in [10, 13, 16] {
            world.line(peer).turns(Character::StallsAfter(u32::from(seed) * 2));
        }
        world.run();
        let mut asked = BTreeMap::<u32, u32>::new();
        for (_, ask, _) in world.asks.iter().filter(|(_, ask, _)| ask.why != Why::Hedge) {
            (ask.pieces.start..ask.pieces.end()).for_each(|piece| *asked.entry(piece).or_default() += 1);
        }
        let stats = world.planner.stats();
        let again: u64 = asked.values().map(|times| u64::from(times - 1)).sum();
        assert!(again <= stats.given_up + stats.cancelled, "{again} {stats:?}");
        assert!(stats.hedges <= 8 + stats.total() / PIECE_LEN as u64 / 20, "{stats:?}");
        assert!(stats.wasted as f64 <= 0.024 * stats.total() as f64, "{stats:?}");
    }
}

#[test]
fn the_same_world_runs_the_same_twice() {
    let run = || {
        let mut world = World::new(42).with_server().with_peers(8, 25);
        world.line(12).turns(Character::StallsAfter(2));
        world.run();
        (world.asks, world.cancels, *world.planner.stats())
    };
    assert_eq!(run(), run());
}
