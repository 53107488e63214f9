//! What the whole stack costs beyond its cipher, and beside the stacks that others use.
//!
//! Everything runs in memory and on one core. Exits with an error if a limit is broken.

extern crate alloc;

mod bare;
mod noise_yamux;
mod pipe;
mod pumped;
#[path = "../ratio/mod.rs"]
mod ratio;
mod ring_crypto;
mod sessions;
mod table;
mod tls_h2;

use bare::Bare;
use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group};
use noise_yamux::NoiseYamux;
use pumped::Pumped;
use ring_crypto::Ring;
use rustls::crypto::ring::cipher_suite;
use sessions::Sessions;
use spotproto::content::PIECE_LEN;
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::pump::BATCH;
use std::process::ExitCode;
use table::Table;
use tls_h2::TlsH2;

/// Pieces of a download: 1 MiB.
const PIECES: u32 = 64;

/// Requests under way at a time in the run of small messages: as many as the default limits have room for.
const REQUESTS: u32 = 64;

/// A flush of several records; what adapters use is [`BATCH`].
const LONG_FLUSH: usize = 64 << 10;

fn channel(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("channel");
    group.throughput(Throughput::Bytes(u64::from(PIECES) * PIECE_LEN as u64));
    let mut sessions = Sessions::<RustCrypto>::new(LONG_FLUSH);
    group.bench_function("download", |bencher| bencher.iter(|| sessions.download(PIECES)));
    let mut bare = Bare::<RustCrypto>::new();
    group.bench_function("its cipher alone", |bencher| bencher.iter(|| bare.seal_and_open(PIECES)));
    group.throughput(Throughput::Elements(2 * u64::from(REQUESTS)));
    group.bench_function("small messages", |bencher| bencher.iter(|| sessions.small_messages(REQUESTS)));
    group.finish();
}

criterion_group!(groups, channel);

fn main() -> ExitCode {
    groups();
    let mut table = Table::default();
    against_the_cipher::<RustCrypto>(&mut table, "RustCrypto", Some(0.90));
    against_the_cipher::<Ring>(&mut table, "ring", None);
    against_the_others(&mut table);
    let mut sessions = Sessions::<RustCrypto>::new(LONG_FLUSH);
    let rate = ratio::rate(|| sessions.small_messages(REQUESTS)) * 2.0 * f64::from(REQUESTS);
    table.messages("small messages, both ways", rate, 1e6);
    Criterion::default().configure_from_args().final_summary();
    table.print()
}

/// Sessions against bare seal and open.
fn against_the_cipher<C: Crypto>(table: &mut Table, cipher: &str, limit: Option<f64>) {
    for (flush, limit) in [(LONG_FLUSH, limit), (BATCH, None)] {
        let mut sessions = Sessions::<C>::new(flush);
        let mut bare = Bare::<C>::new();
        let timing = ratio::measure(|| sessions.download(PIECES), || bare.seal_and_open(PIECES));
        let subject = format!("sessions, {} KiB flushes", flush >> 10);
        table.bytes(&subject, &format!("bare {cipher}"), timing, limit);
    }
}

/// Pumps on a line in memory against what others run over such a line, all on ring's ciphers.
fn against_the_others(table: &mut Table) {
    let piece = Bytes::from(vec![0x5a; PIECE_LEN]);
    let suites = [
        (cipher_suite::TLS13_CHACHA20_POLY1305_SHA256, "ChaCha20-Poly1305", Some(1.0)),
        (cipher_suite::TLS13_AES_128_GCM_SHA256, "AES-128-GCM", None),
        (cipher_suite::TLS13_AES_256_GCM_SHA384, "AES-256-GCM", None),
    ];
    for (suite, cipher, limit) in suites {
        let mut pumped = Pumped::<Ring>::new(LONG_FLUSH);
        let mut other = TlsH2::new(suite, piece.clone());
        let timing = ratio::measure(|| pumped.download(PIECES), || other.download(PIECES));
        table.bytes("pumps, 64 KiB batches", &format!("rustls + h2, {cipher}"), timing, limit);
    }
    let suites = [
        ("Noise_IK_25519_ChaChaPoly_SHA256", "ChaCha20-Poly1305", Some(1.0)),
        ("Noise_IK_25519_AESGCM_SHA256", "AES-256-GCM", None),
    ];
    for (suite, cipher, limit) in suites {
        let mut pumped = Pumped::<Ring>::new(LONG_FLUSH);
        let mut other = NoiseYamux::new(suite, piece.clone());
        let timing = ratio::measure(|| pumped.download(PIECES), || other.download(PIECES));
        table.bytes("pumps, 64 KiB batches", &format!("snow + yamux, {cipher}"), timing, limit);
    }
    let mut long = Pumped::<Ring>::new(LONG_FLUSH);
    let mut short = Pumped::<Ring>::new(BATCH);
    let timing = ratio::measure(|| short.download(PIECES), || long.download(PIECES));
    table.bytes("pumps, 8 KiB batches", "pumps, 64 KiB batches", timing, None);
}
