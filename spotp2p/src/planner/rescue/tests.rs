use super::super::fixture::{OTHER, PEER, SERVER, at, ms, planner, sounding};
use super::super::{Config, Kind, Policy, Prospect, Slot};
use super::*;

const MICRO: Duration = Duration::from_micros(1);

/// Makes a source one that delivered, in 100 ms each.
fn prove(planner: &mut Planner, source: Source) {
    let line = planner.lines.get_mut(source).unwrap();
    line.estimate.round_trip(Duration::ZERO);
    for n in 0..20 {
        let told = line.estimate.asked(at(0), 0);
        line.estimate.arrived(at(100), told, PIECE_LEN, 0);
        assert!(n < 10 || told.since(at(100)) < ms(2) && at(100).since(told) < ms(2));
    }
    planner.touch(at(0), source);
}

#[test]
fn a_source_is_looked_at_when_it_falls_silent_and_then_ever_more_seldom() {
    let mut planner = planner(Config::DEFAULT, Policy { server_allowed: false, ..Policy::PLAYING });
    planner.join_full(PEER, Kind::Peer);
    assert_eq!(planner.next_look(at(0), PEER), None, "it was asked for nothing");
    planner.count_on(PEER, 5);
    let silent_at = planner.lines.get(PEER).unwrap().estimate.silent_at();
    assert_eq!(planner.next_look(at(0), PEER), Some(silent_at));
    assert_eq!(planner.next_look(silent_at.before(MICRO), PEER), Some(silent_at));
    assert_eq!(planner.next_look(silent_at, PEER), Some(silent_at + silent_at.since(at(0)) / 2));
    assert_eq!(planner.next_look(at(2_000), PEER), Some(at(3_000)));
    planner.join_full(OTHER, Kind::Cache);
    planner.count_on(OTHER, 6);
    assert_eq!(planner.next_look(at(20), OTHER), Some(at(70)), "not more often");
}

#[test]
fn a_source_is_looked_at_before_any_of_its_pieces_is_urgent() {
    let mut planner = sounding(0);
    planner.join_full(PEER, Kind::Peer);
    planner.count_on(PEER, 20);
    planner.count_on(PEER, 6);
    // The second is due at 4.92 s and urgent three seconds before that.
    assert_eq!(planner.next_look(at(0), PEER), Some(at(920)));
    assert_eq!(planner.next_look(at(800), PEER), Some(at(920)), "what happens meanwhile does not put it off");
    assert_eq!(planner.next_look(at(1_000), PEER), Some(at(1_250)), "each 250 ms from then on");
    planner.join_full(OTHER, Kind::Peer);
    planner.ask(at(0), 6, OTHER, Why::Hedge);
    let silent_at = planner.lines.get(PEER).unwrap().estimate.silent_at();
    assert_eq!(planner.next_look(at(0), PEER), Some(silent_at), "two are at it");
}

#[test]
fn so_much_is_asked_twice_as_is_allowed_and_a_twentieth_of_what_came() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    for (bytes, most) in [(0, 8), (19 * PIECE_LEN, 8), (100, 8), (PIECE_LEN, 9), (100 * PIECE_LEN, 14)] {
        planner.stats.came(Kind::Peer, bytes);
        let may = [most - 1, most].map(|hedges| {
            planner.stats.hedges = hedges;
            planner.may_hedge()
        });
        assert_eq!(may, [true, false], "{}", planner.stats().total());
    }
    assert_eq!(planner.stats().total(), 120 * PIECE_LEN as u64 + 100);
}

#[test]
fn endangered_pieces_are_asked_of_a_second_source_and_moved_once_enough_were_asked_twice() {
    let mut planner = planner(
        Config { hedge_allowance: 3, free_ahead: Duration::MAX, ..Config::DEFAULT },
        Policy { server_allowed: false, ..Policy::OFFLINE },
    );
    planner.join(PEER, Kind::Peer);
    assert_eq!(planner.outstanding().count(), 5);
    planner.set_clock(at(0), super::super::Clock::Running { at: at(0), position_ms: 0 });
    planner.join(SERVER, Kind::Server);
    planner.set_policy(at(0), Policy { prospect: Prospect::Never, ..Policy::PLAYING });
    let why = |planner: &Planner, why: Why| planner.outstanding().filter(|(.., other)| *other == why).count();
    let before = why(&planner, Why::Hedge);
    planner.hedge_endangered(at(5_000), PEER);
    assert_eq!((before, why(&planner, Why::Hedge), why(&planner, Why::Moved)), (0, 3, 2));
    assert_eq!((planner.stats().hedges, planner.stats().given_up), (3, 2));
}

#[test]
fn a_second_source_is_one_that_is_known_and_may_be_asked_and_is_in_time_or_sooner() {
    let mut planner = sounding(0);
    planner.set_policy(at(0), Policy { server_allowed: false, ..Policy::PLAYING });
    planner.hold_from(0, u32::MAX);
    planner.join(PEER, Kind::Peer);
    prove(&mut planner, PEER);
    let second =
        |planner: &Planner, due: Instant| planner.second_for(at(0), 9, due, PEER).map(|(source, _)| source);
    let (early, late) = (at(60_000), at(1));
    assert_eq!(second(&planner, early), None, "it is alone");
    planner.join(OTHER, Kind::Peer);
    assert_eq!(second(&planner, early), None, "nothing is known of the other");
    prove(&mut planner, OTHER);
    assert_eq!(second(&planner, early), Some(OTHER));
    planner.lines.get_mut(OTHER).unwrap().trust = Trust::Probation;
    assert_eq!(second(&planner, early), None, "it has to show that it is better");
    planner.lines.get_mut(OTHER).unwrap().trust = Trust::Good;
    // Nobody is in time: it should be sooner than who was asked.
    assert_eq!(second(&planner, late), None, "it is as late");
    planner.lines.get_mut(PEER).unwrap().estimate.round_trip(ms(4_000));
    assert_eq!(second(&planner, late), Some(OTHER));
    let held = planner.lines.get_mut(OTHER).unwrap();
    held.holds = super::super::Holds::ranges(Vec::new());
    assert_eq!(second(&planner, late), None, "it does not hold it");
    planner.join(SERVER, Kind::Server);
    assert_eq!(second(&planner, early), None, "the server may not be asked");
    planner.set_policy(at(0), Policy { paid_music: ms(5_000), ..Policy::PLAYING });
    assert_eq!(second(&planner, at(5_000)), Some(SERVER));
    assert_eq!(second(&planner, at(5_000) + MICRO), None, "not for what is due later");
}

#[test]
fn there_is_another_if_one_serves_and_may_be_asked() {
    let mut planner = planner(Config::DEFAULT, Policy { server_allowed: false, ..Policy::PLAYING });
    planner.join(PEER, Kind::Peer);
    assert!(!planner.has_another(PEER));
    planner.join(SERVER, Kind::Server);
    assert!(!planner.has_another(PEER), "it may not be asked");
    planner.join(OTHER, Kind::Peer);
    assert!(planner.has_another(PEER));
    planner.set_slot(at(0), OTHER, Slot::Queued);
    assert!(!planner.has_another(PEER), "it does not serve");
}

#[test]
fn when_one_of_two_fails_the_other_is_looked_at_soon() {
    for (outcome, soon) in [(Outcome::Lost, true), (Outcome::Refused, true), (Outcome::Cancelled, false)] {
        let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
        planner.join_full(PEER, Kind::Peer);
        planner.join_full(OTHER, Kind::Peer);
        planner.count_on(PEER, 6);
        planner.ask(at(0), 6, OTHER, Why::Hedge);
        assert!(planner.lines.get(OTHER).unwrap().next_check() > Some(at(50)));
        planner.withdraw(at(0), PEER, 6, outcome);
        assert_eq!(planner.lines.get(OTHER).unwrap().next_check() == Some(at(50)), soon, "{outcome:?}");
    }
}
