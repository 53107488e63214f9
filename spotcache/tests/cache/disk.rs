//! A disk in memory, which carries out what a cache asks for, fails as it is told, and can lose its power.

use bytes::Bytes;
use spotcache::cache::{
    Cache, CacheKey, Config, Content, DiskError, Done, Effect, Event, Eviction, Found, Input, Output, Place,
    Quota, RequestId,
};
use spotproto::{Instant, Machine, Seed};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A file: its length, and what was written where.
#[derive(Clone, Default, Debug, PartialEq, Eq)]
pub struct File {
    pub length: u64,
    /// What lies where: its bytes, and where it begins.
    pub parts: BTreeMap<Place, (u32, u64)>,
}

/// What survives when the power goes: all that was made to last, and as much else as the test says.
#[derive(Clone, Default, Debug)]
pub struct Disk {
    pub journal: Option<Vec<u8>>,
    pub files: BTreeMap<u32, File>,
    pub free: u64,
    /// Files as they were when they were last made to last.
    pub durable: BTreeMap<u32, File>,
    /// What the next effects come to, before anything is carried out.
    pub faults: VecDeque<Option<DiskError>>,
    /// What all but reads come to, while it lasts.
    pub broken: Option<DiskError>,
    /// Whether a journal write ever failed: then an old claim may cover a gap, since a write went out behind it.
    pub journal_failed: bool,
}

pub type Work = Effect<u32, u32>;

impl Disk {
    pub fn new() -> Self {
        Self { free: 1 << 40, ..Self::default() }
    }

    /// The power goes: of files only what was made to last is left.
    pub fn lose_power(&mut self) {
        self.files = self.durable.clone();
    }

    /// Carries out one effect.
    pub fn carry_out(&mut self, effect: Work) -> (RequestId, Done<u32, u32>) {
        let fault = self.faults.pop_front().flatten();
        let carried = |result: Result<(), DiskError>| Done::Carried(result);
        match effect {
            Effect::Open { request } => (request, Done::Opened(fault.map_or_else(|| Ok(self.found()), Err))),
            Effect::Read { request, file, place, .. } => {
                let there = self.files.get(&file).and_then(|file| file.parts.get(&place)).copied();
                let content = there.ok_or(DiskError::Missing).map(|part| Content::Piece(part.0));
                (request, Done::Read(fault.map_or(content, Err)))
            }
            Effect::Write { request, .. }
            | Effect::Append { request, .. }
            | Effect::Replace { request, .. }
            | Effect::Cut { request, .. }
            | Effect::Remove { request, .. }
                if fault.or(self.broken).is_some() =>
            {
                self.journal_failed |= matches!(effect, Effect::Append { .. } | Effect::Replace { .. });
                (request, carried(fault.or(self.broken).map_or(Ok(()), Err)))
            }
            Effect::Write { request, file, layout, place, content } => {
                let file = self.files.entry(file).or_default();
                let (value, length) = match content {
                    Content::Piece(value) => (value, 16_384),
                    Content::Sealed(bytes) => (bytes.len() as u32, bytes.len() as u64),
                };
                file.parts.insert(place, (value, layout.offset(place)));
                file.length = file.length.max(layout.offset(place) + length);
                (request, carried(Ok(())))
            }
            Effect::Append { request, after, records } => {
                for file in after {
                    let now = self.files.get(&file).cloned().unwrap_or_default();
                    self.durable.insert(file, now);
                }
                self.journal.get_or_insert_default().extend_from_slice(&records);
                (request, carried(Ok(())))
            }
            Effect::Replace { request, journal } => {
                self.journal = Some(journal.to_vec());
                (request, carried(Ok(())))
            }
            Effect::Cut { request, file, length } => {
                let there = self.files.contains_key(&file);
                for files in [&mut self.files, &mut self.durable] {
                    if let Some(file) = files.get_mut(&file) {
                        file.length = file.length.min(length);
                        file.parts.retain(|_, part| part.1 < length);
                    }
                }
                (request, carried(if there { Ok(()) } else { Err(DiskError::Missing) }))
            }
            Effect::Remove { request, file } => {
                self.files.remove(&file);
                self.durable.remove(&file);
                (request, carried(Ok(())))
            }
            other => panic!("{other:?} is new"),
        }
    }

    fn found(&self) -> Found<u32> {
        Found {
            journal: self.journal.clone().map(Bytes::from),
            files: self.files.iter().map(|(name, file)| (*name, file.length)).collect(),
            free: self.free,
        }
    }
}

/// A cache on its disk.
pub struct World {
    pub now: Instant,
    pub cache: Cache<u32, u32>,
    pub disk: Disk,
    pub events: Vec<Event<u32, u32>>,
    /// Effects that are held back.
    pub waiting: VecDeque<Work>,
    pub held_back: bool,
}

/// A quota of so many kilobytes.
pub fn config(quota: u64) -> Config {
    Config { quota: Quota::Bytes(quota << 10), ..Config::default() }
}

/// Limits so narrow that every bound is met.
pub fn narrow(eviction: Eviction) -> Config {
    let mut config = config(16 * 30);
    config.eviction = eviction;
    config.limits.headers_share = 4;
    config.limits.writes = 12;
    config.limits.removals = 3;
    config.limits.partial = 3;
    config.limits.files = 6;
    config.limits.batch = 5;
    config.limits.unclaimed = 20;
    config.limits.journal_slack = 500;
    config.limits.touches = 3;
    config
}

impl World {
    /// An open cache on this disk.
    pub fn new(config: Config, disk: Disk) -> Self {
        let mut world = Self {
            now: Instant::START,
            cache: Cache::new(config, &Seed([7; 32])),
            disk,
            events: Vec::new(),
            waiting: VecDeque::new(),
            held_back: false,
        };
        world.cache.open();
        world.settle();
        world
    }

    /// The same disk, after the program ended.
    pub fn restart(self, config: Config) -> Self {
        Self::new(config, self.disk)
    }

    /// Carries out what is asked for until nothing is.
    pub fn settle(&mut self) {
        loop {
            while let Some(output) = self.cache.poll_output() {
                match output {
                    Output::Effect(effect) => self.waiting.push_back(effect),
                    Output::Event(event) => self.events.push(event),
                    other => panic!("{other:?} is new"),
                }
            }
            if self.held_back {
                return;
            }
            let Some(effect) = self.waiting.pop_front() else { return };
            let (request, done) = self.disk.carry_out(effect);
            self.cache.done(self.now, request, done);
        }
    }

    pub fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.cache.poll_timeout().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            let Ok(()) = self.cache.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    pub fn input(&mut self, input: Input<u32, u32>) {
        let Ok(()) = self.cache.handle_input(self.now, input);
        self.settle();
    }

    /// Admits a file and stores all of its pieces.
    pub fn fill(&mut self, file: u32, pieces: u32, prefix: u32) {
        let _ = self.cache.admit(self.now, file, pieces, prefix, None);
        for piece in 0..pieces {
            let _ = self.cache.store(&file, piece, value(file, piece));
            self.settle();
        }
    }

    pub fn pieces(&self, file: u32) -> Vec<u32> {
        let pieces = self.cache.holding(&file).map_or(0, |holding| holding.pieces);
        (0..pieces).filter(|piece| self.cache.holds(&file, *piece)).collect()
    }

    pub fn take_events(&mut self) -> Vec<Event<u32, u32>> {
        std::mem::take(&mut self.events)
    }
}

/// What stands for the bytes of a piece.
pub fn value(file: u32, piece: u32) -> u32 {
    file * 1_000 + piece
}

/// That the trait is what tests think.
const _: () = assert!(<u32 as CacheKey>::LEN == 4);
