//! One long life of a cache, looked at after every call to the disk.

use crate::disk::{Failing, FaultDisk, Lie};
use crate::library::Library;
use crate::oracle::Oracle;
use crate::recovery::{Rules, Seen, check, journal_first};
use crate::{Answer, Cache, Work};
use alloc::collections::VecDeque;
use bytes::Bytes;
use core::time::Duration;
use spotcache::cache::{Config, Content, DiskError, Done, Effect, Event, Eviction, Output, Place, Quota};
use spotp2p_adapter::disk::Executor;
use spotproto::content::FileId;
use spotproto::{Dice, Instant, Machine, Seed};
use std::io::ErrorKind;

/// Crashes looked at for each call.
const STATES: usize = 8;

/// What makes one campaign differ from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) lie: Lie,
    /// The journal is written before the files that it speaks of.
    pub(crate) journal_first: bool,
    /// Pieces are proved before they are believed.
    pub(crate) prove: bool,
    /// Calls may fail.
    pub(crate) faults: bool,
}

impl Setting {
    pub(crate) const RIGHT: Self = Self { lie: Lie::None, journal_first: false, prove: true, faults: true };
}

/// What a campaign has seen.
#[derive(Default, Debug)]
pub(crate) struct Counts {
    pub(crate) runs: u64,
    pub(crate) points: u64,
    pub(crate) states: u64,
    pub(crate) pieces: u64,
    pub(crate) rejected: u64,
    pub(crate) failed_calls: u64,
    pub(crate) restarts: u64,
    pub(crate) pins: u64,
    pub(crate) durable: u64,
}

struct Run<'a> {
    library: &'a Library,
    setting: Setting,
    config: Config,
    dice: Dice,
    disk: FaultDisk,
    executor: Executor<FaultDisk>,
    cache: Cache,
    now: Instant,
    waiting: VecDeque<Work>,
    oracle: Oracle,
    counts: &'a mut Counts,
}

/// Runs one life of so many steps.
///
/// # Errors
/// The promise that was broken.
pub(crate) fn run(
    seed: u64,
    steps: u32,
    setting: Setting,
    library: &Library,
    counts: &mut Counts,
) -> Result<(), String> {
    let mut dice = Dice::new(&Seed([5; 32]).part(seed));
    let failing = if setting.faults { failing(&mut dice) } else { Failing::Never };
    let disk = FaultDisk::bad(Dice::new(&Seed([6; 32]).part(seed)), failing, setting.lie);
    let config = config(&mut dice);
    let mut run = Run {
        library,
        setting,
        config,
        executor: Executor::new(disk.clone()),
        disk,
        cache: Cache::new(config, &Seed([7; 32]).part(seed)),
        dice,
        now: Instant::START,
        waiting: VecDeque::new(),
        oracle: Oracle::default(),
        counts,
    };
    run.cache.open();
    run.finish()?;
    for _ in 0..steps {
        run.step()?;
    }
    run.counts.runs += 1;
    run.counts.failed_calls += run.disk.failed();
    Ok(())
}

fn failing(dice: &mut Dice) -> Failing {
    let reason =
        [ErrorKind::StorageFull, ErrorKind::ReadOnlyFilesystem, ErrorKind::Other][dice.below(3) as usize];
    let begin = u64::from(dice.below(400));
    match dice.below(4) {
        0 => Failing::Sometimes(20 + dice.below(200)),
        1 => Failing::During(begin..begin + u64::from(dice.below(60)), reason),
        _ => Failing::Never,
    }
}

fn config(dice: &mut Dice) -> Config {
    let mut config = Config { quota: quota(dice), ..Config::default() };
    config.eviction = if dice.below(2) == 0 { Eviction::Lru } else { Eviction::S3Fifo };
    let limits = &mut config.limits;
    limits.batch = 2 + dice.below(8) as usize;
    limits.partial = 2 + dice.below(4);
    limits.files = 6 + dice.below(20);
    limits.removals = 1 + dice.below(6) as usize;
    limits.journal_slack = 100 + dice.below(2000) as usize;
    limits.touch_after = Duration::from_secs(10);
    limits.retry_after = Duration::from_secs(1);
    config
}

fn quota(dice: &mut Dice) -> Quota {
    Quota::Bytes(120_000 + u64::from(dice.below(400_000)))
}

impl Run<'_> {
    /// One thing happens, and the disk does some of its work.
    fn step(&mut self) -> Result<(), String> {
        self.happen()?;
        self.drain();
        for _ in 0..self.dice.below(5) {
            self.work()?;
        }
        self.oracle.looks_at(&self.cache);
        if self.dice.below(60) == 0 || self.cache.usage().quota == 0 {
            return self.restart();
        }
        Ok(())
    }

    fn happen(&mut self) -> Result<(), String> {
        let now = self.now;
        let number = self.dice.below(self.library.tracks().len() as u32) as usize;
        let track = &self.library.tracks()[number];
        let file = track.id;
        match self.dice.below(100) {
            0..45 => self.play(number),
            45..53 => {
                if self.cache.pin(&file).is_ok() {
                    self.oracle.pins(file);
                }
            }
            53..56 => {
                if self.cache.holding(&file).is_some_and(|holding| holding.pinned) {
                    self.cache.unpin(now, &file);
                    self.oracle.unpins(file);
                }
            }
            56..60 => self.cache.touch(now, &file),
            60..64 => drop(self.cache.hold(now, &file)),
            64..70 => self.cache.release(now, &file),
            70..76 => {
                let piece = self.dice.below(track.pieces.len() as u32);
                let _ = self.cache.read(&file, Place::Piece(piece));
            }
            76..79 => self.seal(file),
            79..81 => self.cache.forget(now, &file, 0..1 + self.dice.below(3)),
            81..84 => self.remove(file),
            84..86 => {
                self.oracle.shrinks();
                self.cache.set_quota(now, quota(&mut self.dice));
            }
            86..91 if self.oracle.may_sync() => {
                self.cache.sync();
                self.oracle.syncs(&self.cache);
            }
            86..98 => {
                self.now = now + Duration::from_millis(u64::from(self.dice.below(3000)));
                let Ok(()) = self.cache.handle_timeout(self.now);
            }
            98 => self.finish()?,
            _ => {
                let pinned = self.dice.below(3) == 0;
                if pinned {
                    self.library.tracks().iter().for_each(|track| self.oracle.removes(track.id));
                }
                self.cache.clear(now, pinned);
            }
        }
        Ok(())
    }

    /// Some pieces of a track come.
    fn play(&mut self, number: usize) {
        let track = &self.library.tracks()[number];
        let pieces = track.pieces.len() as u32;
        let _ = self.cache.admit(self.now, track.id, pieces, track.headers, None);
        let first = self.dice.below(pieces);
        for piece in first..pieces.min(first + 1 + self.dice.below(4)) {
            let _ = self.cache.store(&track.id, piece, track.pieces[piece as usize].clone());
            self.drain();
        }
    }

    fn seal(&mut self, file: FileId) {
        let sealed = Bytes::from(vec![self.dice.bits() as u8; 40 + self.dice.below(2000) as usize]);
        if self.dice.below(2) == 0 {
            let _ = self.cache.write_sheet(&file, sealed);
        } else {
            let _ = self.cache.write_leaves(&file, 0, sealed);
        }
    }

    fn remove(&mut self, file: FileId) {
        self.cache.remove(self.now, &file);
        if self.cache.holding(&file).is_none() {
            self.oracle.removes(file);
        }
    }

    /// Takes what the cache wants: effects wait in order, what it tells is heard.
    fn drain(&mut self) {
        while let Some(output) = self.cache.poll_output() {
            match output {
                Output::Effect(effect) => self.waiting.push_back(effect),
                Output::Event(event) => {
                    if let Event::Data { file, place: Place::Piece(piece), result: Ok(content), .. } = &event
                    {
                        let (Content::Piece(bytes) | Content::Sealed(bytes)) = content;
                        if !self.library.find(*file).proves(*piece, bytes) {
                            self.cache.forget(self.now, file, *piece..piece + 1);
                        }
                    }
                    self.oracle.hears(&event);
                    self.counts.pins += u64::from(matches!(event, Event::Pinned(_)));
                    self.counts.durable += u64::from(matches!(event, Event::Synced { saved: true }));
                }
                _ => {}
            }
        }
        self.oracle.looks_at(&self.cache);
    }

    /// The disk carries out one effect: the next one, or a read, which may overtake.
    fn work(&mut self) -> Result<(), String> {
        let reads = |effect: &Work| matches!(effect, Effect::Read { .. });
        let overtaking = self.waiting.iter().position(reads).filter(|_| self.dice.below(2) == 0);
        let Some(effect) = self.waiting.remove(overtaking.unwrap_or(0)) else { return Ok(()) };
        let (request, done) = match effect {
            Effect::Write { request, .. } if self.dice.below(60) == 0 => {
                (request, Done::Carried(Err(DiskError::Busy)))
            }
            effect => self.carry_out(effect)?,
        };
        self.look()?;
        self.cache.done(self.now, request, done);
        self.drain();
        Ok(())
    }

    fn carry_out(&mut self, effect: Work) -> Result<Answer, String> {
        let effects = if self.setting.journal_first { journal_first(effect) } else { vec![effect] };
        let mut answer = None;
        for effect in effects {
            answer = self.executor.carry_out(effect);
        }
        answer.ok_or_else(|| "an effect nobody knows".into())
    }

    /// Looks at what a crash would leave after each call.
    fn look(&mut self) -> Result<(), String> {
        let keeps_all = self.disk.failed() == 0 && !self.oracle.shrunk;
        let rules = Rules { prove: self.setting.prove, keeps_all };
        // Bounds on the number of files are met again at the start, and may take what was durable.
        let mut config = self.config();
        config.limits.partial = Config::default().limits.partial;
        config.limits.files = Config::default().limits.files;
        for state in self.disk.take_trail() {
            self.counts.points += 1;
            for _ in 0..STATES {
                let crashed = state.crash(&mut self.dice);
                let seen = check(crashed, &config, self.library, &self.oracle, rules, &mut self.dice)?;
                let Seen { pieces, rejected } = seen;
                self.counts.states += 1;
                self.counts.pieces += pieces;
                self.counts.rejected += rejected;
            }
        }
        Ok(())
    }

    /// The quota may have changed meanwhile, and programs start with the one that was set last.
    fn config(&self) -> Config {
        Config { quota: Quota::Bytes(self.cache.usage().quota), ..self.config }
    }

    /// The disk does all that waits.
    fn finish(&mut self) -> Result<(), String> {
        self.drain();
        while !self.waiting.is_empty() {
            self.work()?;
        }
        Ok(())
    }

    /// The program ends, and starts again: after a clean end, a kill, or a crash of the computer.
    fn restart(&mut self) -> Result<(), String> {
        self.counts.restarts += 1;
        match self.dice.below(3) {
            0 => self.finish()?,
            1 => {}
            _ => {
                let after = self.disk.state().crash(&mut self.dice);
                self.disk.crash(after);
            }
        }
        self.waiting.clear();
        let config = self.config();
        self.executor = Executor::new(self.disk.clone());
        self.cache = Cache::new(config, &Seed([8; 32]).part(self.dice.bits()));
        self.cache.open();
        self.finish()?;
        self.oracle.restarts(&self.cache);
        Ok(())
    }
}
