//! What whoever decides about the sound asks of a plan, and says.

use crate::world::{FAR_AHEAD, PIECE_MS, PIECES, at};
use core::time::Duration;
use spotp2p::planner::{Clock, Config, Curve, Holds, Kind, Output, Planner, Policy, Prospect, Slot, Source};
use spotproto::content::PIECE_LEN;
use spotproto::message::PieceRange;

const SERVER: Source = Source(0);

fn planner(config: Config, policy: Policy) -> Planner {
    Planner::new(at(0), config, Curve::even(PIECES, 1, PIECES * PIECE_MS).unwrap(), policy)
}

fn add(planner: &mut Planner, source: u32, kind: Kind) {
    assert!(planner.add(at(0), Source(source), kind, Holds::All, Slot::Served));
}

fn taken(planner: &mut Planner) -> Vec<Output> {
    core::iter::from_fn(|| planner.poll_output()).collect()
}

/// From then on so many pieces come of each of these, one each so many milliseconds; answers when the last does.
fn deliver(planner: &mut Planner, from: u64, sources: &[u32], pieces: u64, each_ms: u64) -> u64 {
    taken(planner);
    for n in 1..=pieces {
        for source in sources {
            let of_it = planner.outstanding().find(|(_, other, _)| other.0 == *source);
            let (piece, ..) = of_it.expect("it is kept busy");
            planner.arrived(at(from + n * each_ms), Source(*source), piece, PIECE_LEN);
        }
        taken(planner);
    }
    from + pieces * each_ms
}

fn of(planner: &Planner, source: Source) -> Vec<u32> {
    planner.outstanding().filter(|(_, other, _)| *other == source).map(|(piece, ..)| piece).collect()
}

#[test]
fn paces_add_up_and_so_do_the_squares_of_what_they_may_be_off_by() {
    // Nothing is known of a cache's pace, and nothing need be.
    let mut planner = planner(FAR_AHEAD, Policy::OFFLINE);
    add(&mut planner, 9, Kind::Cache);
    planner.set_slot(at(0), Source(9), Slot::Offered);
    add(&mut planner, 1, Kind::Peer);
    add(&mut planner, 2, Kind::Lan);
    assert_eq!(planner.pace(), None);
    let both = deliver(&mut planner, 0, &[1, 2], 7, 200);
    assert_eq!(planner.pace(), None);
    let mut alone = deliver(&mut planner, both, &[1], 8, 200);
    let (one, off) = planner.pace().expect("the first has shown it");
    assert!((one - PIECE_LEN as f64 * 5.0).abs() < 500.0, "{one}");
    planner.set_slot(at(alone), Source(9), Slot::Served);
    assert_eq!(planner.pace(), Some((one, off)), "a cache is no line");
    planner.set_slot(at(alone), Source(9), Slot::Offered);
    while planner.pace() == Some((one, off)) {
        alone += 200;
        let piece = of(&planner, Source(2))[0];
        planner.arrived(at(alone), Source(2), piece, PIECE_LEN);
    }
    let (both, off_both) = planner.pace().unwrap();
    planner.set_slot(at(alone), Source(1), Slot::Offered);
    let (other, off_other) = planner.pace().expect("the second has shown it too");
    assert!((both - one - other).abs() < 1.0, "{both} {one} {other}");
    assert!((off_both - off.hypot(off_other)).abs() < 1.0, "{off_both} {off} {off_other}");
    // Each is off by some thousandths of its pace.
    assert!((0.005..0.5).contains(&(off / one)) && off_other > 0.005 * other, "{off} {off_other}");
}

#[test]
fn nothing_is_known_of_the_pace_before_a_paid_source_that_may_be_asked_has_shown_its_own() {
    let mut planner = planner(FAR_AHEAD, Policy::PLAYING);
    add(&mut planner, 1, Kind::Peer);
    let now = deliver(&mut planner, 0, &[1], 10, 200);
    assert!(planner.pace().is_some());
    add(&mut planner, 2, Kind::Peer);
    assert!(planner.pace().is_some(), "a peer that has shown nothing may never");
    add(&mut planner, 0, Kind::Server);
    assert_eq!(planner.pace(), None);
    planner.set_policy(at(now), Policy { server_allowed: false, ..Policy::PLAYING });
    assert!(planner.pace().is_some(), "whoever may not be asked does not count");
}

#[test]
fn less_is_asked_than_a_source_would_take_where_all_is_here_or_it_is_spared() {
    let mut planner = planner(FAR_AHEAD, Policy::PLAYING);
    assert!(!planner.is_held_back(at(0)), "there is nobody");
    add(&mut planner, 0, Kind::Server);
    assert!(planner.is_held_back(at(0)) && of(&planner, SERVER).len() < 5, "three seconds are enough");
    planner.set_policy(at(0), Policy { server_allowed: false, ..Policy::PLAYING });
    assert!(!planner.is_held_back(at(0)), "it may not be asked");
    planner.set_policy(at(0), Policy::PLAYING);
    assert!(planner.is_held_back(at(0)));
    // While there are peers they alone count: this one has all that it takes.
    add(&mut planner, 1, Kind::Peer);
    assert!(!planner.is_held_back(at(0)));
    planner.have(at(0), PieceRange { start: 0, count: PIECES });
    assert!(planner.is_held_back(at(0)));
}

#[test]
fn less_is_asked_than_peers_would_take_where_what_lacks_is_too_far_ahead_of_the_sound() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    planner.set_clock(at(0), Clock::Running { at: at(0), position_ms: 0 });
    planner.have(at(0), PieceRange { start: 0, count: 100 });
    assert!(!planner.is_held_back(at(0)), "there is nobody");
    add(&mut planner, 1, Kind::Peer);
    planner.set_credit(at(0), Source(1), 0);
    assert!(planner.is_held_back(at(0)), "nor would it be with more room");
    planner.forgotten(at(0), PieceRange { start: 2, count: 1 });
    assert!(!planner.is_held_back(at(0)));
}

#[test]
fn a_plan_tells_what_it_is_about() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    assert_eq!((planner.sources(), planner.is_running()), (0, false));
    add(&mut planner, 1, Kind::Peer);
    add(&mut planner, 2, Kind::Peer);
    add(&mut planner, 3, Kind::Peer);
    assert_eq!([0, 200].map(|piece| planner.is_asked(Source(1), piece)), [true, false]);
    planner.forged(at(0), Source(1), 0, PIECE_LEN);
    assert_eq!(planner.sources(), 2, "one is never asked again");
    planner.set_clock(at(0), Clock::Running { at: at(100), position_ms: 0 });
    assert_eq!(
        (planner.is_running(), planner.due(at(0), 2)),
        (true, Some(at(100 + 2 * u64::from(PIECE_MS))))
    );
}

#[test]
fn a_plan_is_at_rest_when_nothing_is_out_and_nothing_can_be_asked_for() {
    let mut rest = planner(FAR_AHEAD, Policy::NEXT);
    assert!(!rest.is_at_rest() && !rest.has_peers(), "somebody may come");
    add(&mut rest, 0, Kind::Server);
    assert!(rest.is_at_rest() && !rest.has_peers(), "it may not be asked");
    add(&mut rest, 1, Kind::Peer);
    assert!(!rest.is_at_rest() && rest.has_peers());
    rest.have(at(0), PieceRange { start: 0, count: PIECES });
    assert!(rest.is_at_rest());
    rest.lost(at(0), Source(1));
    rest.lost(at(0), SERVER);
    assert!(rest.is_at_rest() && !rest.has_peers(), "nothing is lacking");

    // What there was no room to say is still to be said.
    let mut full = planner(Config { outputs: 1, ..FAR_AHEAD }, Policy::PLAYING);
    add(&mut full, 0, Kind::Server);
    full.set_paused(at(1), true);
    full.set_paused(at(1), false);
    assert_eq!((full.outstanding().count(), full.is_at_rest()), (0, false));
    assert_eq!(full.poll_timeout(), None, "it can't be said yet");
    taken(&mut full);
    assert_eq!(full.poll_timeout(), Some(at(1)));
    full.handle_timeout(at(1));
    assert!(full.outstanding().count() > 0);
}

#[test]
fn a_start_that_waits_for_more_music_has_paid_sources_asked_for_more() {
    let mut planner = planner(FAR_AHEAD, Policy::PLAYING);
    add(&mut planner, 0, Kind::Server);
    planner.set_credit(at(0), SERVER, 100);
    taken(&mut planner);
    // Nothing has come yet: three seconds, of pieces of 820 ms each.
    assert_eq!(of(&planner, SERVER), [0, 1, 2, 3]);
    planner.set_ahead(at(0), Duration::from_millis(3_900));
    assert_eq!(of(&planner, SERVER), [0, 1, 2, 3, 4]);
    let now = deliver(&mut planner, 0, &[0], 1, 100);
    planner.set_clock(at(now), Clock::Running { at: at(now), position_ms: 0 });
    let furthest = |planner: &Planner| of(planner, SERVER).last().map(|piece| piece * PIECE_MS);
    assert!(furthest(&planner).is_none_or(|ms| ms <= 5_000));
    planner.set_ahead(at(now), Duration::from_secs(8));
    for n in 1..9 {
        let piece = of(&planner, SERVER)[0];
        planner.arrived(at(now + n), SERVER, piece, PIECE_LEN);
    }
    let furthest = furthest(&planner).unwrap();
    assert!((7_200..=8_010).contains(&furthest), "{furthest}");
}

#[test]
fn what_there_is_room_for_is_asked_and_no_more_and_more_once_there_is_more_room() {
    let config = Config { keep: 3, ..FAR_AHEAD };
    let mut planner = planner(config, Policy { prospect: Prospect::Never, ..Policy::PLAYING });
    add(&mut planner, 1, Kind::Lan);
    assert_eq!(of(&planner, Source(1)), [0, 1, 2]);
    planner.set_keep(at(1), 4);
    assert_eq!(of(&planner, Source(1)), [0, 1, 2, 3]);
    deliver(&mut planner, 0, &[1], 4, 10);
    planner.reading(at(50), 1);
    assert_eq!(of(&planner, Source(1)), [4]);
    planner.arrived(at(60), Source(1), 4, PIECE_LEN);
    // What lies behind the decoder is wanted only where there is room for the whole file.
    planner.forgotten(at(60), PieceRange { start: 1, count: 1 });
    planner.reading(at(70), 3);
    let asked = of(&planner, Source(1));
    assert_eq!(asked, [1, 5, 6], "{asked:?}");
}

#[test]
fn a_piece_that_an_answer_ended_without_is_asked_again() {
    let mut planner = planner(FAR_AHEAD, Policy::PLAYING);
    add(&mut planner, 0, Kind::Server);
    taken(&mut planner);
    planner.unanswered(at(5), SERVER, 2);
    let asked = taken(&mut planner);
    assert!(matches!(asked[..], [Output::Ask(ask)] if ask.pieces == PieceRange { start: 2, count: 1 }));
    assert_eq!((planner.stats().refused, planner.stats().asked), (1, 5));
}

#[test]
fn a_busy_source_rests_for_a_second_and_loses_nothing() {
    let mut planner = planner(FAR_AHEAD, Policy::PLAYING);
    add(&mut planner, 0, Kind::Server);
    taken(&mut planner);
    planner.busy(at(5), SERVER);
    planner.unanswered(at(5), SERVER, 2);
    assert_eq!(taken(&mut planner), []);
    assert_eq!(of(&planner, SERVER), [0, 1, 3]);
    planner.handle_timeout(at(1_004));
    assert_eq!(taken(&mut planner), []);
    planner.handle_timeout(at(1_005));
    assert_eq!(planner.window(SERVER), Some((1, 3)), "one piece shows that it is better");
    for piece in [0, 1, 3] {
        planner.arrived(at(1_010), SERVER, piece, PIECE_LEN);
    }
    assert!(of(&planner, SERVER).contains(&2));
    assert_eq!(planner.stats().given_up, 0);
}

#[test]
fn a_line_that_is_known_from_elsewhere_is_taken_over_while_nothing_is_out() {
    let mut known = planner(FAR_AHEAD, Policy { prospect: Prospect::Never, ..Policy::PLAYING });
    add(&mut known, 0, Kind::Server);
    known.round_trip(at(0), SERVER, Duration::from_millis(500));
    let now = deliver(&mut known, 0, &[0], 60, 10);
    let (window, _) = known.window(SERVER).unwrap();
    assert!(window > 20, "{window}");
    let flow = known.flow(SERVER).unwrap().clone().rested();

    let mut anew = planner(FAR_AHEAD, Policy::NEXT);
    add(&mut anew, 0, Kind::Server);
    anew.set_flow(at(now), SERVER, flow.clone());
    assert_eq!(anew.window(SERVER), Some((window, 0)));
    let asks = Policy { server_allowed: true, cdn_allowed: true, ..Policy::NEXT };
    anew.set_policy(at(now), asks);
    let (_, out) = anew.window(SERVER).unwrap();
    assert!(out > 0);
    anew.set_flow(at(now), SERVER, spotp2p::flow::Flow::new(at(now)));
    assert_eq!(anew.window(SERVER), Some((window, out)), "there is something out");
}
