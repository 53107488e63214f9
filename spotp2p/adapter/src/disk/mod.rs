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

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use async_channel::{Receiver, Sender};
use bytes::Bytes;
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
#[derive(Debug)]
pub struct Disk {
    work: Arc<Queue<Work>>,
    reads: Arc<Queue<Read>>,
    results: Receiver<Answer>,
    /// Answers that no thread gives.
    refused: VecDeque<Answer>,
}

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
            refused: VecDeque::new(),
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

    /// Takes on an effect, or answers [`DiskError::Busy`]. Never blocks.
    pub fn submit(&mut self, effect: Effect<FileId, Bytes>) {
        match effect {
            Effect::Read { request, file, layout, place } => {
                if !self.reads.push_within(READS_WAITING, Read { request, file, layout, place }) {
                    self.refused.push_back((request, Done::Read(Err(DiskError::Busy))));
                }
            }
            Effect::Write { request, .. } => {
                if !self.work.push_within(WRITES_WAITING, effect) {
                    self.refused.push_back((request, Done::Carried(Err(DiskError::Busy))));
                }
            }
            effect => self.work.push(effect),
        }
    }

    /// Waits for what came of an effect. May be dropped and called again.
    pub async fn next(&mut self) -> (RequestId, Done<FileId, Bytes>) {
        if let Some(refused) = self.refused.pop_front() {
            return refused;
        }
        match self.results.recv().await {
            Ok(answer) => answer,
            // Both threads live as long as this.
            Err(_) => core::future::pending().await,
        }
    }

    /// Carries out all that waits, then unlocks the folder. Takes as long as the disk does.
    ///
    /// # Errors
    /// The first thing that failed.
    pub async fn close(self) -> Result<(), DiskError> {
        self.work.end();
        self.reads.end();
        let mut outcome = Ok(());
        while let Ok((_, done)) = self.results.recv().await {
            outcome = outcome.and(failure(done));
        }
        outcome
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
