//! A hostile peer that owns the keys: it shakes hands honestly and then seals whatever it likes.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the harness")]

use super::pair::{keys, keys_of, read, setup};
use bytes::{BufMut, BytesMut};
use core::time::Duration;
use spotproto::codec::Writer;
use spotproto::content::FileId;
use spotproto::crypto::{Crypto, PublicKey, RustCrypto, SecretKey};
use spotproto::frame::kind;
use spotproto::message::{Hello, Urgency};
use spotproto::noise::{CipherState, Handshake, Pattern, Role};
use spotproto::preamble::{LinkId, PREAMBLE_LEN, Preamble};
use spotproto::session::{Input, Session};
use spotproto::{ByteMachine, Instant, Machine, SessionError};

pub const NOW: Instant = Instant::START;

/// Largest limit that a flush of a session needs in these tests.
const FLUSH: usize = 8 << 10;

pub struct Forger<C: Crypto = RustCrypto> {
    send: CipherState<C>,
    pub receive: CipherState<C>,
}

impl<C: Crypto> Forger<C> {
    /// Shakes hands with a responder whose key is that of identity 2, and proves itself live.
    pub fn dial(victim: &mut Session<C>, now: Instant) -> Self {
        let preamble = preamble().encode_in(C::SUITE);
        let (identity, ephemeral) = (keys_of::<C>(1), SecretKey([21; 32]));
        let remote = keys_of::<C>(2).public;
        let mut noise: Handshake<C> =
            Handshake::new(Pattern::Ik, Role::Initiator, &preamble, &identity, ephemeral, Some(&remote))
                .unwrap();
        let mut message = BytesMut::new();
        noise.write_message(&[], &mut message).unwrap();
        let mut wire = BytesMut::from(&preamble[..]);
        put_message(&mut wire, &message);
        assert_eq!(victim.handle_bytes(now, &mut wire), Ok(wire.len()));
        let mut answer = BytesMut::new();
        victim.poll_transmit(now, &mut answer, FLUSH);
        let length = usize::from(u16::from_be_bytes([answer[1], answer[2]]));
        noise.read_message(&mut answer[3..3 + length]).unwrap();
        let (send, receive) = noise.split().unwrap();
        let mut forger = Self { send, receive };
        let mut first = forger.record(&[]);
        assert_eq!(victim.handle_bytes(now, &mut first), Ok(first.len()));
        while victim.poll_output().is_some() {}
        forger
    }

    /// Shakes hands with an initiator that takes this side for identity 2.
    pub fn accept(victim: &mut Session<C>, now: Instant) -> Self {
        let mut wire = BytesMut::new();
        victim.poll_transmit(now, &mut wire, FLUSH);
        let (identity, ephemeral) = (keys_of::<C>(2), SecretKey([22; 32]));
        let mut noise: Handshake<C> = Handshake::new(
            Pattern::Ik,
            Role::Responder,
            &wire[..PREAMBLE_LEN],
            &identity,
            ephemeral,
            None::<&PublicKey>,
        )
        .unwrap();
        noise.read_message(&mut wire[PREAMBLE_LEN + 2..]).unwrap();
        let mut message = BytesMut::new();
        noise.write_message(&[], &mut message).unwrap();
        let mut answer = BytesMut::from(&[0][..]);
        put_message(&mut answer, &message);
        assert_eq!(victim.handle_bytes(now, &mut answer), Ok(answer.len()));
        while victim.poll_output().is_some() {}
        let (send, receive) = noise.split().unwrap();
        Self { send, receive }
    }

    /// Seals `plain`, and has an honest session take it.
    pub fn give(&mut self, victim: &mut Session<C>, now: Instant, plain: &[u8]) {
        let mut wire = self.record(plain);
        assert_eq!(victim.handle_bytes(now, &mut wire), Ok(wire.len()));
    }

    /// Replaces the key, as a session does behind a record that says so.
    pub fn rekey(&mut self) {
        self.send.rekey();
    }

    /// Seals `plain`, whatever it is, as the next record.
    pub fn record(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut text = plain.to_vec();
        let tag = self.send.seal(&[], &mut text).unwrap();
        let mut wire = ((text.len() + tag.len()) as u16).to_be_bytes().to_vec();
        wire.extend(text);
        wire.extend(tag);
        wire
    }
}

fn preamble() -> Preamble {
    Preamble { pattern: Pattern::Ik, role: Role::Initiator, link: LinkId::ACCESS_POINT }
}

fn put_message(wire: &mut BytesMut, message: &[u8]) {
    wire.put_u16(message.len() as u16);
    wire.put_slice(message);
}

/// A frame with any body.
pub fn frame(kind: u8, channel: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Writer::new(&mut out).u8(kind).varint(u64::from(channel)).u16(body.len() as u16).bytes(body);
    out
}

pub fn read_body(urgency: u8, start: u32, count: u32) -> Vec<u8> {
    let mut body = Vec::new();
    let mut writer = Writer::new(&mut body);
    writer.u8(urgency).bytes(&FileId([9; 32]).0).varint(u64::from(start)).varint(u64::from(count));
    body
}

pub fn read_frame(channel: u32, start: u32, count: u32) -> Vec<u8> {
    frame(kind::READ, channel, &read_body(0, start, count))
}

/// The first fragment of a piece of `length` bytes.
pub fn piece_frame(channel: u32, index: u32, length: usize, first: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    Writer::new(&mut body).varint(u64::from(index)).varint(length as u64).bytes(first);
    frame(kind::PIECE, channel, &body)
}

pub fn hello(port: u32) -> Hello {
    Hello { link_key: keys(7).public, port: port as u16, agent: "x".repeat(64).into() }
}

pub fn hello_body(agent: &str) -> Vec<u8> {
    let mut body = Vec::new();
    Writer::new(&mut body).bytes(&[7; 32]).u16(4070).counted(agent.as_bytes());
    body
}

pub fn client() -> Session {
    Session::new(NOW, setup(Role::Initiator, 1, 11, Some(keys(2).public))).unwrap()
}

pub fn server() -> Session {
    let mut setup = setup(Role::Responder, 2, 12, None);
    // Its handshake goes out by itself, so that every flight is of one kind.
    setup.limits.first_answer = Duration::ZERO;
    Session::new(NOW, setup).unwrap()
}

/// A finished session says one short word to the other side, gives what it has, and repeats its error.
pub fn check_finished<C: Crypto>(session: &mut Session<C>, error: SessionError) {
    assert!(session.poll_timeout().is_none());
    assert!(last_word(session).len() <= 64);
    assert!(last_word(session).is_empty());
    assert_eq!(session.handle_bytes(NOW, &mut [0; 64]), Err(error));
    assert_eq!(session.handle_timeout(NOW + Duration::from_secs(9999)), Err(error));
    assert_eq!(session.handle_eof(NOW), Err(error));
    assert_eq!(session.handle_input(NOW, Input::Send(read(1, 0, 1, Urgency::Next))), Err(error));
    while session.poll_output().is_some() {}
    assert_eq!(session.outstanding(), 0);
}

/// Whether an error blames the other side, or repeats what it said.
pub fn is_the_peers(error: SessionError) -> bool {
    error.is_peers_fault()
        || matches!(
            error,
            SessionError::Closed { by_peer: true, .. } | SessionError::Refused(_) | SessionError::Refusing(_)
        )
}

fn last_word<C: Crypto>(session: &mut Session<C>) -> BytesMut {
    let mut wire = BytesMut::new();
    session.poll_transmit(NOW, &mut wire, FLUSH);
    wire
}
