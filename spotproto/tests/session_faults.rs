//! Two sessions against each other when one of them is silent, slow, or sends what it should not.

mod pair;

use bytes::BytesMut;
use core::time::Duration;
use pair::{Pair, feed, piece, read, setup};
use spotproto::error::{PeerFault, Wait};
use spotproto::message::Urgency;
use spotproto::noise::Role;
use spotproto::session::{Input, Session};
use spotproto::{ByteMachine, CloseCode, Instant, Limits, Machine, SessionError};

#[test]
fn an_idle_line_is_kept_alive_and_a_dead_one_noticed() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(600));
    assert_eq!((pair.client.error, pair.server.error), (None, None));
    assert!(pair.client.session.stats().records_received >= 19, "pings went both ways");
    pair.server.error = Some(SessionError::Lost);
    pair.server.session = Pair::ik().server.session;
    pair.run(Duration::from_secs(60));
    assert_eq!(pair.client.error, Some(SessionError::TimedOut(Wait::Pong)));
}

#[test]
fn a_suspended_machine_settles_in_a_bounded_number_of_rounds() {
    let mut pair = Pair::connected();
    pair.now = pair.now + Duration::from_secs(8 * 3600);
    pair.settle();
    pair.run(Duration::from_secs(1));
    assert_eq!((pair.client.error, pair.server.error), (None, None));
}

#[test]
fn keys_are_replaced_by_age_in_band() {
    let mut pair = Pair::connected();
    pair.run(Duration::from_secs(4 * 3600));
    pair.client_sends(read(1, 0, 1, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    pair.server_sends(piece(1, 0));
    pair.run(Duration::from_millis(30));
    assert_eq!(pair.client.messages(), [piece(1, 0)]);
}

#[test]
fn a_close_flushes_what_is_queued_and_says_why() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 2, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    pair.server_sends(piece(1, 0));
    pair.server_sends(piece(1, 1));
    pair.server.session.handle_input(pair.now, Input::Close(CloseCode::ShuttingDown)).unwrap();
    pair.run(Duration::from_millis(60));
    assert_eq!(pair.client.messages(), [piece(1, 0), piece(1, 1)]);
    let closed = |by_peer| Some(SessionError::Closed { code: CloseCode::ShuttingDown, by_peer });
    assert_eq!((pair.client.error, pair.server.error), (closed(true), closed(false)));
}

#[test]
fn a_peer_that_never_reads_is_cut_off() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 8, Urgency::Playing));
    pair.run(Duration::from_millis(25));
    let session = &mut pair.server.session;
    for index in 0..8 {
        session.handle_input(pair.now, Input::Send(piece(1, index))).unwrap();
    }
    let end = drive_deaf(session, pair.now, Duration::from_secs(300));
    assert!(matches!(end, Some(SessionError::TimedOut(Wait::Stall | Wait::Pong))), "{end:?}");
}

#[test]
fn a_peer_that_trickles_a_byte_a_second_is_cut_off() {
    let mut pair = Pair::connected();
    pair.client_sends(read(1, 0, 1, Urgency::Playing));
    let mut wire = BytesMut::new();
    pair.client.session.poll_transmit(pair.now, &mut wire, 8192);
    let server = &mut pair.server.session;
    let (mut now, mut inbox) = (pair.now, Vec::new());
    let end = wire.iter().find_map(|byte| {
        now = now + Duration::from_secs(1);
        inbox.push(*byte);
        server.handle_timeout(now).and_then(|()| server.handle_bytes(now, &mut inbox)).err()
    });
    assert_eq!(end, Some(SessionError::TimedOut(Wait::Trickle)));
}

#[test]
fn a_connection_that_never_shakes_hands_is_cut_off() {
    let mut server = Pair::ik().server.session;
    let end = drive_deaf(&mut server, Instant::START, Duration::from_secs(60));
    assert_eq!(end, Some(SessionError::TimedOut(Wait::Handshake)));
}

#[test]
fn a_handshake_that_fails_while_writing_ends_the_session_and_does_not_wait_for_ever() {
    let now = Instant::START;
    let mut server: Session = Session::new(now, setup(Role::Responder, 2, 12, None)).expect("keys of use");
    let mut wire = BytesMut::new();
    let mut client: Session = Session::new(now, setup(Role::Initiator, 1, 11, None)).expect("keys of use");
    client.poll_transmit(now, &mut wire, 8192);
    // XX multiplies nothing before its second message, so only the answer trips over a key of low order.
    let ephemeral = wire.len() - 32;
    wire[ephemeral..].fill(0);
    assert!(feed(&mut server, now, &mut wire).is_ok());
    server.poll_transmit(now, &mut BytesMut::new(), 8192);
    assert_eq!(server.poll_timeout(), Some(now));
    assert!(matches!(server.handle_timeout(now), Err(SessionError::Peer(PeerFault::Handshake(_)))));
    assert_eq!(server.poll_timeout(), None, "it has been told");
}

#[test]
fn replayed_dropped_and_reordered_records_do_not_open() {
    let records = || {
        let mut pair = Pair::connected();
        let mut flushes = Vec::new();
        for channel in 1..4 {
            pair.client_sends(read(channel, 0, 1, Urgency::Playing));
            let mut wire = BytesMut::new();
            pair.client.session.poll_transmit(pair.now, &mut wire, 8192);
            flushes.push(wire);
        }
        (pair, flushes)
    };
    for order in [vec![0, 0], vec![1], vec![0, 2], vec![1, 0]] {
        let (mut pair, mut flushes) = records();
        let now = pair.now;
        let outcomes: Vec<_> =
            order.iter().map(|n| feed(&mut pair.server.session, now, &mut flushes[*n].clone())).collect();
        let last = outcomes.last().expect("an order has records");
        assert_eq!(*last, Err(SessionError::Peer(PeerFault::BadRecord)), "{order:?}");
        flushes.clear();
    }
}

#[test]
fn oversized_records_are_refused_before_they_are_here() {
    let mut pair = Pair::connected();
    let outcome = feed(&mut pair.server.session, pair.now, &mut BytesMut::from(&[0xff, 0xff][..]));
    assert_eq!(outcome, Err(SessionError::Peer(PeerFault::OversizedRecord)));
    assert_eq!(outcome.unwrap_err().close_code(), CloseCode::Protocol);
}

#[test]
fn more_requests_than_the_limit_are_refused_on_both_sides() {
    let mut pair = Pair::connected();
    for channel in 1..=Limits::DEFAULT.channels as u32 {
        pair.client_sends(read(channel, 0, 1, Urgency::Playing));
    }
    assert_eq!(pair.client.error, None);
    pair.client_sends(read(1000, 0, 1, Urgency::Playing));
    assert!(matches!(pair.client.error, Some(SessionError::Misuse(_))));
}

/// Fires timers while the line takes and brings nothing.
fn drive_deaf(session: &mut Session, from: Instant, span: Duration) -> Option<SessionError> {
    let until = from + span;
    while let Some(at) = session.poll_timeout().filter(|at| *at <= until) {
        if let Err(error) = session.handle_timeout(at) {
            return Some(error);
        }
        while session.poll_output().is_some() {}
    }
    None
}
