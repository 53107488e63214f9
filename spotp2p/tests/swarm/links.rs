//! How many links there are, which go, and what a log-in leaves.

use crate::rig::{ME, Rig, name, queries};
use spotp2p::swarm::SlotState::Served;
use spotp2p::swarm::{Config, Direction, Mode, NoRoom, Origin, Output, PeerId, PeerMessage, Slot, Swarm};
use spotproto::content::PIECE_LEN;
use spotproto::message::Urgency::Playing;
use spotproto::ticket::Pseudonym;
use spotproto::{Instant, Seed};

fn dials(outputs: &[Output<u32>]) -> Vec<Pseudonym> {
    let dialled = outputs.iter().filter_map(|output| match output {
        Output::Dial { holder, .. } => Some(*holder),
        _ => None,
    });
    dialled.collect()
}

fn hung_up(outputs: &[Output<u32>]) -> Vec<u32> {
    let ended = outputs.iter().filter_map(|output| match output {
        Output::HangUp(peer) => Some(peer.0),
        _ => None,
    });
    ended.collect()
}

#[test]
fn nobody_is_dialled_above_the_soft_limit_and_nobody_let_in_above_the_hard_one() {
    let mut rig = Rig::new(49);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    let holders: Vec<_> = (100..110).map(name).collect();
    rig.swarm.found(rig.now, 7, &holders, Origin::Tracker);
    assert_eq!(dials(&rig.outputs()), [name(100)]);
    (49..59).for_each(|n| assert_eq!(rig.open(n), Ok(())));
    assert!(rig.swarm.may_accept());
    assert_eq!(rig.open(59), Ok(()));
    assert!(!rig.swarm.may_accept());
    assert_eq!(rig.open(60), Err(NoRoom::Full));
    rig.swarm.dial_failed(rig.now, name(100));
    assert_eq!(dials(&rig.outputs()), []);
}

#[test]
fn above_the_soft_limit_the_least_useful_go_and_leave_head_room() {
    let mut rig = Rig::new(40);
    rig.wait_seconds(90);
    (40..56).for_each(|n| rig.open(n).unwrap());
    // Ten of the old ones were of use.
    (0..10).for_each(|n| rig.swarm.sent(rig.now, PeerId(n), 1, PIECE_LEN));
    let gone = hung_up(&rig.wait_seconds(60));
    assert_eq!(gone.len(), 11);
    assert!(gone.iter().all(|n| (10..40).contains(n)), "{gone:?}");
    assert_eq!((rig.swarm.neighbours(), rig.swarm.stats().pruned), (45, 11));
    assert_eq!(rig.swarm.poll_timeout(), None, "no pruning while there is room");
}

#[test]
fn who_has_as_many_links_as_are_dialled_for_lets_useless_ones_go_for_somebody_who_has_what_plays() {
    let mut rig = Rig::new(50);
    rig.wait_seconds(90);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    rig.swarm.found(rig.now, 7, &[name(100)], Origin::Tracker);
    let outputs = rig.outputs();
    assert_eq!((hung_up(&outputs).len(), dials(&outputs)), (5, vec![name(100)]));
    assert_eq!(rig.swarm.stats().pruned, 5);
}

#[test]
fn a_link_that_carries_what_plays_is_never_pruned() {
    let mut config = Config::default();
    (config.neighbours.soft, config.neighbours.prune_to) = (2, 0);
    let mut rig = Rig::with(2, config);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &[name(1)], Origin::Tracker);
    rig.says_slot(1, 7, Served);
    rig.open(2).unwrap();
    rig.outputs();
    rig.wait_seconds(59);
    rig.swarm.requested(rig.now, PeerId(1), 7, 3);
    assert_eq!(hung_up(&rig.wait_seconds(1)), [0, 2]);
}

#[test]
fn nobody_moves_up_before_all_who_are_pruned_are_gone() {
    let mut config = Config::default();
    (config.neighbours.soft, config.neighbours.prune_to, config.uploads.slots) = (3, 2, 2);
    let mut rig = Rig::with(4, config);
    rig.wait_seconds(50);
    // Two have slots and ask for nothing: they lose them when they are pruned, to the two that wait.
    (0..4).for_each(|n| rig.says_want(n, 7, Playing));
    rig.outputs();
    let served = |n| {
        let slot = Slot { file: 7, state: Served };
        Output::Send { to: PeerId(n), message: PeerMessage::Slot(slot) }
    };
    let hang_up = |n| Output::HangUp(PeerId(n));
    assert_eq!(rig.wait_seconds(10), [hang_up(0), hang_up(1), served(2), served(3)]);
}

#[test]
fn a_second_link_to_the_same_peer_or_to_oneself_is_not_kept() {
    let mut rig = Rig::new(1);
    assert_eq!(rig.swarm.opened(rig.now, PeerId(9), name(0), Direction::Theirs), Err(NoRoom::Known));
    assert_eq!(rig.swarm.opened(rig.now, PeerId(0), name(9), Direction::Theirs), Err(NoRoom::Known));
    assert_eq!(rig.swarm.opened(rig.now, PeerId(9), ME, Direction::Theirs), Err(NoRoom::Myself));
    let mut stranger = Swarm::<u32>::new(Config::default());
    assert!(!stranger.may_accept());
    assert_eq!(stranger.opened(rig.now, PeerId(9), name(0), Direction::Theirs), Err(NoRoom::Alone));
}

#[test]
fn on_a_metered_line_there_are_no_peers_at_all() {
    let mut rig = Rig::new(3);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    rig.swarm.set_mode(rig.now, Mode::Alone);
    rig.swarm.found(rig.now, 7, &[name(50)], Origin::Tracker);
    assert_eq!(rig.outputs(), [0, 1, 2].map(|n| Output::HangUp(PeerId(n))));
    assert_eq!((rig.open(5), rig.swarm.may_accept()), (Err(NoRoom::Alone), false));
    rig.swarm.set_mode(rig.now, Mode::Full);
    assert_eq!(dials(&rig.outputs()), [name(50)]);
}

#[test]
fn caps_can_be_changed_while_it_runs() {
    let mut rig = Rig::new(30);
    rig.wait_seconds(61);
    let mut config = Config::default();
    (config.neighbours.soft, config.neighbours.hard, config.neighbours.prune_to) = (20, 25, 18);
    rig.swarm.set_config(rig.now, config);
    assert_eq!(rig.open(99), Err(NoRoom::Full));
    assert_eq!(hung_up(&rig.wait_seconds(60)).len(), 12);
}

#[test]
fn an_idle_swarm_wakes_for_nothing() {
    let mut rig = Rig::new(50);
    assert_eq!((rig.swarm.poll_timeout(), rig.wait_seconds(86_400)), (None, vec![]));
}

#[test]
fn a_suspended_laptop_settles_at_once() {
    let mut rig = Rig::new(55);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &(0..99).map(name).collect::<Vec<_>>(), Origin::Tracker);
    (0..9).for_each(|n| rig.says_want(n, 7, Playing));
    rig.outputs();
    rig.now = Instant::from_micros(u64::from(u32::MAX) * 1_000_000);
    for _ in 0..8 {
        rig.swarm.handle_timeout(rig.now);
        rig.outputs();
        if rig.swarm.poll_timeout().is_none_or(|at| at > rig.now) {
            return;
        }
    }
    panic!("still due");
}

#[test]
fn a_log_in_ends_links_and_candidates_and_keeps_what_is_wanted() {
    let mut rig = Rig::new(3);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.found(rig.now, 7, &[name(0), name(80)], Origin::Tracker);
    rig.says_slot(0, 7, Served);
    rig.outputs();
    rig.swarm.new_log_in(rig.now, Pseudonym([0xdd; 16]), Seed([2; 32]));
    let outputs = rig.outputs();
    assert!(outputs.contains(&Output::SourceDown { peer: PeerId(0), file: 7 }));
    assert_eq!((hung_up(&outputs).len(), outputs.len(), rig.swarm.poll_timeout()), (3, 4, None));
    // The peer that was being dialled for the old log-in is a stranger now, and what was wanted is searched for anew.
    assert_eq!(rig.swarm.opened(rig.now, PeerId(9), name(80), Direction::Ours), Ok(()));
    assert_eq!(rig.outputs(), []);
    rig.swarm.search(rig.now, 7);
    assert_eq!(queries(&rig.outputs()).len(), 1);
}
