//! Sessions without cryptography talk among themselves, and with nobody else.

use bytes::BytesMut;
use null_crypto::{Gullible, NullCrypto};
use spotproto::crypto::{Crypto, KeyPair, RustCrypto, SecretKey};
use spotproto::error::Refused;
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Output, Session, Setup};
use spotproto::{ByteMachine, Instant, Limits, Machine, SessionError};

const NOW: Instant = Instant::START;

fn session<C: Crypto>(role: Role, knows: bool) -> Session<C> {
    let keys = |byte| KeyPair::new::<C>(SecretKey([byte; 32]));
    let client = role == Role::Initiator;
    let setup = Setup {
        role,
        dialled: client,
        link: LinkId::ACCESS_POINT,
        identity: keys(if client { 1 } else { 2 }),
        ephemeral: SecretKey([if client { 11 } else { 12 }; 32]),
        remote: (client && knows).then(|| keys(2).public),
        limits: Limits::DEFAULT,
    };
    Session::new(NOW, setup).expect("keys of use")
}

/// Carries bytes to and fro; how each of the two ended.
fn talk<C: Crypto, S: Crypto>(
    client: &mut Session<C>,
    server: &mut Session<S>,
) -> [Result<(), SessionError>; 2] {
    let mut ends = [Ok(()), Ok(())];
    for _ in 0..8 {
        let mut wire = BytesMut::new();
        client.poll_transmit(NOW, &mut wire, 8192);
        ends[1] = ends[1].and_then(|()| server.handle_bytes(NOW, &mut wire).map(drop));
        let mut wire = BytesMut::new();
        server.poll_transmit(NOW, &mut wire, 8192);
        if !wire.is_empty() {
            ends[0] = ends[0].and_then(|()| client.handle_bytes(NOW, &mut wire).map(drop));
        }
    }
    ends
}

#[test]
fn sessions_without_cryptography_talk_among_themselves() {
    for knows in [true, false] {
        let mut client = session::<NullCrypto>(Role::Initiator, knows);
        let mut server = session::<NullCrypto>(Role::Responder, false);
        assert_eq!(talk(&mut client, &mut server), [Ok(()), Ok(())]);
        let confirmed = core::iter::from_fn(|| server.poll_output())
            .any(|output| matches!(output, Output::Confirmed | Output::Established { confirmed: true, .. }));
        assert!(confirmed);
    }
}

#[test]
fn a_real_session_refuses_one_without_cryptography_in_either_role() {
    refuse_each_other::<RustCrypto, NullCrypto>();
    refuse_each_other::<RustCrypto, Gullible>();
    refuse_each_other::<NullCrypto, Gullible>();
}

fn refuse_each_other<A: Crypto, B: Crypto>() {
    let ends = [Err(SessionError::Refused(Refused::Suite)), Err(SessionError::Refusing(Refused::Suite))];
    for knows in [true, false] {
        let mut client = session::<A>(Role::Initiator, knows);
        assert_eq!(talk(&mut client, &mut session::<B>(Role::Responder, false)), ends);
        let mut client = session::<B>(Role::Initiator, knows);
        assert_eq!(talk(&mut client, &mut session::<A>(Role::Responder, false)), ends);
    }
}
