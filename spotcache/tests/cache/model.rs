//! Random operations, disk errors and crashes, against an obvious model.

use super::acts::{Act, FILES, act, pieces, prefix};
use super::disk::{Disk, Work, narrow, value};
use proptest::prelude::*;
use spotcache::cache::{
    Cache, Config, DiskError, Done, Effect, Event, Eviction, Layout, Output, Place, Quota, RequestId, Trouble,
};
use spotproto::{Instant, Machine, Seed, UnixTime};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

const PIECE: u64 = 16_384;

#[derive(Default, Debug)]
struct File {
    held: BTreeSet<u32>,
    holds: u32,
    pinned: bool,
    /// Pins, and what takes them back, of which it was not said that they last.
    unanswered: u32,
}

/// A request of which the model knows what it was for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    file: u32,
    place: Place,
    void: bool,
}

/// A cache, its disk, and what the cache should hold.
struct Run {
    config: Config,
    now: Instant,
    cache: Cache<u32, u32>,
    disk: Disk,
    waiting: VecDeque<Work>,
    model: BTreeMap<u32, File>,
    asked: BTreeMap<RequestId, Asked>,
    cuts: BTreeMap<RequestId, Asked>,
    /// Files that were said to be complete.
    offered: BTreeSet<u32>,
    /// Pins that no crash may lose.
    pinned: BTreeSet<u32>,
    /// Files that may go though they are pinned: it was asked for.
    doomed: BTreeSet<u32>,
    /// Pieces that were held when all was made to last, and not let go of since: no restart may lose them.
    lasting: BTreeMap<u32, BTreeSet<u32>>,
    /// How many of them restarts found.
    found: usize,
    /// The disk may have failed once: what a cache finds then need not be on the platter.
    faulted: bool,
    /// Outputs of the answer that opened the cache are being looked at.
    opening: bool,
    date: u64,
    /// The latest that was ever noted, whether or not a crash took it.
    date_ever: u64,
    bytes: u64,
}

impl Run {
    fn new(config: Config, disk: Disk) -> Self {
        let mut cache = Cache::new(config, &Seed([1; 32]));
        cache.open();
        Self {
            config,
            now: Instant::START,
            cache,
            disk,
            waiting: VecDeque::new(),
            model: BTreeMap::new(),
            asked: BTreeMap::new(),
            cuts: BTreeMap::new(),
            offered: BTreeSet::new(),
            pinned: BTreeSet::new(),
            doomed: BTreeSet::new(),
            lasting: BTreeMap::new(),
            found: 0,
            faulted: false,
            opening: false,
            date: 0,
            date_ever: 0,
            bytes: 0,
        }
    }

    fn act(&mut self, act: Act) {
        match act {
            Act::Admit(file) => {
                let admitted =
                    self.cache.admit(self.now, file, pieces(file), prefix(file), Some(&[file as u8; 16]));
                self.drain();
                if admitted.is_ok() {
                    self.model.entry(file).or_default();
                }
            }
            Act::Store(file, piece) => {
                let _ = self.cache.store(&file, piece, value(file, piece));
            }
            Act::StoreAll(file) => {
                for piece in 0..pieces(file) {
                    let _ = self.cache.store(&file, piece, value(file, piece));
                    self.drain();
                }
            }
            Act::Sheet(file) => {
                let _ = self.cache.write_sheet(&file, vec![1; 100].into());
            }
            Act::Read(file, piece) => {
                let request = self.cache.read(&file, Place::Piece(piece));
                assert_eq!(request.is_some(), self.cache.holds(&file, piece));
            }
            Act::Touch(file) => self.cache.touch(self.now, &file),
            Act::Hold(file) => {
                let held = self.cache.hold(self.now, &file);
                assert_eq!(held, self.model.contains_key(&file));
                self.model.entry(file).and_modify(|file| file.holds += 1);
            }
            Act::Release(file) => {
                self.model.entry(file).and_modify(|file| file.holds = file.holds.saturating_sub(1));
                self.cache.release(self.now, &file);
            }
            Act::Pin(file) => {
                if self.cache.pin(&file).is_ok() {
                    self.doomed.remove(&file);
                    let known = self.model.get_mut(&file).expect("what was pinned is known");
                    known.pinned = true;
                    known.unanswered += 1;
                }
            }
            Act::Unpin(file) => {
                self.pinned.remove(&file);
                self.model.entry(file).and_modify(|file| {
                    file.unanswered += u32::from(file.pinned);
                    file.pinned = false;
                });
                self.cache.unpin(self.now, &file);
            }
            Act::Forget(file, first, count) => {
                self.forget(file, |piece| (first..first + count).contains(&piece));
                self.cache.forget(self.now, &file, first..first + count);
            }
            Act::Remove(file) => {
                if self.model.get(&file).is_some_and(|file| file.holds == 0) {
                    self.pinned.remove(&file);
                    self.doomed.insert(file);
                }
                self.cache.remove(self.now, &file);
            }
            Act::Quota(pieces) => {
                // What is over it may go as soon as it opens.
                self.lasting.clear();
                self.config.quota = Quota::Bytes(pieces * PIECE);
                self.cache.set_quota(self.now, self.config.quota);
            }
            Act::Clear(pinned) => {
                if pinned {
                    // If it is opening, that is whatever it will find; if it is off, nothing.
                    let opening = self.waiting.iter().any(|effect| matches!(effect, Effect::Open { .. }));
                    let all = (0..FILES).filter(|file| opening || self.model.contains_key(file));
                    self.doomed.extend(all);
                    self.pinned.retain(|file| !self.doomed.contains(file));
                }
                self.cache.clear(self.now, pinned);
                self.settle();
            }
            Act::Date(date) => {
                self.date = self.date.max(date);
                self.date_ever = self.date_ever.max(date);
                self.cache.note_date(self.now, UnixTime(date));
            }
            Act::Sync => self.cache.sync(),
            Act::MakeLast => self.make_last(),
            Act::Wait(millis) => {
                let until = self.now + Duration::from_millis(millis);
                while let Some(at) = self.cache.poll_timeout().filter(|at| *at <= until) {
                    self.now = self.now.max(at);
                    let Ok(()) = self.cache.handle_timeout(self.now);
                    assert!(self.cache.poll_timeout().is_none_or(|at| at > self.now));
                    self.drain();
                }
                self.now = until;
            }
            Act::Answer(count) => {
                for _ in 0..count {
                    self.answer();
                }
            }
            Act::Settle => self.settle(),
            Act::Fault(error) => {
                self.disk.faults.push_back(Some(error));
                self.faulted = true;
            }
            Act::Broken(error) => {
                self.disk.broken = error;
                self.faulted = true;
            }
            Act::Open => self.cache.open(),
            Act::Restart { power } => return self.restart(power),
        }
        self.drain();
        self.check();
    }

    /// Takes what the cache says; what lets go of pieces changes the model.
    fn drain(&mut self) {
        while let Some(output) = self.cache.poll_output() {
            match output {
                Output::Effect(effect) => {
                    self.asks_for(&effect);
                    self.waiting.push_back(effect);
                }
                Output::Event(event) => self.tells(event),
                other => panic!("{other:?} is new"),
            }
        }
        if std::mem::take(&mut self.opening) {
            self.wants_back();
        }
    }

    fn asks_for(&mut self, effect: &Work) {
        match *effect {
            Effect::Write { request, file, place, .. } | Effect::Read { request, file, place, .. } => {
                self.asked.insert(request, Asked { file, place, void: false });
            }
            Effect::Cut { request, file, length } => {
                // As it opens, a cache may let go of more before the model sees what it found.
                let Some(known) = self.model.get(&file) else {
                    let gone = self.opening && self.cache.holding(&file).is_none();
                    assert!(gone, "only files that are known are cut");
                    return self.forget(file, |_| true);
                };
                assert!(known.holds == 0 && !known.pinned, "{file} is wanted");
                let layout = Layout { pieces: pieces(file) };
                assert_eq!(length, layout.length(prefix(file)));
                assert!(
                    (0..prefix(file)).all(|piece| known.held.contains(&piece)),
                    "cut to what is not there"
                );
                self.forget(file, |piece| piece >= prefix(file));
                self.cuts.insert(request, Asked { file, place: Place::Sheet, void: false });
            }
            Effect::Remove { file, .. } => {
                if let Some(known) = self.model.get(&file) {
                    let doomed = self.doomed.contains(&file);
                    assert!(known.holds == 0 && (doomed || !known.pinned), "{file} is wanted");
                    self.drop_file(file);
                } else if self.opening {
                    self.forget(file, |_| true);
                }
            }
            _ => {}
        }
    }

    /// All that is held is made to last, and remembered as that, unless the disk may not have done it.
    fn make_last(&mut self) {
        self.cache.sync();
        self.settle();
        // What is in use may be above the quota, and goes as soon as nobody uses it.
        let usage = self.cache.usage();
        if !self.faulted && usage.bytes <= usage.quota {
            self.lasting = self.model.iter().map(|(file, known)| (*file, known.held.clone())).collect();
        }
    }

    fn drop_file(&mut self, file: u32) {
        self.forget(file, |_| true);
        self.model.remove(&file);
        for asked in self.asked.values_mut().chain(self.cuts.values_mut()) {
            asked.void |= asked.file == file;
        }
    }

    fn tells(&mut self, event: Event<u32, u32>) {
        match event {
            Event::Complete(file) => assert!(self.offered.insert(file), "{file} twice"),
            Event::Left(file) => assert!(self.offered.remove(&file) || self.opening, "{file} was not there"),
            Event::Pinned(file) | Event::Unpinned(file) => {
                let known = self.model.get_mut(&file).expect("only what is known is pinned");
                known.unanswered -= 1;
                // Otherwise it was taken back since it was asked for, or is about to go.
                if known.pinned && known.unanswered == 0 && !self.doomed.contains(&file) {
                    self.pinned.insert(file);
                }
            }
            Event::Trouble(Trouble::Disk(DiskError::Full | DiskError::ReadOnly)) => {}
            Event::Trouble(_) => {
                (0..FILES).for_each(|file| self.drop_file(file));
                self.offered.clear();
                self.doomed.clear();
            }
            Event::Ready(_) => self.opened(),
            Event::Data { file, place: Place::Piece(piece), result: Ok(content), .. } => {
                assert_eq!(content, spotcache::cache::Content::Piece(value(file, piece)));
            }
            _ => {}
        }
    }

    fn forget(&mut self, file: u32, pieces: impl Fn(u32) -> bool) {
        if let Some(known) = self.model.get_mut(&file) {
            known.held.retain(|piece| !pieces(*piece));
        }
        if let Some(lasting) = self.lasting.get_mut(&file) {
            lasting.retain(|piece| !pieces(*piece));
        }
        for asked in self.asked.values_mut() {
            if let Place::Piece(piece) = asked.place {
                asked.void |= asked.file == file && pieces(piece);
            }
        }
    }

    fn settle(&mut self) {
        self.drain();
        while !self.waiting.is_empty() {
            self.answer();
        }
    }

    /// Answers the first effect.
    fn answer(&mut self) {
        let Some(effect) = self.waiting.pop_front() else { return };
        let reads = matches!(effect, Effect::Read { .. });
        let (request, done) = self.disk.carry_out(effect);
        if let Some(asked) = self.asked.remove(&request).filter(|asked| !asked.void)
            && let Place::Piece(piece) = asked.place
        {
            match done {
                Done::Carried(Ok(())) if !reads => {
                    self.model.get_mut(&asked.file).expect("not void").held.insert(piece);
                }
                Done::Read(Err(DiskError::Missing)) => self.forget(asked.file, |one| one == piece),
                _ => {}
            }
        }
        let cut = self.cuts.remove(&request).filter(|cut| !cut.void);
        if let Some(cut) = cut
            && matches!(done, Done::Carried(Err(DiskError::Missing)))
        {
            self.forget(cut.file, |_| true);
        }
        // Any other error is no reason to drop the file, or switches the cache off.
        let cut_failed =
            matches!(done, Done::Carried(Err(DiskError::Busy | DiskError::Full | DiskError::ReadOnly)));
        self.cache.done(self.now, request, done);
        // It may have been cut once more, and removed, since the disk is full.
        self.drain();
        if let Some(cut) = cut.filter(|_| cut_failed)
            && self.cache.holding(&cut.file).is_none()
            && let Some(known) = self.model.get(&cut.file)
        {
            assert!(known.holds == 0 && !known.pinned);
            self.drop_file(cut.file);
        }
    }

    fn restart(&mut self, power: bool) {
        if power {
            self.disk.lose_power();
        }
        self.disk.faults.clear();
        self.disk.broken = None;
        let date_ever = self.date_ever;
        let (pinned, lasting) = (std::mem::take(&mut self.pinned), std::mem::take(&mut self.lasting));
        let (found, faulted) = (self.found, self.faulted);
        *self = Self::new(self.config, std::mem::take(&mut self.disk));
        (self.pinned, self.lasting, self.date_ever) = (pinned, lasting, date_ever);
        (self.found, self.faulted) = (found, faulted);
        self.settle();
        self.check();
    }

    /// The model begins with what was found.
    fn opened(&mut self) {
        (self.bytes, self.opening) = (u64::MAX, true);
        // What was noted while it was closed, and what the journal knew of before.
        let date = self.cache.date().0;
        assert!((self.date..=self.date_ever).contains(&date));
        self.date = date;
        self.model.clear();
        self.offered.clear();
        for (file, holding) in self.cache.files() {
            let held: BTreeSet<u32> =
                (0..pieces(file)).filter(|piece| self.cache.holds(&file, *piece)).collect();
            assert_eq!((holding.pieces, holding.header_prefix), (pieces(file), prefix(file)));
            let on_disk = self.disk.files.get(&file);
            for piece in &held {
                let part = on_disk.and_then(|file| file.parts.get(&Place::Piece(*piece)));
                assert!(
                    part.is_some() || self.disk.journal_failed,
                    "{file}/{piece} is claimed and was not made to last"
                );
                assert!(part.is_none_or(|part| part.0 == value(file, *piece)));
            }
            if holding.complete {
                self.offered.insert(file);
            }
            self.model.insert(file, File { held, holds: 0, pinned: holding.pinned, unanswered: 0 });
            assert!(self.cache.find(&[file as u8; 16]).any(|found| found == file));
        }
        for file in &self.pinned {
            assert!(self.model.get(file).is_some_and(|file| file.pinned), "the pin of {file} was lost");
        }
        // A cache that could not open at once, because its quota was 0, finds the date only now.
        let found = self.cache.date().0;
        assert!((self.date..=self.date_ever).contains(&found));
        self.date = found;
    }

    /// What was made to last is there, but for what was let go of at once: of partial files, too, there may be so many.
    fn wants_back(&mut self) {
        for (file, lasting) in &self.lasting {
            let held = self.model.get(file).map(|known| &known.held);
            let lost = lasting.iter().find(|piece| !held.is_some_and(|held| held.contains(piece)));
            assert_eq!(lost, None, "of {file}, which was made to last");
            self.found += lasting.len();
        }
    }

    /// Model and cache agree.
    fn check(&mut self) {
        let known: BTreeSet<u32> = self.cache.files().map(|file| file.0).collect();
        assert!(known.iter().eq(self.model.keys()), "{known:?}");
        let usage = self.cache.usage();
        let mut sums = (0, 0, 0, 0, 0);
        for (file, model) in &self.model {
            let all = pieces(*file);
            let holding = self.cache.holding(file).expect("known");
            let held: BTreeSet<u32> = (0..all).filter(|piece| self.cache.holds(file, *piece)).collect();
            assert_eq!(held, model.held, "{file}");
            assert_eq!(holding.held as usize, held.len());
            assert_eq!((holding.pinned, holding.in_use), (model.pinned, model.holds > 0));
            assert_eq!(holding.complete, held.len() == all as usize);
            assert_eq!(holding.complete, self.offered.contains(file));
            let writing = self.asked.iter().filter(|(request, asked)| {
                let writes = self
                    .waiting
                    .iter()
                    .any(|effect| matches!(effect, Effect::Write { request: one, .. } if one == *request));
                writes && asked.file == *file && !asked.void && asked.place != Place::Sheet
            });
            let layout = Layout { pieces: all };
            let bytes = layout.front() + (held.len() + writing.count()) as u64 * PIECE;
            sums.0 += bytes;
            if model.pinned {
                sums.1 += bytes;
                sums.2 += layout.length(all);
            }
            sums.3 += u32::from(holding.complete);
            sums.4 += u32::from(holding.headers_only);
        }
        let partial = self.model.len() as u32 - sums.3 - sums.4;
        assert_eq!((usage.bytes, usage.pinned_bytes, usage.promised_bytes), (sums.0, sums.1, sums.2));
        assert_eq!((usage.complete, usage.headers_only, usage.partial), (sums.3, sums.4, partial));
        // Above the quota only while it shrank, and then it does not grow.
        assert!(usage.bytes <= usage.quota.max(self.bytes), "{} of {}", usage.bytes, usage.quota);
        self.bytes = usage.bytes;
        assert_eq!(self.cache.date().0, self.date);
    }
}

/// All of these, narrow limits, and a restart at the end; how many pieces restarts found again that were made to last.
pub fn run(eviction: Eviction, acts: Vec<Act>) -> usize {
    let mut run = Run::new(narrow(eviction), Disk::new());
    run.settle();
    run.check();
    for act in acts {
        run.act(act);
    }
    run.disk.faults.clear();
    run.disk.broken = None;
    run.act(Act::Wait(2_000_000));
    run.act(Act::MakeLast);
    // Nothing is in the way of what has to go. Of what is kept anyway there may be more.
    let kept = run.model.values().filter(|file| file.pinned || file.holds > 0).count() as u32;
    assert!(run.cache.usage().partial <= run.config.limits.partial + kept, "{:?}", run.cache.usage());
    run.restart(false);
    run.found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn whatever_happens_the_cache_holds_what_it_says_and_lets_go_of_nothing_wanted(
        acts in proptest::collection::vec(act(), 0..120)
    ) {
        run(Eviction::Lru, acts);
    }

    #[test]
    fn so_it_does_with_the_other_policy(acts in proptest::collection::vec(act(), 0..120)) {
        run(Eviction::S3Fifo, acts);
    }
}
