//! What a handshake and its ciphers refuse, and that they stay refused.

use bytes::BytesMut;
use proptest::prelude::*;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};
use spotproto::noise::{CipherState, Handshake, MAX_MESSAGE_LEN, Misuse, NoiseError, Pattern, Role};

/// A point of order 8, a zero, and the curve's 1; all seven are in `crypto_vectors.rs`.
const LOW_ORDER: [[u8; 32]; 3] = {
    let mut one = [0; 32];
    one[0] = 1;
    let eight = [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda,
        0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00,
    ];
    [[0; 32], one, eight]
};

fn pair(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

fn initiator(pattern: Pattern, remote: &PublicKey, prologue: &[u8]) -> Handshake {
    let remote = (pattern == Pattern::Ik).then_some(remote);
    Handshake::new(pattern, Role::Initiator, prologue, &pair(1), SecretKey([3; 32]), remote).unwrap()
}

fn responder(pattern: Pattern, ephemeral: u8, prologue: &[u8]) -> Handshake {
    let ephemeral = SecretKey([ephemeral; 32]);
    Handshake::new(pattern, Role::Responder, prologue, &pair(2), ephemeral, None).unwrap()
}

fn sides(pattern: Pattern) -> (Handshake, Handshake) {
    (initiator(pattern, &pair(2).public, b"p"), responder(pattern, 4, b"p"))
}

fn write(writer: &mut Handshake) -> BytesMut {
    let mut message = BytesMut::new();
    writer.write_message(b"payload", &mut message).unwrap();
    message
}

/// The reader of message `number`, and that message.
fn before_message(pattern: Pattern, number: usize) -> (Handshake, BytesMut) {
    let (mut writer, mut reader) = sides(pattern);
    for _ in 0..number {
        let mut message = write(&mut writer);
        reader.read_message(&mut message).unwrap();
        (writer, reader) = (reader, writer);
    }
    let message = write(&mut writer);
    (reader, message)
}

fn finished(pattern: Pattern) -> (Handshake, Handshake) {
    let (mut writer, mut reader) = sides(pattern);
    while !writer.is_finished() {
        let mut message = write(&mut writer);
        reader.read_message(&mut message).unwrap();
        (writer, reader) = (reader, writer);
    }
    if pattern == Pattern::Ik { (writer, reader) } else { (reader, writer) }
}

const EVERY_MESSAGE: [(Pattern, usize); 5] =
    [(Pattern::Ik, 0), (Pattern::Ik, 1), (Pattern::Xx, 0), (Pattern::Xx, 1), (Pattern::Xx, 2)];

#[track_caller]
fn assert_broken(mut side: Handshake) {
    let broken = NoiseError::Misuse(Misuse::Broken);
    assert!(!side.my_turn() && !side.is_finished());
    assert_eq!(side.remote_static(), None);
    assert_eq!(side.read_message(&mut [0; 200]), Err(broken));
    let mut out = BytesMut::from(&b"before"[..]);
    assert_eq!(side.write_message(b"", &mut out), Err(broken));
    assert_eq!(out, &b"before"[..]);
    assert_eq!(side.split().map(|_| ()), Err(broken));
}

#[test]
fn a_responder_with_another_key_reports_the_first_ik_message() {
    let (mut client, _) = sides(Pattern::Ik);
    let mut message = write(&mut client);
    let mut server =
        Handshake::new(Pattern::Ik, Role::Responder, b"p", &pair(9), SecretKey([4; 32]), None).unwrap();
    let refused: Result<_, NoiseError> = server.read_message(&mut message);
    assert_eq!(refused, Err(NoiseError::Decrypt));
    assert_broken(server);
}

#[test]
fn an_initiator_refuses_an_answer_by_another_key() {
    // Somebody who saw message 1 but lacks the responder's key answers from a handshake of his own.
    let (mut client, _) = sides(Pattern::Ik);
    let _ = write(&mut client);
    let other = pair(9);
    let mut decoy = initiator(Pattern::Ik, &other.public, b"p");
    let mut impostor: Handshake =
        Handshake::new(Pattern::Ik, Role::Responder, b"p", &other, SecretKey([4; 32]), None).unwrap();
    impostor.read_message(&mut write(&mut decoy)).unwrap();
    assert_eq!(client.read_message(&mut write(&mut impostor)), Err(NoiseError::Decrypt));
    assert_broken(client);
}

#[test]
fn sides_with_different_prologues_do_not_meet() {
    let mut client = initiator(Pattern::Ik, &pair(2).public, b"version 2");
    let mut server = responder(Pattern::Ik, 4, b"version 1");
    assert_eq!(server.read_message(&mut write(&mut client)), Err(NoiseError::Decrypt));
    assert_broken(server);

    // The first XX message carries no tag yet, so it is the initiator who finds out.
    let mut client = initiator(Pattern::Xx, &pair(2).public, b"version 2");
    let mut server = responder(Pattern::Xx, 4, b"version 1");
    server.read_message(&mut write(&mut client)).unwrap();
    assert_eq!(client.read_message(&mut write(&mut server)), Err(NoiseError::Decrypt));
    assert_broken(client);
}

#[test]
fn a_replayed_first_message_opens_but_leads_nowhere() {
    // Early data can be replayed; what follows cannot, because the responder's ephemeral key is another.
    let (mut client, mut server) = sides(Pattern::Ik);
    let first = write(&mut client);
    server.read_message(&mut first.clone()).unwrap();
    client.read_message(&mut write(&mut server)).unwrap();
    let (mut send, _) = client.split().unwrap();
    let mut record = *b"record";
    let tag = send.seal(b"", &mut record).unwrap();

    let mut again = responder(Pattern::Ik, 5, b"p");
    let mut replayed = first;
    let at = again.read_message(&mut replayed).unwrap();
    assert_eq!(&replayed[at], b"payload");
    let _ = write(&mut again);
    let (_, mut receive) = again.split().unwrap();
    assert_eq!(receive.open(b"", &mut record, &tag), Err(NoiseError::Decrypt));
}

#[test]
fn replayed_later_messages_are_refused_under_other_ephemeral_keys() {
    for (pattern, number) in [(Pattern::Ik, 1), (Pattern::Xx, 1)] {
        let (_, mut message) = before_message(pattern, number);
        let remote = (pattern == Pattern::Ik).then_some(pair(2).public);
        let mut fresh: Handshake =
            Handshake::new(pattern, Role::Initiator, b"p", &pair(1), SecretKey([6; 32]), remote.as_ref())
                .unwrap();
        let _ = write(&mut fresh);
        assert_eq!(fresh.read_message(&mut message), Err(NoiseError::Decrypt));
        assert_broken(fresh);
    }
    let (_, mut third) = before_message(Pattern::Xx, 2);
    let mut fresh = responder(Pattern::Xx, 6, b"p");
    let (mut client, _) = sides(Pattern::Xx);
    fresh.read_message(&mut write(&mut client)).unwrap();
    let _ = write(&mut fresh);
    assert_eq!(fresh.read_message(&mut third), Err(NoiseError::Decrypt));
    assert_broken(fresh);
}

#[test]
fn low_order_ephemeral_keys_are_refused() {
    for point in LOW_ORDER {
        let (mut server, mut message) = before_message(Pattern::Ik, 0);
        message[..32].copy_from_slice(&point);
        assert_eq!(server.read_message(&mut message), Err(NoiseError::LowOrder));
        assert_broken(server);

        for pattern in [Pattern::Ik, Pattern::Xx] {
            let (mut client, mut message) = before_message(pattern, 1);
            message[..32].copy_from_slice(&point);
            assert_eq!(client.read_message(&mut message), Err(NoiseError::LowOrder));
            assert_broken(client);
        }

        // The first XX message is used only by the answer.
        let (mut server, mut message) = before_message(Pattern::Xx, 0);
        message[..32].copy_from_slice(&point);
        server.read_message(&mut message).unwrap();
        let mut out = BytesMut::from(&b"before"[..]);
        assert_eq!(server.write_message(b"", &mut out), Err(NoiseError::LowOrder));
        assert_eq!(out, &b"before"[..]);
        assert_broken(server);
    }
}

#[test]
fn low_order_static_keys_are_refused() {
    for point in LOW_ORDER {
        let mut client = initiator(Pattern::Ik, &PublicKey(point), b"p");
        assert_eq!(client.write_message(b"", &mut BytesMut::new()), Err(NoiseError::LowOrder));
        assert_broken(client);

        // A cheat can only send such a key by running a handshake with it as its own.
        for pattern in [Pattern::Ik, Pattern::Xx] {
            let cheat = KeyPair { secret: SecretKey([1; 32]), public: PublicKey(point) };
            let server_key = pair(2).public;
            let remote = (pattern == Pattern::Ik).then_some(&server_key);
            let mut client =
                Handshake::new(pattern, Role::Initiator, b"p", &cheat, SecretKey([3; 32]), remote).unwrap();
            let mut server = responder(pattern, 4, b"p");
            if pattern == Pattern::Xx {
                server.read_message(&mut write(&mut client)).unwrap();
                client.read_message(&mut write(&mut server)).unwrap();
            }
            assert_eq!(server.read_message(&mut write(&mut client)), Err(NoiseError::LowOrder));
            assert_broken(server);
        }
    }
}

#[test]
fn a_message_cut_short_is_refused_wherever_it_is_cut() {
    for (pattern, number) in EVERY_MESSAGE {
        let (side, message) = before_message(pattern, number);
        let least = side.message_overhead();
        for len in 0..message.len() {
            let (mut side, mut message) = before_message(pattern, number);
            let read = side.read_message(&mut message[..len]);
            if len < least {
                assert_eq!(read, Err(NoiseError::Malformed));
            } else if (pattern, number) == (Pattern::Xx, 0) {
                // Its payload is in the clear, and covered by the tags of the second message only.
                assert_eq!(read, Ok(32..len));
                continue;
            } else {
                assert_eq!(read, Err(NoiseError::Decrypt));
            }
            assert_broken(side);
        }
    }
}

#[test]
fn a_message_above_the_limit_is_refused() {
    let (mut server, _) = before_message(Pattern::Xx, 0);
    assert_eq!(server.read_message(&mut vec![9; MAX_MESSAGE_LEN + 1]), Err(NoiseError::Malformed));
    assert_broken(server);

    let (mut client, _) = sides(Pattern::Ik);
    let most = MAX_MESSAGE_LEN - client.message_overhead();
    let mut out = BytesMut::new();
    let too_long = client.write_message(&vec![0; most + 1], &mut out);
    assert_eq!(too_long, Err(NoiseError::Misuse(Misuse::TooLong)));
    assert!(out.is_empty() && client.my_turn());
    client.write_message(&vec![0; most], &mut out).unwrap();
    assert_eq!(out.len(), MAX_MESSAGE_LEN);
}

#[test]
fn turns_are_kept() {
    let out_of_turn = NoiseError::Misuse(Misuse::OutOfTurn);
    let (client, mut server) = sides(Pattern::Xx);
    assert_eq!(server.write_message(b"", &mut BytesMut::new()), Err(out_of_turn));
    assert!(!server.my_turn() && client.my_turn());
    assert_eq!(client.split().map(|_| ()), Err(NoiseError::Misuse(Misuse::NotFinished)));

    let (mut client, _) = sides(Pattern::Xx);
    assert_eq!(client.read_message(&mut [0; 100]), Err(out_of_turn));
    assert_broken(client);

    for pattern in [Pattern::Ik, Pattern::Xx] {
        let (mut client, mut server) = finished(pattern);
        assert_eq!(client.message_overhead(), 0);
        assert_eq!(client.write_message(b"", &mut BytesMut::new()), Err(out_of_turn));
        assert_eq!(server.write_message(b"", &mut BytesMut::new()), Err(out_of_turn));
        assert_eq!(server.read_message(&mut [0; 100]), Err(out_of_turn));
        assert!(client.split().is_ok());
    }
}

#[test]
fn only_an_ik_initiator_takes_the_other_key_beforehand() {
    let key = pair(2).public;
    let begin = |pattern, role, remote| -> Result<(), NoiseError> {
        Handshake::<RustCrypto>::new(pattern, role, b"", &pair(1), SecretKey([3; 32]), remote).map(|_| ())
    };
    let missing = Err(NoiseError::Misuse(Misuse::RemoteKeyMissing));
    let unexpected = Err(NoiseError::Misuse(Misuse::RemoteKeyUnexpected));
    assert_eq!(begin(Pattern::Ik, Role::Initiator, None), missing);
    assert_eq!(begin(Pattern::Ik, Role::Responder, Some(&key)), unexpected);
    assert_eq!(begin(Pattern::Xx, Role::Initiator, Some(&key)), unexpected);
    assert_eq!(begin(Pattern::Xx, Role::Responder, Some(&key)), unexpected);
}

#[test]
fn records_out_of_order_or_sent_twice_are_refused() {
    let (client, server) = finished(Pattern::Ik);
    let (mut send, _): (CipherState, _) = client.split().unwrap();
    let (_, mut receive) = server.split().unwrap();
    let mut sealed = [[1; 5], [2; 5], [3; 5]];
    let [first, second, third] = sealed.each_mut().map(|text| send.seal(b"", text).unwrap());

    assert_eq!(receive.open(b"", &mut sealed[1].clone(), &second), Err(NoiseError::Decrypt));
    receive.open(b"", &mut sealed[0].clone(), &first).unwrap();
    assert_eq!(receive.open(b"", &mut sealed[0].clone(), &first), Err(NoiseError::Decrypt));
    assert_eq!(receive.open(b"", &mut sealed[2].clone(), &third), Err(NoiseError::Decrypt));
    assert_eq!(receive.nonce(), 1);
    receive.open(b"", &mut sealed[1], &second).unwrap();
    receive.open(b"", &mut sealed[2], &third).unwrap();
    assert_eq!(sealed[1..], [[2; 5], [3; 5]]);
}

#[test]
fn what_one_direction_sends_the_other_cannot_open() {
    let (client, _) = finished(Pattern::Xx);
    let (mut send, mut receive) = client.split().unwrap();
    let mut text = *b"mirrored";
    let tag = send.seal(b"", &mut text).unwrap();
    assert_eq!(receive.open(b"", &mut text, &tag), Err(NoiseError::Decrypt));
}

#[test]
fn nothing_secret_is_printed() {
    let (client, _) = sides(Pattern::Ik);
    let printed = format!("{client:?}");
    assert!(printed.contains("Ik") && !printed.contains("[3, 3") && !printed.contains("0303"), "{printed}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_handshake_panic(
        (pattern, number) in prop::sample::select(&EVERY_MESSAGE[..]),
        mut bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (mut side, _) = before_message(pattern, number);
        match side.read_message(&mut bytes) {
            Ok(at) => prop_assert_eq!((pattern, number, at), (Pattern::Xx, 0, 32..bytes.len())),
            Err(error) => {
                prop_assert!(error.is_remote_fault());
                assert_broken(side);
            }
        }
    }

    #[test]
    fn no_altered_bit_passes(
        (pattern, number) in prop::sample::select(&EVERY_MESSAGE[..]),
        at in any::<prop::sample::Index>(),
    ) {
        let (mut side, mut message) = before_message(pattern, number);
        let bit = at.index(message.len() * 8);
        message[bit / 8] ^= 1 << (bit % 8);
        // X25519 ignores the top bit of a public key, but the hash over the handshake does not.
        let read = side.read_message(&mut message);
        if (pattern, number) == (Pattern::Xx, 0) {
            let mut client = sides(pattern).0;
            let _ = write(&mut client);
            prop_assert_eq!(client.read_message(&mut write(&mut side)), Err(NoiseError::Decrypt));
        } else {
            prop_assert!(read.is_err());
            assert_broken(side);
        }
    }
}
