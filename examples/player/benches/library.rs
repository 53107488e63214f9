//! What a piece costs a server, beside what sealing and hashing it alone cost; and how fast a scan is.
#![allow(missing_docs, reason = "criterion's macros make public functions without any")]

use core::hint::black_box;
use core::ops::ControlFlow;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use runtime_tokio::Store;
use spot_player::library::{Epoch, Epochs, Library, Options};
use spotcache::seal::PieceCipher;
use spotproto::content::{Hash, PIECE_LEN};
use spotproto::crypto::{Crypto, RustCrypto, SecretKey};
use spotproto::message::{PieceRange, Wanted};
use std::fs;
use tempfile::TempDir;

/// Ten minutes of noise in CD quality.
fn wav() -> Vec<u8> {
    let len = 10 * 60 * 44_100 * 4u32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((len + 36).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0\x44\xac\0\0\x10\xb1\x02\0\x04\0\x10\0data");
    bytes.extend(len.to_le_bytes());
    let mut noise = 1u32;
    bytes.extend((0..len).map(|_| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    }));
    bytes
}

/// A library that was never scanned, and where its catalogue lies.
fn library(folder: &TempDir) -> (Library, TempDir) {
    let state = tempfile::tempdir().expect("a folder");
    let database = state.path().join("library.sqlite");
    let epochs = Epochs::of(Epoch::new(1, SecretKey([7; 32])));
    let options = Options { settle: core::time::Duration::ZERO, ..Options::default() };
    (Library::open(folder.path(), &database, epochs, options).expect("a library"), state)
}

fn scan(library: &Library) {
    library.scan(|_| ControlFlow::Continue(())).expect("a scan");
}

fn serve(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("a.wav"), wav()).expect("a file");
    let (library, _state) = library(&folder);
    scan(&library);
    let gid = library.tracks().expect("tracks")[0].link.gid().expect("a track");
    let entry = library.find(&Wanted::Track(gid)).expect("an entry");
    let (file, pieces) = (entry.head.file, entry.head.pieces() - 1);

    let mut group = criterion.benchmark_group("piece");
    group.throughput(Throughput::Bytes(PIECE_LEN as u64));
    let mut index = 0;
    group.bench_function("served", |bencher| {
        bencher.iter(|| {
            index = (index + 1) % pieces;
            black_box(library.piece(&file, index).expect("a piece"))
        });
    });
    // Opening is sealing backwards, with the same two primitives.
    let cipher = PieceCipher::<RustCrypto>::new(&entry.key);
    let piece = library.piece(&file, 0).expect("a piece");
    let mut buffer = vec![0; PIECE_LEN];
    group.bench_function("cipher and hash alone", |bencher| {
        bencher.iter(|| {
            buffer.copy_from_slice(&piece);
            let hash = Hash(RustCrypto::hash(&[&buffer]));
            assert!(cipher.open(0, &mut buffer).is_ok());
            black_box(hash)
        });
    });
    group.finish();

    criterion.bench_function("find", |bencher| bencher.iter(|| library.find(black_box(&Wanted::Track(gid)))));
    let range = [PieceRange { start: 100, count: 64 }];
    criterion.bench_function("prove 64", |bencher| bencher.iter(|| library.prove(&file, black_box(&range))));
}

fn take_in(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let wav = wav();
    for index in 0..2 {
        fs::write(folder.path().join(format!("{index}.wav")), &wav).expect("a file");
    }
    let mut group = criterion.benchmark_group("scan");
    group.sample_size(10).throughput(Throughput::Bytes(2 * wav.len() as u64));
    group.bench_function("new files", |bencher| {
        bencher.iter_with_setup(|| library(&folder), |(library, _state)| scan(&library));
    });
    let (known, _state) = library(&folder);
    scan(&known);
    group.bench_function("known files", |bencher| bencher.iter(|| scan(&known)));
    group.finish();
}

criterion_group!(benches, serve, take_in);
criterion_main!(benches);
