use super::super::fixture::{CDN, OTHER, PEER, SERVER, at, ms, planner, sounding};
use super::super::{Clock, Config, Holds, Policy, Prospect, Slot};
use super::*;
use alloc::vec::Vec;
use spotproto::content::PIECE_LEN;

/// Milliseconds of a round trip and of a piece, of a source that nothing is known of.
const PEERS: (u32, u32) = (100, 327);

fn ahead(piece: u32) -> Want {
    Want { stage: Stage::Ahead, piece }
}

fn of(planner: &Planner, source: Source) -> Vec<u32> {
    planner.outstanding().filter(|(_, other, _)| *other == source).map(|(piece, ..)| piece).collect()
}

#[test]
fn whoever_got_a_piece_goes_on_with_the_next_ones_as_long_as_it_has_room() {
    let mut planner = planner(Config::DEFAULT, Policy::OFFLINE);
    planner.set_paused(at(0), true);
    planner.join(PEER, Kind::Peer);
    planner.join(OTHER, Kind::Peer);
    planner.set_paused(at(0), false);
    assert_eq!((of(&planner, PEER), of(&planner, OTHER)), ((0..5).collect(), (5..10).collect()));
}

#[test]
fn of_two_in_time_the_cheaper_is_asked_even_if_it_is_later() {
    let mut planner = planner(Config::DEFAULT, Policy::OFFLINE);
    planner.set_paused(at(0), true);
    planner.join(PEER, Kind::Peer);
    planner.join(OTHER, Kind::Lan);
    planner.round_trip(at(0), PEER, ms(1));
    planner.round_trip(at(0), OTHER, ms(2_000));
    planner.set_credit(at(0), OTHER, 2);
    planner.set_paused(at(0), false);
    assert_eq!((of(&planner, OTHER), of(&planner, PEER)), (alloc::vec![0, 1], (2..7).collect()));
}

#[test]
fn eight_of_one_price_are_compared_for_a_piece_in_the_order_in_which_they_were_last_seen() {
    let mut planner = planner(Config::DEFAULT, Policy::OFFLINE);
    planner.set_paused(at(0), true);
    for number in 11..=19 {
        planner.join(Source(number), Kind::Peer);
    }
    // Seven take 800 ms. The others, who are a little slower as of now, will be done with something else by then.
    for number in 11..=17 {
        planner.round_trip(at(0), Source(number), ms(800 - PEERS.1));
    }
    for (number, round_trip, asked_at) in [(18, 163, 0), (19, 100, 68)] {
        let line = planner.lines.get_mut(Source(number)).unwrap();
        line.estimate.round_trip(ms(round_trip));
        line.estimate.asked(at(asked_at), 0);
        planner.lines.place(at(0), Source(number));
    }
    let order: Vec<u32> = planner.lines.ready().map(|(source, _)| source.0).collect();
    assert_eq!(order, (11..=19).collect::<Vec<u32>>());
    let best = |planner: &Planner| {
        planner.best(at(400), planner.lines.ready(), ahead(0), None, &mut Seen::default())
    };
    let arrival = |number: u32| planner.lines.get(Source(number)).unwrap().arrival(at(400));
    assert!(arrival(19) < arrival(18) && arrival(18) < arrival(11));
    assert_eq!(best(&planner), Some(Source(18)), "the ninth is not looked at");
    planner.lost(at(0), Source(11));
    assert_eq!(best(&planner), Some(Source(19)));
}

#[test]
fn who_holds_nothing_that_is_lacking_is_passed_over_until_that_changes() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    let first_three = PieceRange { start: 0, count: 3 };
    planner.add(at(0), PEER, Kind::Peer, Holds::ranges(alloc::vec![first_three]), Slot::Queued);
    planner.hold_from(0, 2);
    planner.reading(at(0), 50);
    planner.set_slot(at(0), PEER, Slot::Served);
    let ready = |planner: &Planner| planner.lines.ready().count();
    assert_eq!((ready(&planner), planner.outstanding().count()), (1, 0), "its last may be wanted yet");
    planner.hold_from(2, 1);
    assert_eq!(ready(&planner), 0);
    planner.forgotten(at(0), PieceRange { start: 1, count: 1 });
    assert_eq!(ready(&planner), 1);
}

#[test]
fn a_source_without_room_is_waited_for_if_it_is_sooner_and_may_be_asked() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    planner.join_full(PEER, Kind::Peer);
    let sooner =
        |planner: &Planner, than: Instant, paid: bool| planner.is_sooner_elsewhere(at(0), 7, than, paid);
    let arrival = |planner: &Planner, source: Source| planner.lines.get(source).unwrap().arrival(at(0));
    let of_peer = arrival(&planner, PEER);
    let later = |instant: Instant| instant + Duration::from_micros(1);
    assert_eq!([of_peer, later(of_peer)].map(|than| sooner(&planner, than, false)), [false, true]);
    planner.set_holds(at(0), PEER, Holds::ranges(Vec::new()));
    assert!(!sooner(&planner, later(of_peer), false), "it does not hold the piece");
    planner.join_full(SERVER, Kind::Server);
    let of_server = later(arrival(&planner, SERVER));
    assert_eq!([false, true].map(|paid| sooner(&planner, of_server, paid)), [false, true]);
    planner.set_policy(at(0), Policy { server_allowed: false, ..Policy::PLAYING });
    assert!(!sooner(&planner, of_server, true));
}

#[test]
fn a_cdn_that_would_be_in_time_spares_the_server_whether_it_has_room_or_not() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    planner.join_full(SERVER, Kind::Server);
    let spares = |planner: &Planner, due: Option<Instant>| planner.is_cdn_in_time(at(0), 7, due);
    assert!(!spares(&planner, None), "there is none");
    planner.join_full(CDN, Kind::Cdn);
    let sure = planner.lines.get(CDN).unwrap().sure_arrival(at(0));
    let just_before = sure.before(Duration::from_micros(1));
    assert_eq!([None, Some(sure), Some(just_before)].map(|due| spares(&planner, due)), [true, true, false]);
    planner.set_policy(at(0), Policy { cdn_allowed: false, ..Policy::PLAYING });
    assert!(!spares(&planner, None));
}

#[test]
fn what_is_never_due_is_paid_for_only_of_a_whole_file_that_is_kept() {
    let mut planner = planner(Config::DEFAULT, Policy::OFFLINE);
    planner.join_full(SERVER, Kind::Server);
    let kept = Policy { prospect: Prospect::Never, ..Policy::OFFLINE };
    for (policy, why) in [
        (kept, Some(Why::Alone)),
        (Policy { paid_music: ms(5_000), ..kept }, None),
        (Policy { prospect: Prospect::Never, ..Policy::PLAYING }, None),
        (Policy { server_allowed: false, cdn_allowed: false, ..kept }, None),
    ] {
        planner.set_policy(at(0), policy);
        assert_eq!(planner.paid_for(at(0), ahead(7), None, false), why, "{policy:?}");
    }
    planner.set_policy(at(0), Policy::OFFLINE);
    for (now, why) in [(9_999, None), (10_000, Some(Why::Patience))] {
        assert_eq!(planner.paid_for(at(now), ahead(7), None, false), why, "{now}");
    }
}

#[test]
fn paid_sources_fill_what_lies_before_the_point_from_which_peers_are_in_time() {
    for (pace_ms, why) in [(100, None), (3_000, Some(Why::Gap))] {
        let mut planner = sounding(5_000);
        planner.hold_from(0, 1);
        planner.join_full(SERVER, Kind::Server);
        planner.join_full(PEER, Kind::Peer);
        planner.round_trip(at(0), PEER, ms(0));
        let line = planner.lines.get_mut(PEER).unwrap();
        for _ in 0..8 {
            let told = line.estimate.asked(at(0), 0);
            line.estimate.arrived(at(pace_ms), told, PIECE_LEN, 0);
        }
        let due = planner.demand.due(at(0), 1);
        assert_eq!(planner.paid_for(at(0), ahead(1), due, false), why);
        assert_eq!(planner.catch_up() == Some(1), why.is_none());
    }
}

#[test]
fn the_delay_of_paid_sources_is_that_of_the_quickest_that_may_be_asked() {
    let mut planner = planner(Config::DEFAULT, Policy::PLAYING);
    planner.join_full(PEER, Kind::Peer);
    let delay = |planner: &Planner| planner.paid_delay(at(0)).map(|delay| delay.as_micros());
    assert_eq!(delay(&planner), None);
    planner.join_full(SERVER, Kind::Server);
    assert_eq!(delay(&planner), Some(132_768));
    planner.join_full(CDN, Kind::Cdn);
    assert_eq!(delay(&planner), Some(76_384));
    planner.set_policy(at(0), Policy { cdn_allowed: false, ..Policy::PLAYING });
    assert_eq!(delay(&planner), Some(132_768));
    planner.set_slot(at(0), SERVER, Slot::Queued);
    assert_eq!(delay(&planner), None);
}

#[test]
fn deadlines_that_come_nearer_are_looked_at_when_paid_sources_may_be_asked() {
    let armed = |planner: &Planner| planner.timers.get(Timer::Paid);
    let mut planner = sounding(60_000);
    planner.hold_from(0, 1);
    assert_eq!(armed(&planner), None, "there is none");
    planner.join_full(SERVER, Kind::Server);
    // The next piece is due when 820 ms have sounded. Alone the server is asked five seconds before.
    let due = at(60_820);
    let urgent = due.before(ms(3_000) + Duration::from_micros(132_768));
    assert_eq!(armed(&planner), Some(due.before(ms(5_000))));
    planner.join_full(PEER, Kind::Peer);
    assert_eq!(armed(&planner), Some(urgent), "of the point nothing is known");
    assert_eq!(planner.catch_up_from(at(0), 1), 1);
    planner.arm_paid(at(0));
    assert_eq!(armed(&planner), Some(urgent), "it is behind the point");
    planner.round_trip(at(0), PEER, ms(200_000));
    planner.catch_up.reset();
    assert!(planner.catch_up_from(at(0), 1) > 1);
    planner.arm_paid(at(0));
    assert_eq!(armed(&planner), Some(due.before(ms(15_000))));
    planner.set_clock(at(0), Clock::Waiting { position_ms: 0 });
    assert_eq!(armed(&planner), None, "no deadline comes nearer");
    planner.set_clock(at(0), Clock::Never);
    assert_eq!(armed(&planner), Some(at(10_000)), "peers have had their chance");
}
