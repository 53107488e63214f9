//! What a client keeps of what it heard: which pieces of which files, within a quota, safe from crashes.
//!
//! [`Cache`] is a machine that touches no disk: it asks for work as [`Effect`]s and is told what came of it. Of the music
//! that the original's listeners heard, more than half came from there (Kreitz and Niemelä 2010).
//!
//! # What it holds
//!
//! A file is *admitted* with the number of its pieces, then its pieces are *stored* in any order. A piece is held, and
//! can be read, once the disk has taken it; it survives a crash once the journal claims it, seconds later. Of a whole
//! file hardly more than its name is in memory.
//!
//! What is in use ([`Cache::hold`]) or pinned ([`Cache::pin`]) never goes. Of the rest, files of which a part is held go
//! first, then whole ones as [`Eviction`] says, each the least recently used before others. What goes leaves its headers
//! behind, where they lie in its first pieces, so that the next start is quick; those go last.
//!
//! # What it does not do
//!
//! It proves nothing: only proved pieces are to be stored, and what is read is to be proved again. A disk changes bytes,
//! and after a crash the journal may claim a piece that is not there any more. Whoever finds such a piece says
//! [`Cache::forget`].
//!
//! Playing never depends on it: whatever the disk does, a cache answers "not held", and ends with no error.
//!
//! The bytes of the journal and of files are in `docs/cache.md`.

mod books;
mod commands;
mod commit;
mod config;
mod detail;
mod done;
mod effect;
mod index;
mod journal;
mod key;
mod ledger;
mod list;
mod machine;
mod open;
mod place;
mod policy;
mod query;
mod room;
mod shelf;
mod words;

pub use config::{Config, Eviction, Limits, Quota};
pub use effect::{Content, DiskError, Done, Effect, Found, RequestId};
pub use journal::journal_of;
pub use key::CacheKey;
pub use place::{LEAVES_LEN, Layout, Place, SHEET_LEN};
pub use words::{Counts, Event, Holding, Input, NotKept, Opened, Output, PinRefused, Trouble, Usage};

use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use books::Books;
use core::time::Duration;
use ledger::Ledger;
use spotproto::timers::TimerName;
use spotproto::{Dice, Outbox, Seed, Timers};

/// The cache of a client.
///
/// A [`Machine`](spotproto::Machine) whose inputs are methods too. Methods that store or read ask for effects and answer
/// whether they did; the outcome is an [`Event`]. Nothing here fails: what can't be kept is not kept.
///
/// [`Limits`] says what it may hold in memory.
#[derive(Debug)]
pub struct Cache<K, B> {
    config: Config,
    /// Bytes that may be taken.
    quota: u64,
    /// Bytes free on the disk when the cache opened, its own counted as free.
    free: u64,
    disk: Disk,
    books: Books<K>,
    ledger: Ledger<K>,
    /// Effects that were not answered.
    asked: BTreeMap<RequestId, Asked<K>>,
    next_request: u64,
    load: Load,
    /// Files on the disk that are not ours to keep, in order.
    strays: Vec<K>,
    clearing: Option<Clearing>,
    /// Slots of files whose use waits for the journal.
    touches: Vec<u32>,
    date: Date,
    /// A sync waits until nothing is on its way to the disk.
    syncing: bool,
    timers: Timers<3>,
    backoff: Duration,
    dice: Dice,
    counts: Counts,
    outbox: Outbox<Output<K, B>>,
}

/// What can be done with the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Disk {
    /// Nobody said that it is there.
    New,
    Opening,
    Ready,
    Full,
    ReadOnly,
    Off,
}

/// What an unanswered effect was for.
#[derive(Clone, Copy, Debug)]
enum Asked<K> {
    Open,
    /// `void` if the file went meanwhile, or the piece was forgotten.
    Write {
        file: K,
        place: Place,
        void: bool,
    },
    Read {
        file: K,
        place: Place,
        void: bool,
    },
    /// An append to the journal, or another one in its place.
    Journal,
    Cut {
        file: K,
        void: bool,
    },
    Remove {
        file: K,
    },
}

/// Unanswered effects of each kind.
#[derive(Clone, Copy, Default, Debug)]
struct Load {
    writes: usize,
    reads: usize,
    removals: usize,
}

/// How far [`Cache::clear`] has come.
#[derive(Debug)]
struct Clearing {
    next: u32,
    pinned: bool,
    /// Slots of files that were pinned since.
    spared: Vec<u32>,
}

/// Seconds since 1970.
#[derive(Clone, Copy, Default, Debug)]
struct Date {
    latest: u64,
    /// What the journal was last told.
    written: u64,
}

#[derive(Clone, Copy)]
enum Timer {
    /// The journal is to be written.
    Commit,
    /// Uses are to be written.
    Touches,
    /// The disk is to be tried again.
    Retry,
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}

impl<K: CacheKey, B> Cache<K, B> {
    /// A cache that is not open yet: everything misses. The seed decides where things lie in memory, and nothing else
    /// but the jitter of retries.
    #[must_use]
    pub fn new(config: Config, seed: &Seed) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            quota: config.quota.bytes(0),
            free: 0,
            disk: Disk::New,
            books: Books::new(config.eviction, [dice.bits(), dice.bits()]),
            ledger: Ledger::new(),
            asked: BTreeMap::new(),
            next_request: 0,
            load: Load::default(),
            strays: Vec::new(),
            clearing: None,
            touches: Vec::new(),
            date: Date::default(),
            syncing: false,
            timers: Timers::new(),
            backoff: config.limits.retry_after,
            dice,
            counts: Counts::default(),
            outbox: Outbox::new(config.limits.outputs),
            config,
        }
    }

    const fn is_open(&self) -> bool {
        matches!(self.disk, Disk::Ready | Disk::Full | Disk::ReadOnly)
    }

    fn ask(&mut self, asked: Asked<K>, effect: impl FnOnce(RequestId) -> Effect<K, B>) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.asked.insert(request, asked);
        self.outbox.push(Output::Effect(effect(request)));
        request
    }

    fn tell(&mut self, event: Event<K, B>) {
        self.outbox.push(Output::Event(event));
    }
}
