//! Neighbours that no honest client has: each gains nothing, harms nobody else, and costs a bounded amount.

use crate::rig::{ME, Rig, messages, name, queries, reads, slots};
use spotp2p::swarm::SlotState::{Queued, Refused, Served};
use spotp2p::swarm::{
    Direction, Fault, Hit, NoRoom, Origin, Output, PeerId, PeerMessage, Pressure, QueryId, SlotRefusal,
    WIDE_QUERY,
};
use spotproto::Seed;
use spotproto::message::Urgency::{Next, Offline, Playing};
use spotproto::ticket::Pseudonym;

const FLOOD: [Output<u32>; 1] = [Output::Fault { peer: PeerId(0), fault: Fault::Flood }];

fn hit(id: QueryId, holder: u32) -> PeerMessage<u32> {
    PeerMessage::Hit(Hit { id, holder: name(holder) })
}

#[test]
fn a_flood_of_queries_is_dropped_then_ends_the_link_and_others_hear_little_of_it() {
    let mut rig = Rig::new(60);
    let (mut passed_on, mut sent) = (0, 0);
    let ended = loop {
        rig.says_query(0, sent, 2500, true);
        sent += 1;
        let outputs = rig.outputs();
        passed_on += queries(&outputs).len();
        if queries(&outputs).len() != outputs.len() {
            break outputs;
        }
        assert!(sent < 1000);
    };
    assert_eq!(ended, FLOOD);
    let taken = 60 / u64::from(WIDE_QUERY);
    assert_eq!((sent, passed_on as u64), (4 * taken, 59 * taken));
    assert_eq!(u64::from(rig.swarm.stats().messages_dropped), 3 * taken);
    rig.says_query(0, 5000, 7, true);
    assert_eq!(rig.outputs(), [], "it is gone");
}

#[test]
fn a_want_beyond_what_is_listened_to_is_refused_and_none_is_left_waiting() {
    let mut rig = Rig::new(2);
    rig.says_want(0, 7, Playing);
    (0..59).for_each(|_| rig.says_slot(0, 7, Served));
    rig.outputs();
    rig.says_want(0, 8, Playing);
    assert_eq!(slots(&rig.outputs()), [(0, 8, Refused(SlotRefusal::Busy))]);
    rig.says_want(0, 7, Next);
    assert_eq!(slots(&rig.outputs()), [(0, 7, Refused(SlotRefusal::Busy))]);
    rig.requests(0, 1, 7, 0, 9);
    assert_eq!(reads(&rig.outputs()), [], "its slot is gone");
}

#[test]
fn a_slow_flood_of_queries_never_reaches_a_neighbour_faster_than_it_may() {
    let mut rig = Rig::new(60);
    let mut to_last = 0;
    for n in 0..59 {
        (0..10).for_each(|query| rig.says_query(n, u64::from(n * 100 + query), 2500, true));
        to_last += queries(&rig.outputs()).iter().filter(|(to, _)| *to == 59).count();
    }
    assert_eq!(to_last, 40);
    assert!(rig.swarm.stats().queries_held_back > 0);
    assert_eq!(rig.swarm.neighbours(), 60);
}

#[test]
fn what_is_passed_on_for_others_waits_for_nobody_who_does_not_drain() {
    let mut rig = Rig::new(60);
    for n in 0..60 {
        (0..10).for_each(|query| rig.says_query(n, u64::from(n * 100 + query), 2500, true));
    }
    assert!(!rig.swarm.wants_input());
    assert!(rig.outputs().len() <= 64 + 59);
}

#[test]
fn forged_hits_are_counted_lead_nowhere_and_end_the_link_when_they_do_not_stop() {
    let mut rig = Rig::new(12);
    rig.swarm.want(rig.now, 7, Playing);
    let asked = queries(&rig.outputs());
    let id = asked[0].1.id;
    let not_asked = (0..12).find(|n| asked.iter().all(|(to, _)| to != n)).unwrap();
    let (one, other) = (asked[0].0, asked[1].0);
    rig.say(not_asked, hit(id, not_asked));
    rig.say(one, hit(id, other));
    rig.say(one, hit(QueryId(id.0 ^ 1), one));
    rig.say(one, PeerMessage::Hit(Hit { id, holder: ME }));
    assert_eq!((rig.outputs(), rig.swarm.stats().hits_forged), (vec![], 4));
    for _ in 0..250 {
        rig.say(one, hit(QueryId(1), one));
    }
    assert_eq!(rig.outputs(), [Output::Fault { peer: PeerId(one), fault: Fault::Flood }]);
}

#[test]
fn a_neighbour_that_invents_holders_fills_half_of_the_answers_and_earns_nothing() {
    let mut rig = Rig::new(3);
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    rig.swarm.want(rig.now, 7, Playing);
    let id = queries(&rig.outputs())[0].1.id;
    (100..140).for_each(|n| rig.say(0, hit(id, n)));
    assert_eq!((rig.swarm.stats().hits_used, rig.swarm.stats().hits_ignored), (10, 30));
    rig.outputs();
    (200..205).for_each(|n| rig.say(1, hit(id, n)));
    assert_eq!(rig.swarm.stats().hits_used, 15, "the honest one is heard");
}

#[test]
fn a_peer_that_wants_a_thousand_files_has_four_wants_and_one_slot() {
    let mut rig = Rig::new(2);
    let mut told = Vec::new();
    for file in 0..1000 {
        rig.says_want(0, file, Playing);
        let outputs = rig.outputs();
        told.extend(slots(&outputs));
        if outputs == FLOOD {
            break;
        }
    }
    assert_eq!(rig.swarm.neighbours(), 1, "a flood");
    let count = |wanted: fn(&spotp2p::swarm::SlotState) -> bool| {
        told.iter().filter(|(_, _, state)| wanted(state)).count()
    };
    assert_eq!(told.len(), 239);
    assert_eq!((count(|s| *s == Served), count(|s| matches!(s, Queued { .. }))), (1, 3));
    assert_eq!(count(|s| *s == Refused(SlotRefusal::Busy)), 235);
    rig.says_want(1, 7, Offline);
    assert_eq!(slots(&rig.outputs()), [(1, 7, Served)]);
}

#[test]
fn slots_queued_without_end_are_bounded_and_every_neighbour_finds_room_for_one() {
    let mut rig = Rig::new(60);
    for n in 0..59 {
        (0..4).for_each(|file| rig.says_want(n, n * 4 + file, Playing));
    }
    let accepted = slots(&rig.outputs()).iter().filter(|(_, _, s)| !matches!(s, Refused(_))).count();
    assert!(accepted <= 59 + 32 + 4, "{accepted}");
    rig.says_want(59, 7, Next);
    assert!(matches!(slots(&rig.outputs())[..], [(59, 7, Queued { .. })]));
}

#[test]
fn a_peer_that_holds_a_slot_and_asks_for_nothing_loses_it_to_who_waits() {
    let mut rig = Rig::new(5);
    (0..5).for_each(|n| rig.says_want(n, 7, Playing));
    rig.outputs();
    let told = slots(&rig.wait_seconds(11));
    assert!(told.contains(&(4, 7, Served)), "{told:?}");
    // It does not come back by its urgency until it asks anew.
    rig.says_want(4, 7, Next);
    rig.requests(4, 1, 7, 0, 9);
    let back = slots(&rig.wait_seconds(5));
    assert!(back.iter().all(|(to, _, state)| *state != Served || *to == 4), "{back:?}");
}

#[test]
fn a_peer_that_never_reads_holds_a_few_pieces_and_loses_its_slot() {
    let mut rig = Rig::new(5);
    (0..5).for_each(|n| rig.says_want(n, 7, Playing));
    (0..4).for_each(|n| rig.requests(n, 1, 7, 0, 256));
    assert_eq!(reads(&rig.outputs()).len(), 4 * 5);
    for _ in 0..19 {
        rig.wait_seconds(1);
        (1..4).for_each(|n| rig.swarm.sent(rig.now, PeerId(n), 1, 16_384));
    }
    let outputs = rig.wait_seconds(2);
    assert_eq!(slots(&outputs)[..2], [(0, 7, Queued { place: 0 }), (4, 7, Served)]);
    assert!(reads(&outputs).iter().all(|(to, ..)| *to != 0));
}

#[test]
fn a_promise_that_is_not_kept_is_no_source_any_more() {
    let mut rig = Rig::new(2);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    rig.says_slot(0, 7, Served);
    rig.swarm.requested(rig.now, PeerId(0), 7, 5);
    rig.outputs();
    let outputs = rig.wait_seconds(10);
    assert!(outputs.contains(&Output::SourceDown { peer: PeerId(0), file: 7 }));
    assert_eq!(rig.swarm.stats().promises_broken, 1);
    rig.says_slot(0, 7, Served);
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    assert_eq!((rig.outputs(), rig.swarm.stats().slots_unasked), (vec![], 1));
}

#[test]
fn a_peer_that_says_it_has_what_it_has_not_is_not_asked_again_for_a_while() {
    let mut rig = Rig::new(2);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    rig.says_slot(0, 7, Served);
    rig.outputs();
    rig.swarm.missing(rig.now, PeerId(0), 7);
    assert_eq!(rig.outputs()[0], Output::SourceDown { peer: PeerId(0), file: 7 });
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    assert_eq!(rig.outputs(), []);
    rig.wait_seconds(60);
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    assert_eq!(messages(&rig.outputs()).len(), 1);
}

#[test]
fn a_forged_piece_ends_the_link() {
    let mut rig = Rig::new(2);
    rig.swarm.forged(rig.now, PeerId(0));
    assert_eq!(rig.outputs(), [Output::Fault { peer: PeerId(0), fault: Fault::BadPiece }]);
    rig.swarm.forged(rig.now, PeerId(0));
    assert_eq!((rig.outputs(), rig.swarm.neighbours()), (vec![], 1));
}

#[test]
fn who_was_blamed_is_neither_dialled_nor_let_in_until_the_next_log_in() {
    let mut rig = Rig::new(1);
    rig.swarm.forged(rig.now, PeerId(0));
    rig.swarm.want(rig.now, 7, Playing);
    rig.wait_seconds(3_600);
    rig.outputs();
    rig.swarm.found(rig.now, 7, &[name(0), name(1)], Origin::Tracker);
    assert_eq!(rig.outputs(), [Output::Dial { holder: name(1), file: 7 }]);
    let opens = |rig: &mut Rig| rig.swarm.opened(rig.now, PeerId(2), name(0), Direction::Theirs);
    assert_eq!(opens(&mut rig), Err(NoRoom::Blamed));
    rig.swarm.new_log_in(rig.now, ME, Seed([2; 32]));
    assert_eq!(opens(&mut rig), Ok(()));
}

#[test]
fn a_neighbour_that_flaps_its_slots_is_a_flooder() {
    let mut rig = Rig::new(2);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &[name(0)], Origin::Tracker);
    rig.outputs();
    for n in 0..300u32 {
        rig.says_slot(0, 7, if n % 2 == 0 { Served } else { Queued { place: 1 } });
    }
    let outputs = rig.outputs();
    assert_eq!(outputs.last(), FLOOD.last());
    assert!(outputs.len() <= 62);
}

#[test]
fn a_flood_of_withdrawals_and_stray_requests_ends_the_link_too() {
    let mut rig = Rig::new(2);
    (0..300).for_each(|file| rig.says_want_no_more(0, file));
    assert_eq!(rig.outputs(), FLOOD);
    (0..300).for_each(|channel| rig.requests(1, channel, 7, 0, 1));
    assert_eq!(rig.outputs().last(), Some(&Output::Fault { peer: PeerId(1), fault: Fault::Flood }));
}

/// What a neighbour that was there before and after a log-in gets to see, link keys and pseudonyms apart, which are new.
#[test]
fn a_neighbour_can_not_recognise_us_after_a_new_log_in() {
    let mut rig = Rig::new(1);
    rig.swarm.want(rig.now, 7, Playing);
    let before = queries(&rig.outputs())[0].1.id;
    rig.says_query(0, 99, 8, true);
    assert_eq!(messages(&rig.outputs()).len(), 1);
    rig.swarm.found(rig.now, 7, &[name(5)], Origin::Tracker);
    rig.outputs();
    rig.swarm.dial_failed(rig.now, name(5));

    rig.swarm.new_log_in(rig.now, Pseudonym([0xdd; 16]), Seed([2; 32]));
    rig.outputs();
    rig.open(1).unwrap();
    // A query that we saw is new to us, and answered in the new name.
    rig.says_query(1, 99, 8, true);
    let answer = PeerMessage::Hit(Hit { id: QueryId(99), holder: Pseudonym([0xdd; 16]) });
    assert_eq!(messages(&rig.outputs()), [(1, answer)]);
    // An answer to the old query is to nothing.
    rig.say(1, PeerMessage::Hit(Hit { id: before, holder: name(1) }));
    assert_eq!((rig.outputs(), rig.swarm.stats().hits_forged), (vec![], 1));
    // The new query's name is none that goes on from the old one, and who could not be reached is tried at once.
    rig.swarm.search(rig.now, 7);
    let mut same_log_in = Rig::new(1);
    same_log_in.swarm.want(same_log_in.now, 6, Playing);
    same_log_in.outputs();
    same_log_in.swarm.want(same_log_in.now, 7, Playing);
    let continued = queries(&same_log_in.outputs())[0].1.id;
    let after = queries(&rig.outputs())[0].1.id;
    assert!(after != before && after != continued);
    rig.swarm.found(rig.now, 7, &[name(5)], Origin::Tracker);
    assert_eq!(rig.outputs(), [Output::Dial { holder: name(5), file: 7 }]);
}
