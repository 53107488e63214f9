//! The published vectors of Noise, both sides of each.

mod hex;

use bytes::BytesMut;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};
use spotproto::noise::{CipherState, Handshake, Pattern, Role};

#[derive(Default)]
struct Vector<'a> {
    name: &'a str,
    fields: Vec<(&'a str, &'a str)>,
    /// Payloads with the messages that they become.
    exchange: Vec<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Vector<'a> {
    fn field(&self, wanted: &str) -> Option<&'a str> {
        self.fields.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
    }

    fn secret(&self, name: &str) -> SecretKey {
        SecretKey(hex::array(self.field(name).expect(name)))
    }

    fn side(&self, role: Role) -> Handshake {
        let pattern = match self.field("protocol") {
            Some("Noise_IK_25519_ChaChaPoly_SHA256") => Pattern::Ik,
            Some("Noise_XX_25519_ChaChaPoly_SHA256") => Pattern::Xx,
            other => panic!("{other:?} is not spoken here"),
        };
        let prologue = hex::bytes(self.field("prologue").expect("prologue"));
        let (local, ephemeral, remote) = match role {
            Role::Initiator => ("init_static", "init_ephemeral", self.field("init_remote_static")),
            Role::Responder => ("resp_static", "resp_ephemeral", None),
        };
        let local = KeyPair::new::<RustCrypto>(self.secret(local));
        let remote = remote.map(|key| PublicKey(hex::array(key)));
        Handshake::new(pattern, role, &prologue, &local, self.secret(ephemeral), remote.as_ref()).unwrap()
    }
}

fn vectors() -> Vec<Vector<'static>> {
    let mut vectors = Vec::new();
    let mut payload = Vec::new();
    for line in include_str!("vectors/noise.txt").lines() {
        let (word, value) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" | "#" => {}
            "vector" => vectors.push(Vector { name: value, ..Vector::default() }),
            _ => {
                let vector = vectors.last_mut().expect("a vector before its fields");
                match word {
                    "payload" => payload = hex::bytes(value),
                    "message" => vector.exchange.push((payload.clone(), hex::bytes(value))),
                    _ => vector.fields.push((word, value)),
                }
            }
        }
    }
    vectors
}

#[test]
fn there_are_two_vectors_of_each_pattern() {
    let names: Vec<_> = vectors().iter().map(|vector| vector.name).collect();
    assert_eq!(names, ["cacophony IK", "cacophony XX", "snow IK", "snow XX"]);
}

#[test]
fn the_published_vectors_come_out_byte_for_byte() {
    for vector in vectors() {
        let [mut initiator, mut responder] = [Role::Initiator, Role::Responder].map(|role| vector.side(role));
        let mut exchange = vector.exchange.iter();
        let mut turn = 0;
        while !initiator.is_finished() {
            let (payload, message) = exchange.next().expect(vector.name);
            if turn % 2 == 0 {
                pass(&mut initiator, &mut responder, payload, message);
            } else {
                pass(&mut responder, &mut initiator, payload, message);
            }
            turn += 1;
        }
        assert!(responder.is_finished());
        assert_eq!(initiator.hash(), responder.hash());
        if let Some(hash) = vector.field("handshake_hash") {
            assert_eq!(initiator.hash(), hex::array(hash), "{}", vector.name);
        }

        let (mut from_initiator, mut at_initiator) = initiator.split().unwrap();
        let (mut from_responder, mut at_responder) = responder.split().unwrap();
        for (payload, message) in exchange {
            if turn % 2 == 0 {
                transport(&mut from_initiator, &mut at_responder, payload, message);
            } else {
                transport(&mut from_responder, &mut at_initiator, payload, message);
            }
            turn += 1;
        }
        assert_eq!(turn, vector.exchange.len());
    }
}

fn pass(writer: &mut Handshake, reader: &mut Handshake, payload: &[u8], message: &[u8]) {
    assert!(writer.my_turn() && !reader.my_turn());
    let overhead = writer.message_overhead();
    assert_eq!(overhead, reader.message_overhead());
    let mut wire = BytesMut::new();
    writer.write_message(payload, &mut wire).unwrap();
    assert_eq!(wire, message);
    assert_eq!(wire.len(), payload.len() + overhead);
    let at = reader.read_message(&mut wire).unwrap();
    assert_eq!(&wire[at], payload);
}

fn transport(sender: &mut CipherState, receiver: &mut CipherState, payload: &[u8], message: &[u8]) {
    let mut text = payload.to_vec();
    let tag = sender.seal(b"", &mut text).unwrap();
    assert_eq!([&text[..], &tag[..]].concat(), message);
    receiver.open(b"", &mut text, &tag).unwrap();
    assert_eq!(text, payload);
}
