//! spotproto: two sessions, a whole handshake, a message.

use bytes::BytesMut;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Output, Setup};
use spotproto::{ByteMachine, Instant, Limits, Machine, Session};

/// Far more turns than a handshake takes.
const TURNS: usize = 20;

/// Both ends of a connection shake hands; each then knows that the other is live.
pub fn two_ends_confirm_each_other() -> Option<()> {
    let server = KeyPair::new::<RustCrypto>(SecretKey([2; 32]));
    let mut client = end(Role::Initiator, [1, 11], Some(server.public))?;
    let mut server = end(Role::Responder, [2, 12], None)?;
    let (mut to_server, mut to_client) = (BytesMut::new(), BytesMut::new());
    let (mut client_is_sure, mut server_is_sure) = (false, false);
    for _ in 0..TURNS {
        client_is_sure |= turn(&mut client, &mut to_client, &mut to_server)?;
        server_is_sure |= turn(&mut server, &mut to_server, &mut to_client)?;
    }
    (client_is_sure && server_is_sure).then_some(())
}

fn end(
    role: Role,
    [identity, ephemeral]: [u8; 2],
    remote: Option<spotproto::crypto::PublicKey>,
) -> Option<Session> {
    let setup = Setup {
        role,
        dialled: role == Role::Initiator,
        link: LinkId::ACCESS_POINT,
        identity: KeyPair::new::<RustCrypto>(SecretKey([identity; 32])),
        ephemeral: SecretKey([ephemeral; 32]),
        remote,
        limits: Limits::DEFAULT,
    };
    Session::new(Instant::START, setup).ok()
}

/// Reads, and writes; whether the other side turned out to be live.
fn turn(session: &mut Session, inbox: &mut BytesMut, line: &mut BytesMut) -> Option<bool> {
    let taken = session.handle_bytes(Instant::START, inbox).ok()?;
    let _ = inbox.split_to(taken);
    let mut live = false;
    while let Some(output) = session.poll_output() {
        live |= matches!(output, Output::Confirmed | Output::Established { confirmed: true, .. });
    }
    session.poll_transmit(Instant::START, line, 8192);
    Some(live)
}
