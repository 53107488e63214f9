//! Sealing and opening a piece, against the bare primitives over the same bytes in the same run.

use core::hint::black_box;
use core::time::Duration;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spotcache::seal::{PieceCipher, serve_piece};
use spotproto::content::{BLOCK_LEN, ContentKey, Hash, PIECE_LEN};
use spotproto::crypto::{Aead, Crypto, RustCrypto, SecretKey, TAG_LEN};
use std::time::Instant;

type Cipher = <RustCrypto as Crypto>::Aead;

const NONCE: [u8; 12] = [0; 12];

/// How much of the primitives' own speed the pieces must keep.
const RATIO_LEAST: f64 = 0.85;

fn primitives_seal(aead: &Cipher, piece: &mut [u8]) -> [u8; 32] {
    let (text, tag) = piece.split_last_chunk_mut::<TAG_LEN>().expect("a whole piece");
    *tag = aead.seal(&NONCE, &[], text);
    RustCrypto::hash(&[piece])
}

fn primitives_open(aead: &Cipher, piece: &mut [u8]) -> [u8; 32] {
    let leaf = RustCrypto::hash(&[piece]);
    let (text, tag) = piece.split_last_chunk_mut::<TAG_LEN>().expect("a whole piece");
    aead.open(&NONCE, &[], text, tag).expect("sealed with this key");
    leaf
}

/// The fixed piece that every round starts from; the copy is in all four measurements.
struct Piece {
    block: Vec<u8>,
    sealed: Vec<u8>,
    leaf: Hash,
    scratch: Vec<u8>,
}

impl Piece {
    fn new(aead: &Cipher) -> Self {
        let block: Vec<u8> = (0..PIECE_LEN).map(|i| (i * 31 / 7) as u8).collect();
        let mut sealed = block.clone();
        let leaf = Hash(primitives_seal(aead, &mut sealed));
        Self { scratch: block.clone(), block, sealed, leaf }
    }

    fn plain(&mut self) -> &mut [u8] {
        self.scratch.copy_from_slice(&self.block);
        &mut self.scratch
    }

    fn sealed(&mut self) -> &mut [u8] {
        self.scratch.copy_from_slice(&self.sealed);
        &mut self.scratch
    }
}

fn seal(c: &mut Criterion) {
    let key = [9; 32];
    let aead = Cipher::new(&SecretKey(key));
    let cipher = PieceCipher::<RustCrypto>::new(&ContentKey::new(key));
    let mut piece = Piece::new(&aead);
    let leaf = piece.leaf;

    let mut group = c.benchmark_group("piece");
    group.throughput(Throughput::Bytes(BLOCK_LEN as u64));
    group.bench_function("primitives: seal and hash", |b| b.iter(|| primitives_seal(&aead, piece.plain())));
    group.bench_function("serve_piece", |b| b.iter(|| serve_piece(&cipher, 0, &leaf, piece.plain())));
    group.bench_function("primitives: hash and open", |b| b.iter(|| primitives_open(&aead, piece.sealed())));
    group.bench_function("check the leaf and open", |b| {
        b.iter(|| check_and_open(&cipher, &leaf, piece.sealed()))
    });
    group.finish();

    // Rounds of the two sides take turns, so that a busy machine slows both.
    let mut other = Piece::new(&aead);
    let served =
        ratio(|| primitives_seal(&aead, piece.plain()), || serve_piece(&cipher, 0, &leaf, other.plain()));
    let opened =
        ratio(|| primitives_open(&aead, piece.sealed()), || check_and_open(&cipher, &leaf, other.sealed()));
    println!("of the primitives' speed: serving {served:.3}, opening {opened:.3}");
    assert!(served >= RATIO_LEAST && opened >= RATIO_LEAST, "slower than {RATIO_LEAST} of the primitives");
}

fn check_and_open(cipher: &PieceCipher<RustCrypto>, leaf: &Hash, piece: &mut [u8]) -> usize {
    assert!(RustCrypto::hash(&[piece]) == leaf.0);
    cipher.open(0, piece).expect("sealed with this key").len()
}

/// Speed of `ours` as a part of that of `bare`: the median over many short rounds.
fn ratio<A, B>(mut bare: impl FnMut() -> A, mut ours: impl FnMut() -> B) -> f64 {
    let mut ratios: Vec<f64> = (0..201)
        .map(|_| {
            let (bare, ours) = (round(&mut bare), round(&mut ours));
            bare.as_secs_f64() / ours.as_secs_f64()
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    ratios[ratios.len() / 2]
}

fn round<T>(work: &mut impl FnMut() -> T) -> Duration {
    let start = Instant::now();
    for _ in 0..20 {
        black_box(work());
    }
    start.elapsed()
}

criterion_group!(benches, seal);
criterion_main!(benches);
