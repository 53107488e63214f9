//! Reading blocks of a canonical form whose pages are renumbered, against copying the same bytes; and scanning.

use core::hint::black_box;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use spotcache::canonical::analyse;
use spotproto::content::BLOCK_LEN;

/// The fixture's audio pages over and over: a few megabytes.
fn long_ogg() -> Vec<u8> {
    let ogg = include_bytes!("../tests/fixtures/sweep.ogg");
    let sound =
        ogg.windows(5).enumerate().filter(|(_, bytes)| *bytes == b"OggS\0").nth(2).map_or(0, |(at, _)| at);
    let (headers, pages) = ogg.split_at(sound);
    [headers, &pages.repeat(300)].concat()
}

fn canonical(c: &mut Criterion) {
    let source = long_ogg();
    let plan = analyse(&mut &source[..]).expect("an Ogg file").plan;
    let mut block = vec![0; BLOCK_LEN];
    let blocks = plan.len() / BLOCK_LEN as u64;

    let mut group = c.benchmark_group("canonical");
    group.throughput(Throughput::Bytes(BLOCK_LEN as u64));
    let mut next = 0;
    group.bench_function("copy a block", |b| {
        b.iter(|| {
            next = (next + 1) % blocks as usize;
            block.copy_from_slice(&source[next * BLOCK_LEN..][..BLOCK_LEN]);
            black_box(&block);
        });
    });
    let mut next = 0;
    group.bench_function("read a block of renumbered pages", |b| {
        b.iter(|| {
            next = (next + 1) % blocks;
            plan.read_at(&mut &source[..], next * BLOCK_LEN as u64, &mut block).expect("a source in memory")
        });
    });
    group.throughput(Throughput::Bytes(source.len() as u64));
    group.sample_size(20);
    group.bench_function("scan an Ogg file", |b| b.iter(|| analyse(&mut &source[..]).expect("an Ogg file")));
    group.finish();
}

criterion_group!(benches, canonical);
criterion_main!(benches);
