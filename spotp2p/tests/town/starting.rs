//! When the sound starts, and what a listener hears of it until then.

use crate::listening::{TUNE, holders, played};
use crate::town::Town;
use core::time::Duration;
use spotp2p::node::{Command, Event};
use spotp2p::playout::{Basis, Summary, Verdict, Why};

fn starts(town: &Town) -> Vec<Why> {
    let start = |event: &Event<_, _>| if let Event::Start(why) = event { Some(*why) } else { None };
    town.listeners[0].events.iter().filter_map(start).collect()
}

fn waits(town: &Town) -> Vec<Why> {
    let wait = |event: &Event<_, _>| if let Event::Buffering(why) = event { Some(*why) } else { None };
    town.listeners[0].events.iter().filter_map(wait).collect()
}

fn link(town: &Town) -> Option<Summary> {
    let link = |event: &Event<_, _>| if let Event::Link(link) = event { Some(*link) } else { None };
    town.listeners[0].events.iter().rev().find_map(link)
}

#[test]
fn a_line_of_which_nothing_is_known_costs_little_more() {
    let mut town = holders();
    let now = town.now;
    town.listeners[0].forgets_its_line(now);
    town.tell(0, Command::Connect);
    town.run(Duration::from_secs(1));
    played(&mut town, 0);
    let player = &town.listeners[0].player;
    assert!(player.start_delay.expect("it began") <= Duration::from_millis(400), "{player:?}");
    assert_eq!(player.stutters, 0);
}

#[test]
fn until_a_start_its_reasons_are_told_and_then_once_that_it_is_made() {
    let mut town = holders();
    played(&mut town, 0);
    let (starts, waits) = (starts(&town), waits(&town));
    assert_eq!(starts.len(), 1);
    assert!(starts[0].verdict == Verdict::Start && starts[0].basis == Basis::Forecast);
    assert!(!waits.is_empty() && waits.iter().all(|why| why.verdict == Verdict::Wait));
    assert!(waits[0].to_string().starts_with("buffering 0.0 s of "), "{}", waits[0]);
}

#[test]
fn a_jump_and_a_stop_of_the_sound_are_starts_too() {
    let mut town = holders();
    town.clicks(0);
    town.run(Duration::from_secs(5));
    let seek = town.listeners[0].seek(60_000);
    town.tell(0, seek);
    town.run(Duration::from_secs(5));
    assert_eq!(starts(&town).len(), 2);
    let pause = town.listeners[0].pause(64_000);
    town.tell(0, pause);
    town.run(Duration::from_secs(2));
    assert_eq!(starts(&town).len(), 3);
}

#[test]
fn after_a_pause_nothing_is_waited_for_that_the_decoder_has_done_with() {
    let mut town = holders();
    town.clicks(0);
    town.run(Duration::from_secs(15));
    let before = starts(&town).len();
    // So much is ahead that the pieces behind the decoder are gone.
    town.listeners[0].hushes();
    town.tell(0, Command::Silent { at_ms: 13_000 });
    town.run(Duration::from_secs(1));
    assert_eq!(starts(&town).len(), before + 1);
}

#[test]
fn a_line_too_slow_for_the_music_is_waited_for_and_then_does_not_stutter() {
    let mut town = Town::new(1);
    // The music takes 48 kB a second.
    town.server_up = 40_000.0;
    town.wakes_up();
    town.clicks(0);
    town.until_heard(0, 2 * TUNE);
    let player = &town.listeners[0].player;
    assert!(town.listeners[0].has_played() && player.stutters == 0, "{player:?}");
    assert!(player.start_delay.expect("it began") > Duration::from_secs(10), "{player:?}");
}

#[test]
fn what_is_known_of_the_link_is_told_at_the_end() {
    let mut town = holders();
    played(&mut town, 0);
    assert_eq!(link(&town), None);
    town.tell(0, Command::Stop);
    assert!(link(&town).is_some_and(|link| link.is_known()));
}

#[test]
fn a_link_stays_known_from_one_track_to_the_next_and_nothing_but_its_summary_after_the_last() {
    let mut town = Town::new(1);
    town.server_up = 400_000.0;
    let now = town.now;
    town.listeners[0].forgets_its_line(now);
    town.wakes_up();
    town.clicks(0);
    town.until_heard(0, 2 * TUNE);
    town.clicks(0);
    town.run(Duration::from_secs(5));
    let starts = starts(&town);
    assert_eq!((starts.len(), starts[1].basis), (2, Basis::Forecast), "{starts:?}");
    assert!(starts[1].buffered < Duration::from_secs(2), "{starts:?}");
}
