//! Two sessions against each other: handshake, requests, urgency, close.

mod pair;

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use pair::{FILE, Pair, feed, keys, piece, read, setup};
use spotproto::content::{ContentKey, Format, Geometry, Hash, Head, LeafRange, PIECE_LEN, SeekTable};
use spotproto::error::{Misuse, PeerFault, Refused, Wait};
use spotproto::message::{Hello, Message, Open, Opened, Refusal, Urgency, Wanted, WireMessage};
use spotproto::noise::Role;
use spotproto::session::{Input, Output, Session, UNCONFIRMED_BYTES};
use spotproto::{ByteMachine, CloseCode, Limits, Machine, SessionError};

fn hello() -> WireMessage {
    Message::Hello(Box::new(Hello { link_key: keys(7).public, port: 4070, agent: "test".into() }))
}

fn open(channel: u32) -> WireMessage {
    open_with(channel, 5)
}

fn open_with(channel: u32, credit: u16) -> WireMessage {
    let open = Open { wanted: Wanted::File(FILE), at_ms: 0, credit, urgency: Urgency::Playing };
    Message::Open { channel, open }
}

/// The header of an answer that brings no piece.
fn opened(channel: u32, lease_s: u32) -> WireMessage {
    let head = Head {
        file: FILE,
        geometry: Geometry::of_plaintext(20_000).expect("a possible length"),
        format: Format::Flac,
        bit_rate: 160_000,
        duration_ms: 1000,
        sample_rate: 44_100,
        channels: 2,
        samples: None,
        delay: 0,
        gain: None,
        headers: Vec::new(),
        seek: SeekTable::even(1000, 0, 20_000).expect("an even table"),
    };
    let (key, title, artist) = (ContentKey::new([5; 32]), "Tune".into(), "Nobody".into());
    let opened = Opened { head, key, lease_s, title, artist, first: Vec::new(), proofs: Vec::new() };
    Message::Opened { channel, opened: Box::new(opened) }
}

#[test]
fn requests_ride_in_the_first_message_when_the_key_is_known() {
    let mut pair = Pair::ik();
    pair.client_sends(hello());
    pair.client_sends(open(1));
    pair.run(Duration::from_millis(25));
    assert_eq!(pair.server.peer(), Some(keys(1).public));
    assert_eq!(pair.server.messages(), [hello(), open(1)]);
    assert!(!pair.server.confirmed(), "it may be a replay until the next message");
    pair.run(Duration::from_millis(56));
    assert!(pair.server.confirmed());
}

#[test]
fn the_first_answer_shares_a_flush_with_the_handshake_and_fits_tcps_first_window() {
    let mut pair = Pair::ik();
    pair.client_sends(open(1));
    pair.run(Duration::from_millis(25));
    assert!(pair.client.line.is_empty(), "the handshake waits for the answer");
    pair.server_sends(piece(1, 0));
    pair.settle();
    let flushes: Vec<usize> = pair.client.line.iter().map(|flush| flush.1.len()).collect();
    assert_eq!(flushes.len(), 1, "{flushes:?}");
    // RFC 6928: ten segments, here with IPv6 and time stamps on Ethernet.
    assert!(flushes[0] > 14_000 && flushes[0] <= 10 * 1428, "{flushes:?}");
}

#[test]
fn a_slow_answer_does_not_hold_the_handshake_up() {
    let mut pair = Pair::ik();
    pair.client_sends(open(1));
    pair.run(Duration::from_millis(56));
    assert!(pair.client.confirmed());
    assert!(pair.client.messages().is_empty());
}

#[test]
fn at_first_contact_the_key_is_shown_and_requests_follow() {
    let mut pair = Pair::xx();
    pair.client_sends(open(1));
    pair.run(Duration::from_millis(75));
    assert_eq!(pair.client.peer(), Some(keys(2).public));
    assert_eq!(pair.server.peer(), Some(keys(1).public));
    assert_eq!(pair.server.messages(), [open(1)]);
    assert!(pair.server.confirmed());
}

#[test]
fn another_key_than_expected_is_refused_in_one_clear_byte() {
    let stranger = keys(99).public;
    let client = setup(Role::Initiator, 1, 11, Some(stranger));
    let mut pair = Pair::of(client, setup(Role::Responder, 2, 12, None));
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.client.error, Some(SessionError::Refused(Refused::WrongKey)));
    assert_eq!(pair.server.error, Some(SessionError::Refusing(Refused::WrongKey)));
    assert_eq!(pair.client.session.stats().bytes_received, 0);
}

#[test]
fn an_altered_preamble_breaks_the_handshake() {
    let mut pair = Pair::ik();
    let mut wire = BytesMut::new();
    pair.client.session.poll_transmit(pair.now, &mut wire, 8192);
    wire[8] ^= 1;
    let mut server = setup(Role::Responder, 2, 12, None);
    server.link.0[0] = 1;
    let mut server = Session::<spotproto::crypto::RustCrypto>::new(pair.now, server).unwrap();
    let outcome = feed(&mut server, pair.now, &mut wire);
    assert_eq!(outcome, Err(SessionError::Refusing(Refused::WrongKey)), "the prologue does not match");
}

#[test]
fn the_acceptor_may_be_the_initiator_when_the_broker_says_so() {
    let mut client = setup(Role::Responder, 1, 11, None);
    client.dialled = true;
    let mut server = setup(Role::Initiator, 2, 12, Some(keys(1).public));
    server.dialled = false;
    let mut pair = Pair::of(client, server);
    pair.server_sends(open(1));
    pair.run(Duration::from_millis(110));
    assert!(pair.client.confirmed() && pair.server.confirmed());
    assert_eq!(pair.client.messages(), [open(1)]);
}

#[test]
fn a_responder_without_room_says_so_before_the_handshake_and_not_in_the_midst_of_it() {
    for mut pair in [Pair::ik(), Pair::xx()] {
        let close = pair.server.session.handle_input(pair.now, Input::Close(CloseCode::Limit));
        assert_eq!(close, Err(SessionError::Refusing(Refused::Busy)));
        pair.server.error = close.err();
        pair.run(Duration::from_millis(60));
        assert_eq!(pair.client.error, Some(SessionError::Refused(Refused::Busy)));
        assert_eq!(pair.server.session.stats().bytes_sent, 1);
    }
    let mut pair = Pair::xx();
    pair.run(Duration::from_millis(30));
    let sent = pair.server.session.stats().bytes_sent;
    assert!(sent > 1, "the verdict is out");
    pair.server.session.handle_input(pair.now, Input::Close(CloseCode::Limit)).unwrap();
    pair.run(Duration::from_millis(10));
    assert_eq!(pair.server.session.stats().bytes_sent, sent);
}

#[test]
fn two_initiators_do_not_shake_hands() {
    let mut other = setup(Role::Initiator, 2, 12, Some(keys(1).public));
    other.dialled = false;
    let mut pair = Pair::of(setup(Role::Initiator, 1, 11, Some(keys(2).public)), other);
    pair.run(Duration::from_millis(100));
    assert_eq!(pair.server.error, Some(SessionError::Peer(PeerFault::WrongLink)));
}

#[test]
fn a_replayed_first_message_gets_at_most_sixteen_kibibytes_and_is_never_confirmed() {
    let mut pair = Pair::ik();
    pair.client_sends(hello());
    pair.client_sends(open(1));
    let mut first = BytesMut::new();
    pair.client.session.poll_transmit(pair.now, &mut first, 8192);

    let mut replayed = Pair::ik();
    replayed.server.inbox = first.to_vec();
    replayed.client.session.poll_transmit(replayed.now, &mut BytesMut::new(), 8192);
    replayed.client.error = Some(SessionError::Lost);
    replayed.settle();
    assert_eq!(replayed.server.messages().len(), 2);
    for index in 0..5 {
        replayed.server_sends(piece(1, index));
    }
    replayed.run(Duration::from_secs(9));
    let answered: usize =
        replayed.client.inbox.len() + replayed.client.line.iter().map(|l| l.1.len()).sum::<usize>();
    assert!(answered > PIECE_LEN / 2 && answered <= UNCONFIRMED_BYTES, "{answered}");
    assert!(!replayed.server.confirmed());
    replayed.run(Duration::from_secs(2));
    assert_eq!(replayed.server.error, Some(SessionError::TimedOut(Wait::Handshake)));
}

#[test]
fn pieces_come_whole_and_the_answer_ends() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 3, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    for index in 0..3 {
        pair.server_sends(piece(1, index));
    }
    pair.server_sends(Message::End { channel: 1 });
    pair.run(Duration::from_millis(30));
    let mut expected: Vec<_> = (0..3).map(|index| piece(1, index)).collect();
    expected.push(Message::End { channel: 1 });
    assert_eq!(pair.client.messages(), expected);
    assert_eq!(pair.client.session.outstanding(), 0);
    let sent = pair.server.outputs.iter().filter(|o| matches!(o, Output::Sent { .. })).count();
    assert_eq!(sent, 3);
}

#[test]
fn an_open_without_credit_is_answered_in_one_flush_in_early_data_too() {
    let mut pair = Pair::ik();
    for channel in [1, 2] {
        pair.client_sends(open_with(channel, 0));
        pair.run(Duration::from_millis(25));
        pair.server_sends(opened(channel, u32::MAX));
        pair.server_sends(Message::End { channel });
        pair.run(Duration::from_millis(26));
        assert_eq!(pair.client.messages(), [opened(channel, u32::MAX), Message::End { channel }]);
        pair.client.outputs.clear();
    }
    assert_eq!(pair.client.session.outstanding(), 0);
    assert_eq!((&pair.client.error, &pair.server.error), (&None, &None));
}

#[test]
fn an_open_without_credit_takes_no_piece() {
    let mut pair = Pair::connected();
    pair.client_sends(open_with(1, 0));
    pair.run(Duration::from_millis(30));
    pair.server_sends(piece(1, 0));
    pair.settle();
    assert_eq!(pair.server.error, Some(SessionError::Misuse(Misuse::NotAsked)));
}

#[test]
fn a_piece_counts_until_it_is_whole_on_both_sides() {
    let mut pair = Pair::connected();
    pair.batch = 4096;
    pair.client_sends(read(1, 0, Limits::DEFAULT.credit, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    pair.server_sends(piece(1, 0));
    let mut wire = BytesMut::new();
    pair.server.session.poll_transmit(pair.now, &mut wire, 4096);
    feed(&mut pair.client.session, pair.now, &mut wire).unwrap();
    assert_eq!(pair.client.session.outstanding(), u64::from(Limits::DEFAULT.credit), "in mid-piece");
}

#[test]
fn the_last_bytes_of_a_piece_are_no_record_of_their_own() {
    for (batch, records) in [(8 << 10, 8), (64 << 10, 4)] {
        let mut pair = Pair::connected();
        pair.batch = batch;
        pair.client_sends(read(1, 0, 4, Urgency::Playing));
        pair.run(Duration::from_millis(25));
        let before = pair.server.session.stats().records_sent;
        (0..4).for_each(|index| pair.server_sends(piece(1, index)));
        pair.server_sends(Message::End { channel: 1 });
        pair.run(Duration::from_millis(30));
        assert_eq!(pair.client.messages().len(), 5);
        assert_eq!(pair.server.session.stats().records_sent - before, records, "{batch} bytes a flush");
    }
}

#[test]
fn urgent_answers_overtake_what_was_queued_before() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 8, Urgency::Offline));
    pair.client_sends(read(2, 100, 2, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    (0..8).for_each(|index| pair.server_sends(piece(1, index)));
    (100..102).for_each(|index| pair.server_sends(piece(2, index)));
    pair.run(Duration::from_millis(30));
    let order: Vec<_> = pair.client.messages().iter().filter_map(Message::channel).collect();
    assert_eq!(order, [2, 2, 1, 1, 1, 1, 1, 1, 1, 1]);
}

#[test]
fn pieces_never_overtake_the_header_of_their_answer() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 1, Urgency::Playing));
    pair.client_sends(read(2, 0, 1, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    for channel in [1, 2] {
        // Both proofs don't fit one flush, and a short piece would fit behind the first.
        pair.server_sends(leaves(channel, 150));
        pair.server_sends(Message::Piece { channel, index: 0, data: Bytes::from_static(&[1; 300]) });
    }
    pair.run(Duration::from_millis(30));
    let order = pair.client.messages();
    let order: Vec<_> = order.iter().map(|m| (m.channel(), matches!(m, Message::Leaves { .. }))).collect();
    assert_eq!(order, [(Some(1), true), (Some(1), false), (Some(2), true), (Some(2), false)]);
}

#[test]
fn proofs_do_not_overtake_pieces_that_were_asked_for_before() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 4, Urgency::Playing));
    pair.client_sends(read(2, 64, 1, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    (0..4).for_each(|index| pair.server_sends(piece(1, index)));
    pair.server_sends(Message::End { channel: 1 });
    pair.server_sends(leaves(2, 64));
    pair.server_sends(piece(2, 64));
    pair.server_sends(Message::Refuse { channel: 2, why: Refusal::Unavailable });
    pair.run(Duration::from_millis(30));
    let mut expected: Vec<_> = (0..4).map(|index| piece(1, index)).collect();
    expected.extend([Message::End { channel: 1 }, leaves(2, 64), piece(2, 64)]);
    expected.push(Message::Refuse { channel: 2, why: Refusal::Unavailable });
    assert_eq!(pair.client.messages(), expected);
}

#[test]
fn a_message_that_no_frame_has_room_for_is_refused_at_once() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 1, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    pair.server_sends(leaves(1, 510));
    assert_eq!(pair.server.error, None);
    pair.server_sends(leaves(1, 513));
    assert_eq!(pair.server.error, Some(SessionError::Misuse(Misuse::TooLarge)));
}

fn leaves(channel: u32, count: usize) -> WireMessage {
    let leaves = LeafRange { start: 0, leaves: vec![Hash([3; 32]); count], uncles: Vec::new() };
    Message::Leaves { channel, leaves: Box::new(leaves) }
}

#[test]
fn an_abort_stops_the_answer_at_once_and_gives_the_credit_back() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 8, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    (0..8).for_each(|index| pair.server_sends(piece(1, index)));
    pair.client_sends(Message::Abort { channel: 1 });
    assert_eq!(pair.client.session.outstanding(), 0);
    pair.run(Duration::from_millis(60));
    assert!(pair.client.messages().is_empty(), "late pieces are dropped");
    pair.client_sends(read(2, 0, 1, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    pair.server_sends(piece(2, 0));
    pair.run(Duration::from_millis(30));
    assert_eq!(pair.client.messages(), [piece(2, 0)]);
}

#[test]
fn a_request_withdrawn_before_it_left_leaves_no_trace() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 8, Urgency::Playing));
    pair.client_sends(Message::Abort { channel: 1 });
    pair.run(Duration::from_millis(60));
    assert!(pair.server.messages().is_empty());
}

#[test]
fn a_refused_request_gives_its_credit_back() {
    let mut pair = Pair::connected();
    pair.client_sends(open(1));
    pair.run(Duration::from_millis(25));
    pair.server_sends(Message::Refuse { channel: 1, why: Refusal::NotFound });
    pair.run(Duration::from_millis(30));
    assert_eq!(pair.client.messages(), [Message::Refuse { channel: 1, why: Refusal::NotFound }]);
    assert_eq!(pair.client.session.outstanding(), 0);
}
