//! What a cache takes in memory for each file, measured at the allocator.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

use allocation_counter::measure;
use spotcache::cache::{Cache, CacheKey, Config, Done, Effect, Found, Output, Quota};
use spotproto::content::FileId;
use spotproto::{Instant, Machine, Seed};

fn answer<K: CacheKey>(cache: &mut Cache<K, u32>) {
    while let Some(output) = cache.poll_output() {
        let Output::Effect(effect) = output else { continue };
        let request = match &effect {
            Effect::Open { request }
            | Effect::Write { request, .. }
            | Effect::Append { request, .. }
            | Effect::Replace { request, .. } => *request,
            other => panic!("{other:?}"),
        };
        let done = match effect {
            Effect::Open { .. } => {
                Done::Opened(Ok(Found { journal: None, files: Vec::new(), free: 1 << 50 }))
            }
            _ => Done::Carried(Ok(())),
        };
        cache.done(Instant::START, request, done);
    }
}

fn name(number: u32) -> FileId {
    let mut name = [0; 32];
    name[..4].copy_from_slice(&number.wrapping_mul(0x9e37_79b1).to_be_bytes());
    name[4..8].copy_from_slice(&number.to_be_bytes());
    FileId(name)
}

/// Keeps a whole file of two pieces.
fn keep<K: CacheKey>(cache: &mut Cache<K, u32>, file: K, number: u32, alias: bool) {
    let gid = (u128::from(number) * 0x1234_5678_9abc_def0_1234_5678).to_be_bytes();
    cache.admit(Instant::START, file, 2, 1, alias.then_some(&gid)).unwrap();
    for piece in 0..2 {
        cache.store(&file, piece, piece).unwrap();
    }
    answer(cache);
}

/// The most bytes for a file while 9,000 become 13,000: growing by an eighth happens within.
fn most_for_a_file<K: CacheKey>(key: impl Fn(u32) -> K, alias: bool) -> f64 {
    let mut cache =
        Cache::<K, u32>::new(Config { quota: Quota::Bytes(u64::MAX), ..Config::default() }, &Seed([9; 32]));
    let mut held = measure(|| {
        cache.open();
        answer(&mut cache);
    })
    .bytes_current;
    let mut most: f64 = 0.0;
    for number in 0..13_000u32 {
        held += measure(|| keep(&mut cache, key(number), number, alias)).bytes_current;
        if number > 9_000 {
            let all = held + size_of_val(&cache) as i64;
            most = most.max(all as f64 / f64::from(number + 1));
        }
    }
    assert_eq!(cache.usage().complete, 13_000);
    assert_eq!(
        cache.find(&7u128.wrapping_mul(0x1234_5678_9abc_def0_1234_5678).to_be_bytes()).count(),
        usize::from(alias)
    );
    most
}

/// One test for both: beside another one the harness itself would be counted.
#[test]
fn a_whole_file_of_the_simulator_takes_24_bytes_and_a_real_one_its_name_and_40() {
    let most = most_for_a_file(|number| number, false);
    println!("4-byte names: {most:.2} bytes a file");
    assert!(most <= 24.0, "{most}");
    let most = most_for_a_file(name, true);
    println!("32-byte names with aliases: {most:.2} bytes a file");
    assert!(most <= 32.0 + 40.0, "{most}");
}
