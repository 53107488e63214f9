//! Live sessions with `snow`, an implementation by others: both patterns, this side in both roles.

use bytes::BytesMut;
use snow::{Builder, HandshakeState, TransportState};
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey, TAG_LEN};
use spotproto::noise::{CipherState, Handshake, MAX_MESSAGE_LEN, Pattern, Role};

const PROLOGUE: &[u8] = b"both saw this";

fn pair(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

fn ours(pattern: Pattern, role: Role, local: &KeyPair, remote: &KeyPair) -> Handshake {
    let knows = pattern == Pattern::Ik && role == Role::Initiator;
    let remote = knows.then_some(&remote.public);
    Handshake::new(pattern, role, PROLOGUE, local, SecretKey([0xe1; 32]), remote).unwrap()
}

fn snows(pattern: Pattern, role: Role, local: &KeyPair, remote: &KeyPair) -> HandshakeState {
    let name = match pattern {
        Pattern::Ik => "Noise_IK_25519_ChaChaPoly_SHA256",
        Pattern::Xx => "Noise_XX_25519_ChaChaPoly_SHA256",
    };
    let builder = Builder::new(name.parse().unwrap())
        .local_private_key(&local.secret.0)
        .unwrap()
        .prologue(PROLOGUE)
        .unwrap();
    match (pattern, role) {
        (Pattern::Ik, Role::Initiator) => {
            builder.remote_public_key(&remote.public.0).unwrap().build_initiator().unwrap()
        }
        (Pattern::Xx, Role::Initiator) => builder.build_initiator().unwrap(),
        (_, Role::Responder) => builder.build_responder().unwrap(),
    }
}

fn we_write(ours: &mut Handshake, snow: &mut HandshakeState, payload: &[u8]) {
    let mut message = BytesMut::new();
    ours.write_message(payload, &mut message).unwrap();
    let mut read = vec![0; MAX_MESSAGE_LEN];
    let len = snow.read_message(&message, &mut read).unwrap();
    assert_eq!(&read[..len], payload);
}

fn snow_writes(ours: &mut Handshake, snow: &mut HandshakeState, payload: &[u8]) {
    let mut message = vec![0; MAX_MESSAGE_LEN];
    let len = snow.write_message(payload, &mut message).unwrap();
    assert_eq!(len, payload.len() + ours.message_overhead());
    let at = ours.read_message(&mut message[..len]).unwrap();
    assert_eq!(&message[at], payload);
}

fn we_send(send: &mut CipherState, snow: &mut TransportState, text: &[u8]) {
    let mut record = text.to_vec();
    let tag = send.seal(b"", &mut record).unwrap();
    record.extend_from_slice(&tag);
    let mut read = vec![0; record.len()];
    let len = snow.read_message(&record, &mut read).unwrap();
    assert_eq!(&read[..len], text);
}

fn snow_sends(receive: &mut CipherState, snow: &mut TransportState, text: &[u8]) {
    let mut record = vec![0; text.len() + TAG_LEN];
    assert_eq!(snow.write_message(text, &mut record).unwrap(), record.len());
    let (sealed, tag) = record.split_last_chunk_mut().unwrap();
    receive.open(b"", sealed, tag).unwrap();
    assert_eq!(sealed, text);
}

/// Every handshake message with a payload of `len` bytes, then records both ways, with a rekey of each direction
/// on its own in between.
fn talk(pattern: Pattern, role: Role, len: usize) {
    let (me, other) = (pair(1), pair(2));
    let mut mine = ours(pattern, role, &me, &other);
    let other_role = if role == Role::Initiator { Role::Responder } else { Role::Initiator };
    let mut snow = snows(pattern, other_role, &other, &me);

    let mut number = 0;
    while !mine.is_finished() {
        let payload = vec![number; len];
        if mine.my_turn() {
            we_write(&mut mine, &mut snow, &payload);
        } else {
            snow_writes(&mut mine, &mut snow, &payload);
        }
        number += 1;
    }
    assert!(snow.is_handshake_finished());
    assert_eq!(mine.hash(), snow.get_handshake_hash());
    assert_eq!(mine.remote_static(), Some(other.public));
    assert_eq!(snow.get_remote_static(), Some(&me.public.0[..]));

    let (mut send, mut receive) = mine.split().unwrap();
    let mut snow = snow.into_transport_mode().unwrap();
    for round in 0..4 {
        for len in [0, 1, 63, 64, 65, 16 * 1024] {
            we_send(&mut send, &mut snow, &vec![round; len]);
            snow_sends(&mut receive, &mut snow, &vec![!round; len]);
        }
        if round != 1 {
            send.rekey();
            snow.rekey_incoming();
        }
        if round != 2 {
            receive.rekey();
            snow.rekey_outgoing();
        }
    }
    assert_eq!((send.nonce(), receive.nonce()), (snow.receiving_nonce(), snow.sending_nonce()));
}

#[test]
fn we_open_ik_to_snow() {
    talk(Pattern::Ik, Role::Initiator, 0);
    talk(Pattern::Ik, Role::Initiator, 300);
}

#[test]
fn snow_opens_ik_to_us() {
    talk(Pattern::Ik, Role::Responder, 0);
    talk(Pattern::Ik, Role::Responder, 300);
}

#[test]
fn we_open_xx_to_snow() {
    talk(Pattern::Xx, Role::Initiator, 0);
    talk(Pattern::Xx, Role::Initiator, 300);
}

#[test]
fn snow_opens_xx_to_us() {
    talk(Pattern::Xx, Role::Responder, 0);
    talk(Pattern::Xx, Role::Responder, 300);
}

#[test]
fn the_largest_payloads_pass() {
    let (me, other) = (pair(1), pair(2));
    let mut mine = ours(Pattern::Ik, Role::Initiator, &me, &other);
    let mut snow = snows(Pattern::Ik, Role::Responder, &other, &me);
    let most = MAX_MESSAGE_LEN - mine.message_overhead();
    we_write(&mut mine, &mut snow, &vec![7; most]);
    let most = MAX_MESSAGE_LEN - mine.message_overhead();
    snow_writes(&mut mine, &mut snow, &vec![8; most]);
}
