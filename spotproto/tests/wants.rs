//! Requests that give no credit, and what peers say to each other, through two sessions.

mod forger;
mod pair;

use core::time::Duration;
use forger::{Forger, NOW};
use pair::{FILE, Pair, keys, piece, read, setup};
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::error::{LimitKind, Misuse, PeerFault};
use spotproto::frame::kind;
use spotproto::message::{Greeting, Message, Refusal, Slot, Urgency, Want, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::{Pseudonym, Rights, Ticket};
use spotproto::{ByteMachine, Limits, SessionError, UnixTime};

const LINK: LinkId = LinkId([5; 16]);

fn greeting(name: u8) -> WireMessage {
    let ticket = Ticket {
        pseudonym: Pseudonym([name; 16]),
        link_key: keys(name).public,
        rights: Rights::NONE,
        not_after: UnixTime(1_800_000_000),
    };
    Message::Greeting(Box::new(Greeting { ticket: ticket.sign::<RustCrypto>(&SecretKey([8; 32])) }))
}

fn want(channel: u32) -> WireMessage {
    Message::Want { channel, want: Want { file: FILE, urgency: Urgency::Playing } }
}

fn slot(channel: u32, place: u16) -> WireMessage {
    Message::Slot { channel, slot: Slot { place, held: Vec::new() } }
}

/// Both sides of a brokered link; the initiator is called client.
fn link() -> Pair {
    let mut setups = [
        setup(Role::Initiator, 1, 11, Some(keys(2).public)),
        setup(Role::Responder, 2, 12, Some(keys(1).public)),
    ];
    for setup in &mut setups {
        setup.link = LINK;
    }
    let [client, server] = setups;
    Pair::of(client, server)
}

#[test]
fn greeting_want_and_read_ride_in_the_first_message_and_the_slot_and_a_piece_in_the_answer() {
    let mut pair = link();
    let asked = [greeting(1), want(1), read(2, 0, 4, Urgency::Playing)];
    asked.clone().into_iter().for_each(|message| pair.client_sends(message));
    pair.run(Duration::from_millis(25));
    assert_eq!(pair.server.messages(), asked);
    assert!(!pair.server.confirmed(), "it may be a replay until the next message");
    [greeting(2), slot(1, 0), piece(2, 0)].into_iter().for_each(|message| pair.server_sends(message));
    pair.run(Duration::from_millis(25));
    assert_eq!(pair.client.messages()[..2], [greeting(2), slot(1, 0)]);
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.client.messages().last(), Some(&piece(2, 0)));
}

#[test]
fn a_want_stays_open_over_any_number_of_places_until_it_ends() {
    let mut pair = Pair::connected();
    pair.client_sends(want(1));
    pair.run(Duration::from_secs(1));
    for place in [3, 1, 0, 2, 0] {
        pair.server_sends(slot(1, place));
        pair.run(Duration::from_secs(60));
        assert_eq!(pair.client.messages().last(), Some(&slot(1, place)));
    }
    pair.server_sends(Message::End { channel: 1 });
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.client.messages().len(), 6);
    pair.server_sends(slot(1, 0));
    pair.run(Duration::from_secs(1));
    assert_eq!((pair.client.messages().len(), &pair.server.error), (6, &None), "a late place goes nowhere");
}

#[test]
fn an_aborted_want_is_over_for_both_and_late_places_are_ignored() {
    let mut pair = Pair::connected();
    pair.client_sends(want(1));
    pair.run(Duration::from_secs(1));
    pair.server_sends(slot(1, 2));
    pair.client_sends(Message::Abort { channel: 1 });
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.server.messages(), [want(1), Message::Abort { channel: 1 }]);
    assert_eq!(pair.client.messages(), []);
    assert_eq!((&pair.client.error, &pair.server.error), (&None, &None));
}

#[test]
fn wants_give_no_credit_and_count_as_open_requests() {
    let mut pair = Pair::connected();
    pair.client_sends(want(1));
    pair.run(Duration::from_secs(1));
    pair.server_sends(piece(1, 0));
    assert_eq!(pair.server.error, Some(SessionError::Misuse(Misuse::NotAsked)));

    let mut pair = Pair::connected();
    let most = Limits::DEFAULT.channels as u32;
    (1..=most).for_each(|channel| pair.client_sends(want(channel)));
    assert_eq!(pair.client.error, None);
    pair.client_sends(read(most + 1, 0, 1, Urgency::Playing));
    assert_eq!(pair.client.error, Some(SessionError::Misuse(Misuse::NoRoom)));
}

#[test]
fn more_wants_than_the_limit_end_the_link_on_the_other_side() {
    let mut client = setup(Role::Initiator, 1, 11, Some(keys(2).public));
    client.limits.channels *= 2;
    let mut pair = Pair::of(client, setup(Role::Responder, 2, 12, None));
    pair.run(Duration::from_secs(1));
    (1..=Limits::DEFAULT.channels as u32 + 1).for_each(|channel| pair.client_sends(want(channel)));
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.server.error, Some(SessionError::Limit(LimitKind::Channels)));
}

#[test]
fn answers_on_a_channel_that_was_never_asked_on_are_faults() {
    let bodies = [(kind::SLOT, &[0, 0, 0][..]), (kind::PEERS, &[0]), (kind::MIRRORS, &[1, 1, b'a'])];
    for (kind, body) in bodies {
        let mut victim = forger::client();
        let mut forger = Forger::accept(&mut victim, NOW);
        let mut wire = forger.record(&forger::frame(kind, 1, body));
        let fault = Err(SessionError::Peer(PeerFault::UnknownChannel));
        assert_eq!(victim.handle_bytes(NOW, &mut wire), fault);
    }
    let mut pair = Pair::connected();
    pair.server_sends(slot(1, 0));
    assert_eq!(pair.server.error, Some(SessionError::Misuse(Misuse::NotAsked)));
}

#[test]
fn a_refused_want_is_over() {
    let mut pair = Pair::connected();
    pair.client_sends(want(1));
    pair.run(Duration::from_secs(1));
    pair.server_sends(slot(1, 4));
    pair.server_sends(Message::Refuse { channel: 1, why: Refusal::Busy });
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.client.messages(), [slot(1, 4), Message::Refuse { channel: 1, why: Refusal::Busy }]);
    pair.client_sends(want(2));
    pair.run(Duration::from_secs(1));
    assert_eq!(pair.server.messages().last(), Some(&want(2)));
}
