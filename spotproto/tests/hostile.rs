//! What a session does with bytes that no honest peer sends: it ends with a typed error, holds little, and never panics.

mod forger;
mod pair;

use bytes::BytesMut;
use forger::{Forger, NOW, check_finished, client, is_the_peers, server};
use pair::read;
use proptest::prelude::*;
use spotproto::error::PeerFault;
use spotproto::frame::kind;
use spotproto::message::Urgency;
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Machine, SessionError};

const FLUSH: usize = 8192;

fn flush(session: &mut Session) -> Vec<u8> {
    let mut wire = BytesMut::new();
    session.poll_transmit(NOW, &mut wire, FLUSH);
    wire.to_vec()
}

/// Offers `wire` until the session takes no more of it.
fn feed(session: &mut Session, wire: &[u8]) -> Result<(usize, Vec<Output>), SessionError> {
    let (mut wire, mut outputs, mut taken) = (wire.to_vec(), Vec::new(), 0);
    loop {
        let count = session.handle_bytes(NOW, &mut wire[taken..])?;
        taken += count;
        outputs.extend(core::iter::from_fn(|| session.poll_output()));
        if count == 0 {
            return Ok((taken, outputs));
        }
    }
}

/// The flights of a connection in order, each with the session that takes it: the first message with a request in it, its
/// answer, the first record, and a record with data.
fn before_flight(nth: usize) -> (Session, Vec<u8>) {
    let (mut client, mut server) = (client(), server());
    client.handle_input(NOW, Input::Send(read(1, 0, 2, Urgency::Playing))).unwrap();
    for _ in 0..nth / 2 {
        feed(&mut server, &flush(&mut client)).unwrap();
        feed(&mut client, &flush(&mut server)).unwrap();
        server.handle_input(NOW, Input::Send(pair::piece(1, 0))).unwrap();
    }
    if nth.is_multiple_of(2) {
        let flight = flush(&mut client);
        (server, flight)
    } else {
        feed(&mut server, &flush(&mut client)).unwrap();
        let flight = flush(&mut server);
        (client, flight)
    }
}

/// Anything that an application would act on.
fn is_believed(output: &Output) -> bool {
    matches!(output, Output::Message(_) | Output::Confirmed | Output::Established { confirmed: true, .. })
}

#[test]
fn a_flight_with_any_bit_flipped_is_never_believed() {
    for nth in 0..4 {
        let length = before_flight(nth).1.len();
        // A long record is tried at its edges and here and there; what lies between is all alike.
        let places = (0..length).filter(|at| *at < 300 || at % 97 == 0 || *at + 20 > length);
        for at in places {
            let (mut session, mut flight) = before_flight(nth);
            assert_eq!(flight.len(), length);
            flight[at] ^= 1 << (at % 8);
            match feed(&mut session, &flight) {
                Ok((taken, outputs)) => {
                    assert!(taken < length, "flight {nth}, byte {at}");
                    assert!(!outputs.iter().any(is_believed), "flight {nth}, byte {at}: {outputs:?}");
                }
                Err(error) => {
                    let outputs: Vec<_> = core::iter::from_fn(|| session.poll_output()).collect();
                    assert!(!outputs.iter().any(is_believed), "flight {nth}, byte {at}: {outputs:?}");
                    assert!(is_the_peers(error), "flight {nth}, byte {at}: {error:?}");
                    check_finished(&mut session, error);
                }
            }
        }
    }
}

#[test]
fn a_flight_cut_anywhere_waits_for_the_rest_and_is_then_taken_whole() {
    for nth in 0..4 {
        let length = before_flight(nth).1.len();
        for cut in (0..length).filter(|at| *at < 300 || at % 97 == 0 || *at + 20 > length) {
            let (mut session, flight) = before_flight(nth);
            let (taken, _) = feed(&mut session, &flight[..cut]).unwrap();
            let (rest, _) = feed(&mut session, &flight[taken..]).unwrap();
            assert_eq!(taken + rest, length, "flight {nth}, cut at {cut}");

            let (mut session, flight) = before_flight(nth);
            feed(&mut session, &flight[..cut]).unwrap();
            assert_eq!(session.handle_eof(NOW), Err(SessionError::Lost));
            check_finished(&mut session, SessionError::Lost);
        }
    }
}

#[test]
fn a_record_repeated_or_out_of_order_ends_the_session() {
    let ping = forger::frame(kind::PING, 0, &[1; 8]);
    for order in [&[1][..], &[0, 0], &[0, 1, 0]] {
        let mut victim = server();
        let mut forger = Forger::dial(&mut victim, NOW);
        let records = [forger.record(&ping), forger.record(&ping)];
        let (last, before) = order.split_last().unwrap();
        for nth in before {
            feed(&mut victim, &records[*nth]).unwrap();
        }
        let error = feed(&mut victim, &records[*last]).unwrap_err();
        assert_eq!(error, SessionError::Peer(PeerFault::BadRecord));
        check_finished(&mut victim, error);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn noise_after_a_good_handshake_is_refused(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..200), 1..20)
    ) {
        let mut victim = server();
        Forger::dial(&mut victim, NOW);
        let mut inbox = Vec::new();
        for chunk in chunks {
            inbox.extend(chunk);
            match victim.handle_bytes(NOW, &mut inbox) {
                Ok(taken) => prop_assert_eq!(taken, 0),
                Err(error) => {
                    prop_assert!(matches!(
                        error,
                        SessionError::Peer(PeerFault::BadRecord | PeerFault::OversizedRecord)
                    ));
                    check_finished(&mut victim, error);
                    break;
                }
            }
            prop_assert_eq!(victim.poll_output(), None);
        }
    }

    #[test]
    fn noise_instead_of_a_handshake_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400), accepts: bool) {
        let mut victim = if accepts { server() } else { client() };
        flush(&mut victim);
        if let Err(error) = feed(&mut victim, &bytes) {
            prop_assert!(is_the_peers(error), "{:?}", error);
            check_finished(&mut victim, error);
        }
    }
}
