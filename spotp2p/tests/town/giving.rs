//! What a listener gives while its own music is short.

use crate::town::Town;
use crate::tunes::NEXT;
use core::time::Duration;
use spotp2p::node::Command;
use spotp2p::swarm::PeerId;

const SECOND: Duration = Duration::from_secs(1);

/// Listener 0 gives what it heard before to listener 1, over a line that takes minutes for it.
fn giving() -> Town {
    let mut town = Town::new(2);
    town.wakes_up();
    town.heard_all_of(&[0], &NEXT);
    town.listeners[0].up = 20_000.0;
    let input = town.listeners[1].click_on(town.now, &NEXT);
    town.hear(1, input);
    town.run(SECOND * 10);
    assert!(gives(&town));
    town
}

/// The access point's line is fast again: the sound runs in the end, and listener 0 gives.
fn goes_on(mut town: Town) {
    town.server_up = 1.25e6;
    for _ in 0..120 {
        town.run(SECOND);
        if town.listeners[0].plays_since().is_some() {
            break;
        }
    }
    town.run(SECOND * 5);
    assert!(gives(&town) && town.listeners[0].plays_since().is_some());
}

/// Whether listener 0 serves listener 1.
fn gives(town: &Town) -> bool {
    let (session, _) = town.link_between(0, 1);
    let peer = PeerId(u32::try_from(session.0).expect("few sessions"));
    town.listeners[0].node.swarm().serves(peer, &NEXT.file())
}

#[test]
fn a_start_that_takes_a_moment_interrupts_nothing() {
    let mut town = giving();
    town.server_up = 1.25e6;
    town.clicks(0);
    for _ in 0..300 {
        town.run(SECOND / 100);
        assert!(gives(&town), "{:?}", town.listeners[0].player);
    }
    assert!(town.listeners[0].plays_since().is_some());
}

#[test]
fn while_a_start_waits_for_music_nothing_is_given() {
    let mut town = giving();
    // A piece takes five seconds, and has a third of one in it.
    town.server_up = 3_000.0;
    town.clicks(0);
    town.run(SECOND + SECOND / 5);
    for _ in 0..30 {
        assert!(!gives(&town) && town.listeners[0].plays_since().is_none());
        town.run(SECOND / 10);
    }
}

#[test]
fn while_the_sound_waits_after_a_stutter_nothing_is_given() {
    let mut town = giving();
    town.clicks(0);
    town.run(SECOND * 5);
    town.server_up = 20_000.0;
    let (begin, mut waited) = (town.now, 0);
    while waited < 30 {
        town.run(SECOND / 10);
        let player = &town.listeners[0].player;
        if player.stutters > 0 && town.listeners[0].plays_since().is_none() {
            assert!(!gives(&town), "{player:?}");
            waited += 1;
        }
        assert!(town.now < begin + SECOND * 200, "{player:?}");
    }
    goes_on(town);
}

#[test]
fn who_wants_silence_goes_on_giving() {
    let mut town = giving();
    town.server_up = 1.25e6;
    town.clicks(0);
    town.run(SECOND * 10);
    assert!(gives(&town));
    town.listeners[0].hushes();
    town.tell(0, Command::Silent { at_ms: 9_000 });
    for _ in 0..30 {
        assert!(gives(&town));
        town.run(SECOND / 10);
    }
}

#[test]
fn who_waits_for_what_nobody_can_bring_goes_on_giving() {
    let mut town = giving();
    town.server_up = 3_000.0;
    town.clicks(0);
    town.run(SECOND * 3);
    assert!(!gives(&town));
    town.server_dies();
    town.run(SECOND);
    assert!(gives(&town));
}
