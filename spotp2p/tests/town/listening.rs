//! Listeners that mean well.

use super::shelf::SHELF;
use super::town::Town;
use core::time::Duration;
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotp2p::swarm::Mode;

/// The tune takes two minutes.
pub(crate) const TUNE: Duration = Duration::from_secs(140);

pub(crate) const HOLDERS: [usize; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Listener 0 wants to hear what eight others have heard.
pub(crate) fn holders() -> Town {
    let mut town = Town::new(9);
    town.wakes_up();
    town.heard_before(&HOLDERS);
    town
}

/// The share of the tune that the access point sends meanwhile.
pub(crate) fn played(town: &mut Town, who: usize) -> f64 {
    let served = town.served;
    town.clicks(who);
    town.until_heard(who, TUNE);
    let player = &town.listeners[who].player;
    assert!(town.listeners[who].has_played(), "{player:?}");
    let bytes: usize = SHELF.pieces.iter().map(|piece| piece.len()).sum();
    (town.served - served) as f64 / bytes as f64
}

#[test]
fn a_tune_that_eight_others_hold_starts_at_once_and_comes_from_them() {
    let mut town = holders();
    let server = played(&mut town, 0);
    let listener = &town.listeners[0];
    let start = listener.player.start_delay.expect("it began");
    assert!(start <= Duration::from_millis(250), "{start:?}");
    assert_eq!(listener.player.stutters, 0);
    assert!(listener.share(Kind::Peer) >= 0.9 && server <= 0.1, "server {server}");
    assert!(HOLDERS.iter().all(|who| town.listeners[*who].gave > 0), "all have a part in it");
    assert!(town.listeners.iter().all(|it| it.reported.is_empty()));
}

/// What the server sends of a tune that nobody else holds, half a minute after the click, in seconds of music.
fn ahead_after_half_a_minute(mode: Mode) -> f64 {
    let mut town = Town::new(2);
    town.wakes_up();
    town.tell(0, Command::Peers(mode));
    let served = town.served;
    town.clicks(0);
    town.run(Duration::from_secs(30));
    let bytes: usize = SHELF.pieces.iter().map(|piece| piece.len()).sum();
    (town.served - served) as f64 / bytes as f64 * 120.0
}

#[test]
fn the_server_is_asked_half_a_minute_ahead_where_peers_may_come_and_for_all_where_none_will() {
    let seconds = [Mode::Full, Mode::Alone].map(ahead_after_half_a_minute);
    assert!((57.0..62.0).contains(&seconds[0]) && seconds[1] > 119.0, "{seconds:?}");
}

#[test]
fn who_has_heard_a_tune_serves_the_next() {
    let mut town = Town::new(4);
    town.wakes_up();
    town.heard_before(&[1]);
    for who in [0, 2, 3] {
        let server = played(&mut town, who);
        assert!(server < 0.2, "{who}: {server}");
        assert_eq!(town.listeners[who].player.stutters, 0);
    }
    assert!(town.listeners[0].gave > 0);
}

#[test]
fn a_second_play_of_the_same_tune_comes_from_the_own_disk() {
    let mut town = holders();
    played(&mut town, 0);
    let gave: usize = town.listeners.iter().map(|it| it.gave).sum();
    let server = played(&mut town, 0);
    assert!((town.listeners[0].share(Kind::Cache) - 1.0).abs() < 1e-9);
    assert_eq!((server, gave), (0.0, town.listeners.iter().map(|it| it.gave).sum()));
}

#[test]
fn without_peers_all_comes_from_the_server_and_nobody_is_met() {
    let mut town = holders();
    town.server_up = 1.25e6;
    town.tell(0, Command::Peers(Mode::Alone));
    let server = played(&mut town, 0);
    assert!(server >= 1.0 && town.listeners[0].links.is_empty());
    assert_eq!(town.listeners[0].player.stutters, 0);
}

#[test]
fn who_only_takes_is_served_and_serves_nobody() {
    let mut town = holders();
    town.tell(0, Command::Peers(Mode::TakeOnly));
    assert!(played(&mut town, 0) < 0.1);
    for who in HOLDERS.into_iter().take(7) {
        town.tell(who, Command::Peers(Mode::Alone));
    }
    let newcomer = town.moves_in(Mode::Full);
    town.tell(newcomer, Command::Connect);
    town.run(Duration::from_secs(1));
    town.clicks(newcomer);
    town.until_heard(newcomer, TUNE);
    assert!(town.listeners[newcomer].has_played());
    assert_eq!(town.listeners[0].gave, 0);
}

#[test]
fn a_server_that_vanishes_in_mid_play_is_not_missed() {
    let mut town = holders();
    town.clicks(0);
    town.run(Duration::from_secs(10));
    town.server_dies();
    town.until_heard(0, TUNE);
    let listener = &town.listeners[0];
    assert!(listener.has_played());
    assert_eq!(listener.player.stutters, 0);
    assert!(listener.events.iter().any(|event| matches!(event, Event::Offline { .. })));
}

#[test]
fn neighbours_that_go_in_mid_play_are_made_up_for() {
    let mut town = holders();
    town.clicks(0);
    for who in HOLDERS {
        town.run(Duration::from_secs(8));
        let links: Vec<_> = town.listeners[who].links.keys().copied().collect();
        links.into_iter().for_each(|link| town.hang_up(who, link));
    }
    town.until_heard(0, TUNE);
    assert!(town.listeners[0].has_played());
    assert_eq!(town.listeners[0].player.stutters, 0);
}

#[test]
fn a_new_log_in_leaves_no_link_and_nothing_to_be_known_by() {
    let mut town = holders();
    played(&mut town, 0);
    let before: Vec<_> = town.listeners[0].shown.clone();
    assert!(!town.listeners[0].links.is_empty());
    town.server_dies();
    town.up = true;
    town.run(Duration::from_secs(30));
    assert!(town.listeners[0].links.is_empty(), "links show the old key");
    town.tell(0, Command::Stop);
    // What it holds it can show again, to whoever asks for it.
    let newcomer = town.moves_in(Mode::Full);
    town.tell(newcomer, Command::Connect);
    town.run(Duration::from_secs(1));
    town.clicks(newcomer);
    town.until_heard(newcomer, TUNE);
    let after: Vec<_> = town.listeners[0].shown.iter().skip(before.len()).copied().collect();
    assert!(!after.is_empty());
    assert!(after.iter().all(|(key, name)| before.iter().all(|(old, was)| key != old && name != was)));
}
