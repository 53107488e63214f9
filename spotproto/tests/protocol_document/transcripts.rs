//! Two real sessions with fixed keys, and what goes over the line between them.

use crate::document::Block;
use crate::messages::file;
use crate::values::{
    INITIATOR_EPHEMERAL, RESPONDER_EPHEMERAL, counting, hello, initiator, responder, welcome,
};
use bytes::{Bytes, BytesMut};
use core::time::Duration;
use spotproto::crypto::{KeyPair, PublicKey, SecretKey, TAG_LEN};
use spotproto::error::{PeerFault, Refused};
use spotproto::message::{Hello, Message, PieceRange, Read, Urgency, WireMessage};
use spotproto::noise::{CipherState, Handshake, Pattern, Role};
use spotproto::preamble::{LinkId, PREAMBLE_LEN, Preamble};
use spotproto::session::{Input, Session, Setup};
use spotproto::{ByteMachine, Instant, Limits, Machine, SessionError};

pub(crate) const HANDSHAKE_MESSAGE_MAX: u64 = 4352;
pub(crate) const EARLY_MAX: u64 = 4096;

/// More than any flush here.
const FLUSH: usize = 32 << 10;

pub(crate) fn blocks() -> Vec<Block> {
    vec![refusal(), ik(), xx(), fragments()]
}

fn setup(role: Role, remote: Option<PublicKey>) -> Setup {
    let (identity, ephemeral) = match role {
        Role::Initiator => (initiator(), INITIATOR_EPHEMERAL),
        Role::Responder => (responder(), RESPONDER_EPHEMERAL),
    };
    let (dialled, link, limits) = (role == Role::Initiator, LinkId::ACCESS_POINT, Limits::DEFAULT);
    Setup { role, dialled, link, identity, ephemeral: SecretKey(counting(ephemeral)), remote, limits }
}

fn session(role: Role, remote: Option<PublicKey>) -> Session {
    Session::new(Instant::START, setup(role, remote)).expect("usable keys")
}

fn at(millis: u64) -> Instant {
    Instant::START + Duration::from_millis(millis)
}

fn send(session: &mut Session, now: Instant, message: WireMessage) {
    session.handle_input(now, Input::Send(message)).expect("room");
}

fn flush(session: &mut Session, now: Instant) -> Vec<u8> {
    let mut wire = BytesMut::new();
    session.poll_transmit(now, &mut wire, FLUSH);
    wire.to_vec()
}

fn give(session: &mut Session, now: Instant, wire: &[u8]) {
    assert_eq!(session.handle_bytes(now, &mut wire.to_vec()), Ok(wire.len()));
    while session.poll_output().is_some() {}
}

/// The same handshake by `noise` alone: what the sessions do not show, and a second opinion on what they do.
struct Shadow {
    initiator: Handshake,
    responder: Handshake,
}

impl Shadow {
    fn new(pattern: Pattern) -> Self {
        let preamble = Preamble { pattern, role: Role::Initiator, link: LinkId::ACCESS_POINT };
        let side = |role, identity: &KeyPair, ephemeral, remote: Option<&PublicKey>| {
            let ephemeral = SecretKey(counting(ephemeral));
            Handshake::new(pattern, role, &preamble.encode(), identity, ephemeral, remote)
                .expect("usable keys")
        };
        let known = responder().public;
        let remote = (pattern == Pattern::Ik).then_some(&known);
        Self {
            initiator: side(Role::Initiator, &initiator(), INITIATOR_EPHEMERAL, remote),
            responder: side(Role::Responder, &responder(), RESPONDER_EPHEMERAL, None),
        }
    }

    /// Takes the framed message at the front of `wire`, which must be the one that the shadow would send; answers with
    /// its payload and what follows.
    fn message<'a>(&mut self, from: Role, wire: &'a [u8]) -> (Vec<u8>, &'a [u8]) {
        let (length, rest) = wire.split_first_chunk::<2>().expect("a length");
        let (message, rest) = rest.split_at(u16::from_be_bytes(*length).into());
        let (writer, reader) = match from {
            Role::Initiator => (&mut self.initiator, &mut self.responder),
            Role::Responder => (&mut self.responder, &mut self.initiator),
        };
        let mut copy = message.to_vec();
        let payload = reader.read_message(&mut copy).expect("a message");
        let payload = copy[payload].to_vec();
        let mut same = BytesMut::new();
        writer.write_message(&payload, &mut same).expect("the writer's turn");
        assert_eq!(same, message);
        (payload, rest)
    }

    /// The hash, and what opens the initiator's and the responder's records.
    fn finish(self) -> ([u8; 32], CipherState, CipherState) {
        let hash = self.initiator.hash();
        let (_, initiators) = self.responder.split().expect("finished");
        let (_, responders) = self.initiator.split().expect("finished");
        (hash, initiators, responders)
    }
}

/// The plaintext of the one record in `wire`.
fn open(cipher: &mut CipherState, wire: &[u8]) -> Vec<u8> {
    let (length, rest) = wire.split_first_chunk::<2>().expect("a length");
    assert_eq!(usize::from(u16::from_be_bytes(*length)), rest.len(), "one record");
    let (text, tag) = rest.split_last_chunk::<TAG_LEN>().expect("a tag");
    let mut text = text.to_vec();
    cipher.open(&[], &mut text, tag).expect("a record");
    text
}

fn read(channel: u32, index: u32) -> WireMessage {
    let pieces = PieceRange { start: index, count: 1 };
    Message::Read { channel, read: Read { file: file(), pieces, urgency: Urgency::Playing, leaves: None } }
}

fn keys(name: &str) -> Block {
    Block::new(name)
        .hex("initiator's static secret", &initiator().secret.0)
        .hex("initiator's static key", &initiator().public.0)
        .hex("initiator's ephemeral secret", &counting::<32>(INITIATOR_EPHEMERAL))
        .hex("responder's static secret", &responder().secret.0)
        .hex("responder's static key", &responder().public.0)
        .hex("responder's ephemeral secret", &counting::<32>(RESPONDER_EPHEMERAL))
}

/// Everything that an IK connection says until both sides are sure of each other.
fn ik() -> Block {
    let mut client = session(Role::Initiator, Some(responder().public));
    let mut server = session(Role::Responder, None);
    send(&mut client, at(0), Message::Hello(Box::new(hello())));
    send(&mut client, at(0), read(1, 7));
    let first = flush(&mut client, at(0));
    give(&mut server, at(25), &first);
    send(
        &mut server,
        at(25),
        Message::Piece { channel: 1, index: 7, data: Bytes::from_owner(counting::<32>(0)) },
    );
    send(&mut server, at(25), Message::End { channel: 1 });
    let second = flush(&mut server, at(25));
    give(&mut client, at(50), &second);
    let third = flush(&mut client, at(50));
    give(&mut server, at(75), &third);
    send(&mut server, at(75), Message::Welcome(Box::new(welcome())));
    let fourth = flush(&mut server, at(75));

    let mut shadow = Shadow::new(Pattern::Ik);
    let (prologue, message) = first.split_at(PREAMBLE_LEN);
    let (early, rest) = shadow.message(Role::Initiator, message);
    assert!(rest.is_empty());
    assert_eq!(second[0], 0);
    let (payload, record) = shadow.message(Role::Responder, &second[1..]);
    assert!(payload.is_empty());
    let (hash, mut initiators, mut responders) = shadow.finish();
    keys("handshake-ik")
        .hex("prologue", prologue)
        .hex("early data", &early)
        .hex("initiator sends", &first)
        .hex("responder sends", &second)
        .hex("handshake hash", &hash)
        .hex("its record holds", &open(&mut responders, record))
        .hex("initiator sends next", &third)
        .hex("its record holds PING", &open(&mut initiators, &third))
        .hex("responder sends next", &fourth)
        .hex("its record holds PONG and WELCOME", &open(&mut responders, &fourth))
}

/// The same at a first contact.
fn xx() -> Block {
    let mut client = session(Role::Initiator, None);
    let mut server = session(Role::Responder, None);
    send(&mut client, at(0), Message::Hello(Box::new(hello())));
    let first = flush(&mut client, at(0));
    give(&mut server, at(25), &first);
    let second = flush(&mut server, at(25));
    give(&mut client, at(50), &second);
    let third = flush(&mut client, at(50));

    let mut shadow = Shadow::new(Pattern::Xx);
    let (prologue, message) = first.split_at(PREAMBLE_LEN);
    let (one, rest) = shadow.message(Role::Initiator, message);
    assert!(rest.is_empty());
    let (two, rest) = shadow.message(Role::Responder, &second[1..]);
    assert!(rest.is_empty());
    let (three, record) = shadow.message(Role::Initiator, &third);
    assert!([one, two, three].iter().all(Vec::is_empty), "XX carries no payload");
    let (hash, mut initiators, _) = shadow.finish();
    keys("handshake-xx")
        .hex("prologue", prologue)
        .hex("initiator sends", &first)
        .hex("responder sends", &second)
        .hex("initiator sends next", &third)
        .hex("handshake hash", &hash)
        .hex("its record holds PING and HELLO", &open(&mut initiators, record))
}

fn refusal() -> Block {
    let mut client = session(Role::Initiator, Some(initiator().public));
    let mut server = session(Role::Responder, None);
    let mut first = flush(&mut client, at(0));
    let refusing = SessionError::Refusing(Refused::WrongKey);
    assert_eq!(server.handle_bytes(at(25), &mut first), Err(refusing));
    let mut answer = flush(&mut server, at(25));
    let block = Block::new("refusal-wrong-key").hex("bytes", &answer);
    let refused = SessionError::Refused(Refused::WrongKey);
    assert_eq!(client.handle_bytes(at(50), &mut answer), Err(refused));
    block
}

/// How a piece of 5,000 bytes is cut up.
fn fragments() -> Block {
    let mut client = session(Role::Initiator, Some(responder().public));
    let mut server = session(Role::Responder, None);
    let mut shadow = Shadow::new(Pattern::Ik);
    send(&mut client, at(0), read(3, 70));
    let first = flush(&mut client, at(0));
    shadow.message(Role::Initiator, &first[PREAMBLE_LEN..]);
    give(&mut server, at(25), &first);
    let piece: Vec<u8> = (0..5000).map(|i| (i % 251) as u8).collect();
    send(&mut server, at(25), Message::Piece { channel: 3, index: 70, data: piece.clone().into() });
    let answer = flush(&mut server, at(25));
    let (_, record) = shadow.message(Role::Responder, &answer[1..]);
    let (_, _, mut responders) = shadow.finish();
    let frames = open(&mut responders, record);
    let (head, rest) = frames.split_at(4 + 4);
    let (data, rest) = rest.split_at(4096);
    let (next, rest) = rest.split_at(4);
    assert_eq!([data, rest].concat(), piece);
    Block::new("piece-fragments")
        .text("piece", "number 70 on channel 3: 5000 bytes, byte i is i modulo 251")
        .hex("PIECE up to its data", head)
        .text("then", format!("bytes 0 up to {}", data.len()))
        .hex("REST up to its data", next)
        .text("then the rest", format!("bytes {} up to {}", data.len(), piece.len()))
}

#[test]
fn a_handshake_message_is_refused_from_the_length_that_the_document_names() {
    let length = |length: u64| {
        let preamble = Preamble { pattern: Pattern::Ik, role: Role::Initiator, link: LinkId::ACCESS_POINT };
        let mut wire = preamble.encode().to_vec();
        wire.extend((length as u16).to_be_bytes());
        session(Role::Responder, None).handle_bytes(at(0), &mut wire)
    };
    assert_eq!(length(HANDSHAKE_MESSAGE_MAX), Ok(PREAMBLE_LEN));
    assert_eq!(length(HANDSHAKE_MESSAGE_MAX + 1), Err(SessionError::Peer(PeerFault::OversizedRecord)));
}

#[test]
fn early_data_stay_within_the_bound_that_the_document_names() {
    let mut client = session(Role::Initiator, Some(responder().public));
    // Frames of 64 bytes each, more than fit.
    let hello = || Hello { agent: "x".repeat(25).into(), ..hello() };
    (0..100).for_each(|_| send(&mut client, at(0), Message::Hello(Box::new(hello()))));
    let (overhead, first) = (PREAMBLE_LEN + 2 + 96, flush(&mut client, at(0)));
    assert_eq!(first.len() as u64, overhead as u64 + EARLY_MAX);
    give(&mut session(Role::Responder, None), at(25), &first);
}
