//! What a cache costs with ten thousand files: looking up, letting go, reading the journal.

use bytes::Bytes;
use core::hint::black_box;
use core::time::Duration;
use spotcache::cache::{Cache, Config, Done, Effect, Eviction, Found, Layout, Output, Quota};
use spotproto::content::FileId;
use spotproto::{Dice, Machine, Seed};
use std::time::Instant;

const FILES: u32 = 10_000;

/// Gates: at most so long, each.
const LOOK_UP: Duration = Duration::from_nanos(100);
const EVICTION: Duration = Duration::from_micros(10);
const REPLAY: Duration = Duration::from_millis(100);

const NOW: spotproto::Instant = spotproto::Instant::START;

fn main() {
    for eviction in [Eviction::Lru, Eviction::S3Fifo] {
        let (mut cache, _) = full(eviction);
        let took = look_up(&mut cache);
        println!("{eviction:?}: look-up and touch of a held piece {took:?} (limit {LOOK_UP:?})");
        assert!(took <= LOOK_UP, "looking up is too slow");

        let took = evict(&mut cache);
        println!("{eviction:?}: a file for another, journal included, {took:?} (limit {EVICTION:?})");
        assert!(took <= EVICTION, "letting go is too slow");
    }

    let (_, journal) = full(Eviction::Lru);
    let took = replay(&journal);
    println!("opening a journal of {FILES} files, {} bytes: {took:?} (limit {REPLAY:?})", journal.len());
    assert!(took <= REPLAY, "opening is too slow");
}

fn name(number: u32) -> FileId {
    let mut dice = Dice::new(&Seed([1; 32]).part(number.into()));
    let mut name = [0; 32];
    name.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&dice.bits().to_be_bytes()));
    FileId(name)
}

fn config(eviction: Eviction) -> Config {
    Config {
        quota: Quota::Bytes(u64::from(FILES) * Layout { pieces: 2 }.length(2)),
        eviction,
        ..Config::default()
    }
}

/// A cache with no room left, and its journal.
fn full(eviction: Eviction) -> (Cache<FileId, u32>, Vec<u8>) {
    let mut cache = Cache::new(config(eviction), &Seed([2; 32]));
    let mut journal = Vec::new();
    cache.open();
    carry_out(&mut cache, &mut journal, None);
    (0..FILES).for_each(|number| fill(&mut cache, &mut journal, &name(number)));
    assert_eq!(cache.usage().complete, FILES);
    (cache, journal)
}

fn fill(cache: &mut Cache<FileId, u32>, journal: &mut Vec<u8>, file: &FileId) {
    cache.admit(NOW, *file, 2, 0, Some(&[3; 16])).expect("there is room, or it is made");
    (0..2).for_each(|piece| cache.store(file, piece, 0).expect("there is room, or it is made"));
    carry_out(cache, journal, None);
}

/// A disk that takes everything and keeps the journal.
fn carry_out(cache: &mut Cache<FileId, u32>, journal: &mut Vec<u8>, mut found: Option<Found<FileId>>) {
    while let Some(output) = cache.poll_output() {
        let Output::Effect(effect) = output else { continue };
        let (request, done) = match effect {
            Effect::Open { request } => {
                let found = found.take().unwrap_or_else(|| Found { free: 1 << 50, ..Found::default() });
                (request, Done::Opened(Ok(found)))
            }
            Effect::Append { request, records, .. } => {
                journal.extend_from_slice(&records);
                (request, Done::Carried(Ok(())))
            }
            Effect::Replace { request, journal: whole } => {
                *journal = whole.to_vec();
                (request, Done::Carried(Ok(())))
            }
            Effect::Write { request, .. } | Effect::Cut { request, .. } | Effect::Remove { request, .. } => {
                (request, Done::Carried(Ok(())))
            }
            other => panic!("{other:?}"),
        };
        cache.done(NOW, request, done);
    }
}

/// The median over rounds, of one look-up in each.
fn look_up(cache: &mut Cache<FileId, u32>) -> Duration {
    let mut dice = Dice::new(&Seed([4; 32]));
    let names: Vec<FileId> = (0..4096).map(|_| name(dice.below(FILES))).collect();
    median(201, || {
        let begin = Instant::now();
        for name in &names {
            assert!(black_box(cache.holds(name, 1)));
            cache.touch(NOW, name);
        }
        begin.elapsed() / names.len() as u32
    })
}

/// Rounds long enough for journals that are written anew to have their share.
fn evict(cache: &mut Cache<FileId, u32>) -> Duration {
    let names: Vec<FileId> = (FILES..FILES + 20_000).map(name).collect();
    let mut rounds = names.chunks_exact(2_000);
    let mut journal = Vec::new();
    median(10, || {
        let names = rounds.next().expect("a name for every round");
        let begin = Instant::now();
        for name in names {
            cache.admit(NOW, *name, 2, 0, Some(&[3; 16])).expect("room is made");
            carry_out(cache, &mut journal, None);
        }
        let took = begin.elapsed() / names.len() as u32;
        // Whole again, outside of the measurement.
        for name in names {
            (0..2).for_each(|piece| drop(cache.store(name, piece, 0)));
            carry_out(cache, &mut journal, None);
        }
        took
    })
}

fn replay(journal: &[u8]) -> Duration {
    median(21, || {
        let length = Layout { pieces: 2 }.length(2);
        let files = (0..FILES).map(|number| (name(number), length)).collect();
        let found = Found { journal: Some(Bytes::copy_from_slice(journal)), files, free: 1 << 50 };
        let mut cache = Cache::<FileId, u32>::new(config(Eviction::Lru), &Seed([2; 32]));
        cache.open();
        let Some(Output::Effect(Effect::Open { request })) = cache.poll_output() else { panic!("it opens") };
        let begin = Instant::now();
        cache.done(NOW, request, Done::Opened(Ok(found)));
        let took = begin.elapsed();
        assert_eq!(cache.usage().complete, FILES);
        took
    })
}

fn median(rounds: usize, mut round: impl FnMut() -> Duration) -> Duration {
    let mut took: Vec<Duration> = (0..rounds).map(|_| round()).collect();
    took.sort_unstable();
    took[took.len() / 2]
}
