//! Who is served, when slots change hands, and what is read.

use crate::rig::{Rig, reads, slots};
use alloc::collections::BTreeSet;
use core::time::Duration;
use spotp2p::swarm::SlotState::{Queued, Refused, Served};
use spotp2p::swarm::{
    Config, Holding, Mode, Output, PeerId, PeerMessage, Pressure, SlotRefusal, UploadConfig, Want,
};
use spotproto::content::PIECE_LEN;
use spotproto::message::Refusal;
use spotproto::message::Urgency::{Next, Offline, Playing};

fn uploads(change: impl Fn(&mut UploadConfig)) -> Config {
    let mut config = Config::default();
    change(&mut config.uploads);
    config
}

/// Four neighbours have a slot and keep it busy; the others wait.
fn crowded(waiting: u32) -> Rig {
    let mut rig = Rig::new(4 + waiting);
    for n in 0..4 {
        rig.says_want(n, n, Next);
        rig.requests(n, 1, n, 0, 200);
    }
    for n in 4..4 + waiting {
        rig.says_want(n, n, Next);
    }
    rig.outputs();
    rig
}

#[test]
fn four_are_served_and_the_others_are_told_their_place() {
    let mut rig = Rig::new(6);
    (0..6).for_each(|n| rig.says_want(n, 7, Playing));
    let told: Vec<_> = slots(&rig.outputs()).into_iter().map(|(to, _, state)| (to, state)).collect();
    let queued = |place| Queued { place };
    assert_eq!(told, [(0, Served), (1, Served), (2, Served), (3, Served), (4, queued(0)), (5, queued(1))]);
    (0..5).for_each(|n| rig.requests(n, 1, 7, 0, 99));
    rig.says_want_no_more(2, 7);
    assert_eq!(slots(&rig.outputs()), [(4, 7, Served)]);
    rig.requests(4, 2, 7, 0, 99);
    assert_eq!(slots(&rig.wait_seconds(10)), [(5, 7, queued(0))]);
}

#[test]
fn what_plays_takes_the_slot_of_what_does_not_but_not_at_once() {
    let mut rig = crowded(0);
    rig.open(9).unwrap();
    rig.says_want(9, 7, Playing);
    assert_eq!(slots(&rig.outputs()), [(9, 7, Queued { place: 0 })]);
    assert_eq!(slots(&rig.wait(Duration::from_millis(4999))), []);
    let outputs = rig.wait(Duration::from_millis(1));
    let told = slots(&outputs);
    assert_eq!((told[1], told[0].2), ((9, 7, Served), Queued { place: 0 }));
    // What the one that lost the slot had asked for, and was not begun, is refused.
    assert!(outputs.iter().any(|output| matches!(output, Output::Refuse { why: Refusal::Busy, .. })));
    assert_eq!(slots(&rig.wait_seconds(4)), [], "it flaps");
}

#[test]
fn equals_keep_their_slots_unless_one_is_clearly_faster() {
    let mut rig = crowded(2);
    assert_eq!(slots(&rig.wait_seconds(9)), []);
    // Neighbour 4 gets a slot and turns out fast, the others are slow.
    rig.says_want_no_more(0, 0);
    rig.outputs();
    let serve = |rig: &mut Rig, n: u32, millis: u64| {
        rig.requests(n, 5, n, 0, 20);
        for _ in 0..20 {
            rig.wait(Duration::from_millis(millis));
            rig.swarm.sent(rig.now, PeerId(n), 5, PIECE_LEN);
        }
    };
    serve(&mut rig, 4, 5);
    for n in 1..4 {
        (0..8).for_each(|_| {
            rig.wait(Duration::from_millis(200));
            rig.swarm.sent(rig.now, PeerId(n), 1, PIECE_LEN);
        });
    }
    rig.says_want_no_more(4, 4);
    let before = slots(&rig.outputs());
    assert!(before.contains(&(5, 5, Served)), "{before:?}");
    rig.says_want(4, 4, Next);
    let told = [slots(&rig.outputs()), slots(&rig.wait_seconds(1))].concat();
    assert!(told.contains(&(4, 4, Served)), "{told:?}");
}

#[test]
fn a_peer_has_one_slot_however_much_it_wants() {
    let mut rig = Rig::new(2);
    (0..4).for_each(|file| rig.says_want(0, file, Next));
    let served = slots(&rig.outputs()).iter().filter(|(_, _, state)| *state == Served).count();
    assert_eq!(served, 1);
    rig.says_want(1, 9, Offline);
    assert_eq!(slots(&rig.outputs()), [(1, 9, Served)]);
}

#[test]
fn a_peer_plays_one_file_at_a_time() {
    let mut rig = crowded(0);
    rig.open(9).unwrap();
    rig.open(10).unwrap();
    rig.says_want(9, 7, Playing);
    rig.says_want(9, 8, Playing);
    rig.says_want(10, 9, Playing);
    rig.outputs();
    let served: Vec<_> = slots(&rig.wait_seconds(5)).into_iter().filter(|(_, _, s)| *s == Served).collect();
    assert!(served.contains(&(9, 8, Served)) && served.contains(&(10, 9, Served)), "{served:?}");
    assert!(!served.contains(&(9, 7, Served)));
}

#[test]
fn who_is_refused_hears_so_before_somebody_else_gets_its_slot() {
    let slot = |file, state| (0, file, state);
    // The first because its file is not here any more, the second because it talks too much.
    let waiting = || {
        let mut rig = Rig::new(1);
        rig.says_want(0, 7, Playing);
        rig.says_want(0, 6, Offline);
        assert_eq!(slots(&rig.outputs()), [slot(7, Served), slot(6, Queued { place: 0 })]);
        rig
    };
    let mut rig = waiting();
    let want = PeerMessage::Want(Want { file: 7, urgency: Some(Playing) });
    rig.swarm.message(rig.now, PeerId(0), want, &|_: &u32| Holding::Nothing);
    let gone = Refused(SlotRefusal::NotHere);
    assert_eq!(slots(&rig.outputs()), [slot(7, gone), slot(6, Served)]);
    let mut rig = waiting();
    let mut told = (0..1_000).map(|_| {
        rig.says_want(0, 7, Playing);
        slots(&rig.outputs())
    });
    let refused = told.find(|told| *told != [slot(7, Served)]);
    assert_eq!(refused, Some(vec![slot(7, Refused(SlotRefusal::Busy)), slot(6, Served)]));
}

#[test]
fn pieces_are_read_as_the_line_takes_them() {
    let mut rig = Rig::new(1);
    rig.says_want(0, 7, Playing);
    rig.requests(0, 3, 7, 10, 20);
    let first = reads(&rig.outputs());
    assert_eq!(first, (10..15).map(|piece| (0, 3, piece)).collect::<Vec<_>>());
    rig.swarm.round_trip(rig.now, PeerId(0), Duration::from_millis(50));
    let mut next = 15;
    while next < 30 {
        rig.wait(Duration::from_millis(20));
        rig.swarm.sent(rig.now, PeerId(0), 3, PIECE_LEN);
        for read in reads(&rig.outputs()) {
            assert_eq!(read, (0, 3, next));
            next += 1;
        }
    }
    // 820 kB/s at 50 ms are two and a half pieces.
    assert_eq!(rig.swarm.stats().requests_refused, 0);
}

#[test]
fn a_request_without_a_slot_or_too_large_is_refused() {
    let mut rig = Rig::new(6);
    (0..5).for_each(|n| rig.says_want(n, 7, Playing));
    rig.outputs();
    rig.requests(4, 1, 7, 0, 4);
    rig.requests(0, 2, 8, 0, 4);
    rig.requests(0, 3, 7, 0, 257);
    rig.requests(0, 4, 7, 0, 0);
    rig.requests(0, 5, 7, u32::MAX, 2);
    rig.requests(5, 6, 7, 0, 1);
    let refused = [(4, 1), (0, 2), (0, 3), (0, 4), (0, 5), (5, 6)];
    let expected =
        refused.map(|(to, channel)| Output::Refuse { to: PeerId(to), channel, why: Refusal::Busy });
    assert_eq!(rig.outputs(), expected);
    assert_eq!(rig.swarm.stats().requests_refused, 6);
}

#[test]
fn a_withdrawn_request_is_read_no_further() {
    let mut rig = Rig::new(1);
    rig.says_want(0, 7, Playing);
    rig.requests(0, 1, 7, 0, 100);
    rig.requests(0, 2, 7, 200, 100);
    assert_eq!(reads(&rig.outputs()).len(), 5);
    rig.swarm.cancelled(rig.now, PeerId(0), 1);
    let outputs = rig.outputs();
    assert!(reads(&outputs).iter().all(|(_, channel, _)| *channel == 2) && reads(&outputs).len() == 5);
    rig.swarm.unreadable(rig.now, PeerId(0), 2, Refusal::NotFound);
    let refused = Output::Refuse { to: PeerId(0), channel: 2, why: Refusal::NotFound };
    assert_eq!(rig.outputs(), [refused]);
}

#[test]
fn the_rate_is_kept_and_can_be_changed() {
    let config = |rate| uploads(|uploads| uploads.rate = rate);
    let mut rig = Rig::with(1, config(100_000));
    rig.says_want(0, 7, Playing);
    rig.requests(0, 1, 7, 0, 256);
    let count = |rig: &mut Rig, seconds: u64| {
        let mut pieces = 0;
        for _ in 0..seconds * 100 {
            let read = reads(&rig.wait(Duration::from_millis(10))).len();
            (0..read).for_each(|_| rig.swarm.sent(rig.now, PeerId(0), 1, PIECE_LEN));
            pieces += read;
        }
        pieces
    };
    let slow = count(&mut rig, 10);
    assert!((61..=65).contains(&slow), "{slow} pieces in ten seconds");
    rig.swarm.set_config(rig.now, config(0));
    assert!(count(&mut rig, 1) > 100);
}

#[test]
fn uploads_stop_when_the_own_buffer_is_very_low_and_come_back_when_it_is_fine() {
    let mut rig = Rig::new(2);
    rig.says_want(0, 7, Playing);
    rig.requests(0, 1, 7, 0, 200);
    rig.outputs();
    rig.swarm.set_pressure(rig.now, Pressure::VeryLow);
    assert_eq!(slots(&rig.outputs()), [(0, 7, Queued { place: 0 })]);
    rig.says_want(1, 7, Playing);
    rig.requests(0, 2, 7, 0, 10);
    let outputs = rig.outputs();
    assert_eq!((slots(&outputs), reads(&outputs)), (vec![(1, 7, Queued { place: 1 })], vec![]));
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    assert_eq!(rig.wait_seconds(60), []);
    rig.swarm.set_pressure(rig.now, Pressure::Fine);
    assert_eq!(slots(&rig.outputs()), [(0, 7, Served), (1, 7, Served)]);
}

#[test]
fn who_only_takes_serves_nobody_and_says_so() {
    let mut rig = Rig::new(6);
    (0..5).for_each(|n| rig.says_want(n, 7, Next));
    rig.outputs();
    rig.swarm.set_mode(rig.now, Mode::TakeOnly);
    rig.says_want(5, 7, Playing);
    let told = slots(&rig.outputs());
    assert_eq!(told.len(), 6);
    assert!(told.iter().all(|(_, _, state)| *state == Refused(SlotRefusal::Off)));
    rig.says_query(0, 1, 7, false);
    assert_eq!(rig.outputs(), []);
    rig.swarm.set_mode(rig.now, Mode::Full);
    rig.says_want(5, 7, Playing);
    assert_eq!(slots(&rig.outputs()), [(5, 7, Served)]);
}

#[test]
fn whole_files_are_served_and_parts_only_where_that_is_switched_on() {
    for (partial, state) in [(false, Refused(SlotRefusal::NotHere)), (true, Served)] {
        let mut rig = Rig::with(1, uploads(|uploads| uploads.partial = partial));
        rig.says_want(0, 1500, Playing);
        rig.says_want(0, 2500, Playing);
        let not_here = Refused(SlotRefusal::NotHere);
        assert_eq!(slots(&rig.outputs()), [(0, 1500, state), (0, 2500, not_here)]);
    }
}

#[test]
fn a_file_that_is_evicted_is_refused_to_all_who_want_it() {
    let mut rig = Rig::new(6);
    (0..6).for_each(|n| rig.says_want(n, 7, Next));
    rig.requests(0, 1, 7, 0, 200);
    rig.outputs();
    rig.swarm.lost(rig.now, 7);
    let outputs = rig.outputs();
    assert_eq!(slots(&outputs).len(), 6);
    assert!(outputs.contains(&Output::Refuse { to: PeerId(0), channel: 1, why: Refusal::Busy }));
    rig.requests(0, 2, 7, 0, 1);
    assert_eq!(reads(&rig.outputs()), []);
}

#[test]
fn idle_slots_go_round_among_those_who_wait_one_at_a_time() {
    let mut rig = Rig::with(3, uploads(|uploads| uploads.slots = 2));
    (0..3).for_each(|n| rig.says_want(n, 7, Playing));
    let mut told = slots(&rig.outputs());
    told.extend(slots(&rig.wait_seconds(60)));
    let mut served = BTreeSet::new();
    for (n, _, state) in &told {
        if *state == Served {
            served.insert(*n)
        } else {
            served.remove(n)
        };
        assert!(served.len() <= 2, "{told:?}");
    }
    assert!((10..30).contains(&told.len()), "{told:?}");
}
