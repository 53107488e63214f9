//! A cache on a disk that stops at every call, in every way that a disk may: what it has promised must hold.
//!
//! The cache and the code that carries out its effects are the real ones; the disk is in memory, and knows what of its
//! content a crash may take. `CRASH_POINTS` says at how many calls to crash, each in eight ways:
//!
//! `CRASH_POINTS=100000 cargo test --release -p spotp2p-adapter --test crash -- --nocapture`
//!
//! `CRASH_SEED` says with which life to begin: the one that a failure names comes first then.
#![cfg(unix)]

extern crate alloc;

mod disk;
mod lasting;
mod library;
mod oracle;
mod recovery;
mod run;
mod state;

use bytes::Bytes;
use disk::Lie;
use library::Library;
use run::{Counts, Setting, run};
use spotcache::cache::{Done, Effect, RequestId};
use spotproto::content::FileId;

type Cache = spotcache::cache::Cache<FileId, Bytes>;
type Work = Effect<FileId, Bytes>;
type Effects = Vec<Work>;
type Answer = (RequestId, Done<FileId, Bytes>);

/// Steps of one life.
const STEPS: u32 = 250;

/// Calls to crash at, where nobody says how many.
const POINTS: u64 = 3_000;

#[test]
fn a_cache_that_crashed_holds_what_it_promised() {
    let points = number("CRASH_POINTS").unwrap_or(POINTS);
    let library = Library::new();
    let mut counts = Counts::default();
    for seed in number("CRASH_SEED").unwrap_or(0).. {
        if let Err(broken) = run(seed, STEPS, Setting::RIGHT, &library, &mut counts) {
            panic!("seed {seed}: {broken} ({counts:?})");
        }
        if counts.points >= points {
            break;
        }
    }
    println!("{counts:?}");
    assert!(counts.pins > 0 && counts.durable > 0 && counts.restarts > 0, "nothing was promised");
    assert!(counts.failed_calls > 0, "no call failed");
    // It takes a failed sync and luck to find a claim that is proved wrong.
    assert!(counts.rejected > 0 || points < 50_000, "no piece was proved wrong");
}

/// A number in the environment.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What a campaign finds in so many lives.
fn finding(setting: Setting) -> Option<String> {
    let library = Library::new();
    let mut counts = Counts::default();
    (0..40).find_map(|seed| run(seed, STEPS, setting, &library, &mut counts).err())
}

#[test]
fn a_journal_written_before_the_pieces_is_caught() {
    let setting = Setting { journal_first: true, prove: false, faults: false, ..Setting::RIGHT };
    assert!(finding(setting).is_some_and(|found| found.ends_with("is claimed and is not what it was")));
}

#[test]
fn names_that_were_not_made_to_last_are_caught() {
    let setting = Setting { lie: Lie::Folders, faults: false, ..Setting::RIGHT };
    let found = finding(setting).unwrap_or_default();
    assert!(found.ends_with("was pinned, and is not any more") || found.contains("was durable"), "{found}");
}

#[test]
fn bytes_that_were_not_made_to_last_are_caught() {
    let setting = Setting { lie: Lie::Files, faults: false, ..Setting::RIGHT };
    assert!(finding(setting).is_some());
}
