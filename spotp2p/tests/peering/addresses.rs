//! Whom a client is brought together with, and which addresses it is told.

use crate::hall::{Hall, Probe, TICKET_LASTS, link_key, street};
use crate::world::Key;
use alloc::collections::BTreeSet;
use core::net::SocketAddr;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{Done, Event, Input, Limits};
use spotproto::message::{Message, Refusal};
use spotproto::noise::Role;
use spotproto::ticket::Pseudonym;

const FILE: Key = Key(3);

fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
    texts.iter().map(|text| text.parse().expect("an address")).collect()
}

fn is_refused(end: &Message<Key, crate::world::Piece>, expected: Refusal) -> bool {
    matches!(end, Message::Refuse { why, .. } if *why == expected)
}

#[test]
fn both_sides_are_told_at_once_with_opposite_roles_and_what_the_access_point_sees_of_the_other() {
    let mut hall = Hall::new();
    let holder = hall.enters(1, "203.0.113.7:50001");
    hall.holds(holder, &[FILE], &[]);
    let asker = hall.enters(2, "[2001:db8::2]:50002");
    let (dial, end) = hall.asks(asker, hall.name(holder), FILE);
    assert!(matches!(end, Message::End { .. }));
    let (dial, call) = (dial.expect("a link"), hall.call(holder).expect("the other half"));
    assert_eq!((dial.link, dial.role, call.role), (call.link, Role::Initiator, Role::Responder));
    assert_eq!((dial.pseudonym, dial.link_key), (hall.name(holder), link_key(holder)));
    assert_eq!((call.pseudonym, call.link_key), (hall.name(asker), link_key(asker)));
    assert_eq!(dial.addresses, addresses(&["203.0.113.7:50001"]));
    assert_eq!(call.addresses, addresses(&["[2001:db8::2]:50002"]));
    hall.says(asker, Message::Dialled { link: dial.link, stands: true });
    hall.says(asker, Message::Dialled { link: dial.link, stands: false });
    let stranger = hall.enters(9, &street(9));
    hall.says(stranger, Message::Dialled { link: dial.link, stands: true });
    let told: Vec<_> = hall.events.iter().filter(|event| matches!(event, Event::Dialled { .. })).collect();
    assert_eq!(told, [&Event::Dialled { session: asker, stands: true }], "once, and by its sides");
}

#[test]
fn no_two_links_have_the_same_id() {
    let mut hall = Hall::new();
    let asker = hall.enters(1000, &street(1000));
    let ids: BTreeSet<_> = (0..30)
        .map(|n| {
            let holder = hall.holder(n, FILE);
            hall.links(asker, holder, FILE).expect("a link")
        })
        .collect();
    assert_eq!(ids.len(), 30);
}

#[test]
fn strangers_addresses_are_told_to_nobody() {
    let mut hall = Hall::new();
    let stranger = hall.enters(1, &street(1));
    let holder = hall.holder(2, FILE);
    let spy = hall.enters(3, &street(3));
    let tries = [
        // A pseudonym that is nobody's, one of a peer that offers nothing, one for another file, and the own.
        (Pseudonym([7; 16]), FILE),
        (hall.name(stranger), FILE),
        (hall.name(holder), Key(4)),
        (hall.name(spy), FILE),
    ];
    for (name, file) in tries {
        let (dial, end) = hall.asks(spy, name, file);
        assert!(dial.is_none() && is_refused(&end, Refusal::NotFound), "{name} {end:?}");
    }
    assert_eq!((hall.call(stranger), hall.call(holder)), (None, None));
    hall.holds(holder, &[], &[FILE]);
    assert!(hall.asks(spy, hall.name(holder), FILE).0.is_none(), "it took the file back");
    hall.holds(holder, &[FILE], &[]);
    hall.leaves(holder);
    assert!(hall.asks(spy, hall.name(holder), FILE).0.is_none(), "it is gone");
}

#[test]
fn pseudonyms_can_not_be_tried_out() {
    let mut hall = Hall::new();
    let holder = hall.holder(1, FILE);
    let spy = hall.enters(2, &street(2));
    let burst = Limits::DEFAULT.broker.asks.burst;
    for n in 0..burst {
        hall.asks(spy, Pseudonym([n as u8; 16]), FILE);
    }
    let (dial, end) = hall.asks(spy, hall.name(holder), FILE);
    assert!(dial.is_none() && is_refused(&end, Refusal::Busy), "a right one does not help any more");
    hall.wait(Limits::DEFAULT.broker.asks.every);
    assert!(hall.asks(spy, hall.name(holder), FILE).0.is_some());
}

#[test]
fn narrow_addresses_stay_in_their_network() {
    let mut hall = Hall::new();
    let home = hall.enters(1, "192.168.1.5:50001");
    hall.holds(home, &[FILE], &[]);
    let beside = hall.enters(2, "192.168.1.6:50002");
    let (dial, _) = hall.asks(beside, hall.name(home), FILE);
    assert_eq!(dial.expect("a link").addresses, addresses(&["192.168.1.5:50001"]));
    hall.call(home);

    let outside = hall.enters(3, "203.0.113.7:50003");
    let (dial, _) = hall.asks(outside, hall.name(home), FILE);
    assert_eq!(dial.expect("a link").addresses, [], "the one outside waits to be dialled");
    assert_eq!(hall.call(home).expect("its half").addresses, addresses(&["203.0.113.7:50003"]));

    let elsewhere = hall.enters(4, "192.168.2.6:50004");
    let (dial, end) = hall.asks(elsewhere, hall.name(home), FILE);
    assert!(dial.is_none() && is_refused(&end, Refusal::NotFound), "neither could dial");
    assert_eq!(hall.call(home), None);
}

#[test]
fn an_address_seen_through_both_families_is_the_one_it_stands_for() {
    let mut hall = Hall::new();
    let holder = hall.enters(1, "[::ffff:203.0.113.7]:50001");
    hall.holds(holder, &[FILE], &[]);
    let asker = hall.enters(2, &street(2));
    let (dial, _) = hall.asks(asker, hall.name(holder), FILE);
    assert_eq!(dial.expect("a link").addresses, addresses(&["203.0.113.7:50001"]));
}

/// A client with a port, another that asks for it, and the probe.
fn claimed(port: u16) -> (Hall, SessionId, SessionId) {
    let mut hall = Hall::new();
    let holder = hall.enters_with_port(1, "203.0.113.7:50001", port);
    hall.holds(holder, &[FILE], &[]);
    let asker = hall.enters(2, &street(2));
    (hall, holder, asker)
}

fn answered(hall: &mut Hall, probe: Probe, answered: bool) {
    hall.tell(Input::Done(probe.request, Done::Probed(answered)));
}

fn told(hall: &mut Hall, asker: SessionId, holder: SessionId) -> Vec<SocketAddr> {
    hall.wait(Duration::from_secs(40));
    hall.asks(asker, hall.name(holder), FILE).0.expect("a link").addresses
}

#[test]
fn a_claimed_port_is_named_once_the_holder_of_the_link_key_answered_there() {
    let (mut hall, holder, asker) = claimed(4070);
    let probe = hall.probes[0];
    assert_eq!(probe.address, addresses(&["203.0.113.7:4070"])[0], "nowhere else can anyone be sent");
    assert_eq!(probe.link_key, link_key(holder));
    let seen = addresses(&["203.0.113.7:50001"]);
    assert_eq!(told(&mut hall, asker, holder), seen, "not yet");
    answered(&mut hall, probe, true);
    assert_eq!(told(&mut hall, asker, holder), addresses(&["203.0.113.7:4070", "203.0.113.7:50001"]));
    hall.says(holder, Message::Renew { port: 4071 });
    assert_eq!(told(&mut hall, asker, holder), seen, "another port is another claim");
}

#[test]
fn the_client_is_told_of_the_probe_as_of_a_link_with_the_access_point() {
    let mut hall = Hall::new();
    let session = hall.connects(1, "203.0.113.7:50001", true);
    let heard = hall.says(session, crate::hall::hello(session, 4070));
    let [Message::Welcome(_), Message::Dial(dial)] = &heard[..] else { panic!("{heard:?}") };
    assert_eq!((dial.link, dial.role), (hall.probes[0].link, Role::Responder));
    assert_eq!((dial.pseudonym, dial.link_key.0), (Pseudonym([0; 16]), [8; 32]));
    assert_eq!(dial.addresses, []);
}

#[test]
fn a_port_where_nobody_answered_is_not_named() {
    let (mut hall, holder, asker) = claimed(22);
    let probe = hall.probes[0];
    answered(&mut hall, probe, false);
    assert_eq!(told(&mut hall, asker, holder), addresses(&["203.0.113.7:50001"]));
}

#[test]
fn an_answer_from_a_port_that_is_no_longer_claimed_counts_for_nothing() {
    let (mut hall, holder, asker) = claimed(4070);
    let probe = hall.probes[0];
    hall.says(holder, Message::Renew { port: 9 });
    answered(&mut hall, probe, true);
    assert_eq!(told(&mut hall, asker, holder), addresses(&["203.0.113.7:50001"]));
}

#[test]
fn ports_are_tried_out_seldom_and_few_at_a_time() {
    let mut hall = Hall::new();
    let session = hall.enters_with_port(1, &street(1), 1);
    for port in 2..10 {
        let probe = hall.probes[hall.probes.len() - 1];
        answered(&mut hall, probe, false);
        hall.says(session, Message::Renew { port });
    }
    assert_eq!(hall.probes.len(), Limits::DEFAULT.broker.probes.burst as usize);

    let mut hall = Hall::new();
    for device in 0..500 {
        hall.enters_with_port(device, &street(device), 4070);
    }
    assert_eq!(hall.probes.len(), Limits::DEFAULT.probes);
}

#[test]
fn nobody_is_sent_to_dial_a_client_by_a_crowd() {
    let mut hall = Hall::new();
    let victim = hall.holder(0, FILE);
    let crowd: Vec<SessionId> = (1..500).map(|device| hall.enters(device, &street(device))).collect();
    let mut calls = 0;
    for asker in &crowd {
        calls += usize::from(hall.asks(*asker, hall.name(victim), FILE).0.is_some());
    }
    assert_eq!(calls, Limits::DEFAULT.broker.outstanding);
    hall.wait(Duration::from_secs(30));
    assert!(hall.asks(crowd[499 - 1], hall.name(victim), FILE).0.is_some());
}

#[test]
fn two_who_ask_for_each_other_get_one_link() {
    let mut hall = Hall::new();
    let (one, other) = (hall.holder(1, FILE), hall.holder(2, FILE));
    assert!(hall.asks(one, hall.name(other), FILE).0.is_some());
    assert!(hall.call(other).is_some());
    let (dial, end) = hall.asks(other, hall.name(one), FILE);
    assert!(dial.is_none() && matches!(end, Message::End { .. }), "it is under way already");
    hall.wait(Duration::from_secs(30));
    assert!(hall.asks(other, hall.name(one), FILE).0.is_some());
}

#[test]
fn whose_ticket_is_over_is_brought_together_with_nobody() {
    for renewing in [0, 1] {
        let mut hall = Hall::new();
        let sessions = [hall.holder(1, FILE), hall.holder(2, FILE)];
        hall.wait(TICKET_LASTS);
        hall.says(sessions[renewing], Message::Renew { port: 0 });
        assert!(hall.asks(sessions[0], hall.name(sessions[1]), FILE).0.is_none(), "one ticket of two");
        hall.says(sessions[1 - renewing], Message::Renew { port: 0 });
        assert!(hall.asks(sessions[0], hall.name(sessions[1]), FILE).0.is_some());
    }
}
