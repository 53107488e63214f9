//! What sources may be asked for, and when.

use crate::world::{Character, FAR_AHEAD, PIECES, World, at, ms};
use spotp2p::planner::{
    Ask, Clock, Curve, Decision, Holds, Kind, Outcome, Output, Planner, Policy, Slot, Source, Why,
};
use spotproto::content::{LEAF_GROUP, PIECE_LEN};
use spotproto::message::{PieceRange, Urgency};

const SERVER: Source = Source(0);

fn planner(policy: Policy) -> Planner {
    Planner::new(at(0), FAR_AHEAD, Curve::even(PIECES, 1, 210_000).unwrap(), policy)
}

fn asks(planner: &mut Planner) -> Vec<Ask> {
    let asks = core::iter::from_fn(|| planner.poll_output()).filter_map(|output| match output {
        Output::Ask(ask) => Some(ask),
        Output::Cancel { .. } => None,
    });
    asks.collect()
}

#[test]
fn only_sources_that_serve_are_asked_and_what_a_queued_one_was_asked_moves_at_once() {
    let mut planner = planner(Policy::PLAYING);
    planner.add(at(0), Source(1), Kind::Peer, Holds::All, Slot::Offered);
    assert_eq!(asks(&mut planner), []);
    planner.set_slot(at(1), Source(1), Slot::Served);
    let first = asks(&mut planner);
    assert_eq!(first[0].pieces.start, 0);
    planner.add(at(2), Source(2), Kind::Peer, Holds::All, Slot::Served);
    assert_eq!(asks(&mut planner).len(), 1);
    planner.set_slot(at(3), Source(1), Slot::Queued);
    planner.set_credit(at(3), Source(2), 100);
    assert!(planner.outstanding().all(|(_, source, _)| source == Source(2)));
    let (_, used) = planner.window(Source(2)).unwrap();
    let (piece, ..) = planner.outstanding().next().unwrap();
    planner.arrived(at(400), Source(2), piece, PIECE_LEN);
    assert_eq!(asks(&mut planner)[0].pieces.start, 0, "the most urgent first; {used} were under way");
}

#[test]
fn a_source_is_asked_for_no_more_than_its_credit_and_only_for_what_it_holds() {
    let mut planner = planner(Policy::PLAYING);
    let holds = Holds::ranges(vec![PieceRange { start: 60, count: 3 }, PieceRange { start: 63, count: 40 }]);
    planner.add(at(0), Source(1), Kind::Peer, holds, Slot::Offered);
    planner.set_credit(at(0), Source(1), 4);
    planner.set_slot(at(0), Source(1), Slot::Served);
    let asked = asks(&mut planner);
    let pieces: Vec<u32> = asked.iter().flat_map(|ask| ask.pieces.start..ask.pieces.end()).collect();
    assert_eq!(pieces, [60, 61, 62, 63]);
    assert_eq!(planner.window(Source(1)), Some((4, 4)));
    planner.refused(at(10), Source(1), PieceRange { start: 60, count: 2 });
    let again: Vec<u32> =
        asks(&mut planner).iter().flat_map(|ask| ask.pieces.start..ask.pieces.end()).collect();
    assert_eq!(again, [64, 65], "what was refused is not asked again");
}

#[test]
fn a_request_stays_within_a_group_of_leaves() {
    let mut planner = planner(Policy::OFFLINE);
    planner.add(at(0), Source(1), Kind::Lan, Holds::All, Slot::Served);
    let mut now = 0;
    let mut all = asks(&mut planner);
    while !planner.is_complete() {
        now += 1;
        let pieces: Vec<u32> = planner.outstanding().map(|(piece, ..)| piece).collect();
        for piece in pieces {
            planner.arrived(at(now), Source(1), piece, PIECE_LEN);
        }
        all.extend(asks(&mut planner));
    }
    assert!(all.iter().all(|ask| ask.pieces.start / LEAF_GROUP == (ask.pieces.end() - 1) / LEAF_GROUP));
    assert_eq!(all.iter().map(|ask| ask.pieces.count).sum::<u32>(), PIECES);
}

#[test]
fn the_next_track_comes_from_peers_alone_until_the_server_is_allowed() {
    let mut planner = planner(Policy::NEXT);
    planner.set_clock(at(0), Clock::Running { at: at(30_000), position_ms: 0 });
    planner.add(at(0), SERVER, Kind::Server, Holds::All, Slot::Served);
    assert_eq!(asks(&mut planner), []);
    planner.set_policy(at(20_000), Policy { server_allowed: true, ..Policy::NEXT });
    let asked = asks(&mut planner);
    assert_eq!((asked[0].source, asked[0].urgency, asked[0].pieces.start), (SERVER, Urgency::Next, 0));
    // Ten seconds to the end of this track, so five of the next one.
    planner.arrived(at(20_100), SERVER, 0, PIECE_LEN);
    let last = planner.outstanding().map(|(piece, ..)| piece).max().unwrap();
    assert!(last * 820 <= 5_000, "{last}");
}

#[test]
fn for_offline_listening_the_server_is_asked_when_peers_had_their_chance() {
    let mut planner = planner(Policy::OFFLINE);
    planner.add(at(0), SERVER, Kind::Server, Holds::All, Slot::Served);
    assert_eq!(asks(&mut planner), []);
    assert_eq!(planner.poll_timeout(), Some(at(10_000)));
    planner.add(at(2_000), Source(1), Kind::Peer, Holds::All, Slot::Served);
    assert_eq!(asks(&mut planner)[0].source, Source(1));
    planner.arrived(at(3_000), Source(1), 0, PIECE_LEN);
    planner.handle_timeout(at(10_000));
    assert!(asks(&mut planner).iter().all(|ask| ask.source != SERVER));
    planner.lost(at(11_000), Source(1));
    planner.handle_timeout(at(13_000));
    let asked = asks(&mut planner);
    assert_eq!((asked[0].source, asked[0].why, asked[0].urgency), (SERVER, Why::Patience, Urgency::Offline));
}

#[test]
fn pieces_that_come_with_an_open_are_counted_on_and_not_asked_again() {
    let mut planner = planner(Policy::PLAYING);
    planner.add(at(100), SERVER, Kind::Server, Holds::All, Slot::Offered);
    planner.promised(at(100), SERVER, PieceRange { start: 0, count: 4 }, at(0));
    planner.set_slot(at(100), SERVER, Slot::Offered);
    planner.add(at(100), Source(1), Kind::Peer, Holds::All, Slot::Served);
    assert!(asks(&mut planner).iter().all(|ask| ask.pieces.start >= 4));
    assert_eq!(planner.outstanding().filter(|(_, source, _)| *source == SERVER).count(), 4);
    planner.promised(at(100), SERVER, PieceRange { start: u32::MAX - 1, count: u32::MAX }, at(0));
    assert_eq!(planner.outstanding().filter(|(_, source, _)| *source == SERVER).count(), 4);
}

#[test]
fn a_silent_source_rests_and_has_one_piece_to_show_that_it_is_better() {
    let mut world = World::new(1).with_server().with_peers(3, 60);
    world.line(11).turns(Character::StallsAfter(2));
    world.run_until(9_000);
    assert_eq!(world.planner.window(Source(11)).map(|(_, used)| used), Some(0), "it was found out");
    let count = |world: &World| world.asks.iter().filter(|(_, ask, _)| ask.source == Source(11)).count();
    let before = count(&world);
    world.line(11).turns(Character::Honest);
    world.run_until(12_500);
    let later: Vec<u32> = world
        .asks
        .iter()
        .filter(|(_, ask, _)| ask.source == Source(11))
        .skip(before)
        .map(|(_, ask, _)| ask.pieces.count)
        .collect();
    assert!(later.is_empty() || later[0] == 1, "{later:?}");
    world.run();
    assert_eq!(world.stalls, 0);
}

#[test]
fn every_decision_is_told_with_its_reason_and_outcome_and_only_where_asked_for() {
    let mut world = World::new(2).with_server().with_peers(8, 40);
    world.line(12).turns(Character::StallsAfter(1));
    world.run();
    let told: Vec<Decision> = core::iter::from_fn(|| world.planner.next_decision()).collect();
    let stats = *world.planner.stats();
    assert_eq!(told.len() as u64, stats.asked);
    assert!(told.iter().all(|decision| decision.asked_at <= decision.ended_at));
    let arrived = told.iter().filter(|decision| decision.outcome == Outcome::Arrived).count() as u32;
    let unasked = PIECES - arrived;
    assert!(unasked <= 5, "{unasked} came after they were called back");
    assert!(told.iter().any(|decision| decision.why == Why::Cheapest && decision.kind == Kind::Peer));

    world.planner.keep_decisions(3);
    world.planner.forgotten(world.now, PieceRange { start: 0, count: 30 });
    world.run_until(400_000);
    assert!(world.planner.is_complete());
    assert_eq!(core::iter::from_fn(|| world.planner.next_decision()).count(), 3);
}

#[test]
fn a_paused_track_costs_nothing_once_it_has_what_it_needs() {
    let mut world = World::new(3).with_server();
    world.run_until(100);
    world.pause();
    world.run_until(60_000);
    assert!(world.planner.poll_timeout().is_none(), "{:?}", world.planner.poll_timeout());
}

#[test]
fn an_idle_source_and_a_finished_file_have_no_deadline() {
    let mut world = World::new(4).with_server().with_peers(5, 200);
    world.run();
    world.planner.handle_timeout(world.now + ms(100_000));
    assert_eq!(world.planner.poll_timeout(), None);
}
