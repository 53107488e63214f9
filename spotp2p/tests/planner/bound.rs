//! How far ahead of the sound free sources are asked.

use crate::world::{Character, PIECE_MS, PIECES, World, at};
use spotp2p::planner::{Config, Kind, Policy};
use spotproto::content::PIECE_LEN;

/// Eight peers that could bring the whole track within some seconds, and the usual server.
fn world() -> World {
    World::with(3, Config::DEFAULT, Policy::PLAYING).with_server().with_peers(8, 200)
}

/// Pieces that came from peers.
fn of_peers(world: &World) -> u64 {
    world.bytes(Kind::Peer) / PIECE_LEN as u64
}

/// Milliseconds of music ahead of the sound that are here or asked for.
fn lead(world: &World, now_ms: u64) -> i64 {
    let started = world.started_at.expect("it sounds");
    let position = at(now_ms).since(started).as_millis() as i64;
    let known = (0..PIECES).take_while(|piece| world.planner.has(*piece)).count() as u32;
    let outstanding = world.planner.outstanding().map(|(piece, ..)| piece + 1).max().unwrap_or(0);
    i64::from(known.max(outstanding) * PIECE_MS) - position
}

#[test]
fn who_leaves_within_five_seconds_has_cost_peers_little() {
    let mut world = world();
    world.run_until(5_000);
    // Five seconds, four more, and two pieces beside.
    let most = u64::from(9_000 / PIECE_MS) + 3;
    assert!((1..=most).contains(&of_peers(&world)), "{} pieces", of_peers(&world));
    assert_eq!(world.stalls, 0);
}

#[test]
fn the_longer_somebody_listens_the_further_ahead_peers_are_asked() {
    let mut world = world();
    let leads: Vec<i64> = [10_000, 60_000, 120_000]
        .map(|ms| {
            world.run_until(ms);
            lead(&world, ms)
        })
        .to_vec();
    // Pieces come within it four at a time.
    let (below, above) = (i64::from(PIECE_MS), i64::from(5 * PIECE_MS));
    for (lead, expected) in leads.iter().zip([4_000 + 625, 4_000 + 3_750, 4_000 + 7_500]) {
        assert!((expected - below..=expected + above).contains(lead), "{leads:?}");
    }
    world.run_until(u64::from(PIECES * PIECE_MS) - 20_000);
    assert!(world.planner.is_complete(), "all of it is here well before its end");
    assert_eq!(world.stalls, 0);
}

#[test]
fn while_nothing_sounds_nothing_further_is_asked() {
    let mut world = world();
    world.run_until(20_000);
    world.pause();
    world.run_until(21_000);
    let asked = world.asks.len();
    world.run_until(120_000);
    assert_eq!(world.asks.len(), asked);
    assert!(world.planner.is_at_rest() && world.planner.is_held_back(world.now));
}

#[test]
fn a_decoder_that_runs_ahead_of_the_sound_takes_the_bound_with_it() {
    let mut world = world();
    world.run_until(20_000);
    world.pause();
    let mut here = 0;
    while here < PIECES {
        world.planner.reading(world.now, here);
        let now = world.now;
        world.run_until(now.since(at(0)).as_millis() as u64 + 1_000);
        let on = (0..PIECES).take_while(|piece| world.planner.has(*piece)).count() as u32;
        assert!(on > here, "it stops at {on}");
        here = on;
    }
}

#[test]
fn a_start_that_needs_more_gets_it() {
    let mut world = world();
    world.planner.set_ahead(at(0), core::time::Duration::from_secs(40));
    world.run_until(3_000);
    assert!(lead(&world, 3_000) >= 39_000, "{}", lead(&world, 3_000));
}

#[test]
fn what_is_on_this_machine_has_no_bound() {
    for (kind, all) in [(Kind::Cache, true), (Kind::Lan, false)] {
        let mut world = World::with(3, Config::DEFAULT, Policy::PLAYING);
        world.join(0, 1, kind, 50_000, 1, Character::Honest);
        world.run_until(5_000);
        assert_eq!(world.planner.is_complete(), all, "{kind:?}");
    }
}

#[test]
fn what_is_kept_for_later_has_no_bound() {
    let mut world = World::with(3, Config::DEFAULT, Policy::OFFLINE).with_peers(8, 200);
    world.run_until(10_000);
    assert!(world.planner.is_complete());
}

#[test]
fn behind_the_catch_up_point_slow_peers_are_asked_at_once() {
    let mut world = World::with(5, Config::DEFAULT, Policy::PLAYING).with_server();
    for peer in 0..2 {
        world.join(200, 10 + peer, Kind::Peer, 5, 60, Character::Honest);
    }
    world.run_until(20_000);
    let furthest = world.asks.iter().filter(|(_, ask, _)| ask.source.0 >= 10).map(|(.., ahead)| *ahead).max();
    assert!(furthest > Some(7_000), "{furthest:?}");
}

#[test]
fn a_plan_is_not_woken_more_often_than_it_has_something_to_ask_for() {
    let mut world = world();
    world.run();
    assert_eq!(world.stalls, 0);
    // Pieces come within the bound four at a time.
    assert!(world.wakes <= PIECES / 4 + 16, "woken {} times", world.wakes);
}
