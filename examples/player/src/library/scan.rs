//! Bringing the catalogue up to what lies in the folder.

use super::catalogue::{Catalogue, CatalogueError, Finding, Holds, Known};
use super::disk::{Meter, Stamp};
use super::intake::{Skip, Taken, take};
use super::open_files::OpenFiles;
use super::state::Epochs;
use super::store::Options;
use super::walk::{Candidate, Walk, walk};
use crate::shown::printable;
use alloc::collections::BTreeMap;
use core::fmt;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::SystemTime;

/// Findings written down at once.
const BATCH: usize = 64;

/// How often progress is told, and how soon a scan can be stopped.
const BEAT: Duration = Duration::from_millis(100);

/// How far a scan has come. Only files that have to be read count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress<'a> {
    /// Files read.
    pub files: usize,
    /// Files to read in all.
    pub files_total: usize,
    /// Bytes of them that are done.
    pub bytes: u64,
    /// Bytes of them in all.
    pub bytes_total: u64,
    /// The file begun last, below the folder.
    pub name: &'a Path,
}

/// What a scan found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Files that are new.
    pub added: usize,
    /// Files that had changed since the last scan, or were to be looked at again.
    pub changed: usize,
    /// Files that are as they were, and were not read.
    pub unchanged: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Files that are not served, each with the reason, by path.
    pub skipped: Vec<Skipped>,
    /// Bytes that were read from files.
    pub bytes_read: u64,
    /// Where a damaged catalogue was moved to before it was made anew.
    pub rebuilt: Option<PathBuf>,
    /// It was stopped before the end; what was found until then is kept.
    pub stopped: bool,
}

/// A file that is not served.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Skipped {
    /// Where it lies, below the folder.
    pub path: PathBuf,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable(&self.path.to_string_lossy()), self.why)
    }
}

/// Why a scan came to nothing.
#[derive(Debug)]
#[non_exhaustive]
pub enum ScanError {
    /// The folder cannot be read.
    Folder(PathBuf, io::ErrorKind),
    /// The catalogue cannot be used.
    Catalogue(CatalogueError),
}

impl fmt::Display for ScanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path, kind) => write!(f, "cannot read the folder {}: {kind}", path.display()),
            Self::Catalogue(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for ScanError {}

impl From<CatalogueError> for ScanError {
    fn from(error: CatalogueError) -> Self {
        Self::Catalogue(error)
    }
}

/// One scan.
pub(super) struct Scan<'a> {
    pub(super) root: &'a Path,
    pub(super) epochs: &'a Epochs,
    pub(super) options: &'a Options,
    pub(super) catalogue: &'a mut Catalogue,
    pub(super) open_files: &'a OpenFiles,
}

/// What a reader brings back.
type Read<'a> = (&'a Candidate, Result<Box<Taken>, Skip>);

impl Scan<'_> {
    pub(super) fn run(
        mut self,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, ScanError> {
        let found = walk(self.root).map_err(|error| ScanError::Folder(self.root.to_owned(), error.kind()))?;
        let known = self.catalogue.places()?;
        let mut report = Report::default();
        let gone = gone(&found, &known);
        report.removed = gone.len();
        let work = self.compare(found, &known, &mut report);
        self.read(&work, &known, &mut report, progress)?;
        if !work.is_empty() || !gone.is_empty() {
            self.catalogue.retire(&gone)?;
            self.open_files.clear();
        }
        report.skipped.sort();
        Ok(report)
    }

    /// What has to be read: what was written to just now comes last, and so has time to settle.
    fn compare(&self, found: Walk, known: &BTreeMap<PathBuf, Known>, report: &mut Report) -> Vec<Candidate> {
        for (path, kind) in found.unreadable {
            report.skipped.push(Skipped { path, why: Skip::Unreadable(kind).to_string() });
        }
        let mut work = Vec::new();
        for file in found.files {
            let known = known.get(&file.path).filter(|known| known.stamp == file.stamp);
            match known.map(|known| &known.holds) {
                Some(Holds::File(epoch)) if self.epochs.find(epoch).is_some() => report.unchanged += 1,
                Some(Holds::Nothing(why)) => {
                    report.skipped.push(Skipped { path: file.path, why: why.clone() });
                }
                _ => work.push(file),
            }
        }
        let now = Stamp::now();
        work.sort_by_key(|file| settles_in(file.stamp, now, self.options.settle).is_some());
        work
    }

    /// Reads what has to be read, in several threads, and writes it down as it comes.
    fn read(
        &mut self,
        work: &[Candidate],
        known: &BTreeMap<PathBuf, Known>,
        report: &mut Report,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<(), ScanError> {
        let meter = Meter::default();
        let next = AtomicUsize::new(0);
        let readers = self.options.readers.clamp(1, work.len().max(1));
        let (results, incoming) = sync_channel(2 * readers);
        let (root, epochs, settle) = (self.root, self.epochs, self.options.settle);
        let done = thread::scope(|scope| {
            for _ in 0..readers {
                let results = results.clone();
                let (next, meter) = (&next, &meter);
                scope.spawn(move || reader(root, work, next, epochs, settle, meter, &results));
            }
            drop(results);
            let mut told = Told::new(work, &next, &meter, progress);
            let done = self.collect(&incoming, known, report, &mut told);
            // However this ends, no reader may be left that waits for somebody to take its result.
            if done.is_err() {
                meter.stop();
            }
            drop(incoming);
            done
        });
        report.bytes_read += meter.read();
        report.stopped = meter.is_stopped();
        done
    }

    fn collect(
        &mut self,
        incoming: &Receiver<Read<'_>>,
        known: &BTreeMap<PathBuf, Known>,
        report: &mut Report,
        told: &mut Told<'_, '_>,
    ) -> Result<(), ScanError> {
        let mut batch = Vec::new();
        loop {
            let (full, over) = match incoming.recv_timeout(BEAT) {
                Ok((file, read)) => {
                    told.done(file);
                    batch.extend(finding(file, read, known, report));
                    (batch.len() >= BATCH, false)
                }
                Err(RecvTimeoutError::Timeout) => (true, false),
                Err(RecvTimeoutError::Disconnected) => (true, true),
            };
            if full && !batch.is_empty() {
                self.catalogue.record(&batch)?;
                self.open_files.clear();
                batch.clear();
            }
            if over {
                return Ok(());
            }
            told.tell();
        }
    }
}

/// Turns what a reader brought into what the catalogue and the report say.
fn finding(
    file: &Candidate,
    read: Result<Box<Taken>, Skip>,
    known: &BTreeMap<PathBuf, Known>,
    report: &mut Report,
) -> Option<Finding> {
    let found = match read {
        Ok(taken) => {
            match known.contains_key(&file.path) {
                true => report.changed += 1,
                false => report.added += 1,
            }
            Ok(taken)
        }
        // Gone since the walk: nothing to tell, and the next scan sees it.
        Err(Skip::Stopped | Skip::Unreadable(io::ErrorKind::NotFound)) => return None,
        Err(skip) => {
            let why = skip.to_string();
            report.skipped.push(Skipped { path: file.path.clone(), why: why.clone() });
            // Only what lies in the file itself stays true until the file changes.
            if !matches!(skip, Skip::Refused(_)) {
                return None;
            }
            Err(why)
        }
    };
    Some(Finding { path: file.path.clone(), stamp: file.stamp, found })
}

/// A reader's thread: takes the next file until there is none.
fn reader<'a>(
    root: &Path,
    work: &'a [Candidate],
    next: &AtomicUsize,
    epochs: &Epochs,
    settle: Duration,
    meter: &Meter,
    results: &SyncSender<Read<'a>>,
) {
    while let Some(file) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
        while let Some(left) = settles_in(file.stamp, Stamp::now(), settle).filter(|_| !meter.is_stopped()) {
            thread::sleep(left.min(BEAT));
        }
        if meter.is_stopped() {
            return;
        }
        let taken = take(&root.join(&file.path), file.stamp, epochs.current(), meter);
        if results.send((file, taken.map(Box::new))).is_err() {
            return;
        }
    }
}

/// How long a file has to be left alone before it counts as complete; `None` if it was for long enough. A date in the
/// future tells nothing.
fn settles_in(stamp: Stamp, now: Stamp, settle: Duration) -> Option<Duration> {
    let age = u64::try_from(now.modified.checked_sub(stamp.modified)?).ok()?;
    settle.checked_sub(Duration::from_nanos(age)).filter(|left| !left.is_zero())
}

impl Stamp {
    /// The date as files bear it.
    fn now() -> Self {
        Self::at(SystemTime::now(), 0)
    }
}

/// Places that were known and are not there any more. What lies below a folder that cannot be read may well be.
fn gone(found: &Walk, known: &BTreeMap<PathBuf, Known>) -> Vec<PathBuf> {
    let mut files = found.files.iter().map(|file| &file.path).collect::<Vec<_>>();
    files.sort_unstable();
    let hidden = |path: &Path| found.unreadable.iter().any(|(folder, _)| path.starts_with(folder));
    known.keys().filter(|path| files.binary_search(path).is_err() && !hidden(path)).cloned().collect()
}

/// What has been told of progress.
struct Told<'a, 'p> {
    work: &'a [Candidate],
    next: &'a AtomicUsize,
    meter: &'a Meter,
    progress: &'p mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    files: usize,
    bytes: u64,
    bytes_total: u64,
}

impl<'a, 'p> Told<'a, 'p> {
    fn new(
        work: &'a [Candidate],
        next: &'a AtomicUsize,
        meter: &'a Meter,
        progress: &'p mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Self {
        let bytes_total = work.iter().map(|file| file.stamp.size).sum();
        Self { work, next, meter, progress, files: 0, bytes: 0, bytes_total }
    }

    fn done(&mut self, file: &Candidate) {
        self.files += 1;
        self.bytes += file.stamp.size;
    }

    fn tell(&mut self) {
        let begun = self.next.load(Ordering::Relaxed).min(self.work.len()).saturating_sub(1);
        let progress = Progress {
            files: self.files,
            files_total: self.work.len(),
            // Files are read about three times; so even a single large one moves.
            bytes: self.bytes.max(self.meter.read() / 3).min(self.bytes_total),
            bytes_total: self.bytes_total,
            name: self.work.get(begun).map_or(Path::new(""), |file| &file.path),
        };
        if (self.progress)(progress).is_break() {
            self.meter.stop();
        }
    }
}
