//! A listener's cache, looked at and tended without playing anything.

mod verify;

pub use verify::Verified;

use crate::failure::Failure;
use alloc::collections::VecDeque;
use bytes::Bytes;
use runtime_tokio::disk::{Executor, Folder};
use runtime_tokio::entropy;
use spotcache::cache::{Cache, Config, Content, Event, Holding, Output, Place, Quota, Usage};
use spotcache::sheet::{CacheKeys, Sheet};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, RustCrypto};
use spotproto::{Instant, Machine};
use std::path::Path;

/// The keys with which this device seals what its cache knows.
#[must_use]
pub fn cache_keys(identity: &KeyPair) -> CacheKeys {
    CacheKeys::new::<RustCrypto>(&identity.secret)
}

/// A cache folder, locked while this lives. Everything is done when a call returns, and safe once [`close`] does.
///
/// [`close`]: Self::close
#[derive(Debug)]
pub struct CacheFolder {
    cache: Cache<FileId, Bytes>,
    executor: Executor<Folder>,
    keys: CacheKeys,
    events: VecDeque<Event<FileId, Bytes>>,
}

/// A file in the cache.
#[derive(Clone, Debug)]
pub struct CachedFile {
    /// Its name.
    pub file: FileId,
    /// What is held of it.
    pub holding: Holding,
    /// What it is; `None` if that can't be read any more.
    pub sheet: Option<Sheet<FileId>>,
}

impl CacheFolder {
    /// Opens the cache in this folder.
    ///
    /// # Errors
    /// In one line, why it can't be used.
    pub fn open(path: &Path, quota: Quota, keys: CacheKeys) -> Result<Self, Failure> {
        let executor = Executor::new(Folder::open(path).map_err(Failure::runtime)?);
        let config = Config { quota, ..Config::default() };
        let seed = entropy::seed().map_err(Failure::runtime)?;
        let mut folder = Self { cache: Cache::new(config, &seed), executor, keys, events: VecDeque::new() };
        folder.cache.open();
        folder.settle();
        for event in &folder.events {
            if let Event::Trouble(trouble) = event {
                return Err(Failure::runtime(format!("{}: {trouble}", path.display())));
            }
        }
        Ok(folder)
    }

    /// How much it takes.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.cache.usage()
    }

    /// What is in it, in the order of the names.
    pub fn files(&mut self) -> Vec<CachedFile> {
        let mut files: Vec<_> = self.cache.files().collect();
        files.sort_unstable_by_key(|(file, _)| *file);
        let describe = |(file, holding)| CachedFile { file, holding, sheet: self.sheet(file) };
        files.into_iter().map(describe).collect()
    }

    /// Lets a file go when there is need of room.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn unpin(&mut self, file: FileId) -> Result<(), Failure> {
        self.cache.unpin(NOW, &file);
        self.settle_well()
    }

    /// Throws everything away; what is kept for offline listening only if `pinned`.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn clear(&mut self, pinned: bool) -> Result<(), Failure> {
        self.cache.clear(NOW, pinned);
        self.settle_well()
    }

    /// Changes the quota; what is too much goes at once.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn set_quota(&mut self, quota: Quota) -> Result<(), Failure> {
        self.cache.set_quota(NOW, quota);
        self.settle_well()
    }

    /// Makes safe what was done.
    ///
    /// # Errors
    /// The disk does not take it.
    pub fn close(mut self) -> Result<(), Failure> {
        self.cache.sync();
        self.settle_well()
    }

    fn sheet(&mut self, file: FileId) -> Option<Sheet<FileId>> {
        match self.read(file, Place::Sheet)? {
            Content::Sealed(bytes) => Sheet::open::<RustCrypto>(&self.keys, &file, &bytes).ok(),
            Content::Piece(_) => None,
        }
    }

    fn read(&mut self, file: FileId, place: Place) -> Option<Content<Bytes>> {
        let wanted = self.cache.read(&file, place)?;
        self.settle();
        let is_it =
            |event: &Event<FileId, Bytes>| matches!(event, Event::Data { request, .. } if *request == wanted);
        let at = self.events.iter().position(is_it)?;
        match self.events.remove(at)? {
            Event::Data { result, .. } => result.ok(),
            _ => None,
        }
    }

    /// Carries out what the cache asks for, until it asks for nothing.
    fn settle(&mut self) {
        while let Some(output) = self.cache.poll_output() {
            match output {
                Output::Effect(effect) => {
                    if let Some((request, done)) = self.executor.carry_out(effect) {
                        let Ok(()) =
                            self.cache.handle_input(NOW, spotcache::cache::Input::Done(request, done));
                    }
                }
                Output::Event(event) => self.events.push_back(event),
                _ => {}
            }
        }
    }

    fn settle_well(&mut self) -> Result<(), Failure> {
        self.settle();
        let troubled = self.events.drain(..).find_map(|event| match event {
            Event::Trouble(trouble) => Some(trouble),
            _ => None,
        });
        troubled
            .map_or(Ok(()), |trouble| Err(Failure::runtime(format!("the cache can't be changed: {trouble}"))))
    }
}

/// Nothing here waits for anything, so no time passes.
const NOW: Instant = Instant::START;
