//! What a whole IK handshake costs beyond the X25519 operations that it cannot do without.

mod ratio;

use bytes::BytesMut;
use core::hint::black_box;
use criterion::{Criterion, criterion_group};
use spotproto::crypto::{Crypto, KeyPair, RustCrypto, SecretKey};
use spotproto::noise::{CipherState, Handshake, Pattern, Role};

/// As much as a first request and its answer take.
const PAYLOAD: [u8; 200] = [0x5a; 200];

struct Keys {
    client: KeyPair,
    server: KeyPair,
    client_ephemeral: KeyPair,
    server_ephemeral: KeyPair,
}

impl Keys {
    fn new() -> Self {
        let [client, server, client_ephemeral, server_ephemeral] =
            [1, 2, 3, 4].map(|byte| KeyPair::new::<RustCrypto>(SecretKey([byte; 32])));
        Self { client, server, client_ephemeral, server_ephemeral }
    }

    /// Both sides of a handshake, up to ciphers that could carry records.
    fn handshake(&self, wire: &mut BytesMut) -> [CipherState; 4] {
        let ephemeral = self.client_ephemeral.secret.clone();
        let remote = Some(&self.server.public);
        let mut client: Handshake =
            Handshake::new(Pattern::Ik, Role::Initiator, b"prologue", &self.client, ephemeral, remote)
                .unwrap();
        let ephemeral = self.server_ephemeral.secret.clone();
        let mut server: Handshake =
            Handshake::new(Pattern::Ik, Role::Responder, b"prologue", &self.server, ephemeral, None).unwrap();
        wire.clear();
        client.write_message(&PAYLOAD, wire).unwrap();
        server.read_message(wire).unwrap();
        wire.clear();
        server.write_message(&PAYLOAD, wire).unwrap();
        client.read_message(wire).unwrap();
        let (client, server) = (client.split().unwrap(), server.split().unwrap());
        [client.0, client.1, server.0, server.1]
    }

    /// The operations on the curve that both sides of IK need: two ephemeral keys made public, and four agreements
    /// a side (es, ss, ee, se).
    fn bare_operations(&self) {
        let made = [&self.client_ephemeral, &self.server_ephemeral];
        black_box(made.map(|pair| RustCrypto::public_key(black_box(&pair.secret))));
        let (e, s) = (&self.client_ephemeral, &self.client);
        let (re, rs) = (&self.server_ephemeral, &self.server);
        for (client, server) in [(e, rs), (s, rs), (e, re), (s, re)] {
            black_box(RustCrypto::agree(black_box(&client.secret), &server.public)).unwrap();
            black_box(RustCrypto::agree(black_box(&server.secret), &client.public)).unwrap();
        }
    }
}

fn handshake(criterion: &mut Criterion) {
    let keys = Keys::new();
    let mut wire = BytesMut::with_capacity(1024);
    let mut group = criterion.benchmark_group("handshake");
    group.bench_function("ik, both sides", |bencher| bencher.iter(|| keys.handshake(&mut wire)));
    group.bench_function("its x25519 operations alone", |bencher| bencher.iter(|| keys.bare_operations()));
    group.finish();
}

criterion_group!(groups, handshake);

fn main() {
    groups();
    let keys = Keys::new();
    let mut wire = BytesMut::with_capacity(1024);
    ratio::check("handshake/dh", 1.25, || keys.handshake(&mut wire), || keys.bare_operations());
    Criterion::default().configure_from_args().final_summary();
}
