//! A client's cache on a real disk: carries out the effects of [`spotcache::cache`], and decides nothing.
//!
//! # On disk
//!
//! ```text
//! FOLDER/lock          locked while a player uses the cache
//! FOLDER/journal       the cache's records; journal.next while it is being replaced
//! FOLDER/files/<id>    a cached file: 64 hexadecimal digits, in the order of `spotcache::cache::Layout`
//! ```
//!
//! Folders are made with mode 0700, files with 0600. Links are not followed below FOLDER; what has another name, or is
//! no plain file, is left alone and not listed. What lasts when is told at [`Executor`].
//!
//! A file for each track, with gaps where pieces are not held, and no space reserved. Of the three layouts that
//! `benches/disk` compares, this one takes as much of the disk as is held and gives it back at once, and reads as fast
//! as any, since a file system keeps a file together. Reserving a whole track writes faster, but takes what is not held
//! yet, which the cache does not count, and not every file system can do it. One segment of slots writes fastest; reading
//! it cold takes three times as long, and it never becomes smaller. What writing costs is a thread's time, and nobody
//! waits for it; `docs/benchmarks.md` has the figures. One folder is enough: listing 10,000 files takes a small part of
//! what opening may take.
//!
//! # Threads
//!
//! A [`Disk`] has two: one that writes, in the order of the effects, and one that reads, which never waits for a
//! write to reach the platter. The handle never blocks.
//!
//! # Other systems
//!
//! This page is for systems with POSIX's calls (Linux, Android, macOS, iOS, the BSDs). Elsewhere there is none, and a
//! client runs without a cache.

mod executor;
mod fault;
mod files;
mod folder;
mod handles;
mod journal;
mod lock;
mod queue;
mod read;

pub use executor::Executor;
pub use files::{Access, Directory, Files, Name};
pub use folder::Folder;
pub use lock::OpenError;
pub use read::Reader;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
use core::fmt;
use queue::Queue;
use spotcache::cache::{DiskError, Done, Effect, Layout, Place, RequestId};
use spotproto::content::FileId;
use std::path::Path;
use std::{io, thread};

/// Writes that may wait: 4 MiB of pieces.
pub const WRITES_WAITING: usize = 256;

/// Reads that may wait.
pub const READS_WAITING: usize = 256;

/// Results that may wait for the owner; the threads stand still when it is full.
const RESULTS_WAITING: usize = 64;

type Work = Effect<FileId, Bytes>;
type Answer = (RequestId, Done<FileId, Bytes>);

/// A folder with a cache, and the threads that work on it.
///
/// At most [`WRITES_WAITING`] writes and [`READS_WAITING`] reads wait; another one is answered
/// [`DiskError::Busy`] at once. All other effects are always taken on. It is the cache that bounds them: see
/// `commits` and `removals` of its limits.
///
/// When it is dropped, the effect being carried out is finished and those that wait are left: to the cache that is
/// as if the computer had crashed. The lock goes when that effect is done. [`Disk::close`] leaves nothing.
///
/// Memory: 4 MiB of writes and 1 MiB of results that wait, and what an [`Executor`] needs.
pub struct Disk {
    work: Arc<Queue<Work>>,
    reads: Arc<Queue<Read>>,
    results: Receiver<Answer>,
    /// Answers that no thread gives.
    answered: VecDeque<Answer>,
    /// What carries effects out when they are submitted, if no threads do.
    at_once: Option<AtOnce>,
}

type AtOnce = Box<dyn FnMut(Work) -> Option<Answer> + Send + Sync>;

#[derive(Debug)]
struct Read {
    request: RequestId,
    file: FileId,
    layout: Layout,
    place: Place,
}

impl Disk {
    /// Takes the folder at `path` for a cache, makes it if it is not there, and locks it. Blocks for a few calls to
    /// the system.
    ///
    /// # Errors
    /// Why it can't be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::on(Folder::open(path)?).map_err(|cause| OpenError::System(path.to_owned(), cause))
    }

    /// Works on other files than those of a folder.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn on<F>(files: F) -> io::Result<Self>
    where
        F: Files + Send + Sync + 'static,
        F::File: Send + Sync,
    {
        let (answers, results) = async_channel::bounded(RESULTS_WAITING);
        // Made first: if a thread can't be started, dropping it ends the other one.
        let disk = Self {
            work: Arc::new(Queue::new()),
            reads: Arc::new(Queue::new()),
            results,
            answered: VecDeque::new(),
            at_once: None,
        };
        let executor = Executor::new(files);
        let reader = executor.reader();
        let (work, reads) = (disk.work.clone(), disk.reads.clone());
        let answers_of_reads = answers.clone();
        thread::Builder::new()
            .name("cache writer".into())
            .spawn(move || write_all(executor, &work, &answers))?;
        thread::Builder::new()
            .name("cache reader".into())
            .spawn(move || read_all(reader, &reads, &answers_of_reads))?;
        Ok(disk)
    }

    /// Works on `files` in the thread that submits, at once: for tests, in which a thread would be later or sooner each time.
    #[cfg(any(test, feature = "virtual-time"))]
    pub fn at_once<F>(files: F) -> Self
    where
        F: Files + Send + Sync + 'static,
        F::File: Send + Sync,
    {
        let mut executor = Executor::new(files);
        Self {
            work: Arc::new(Queue::new()),
            reads: Arc::new(Queue::new()),
            // Closed from the start.
            results: async_channel::bounded(1).1,
            answered: VecDeque::new(),
            at_once: Some(Box::new(move |effect| executor.carry_out(effect))),
        }
    }

    /// Takes on an effect, or answers [`DiskError::Busy`]. Never blocks.
    pub fn submit(&mut self, effect: Effect<FileId, Bytes>) {
        if let Some(carry_out) = &mut self.at_once {
            return self.answered.extend(carry_out(effect));
        }
        match effect {
            Effect::Read { request, file, layout, place } => {
                if !self.reads.push_within(READS_WAITING, Read { request, file, layout, place }) {
                    self.answered.push_back((request, Done::Read(Err(DiskError::Busy))));
                }
            }
            Effect::Write { request, .. } => {
                if !self.work.push_within(WRITES_WAITING, effect) {
                    self.answered.push_back((request, Done::Carried(Err(DiskError::Busy))));
                }
            }
            effect => self.work.push(effect),
        }
    }

    /// Waits for what came of an effect. May be dropped and called again.
    pub async fn next(&mut self) -> (RequestId, Done<FileId, Bytes>) {
        if let Some(answered) = self.answered.pop_front() {
            return answered;
        }
        match self.results.recv().await {
            Ok(answer) => answer,
            // Both threads live as long as this, if there are any.
            Err(_) => core::future::pending().await,
        }
    }

    /// Carries out all that waits, then unlocks the folder. Takes as long as the disk does.
    ///
    /// # Errors
    /// The first thing that failed; [`DiskError::Failed`] also if something was left undone.
    pub async fn close(mut self) -> Result<(), DiskError> {
        self.work.end();
        self.reads.end();
        // All that was submitted is done, and the folder is unlocked.
        self.at_once = None;
        let mut outcome: Result<(), DiskError> =
            self.answered.drain(..).try_for_each(|(_, done)| failure(done));
        while let Ok((_, done)) = self.results.recv().await {
            outcome = outcome.and(failure(done));
        }
        // A thread that is gone leaves what waits for it.
        let left = !self.work.is_empty() || !self.reads.is_empty();
        outcome.and(if left { Err(DiskError::Failed) } else { Ok(()) })
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = (&self.work, &self.reads);
        f.debug_struct("Disk").field("waiting", &waiting).finish_non_exhaustive()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.work.clear();
        self.reads.clear();
    }
}

fn failure(done: Done<FileId, Bytes>) -> Result<(), DiskError> {
    match done {
        Done::Carried(carried) => carried,
        Done::Opened(opened) => opened.map(drop),
        // Nobody waits for what is read any more.
        _ => Ok(()),
    }
}

fn write_all<F: Files>(mut executor: Executor<F>, work: &Queue<Work>, answers: &Sender<Answer>) {
    while let Some(effect) = work.pop(|effect| matches!(effect, Effect::Write { .. })) {
        if let Some(answer) = executor.carry_out(effect) {
            // Fails when the owner is gone, and then the queue has ended.
            let _ = answers.send_blocking(answer);
        }
    }
    // The caller's end of the channel goes last: that it is closed says that the folder is unlocked.
    drop(executor);
}

fn read_all<F: Files>(reader: Reader<F>, reads: &Queue<Read>, answers: &Sender<Answer>) {
    while let Some(Read { request, file, layout, place }) = reads.pop(|_| true) {
        let _ = answers.send_blocking((request, Done::Read(reader.read(file, layout, place))));
    }
    drop(reader);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_fails_if_a_thread_has_left_something_undone() {
        let disk = |work: Queue<Work>| Disk {
            work: Arc::new(work),
            reads: Arc::new(Queue::new()),
            // Closed: no thread is there.
            results: async_channel::bounded(1).1,
            answered: VecDeque::new(),
            at_once: None,
        };
        let left = Queue::new();
        left.push(Effect::Remove { request: RequestId(0), file: FileId([1; 32]) });
        assert_eq!(futures_lite::future::block_on(disk(left).close()), Err(DiskError::Failed));
        assert_eq!(futures_lite::future::block_on(disk(Queue::new()).close()), Ok(()));
    }
}
