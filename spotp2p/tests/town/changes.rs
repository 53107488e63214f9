//! What changes in mid play: log-ins, modes, places.

use super::listening::{HOLDERS, holders};
use super::shelf::SHELF;
use super::town::Town;
use core::time::Duration;
use spotp2p::node::Command;
use spotp2p::planner::Kind;
use spotp2p::swarm::Mode;
use spotproto::message::Wanted;

/// Those whose lines are so slow that it takes a while to fetch all of the tune.
fn slow_holders() -> Town {
    let mut town = holders();
    for who in HOLDERS {
        town.listeners[who].up = 20_000.0;
    }
    town
}

#[test]
fn after_a_new_log_in_holders_are_looked_for_at_once() {
    let mut town = slow_holders();
    town.clicks(0);
    town.run(Duration::from_secs(5));
    let (session, _) = town.listeners[0].server.expect("it is logged in");
    town.cut(0, session);
    town.run(Duration::from_secs(2));
    assert!(!town.listeners[0].links.is_empty());
}

/// Whoever is back first finds nobody, and does not leave it at that.
#[test]
fn after_the_access_point_began_anew_holders_are_found_within_seconds() {
    let mut town = slow_holders();
    town.clicks(0);
    town.run(Duration::from_secs(5));
    town.server_dies();
    town.up = true;
    town.run(Duration::from_secs(8));
    assert!(!town.listeners[0].links.is_empty());
}

#[test]
fn who_comes_out_of_being_alone_in_mid_play_takes_from_peers() {
    let mut town = holders();
    town.tell(0, Command::Peers(Mode::Alone));
    // Its server's line is no faster than the music.
    town.server_up = 25_000.0;
    town.clicks(0);
    town.run(Duration::from_secs(5));
    assert!(town.listeners[0].links.is_empty());
    town.tell(0, Command::Peers(Mode::Full));
    town.run(Duration::from_secs(10));
    assert!(town.listeners[0].share(Kind::Peer) > 0.1);
}

/// Whoever asks next is to find it.
#[test]
fn what_was_just_heard_is_offered_at_once() {
    let mut town = Town::new(2);
    town.wakes_up();
    let server_up = core::mem::replace(&mut town.server_up, 1e9);
    town.tell(1, Command::Keep { wanted: Wanted::File(SHELF.file()) });
    town.run(Duration::from_millis(500));
    town.server_up = server_up;
    town.clicks(0);
    town.until_heard(0, Duration::from_secs(140));
    assert!(town.listeners[0].share(Kind::Peer) > 0.8, "{}", town.listeners[0].share(Kind::Peer));
}
