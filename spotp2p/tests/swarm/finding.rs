//! Who is asked, who is believed, and whom that leads to.

use crate::rig::{ME, Rig, messages, name, queries};
use spotp2p::swarm::SlotState::{Queued, Refused, Served};
use spotp2p::swarm::{
    Config, Direction, Hit, Origin, Output, PeerId, PeerMessage, Pressure, QueryId, SlotRefusal, Want,
};
use spotproto::message::Urgency::{Next, Playing};

fn want(file: u32) -> PeerMessage<u32> {
    PeerMessage::Want(Want { file, urgency: Some(Playing) })
}

fn hit(id: QueryId, holder: u32) -> PeerMessage<u32> {
    PeerMessage::Hit(Hit { id, holder: name(holder) })
}

#[test]
fn a_wanted_file_is_searched_for_among_the_best_ten_and_not_beyond() {
    let mut rig = Rig::new(50);
    assert!(rig.swarm.want(rig.now, 7, Playing));
    let asked = queries(&rig.outputs());
    assert_eq!(asked.len(), 10);
    assert!(asked.iter().all(|(_, query)| query.file == 7 && !query.forward));
    rig.swarm.search(rig.now, 7);
    assert_eq!(rig.outputs(), [], "one query for a file in thirty seconds");
}

#[test]
fn under_pressure_all_are_asked_and_theirs_but_only_for_what_plays() {
    let mut rig = Rig::new(50);
    rig.swarm.want(rig.now, 7, Playing);
    rig.swarm.want(rig.now, 8, Next);
    rig.outputs();
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    let asked = queries(&rig.outputs());
    assert_eq!(asked.len(), 50);
    assert!(asked.iter().all(|(_, query)| query.file == 7 && query.forward));
    rig.swarm.set_pressure(rig.now, Pressure::VeryLow);
    assert_eq!(queries(&rig.outputs()), []);
}

#[test]
fn a_search_of_one_hop_asks_all_neighbours_and_none_of_theirs() {
    let mut config = Config::default();
    config.search.two_hops = false;
    let mut rig = Rig::with(50, config);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    let asked = queries(&rig.outputs());
    assert_eq!(asked.len(), 50);
    assert!(asked.iter().all(|(_, query)| query.file == 7 && !query.forward));
}

#[test]
fn a_query_is_answered_and_passed_on_once_to_all_others() {
    let mut rig = Rig::new(5);
    rig.says_query(2, 99, 7, true);
    let said = messages(&rig.outputs());
    let me = PeerMessage::Hit(Hit { id: QueryId(99), holder: ME });
    assert_eq!(said[0], (2, me));
    let (to, forwards): (Vec<u32>, Vec<bool>) = queries_of(&said[1..]).into_iter().unzip();
    assert_eq!((to, forwards), (vec![0, 1, 3, 4], vec![false; 4]));
    rig.says_query(3, 99, 7, true);
    rig.says_query(3, 100, 2500, false);
    assert_eq!(rig.outputs(), []);
    assert_eq!(rig.swarm.stats().queries_repeated, 1);
}

fn queries_of(said: &[(u32, PeerMessage<u32>)]) -> Vec<(u32, bool)> {
    let of = said.iter().filter_map(|(to, message)| match message {
        PeerMessage::Query(query) => Some((*to, query.forward)),
        _ => None,
    });
    of.collect()
}

#[test]
fn hits_go_back_the_way_the_query_came() {
    let mut rig = Rig::new(5);
    rig.says_query(2, 99, 2500, true);
    rig.outputs();
    rig.say(4, hit(QueryId(99), 4));
    assert_eq!(messages(&rig.outputs()), [(2, hit(QueryId(99), 4))]);
    rig.swarm.closed(rig.now, PeerId(2));
    rig.say(3, hit(QueryId(99), 3));
    assert_eq!(rig.outputs(), []);
}

#[test]
fn a_neighbour_that_has_it_is_asked_and_a_stranger_is_dialled_and_then_asked() {
    let mut rig = Rig::new(3);
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    rig.swarm.want(rig.now, 7, Playing);
    let (_, query) = queries(&rig.outputs())[0];
    rig.say(1, hit(query.id, 1));
    assert_eq!(messages(&rig.outputs()), [(1, want(7))]);
    rig.say(1, hit(query.id, 77));
    assert_eq!(rig.outputs(), [Output::Dial { holder: name(77), file: 7 }]);
    rig.swarm.opened(rig.now, PeerId(9), name(77), Direction::Ours).unwrap();
    assert_eq!(messages(&rig.outputs()), [(9, want(7))]);
    rig.says_slot(9, 7, Queued { place: 3 });
    rig.says_slot(9, 7, Served);
    assert_eq!(rig.outputs(), [Output::SourceUp { peer: PeerId(9), file: 7 }]);
}

#[test]
fn enough_neighbours_that_are_asked_spare_the_search_and_the_dials() {
    let mut rig = Rig::new(20);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    let holders: Vec<_> = (0..8).chain(100..110).map(name).collect();
    rig.swarm.found(rig.now, 7, &holders, Origin::Tracker);
    let outputs = rig.outputs();
    assert_eq!((outputs.len(), messages(&outputs).len()), (8, 8));
    rig.wait_seconds(1);
    rig.swarm.set_pressure(rig.now, Pressure::Low);
    assert_eq!(queries(&rig.outputs()), []);
    // One that refuses or lets us wait makes room for one that is not connected yet.
    rig.says_slot(0, 7, Refused(SlotRefusal::Busy));
    assert_eq!(rig.outputs(), [Output::Dial { holder: name(100), file: 7 }]);
    rig.says_slot(1, 7, Queued { place: 30 });
    assert_eq!(rig.outputs(), [Output::Dial { holder: name(101), file: 7 }]);
}

#[test]
fn nothing_is_sought_or_dialled_for_what_is_not_wanted() {
    let mut rig = Rig::new(5);
    rig.swarm.search(rig.now, 7);
    rig.swarm.found(rig.now, 7, &[name(0), name(50)], Origin::Lan);
    assert_eq!(rig.outputs(), []);
    rig.swarm.want(rig.now, 7, Playing);
    rig.outputs();
    rig.swarm.unwant(rig.now, 7);
    rig.swarm.found(rig.now, 7, &[name(0), name(50)], Origin::Lan);
    assert_eq!((rig.outputs(), rig.wait_seconds(30)), (vec![], vec![]));
    assert_eq!(rig.swarm.poll_timeout(), None);
}
