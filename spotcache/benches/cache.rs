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

        let [decision, all] = evict(&mut cache);
        println!(
            "{eviction:?}: a file goes for another {decision:?} (limit {EVICTION:?}); with all that follows {all:?}"
        );
        assert!(decision <= EVICTION, "letting go is too slow");
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

/// The gid of the track that a file is of.
fn gid(file: &FileId) -> [u8; 16] {
    core::array::from_fn(|at| file.0[at] ^ 0x55)
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
    carry_out(&mut cache, &mut journal);
    (0..FILES).for_each(|number| fill(&mut cache, &mut journal, &name(number)));
    assert_eq!(cache.usage().complete, FILES);
    (cache, journal)
}

fn fill(cache: &mut Cache<FileId, u32>, journal: &mut Vec<u8>, file: &FileId) {
    cache.admit(NOW, *file, 2, 0, Some(&gid(file))).expect("there is room, or it is made");
    (0..2).for_each(|piece| cache.store(file, piece, 0).expect("there is room, or it is made"));
    carry_out(cache, journal);
}

/// A disk that takes everything and keeps the journal.
fn carry_out(cache: &mut Cache<FileId, u32>, journal: &mut Vec<u8>) {
    while let Some(output) = cache.poll_output() {
        let Output::Effect(effect) = output else { continue };
        let (request, done) = match effect {
            Effect::Open { request } => (request, Done::Opened(Ok(Found::default()))),
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

/// A file comes as a whole and another goes: how long until that is decided, and how long it takes in all, with its
/// pieces, the disk's answers and the journal.
fn evict(cache: &mut Cache<FileId, u32>) -> [Duration; 2] {
    let names: Vec<FileId> = (FILES..FILES + 20_000).map(name).collect();
    let mut journal = Vec::new();
    let (mut decisions, mut all) = (Vec::new(), Vec::new());
    for name in &names {
        let evicted = cache.usage().counts.evicted;
        let begin = Instant::now();
        cache.admit(NOW, *name, 2, 0, Some(&gid(name))).expect("room is made");
        decisions.push(begin.elapsed());
        assert_eq!(cache.usage().counts.evicted, evicted + 2);
        fill(cache, &mut journal, name);
        all.push(begin.elapsed());
    }
    [decisions, all].map(middle)
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

fn median(rounds: usize, round: impl FnMut() -> Duration) -> Duration {
    middle(core::iter::repeat_with(round).take(rounds).collect())
}

fn middle(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() / 2]
}
