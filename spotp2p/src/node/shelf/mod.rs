//! The cache as the nearest source, and as where what comes from others goes.

mod find;
mod from;
mod to;

use super::{CacheSetup, Effect, Event, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::swarm::PeerId;
use alloc::collections::BTreeMap;
use spotcache::cache::{self, Cache, Done, Place};
use spotcache::sheet::CacheKeys;
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Urgency, Wanted};
use spotproto::{Instant, Machine, Seed};

/// Pieces from the decoder on that the program gets of a track that the cache takes: 4 MiB, which is minutes of music
/// and fast to read again.
pub(super) const AHEAD: u32 = 256;

/// The cache, with what is being read from it.
#[derive(Debug)]
pub(super) struct Shelf<K: FileKey, B> {
    pub(super) cache: Cache<K, B>,
    pub(super) keys: CacheKeys,
    /// Whether it is known what is there, or that nothing can be.
    ready: bool,
    /// What is read for whom.
    reads: BTreeMap<cache::RequestId, (Reader, Place)>,
    /// Files that an open track keeps from being evicted.
    in_use: [Option<K>; Urgency::ALL.len()],
    /// The file that the access point is to hear of: it plays, and not from there.
    unsaid: Option<K>,
}

/// For whom a part of a file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reader {
    /// The track of this class.
    Track(Urgency),
    /// Whoever is served from this file: its proofs.
    Proofs,
    /// A neighbour that asked for a piece.
    Peer { to: PeerId, channel: Channel },
}

impl<K: FileKey, B: Payload> Shelf<K, B> {
    pub(super) fn new(setup: CacheSetup, seed: &Seed) -> Self {
        let CacheSetup { config, keys } = setup;
        let mut cache = Cache::new(config, seed);
        cache.open();
        Self {
            cache,
            keys,
            ready: config.quota.is_off(),
            reads: BTreeMap::new(),
            in_use: [None; 3],
            unsaid: None,
        }
    }

    pub(super) fn holds(&self, file: &K, piece: u32) -> bool {
        self.cache.holds(file, piece)
    }

    /// Reads a part of a file for somebody; whether it is there to be read.
    pub(super) fn read(&mut self, reader: Reader, file: &K, place: Place) -> bool {
        let Some(request) = self.cache.read(file, place) else { return false };
        self.reads.insert(request, (reader, place));
        true
    }

    /// What is read for a neighbour is not wanted any more.
    pub(super) fn forget_reads(&mut self, mut which: impl FnMut(&Reader) -> bool) {
        self.reads.retain(|_, (reader, _)| !which(reader));
    }

    /// The candidate for what is wanted after so many that were no help.
    fn candidate(&self, wanted: Wanted<K>, tried: usize) -> Option<K> {
        match wanted {
            Wanted::File(file) => (tried == 0 && self.cache.holding(&file).is_some()).then_some(file),
            Wanted::Track(gid) => self.cache.find(gid.as_bytes()).nth(tried),
        }
    }

    /// Keeps a file from being evicted while a track of this class is open.
    fn take(&mut self, now: Instant, class: Urgency, file: K) {
        self.leave(now, class);
        self.cache.hold(now, &file);
        self.in_use[class as usize] = Some(file);
    }

    /// What is held and read for the track of one class is for that of another now.
    pub(super) fn move_class(&mut self, from: Urgency, to: Urgency) {
        self.in_use[to as usize] = self.in_use[from as usize].take();
        let moved = self.reads.values_mut().filter(|(reader, _)| *reader == Reader::Track(from));
        moved.for_each(|(reader, _)| *reader = Reader::Track(to));
    }

    fn leave(&mut self, now: Instant, class: Urgency) {
        self.forget_reads(|reader| *reader == Reader::Track(class));
        if let Some(file) = self.in_use[class as usize].take() {
            self.cache.release(now, &file);
        }
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// A track is fetched no more; its file may be evicted again.
    pub(super) fn leave_shelf(&mut self, now: Instant, class: Urgency) {
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.leave(now, class);
            if class == Urgency::Playing {
                shelf.unsaid = None;
            }
        }
    }

    /// Makes all that is held safe, before the program goes.
    pub(super) fn put_away(&mut self) {
        match self.shelf.as_mut().filter(|shelf| shelf.ready) {
            Some(shelf) => {
                shelf.cache.sync();
                self.leaving = true;
            }
            None => self.out.push(Output::Event(Event::Gone)),
        }
    }

    fn is_put_away(&mut self) {
        if core::mem::take(&mut self.leaving) {
            self.out.push(Output::Event(Event::Gone));
        }
    }

    /// The disk answers.
    pub(super) fn disk(&mut self, now: Instant, request: cache::RequestId, done: Done<K, B>) {
        if let Some(shelf) = self.shelf.as_mut() {
            let Ok(()) = shelf.cache.handle_input(now, cache::Input::Done(request, done));
        }
    }

    pub(super) fn shelf_timeout(&mut self, now: Instant) {
        if let Some(shelf) = self.shelf.as_mut() {
            let Ok(()) = shelf.cache.handle_timeout(now);
        }
    }

    /// Passes on what the cache wants done, and hears what it has to say; whether that was anything.
    pub(super) fn drain_shelf(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(output) = self.shelf.as_mut().and_then(|shelf| shelf.cache.poll_output()) {
            any = true;
            match output {
                cache::Output::Effect(effect) => self.out.push(Output::Effect(Effect::Disk(effect))),
                cache::Output::Event(event) => self.shelf_event(now, event),
                _ => {}
            }
        }
        any
    }

    fn shelf_event(&mut self, now: Instant, event: cache::Event<K, B>) {
        match event {
            cache::Event::Ready(_) => {
                if let Some(shelf) = self.shelf.as_mut() {
                    shelf.ready = true;
                }
                self.announce_all(now);
                for class in Urgency::ALL {
                    self.look_up(now, class);
                }
            }
            cache::Event::Data { request, file, result, .. } => self.read_done(now, request, file, result),
            cache::Event::Stored { file, piece } => self.written(now, file, piece, true),
            cache::Event::NotStored { file, piece } => self.written(now, file, piece, false),
            cache::Event::Complete(file) => {
                self.announce(now, file);
                self.kept_all(now);
            }
            cache::Event::Left(file) => self.not_whole(now, file),
            cache::Event::Pinned(file) => self.pinned(now, file),
            cache::Event::Synced { .. } => self.is_put_away(),
            cache::Event::Trouble(trouble) => self.shelf_trouble(now, trouble),
            _ => {}
        }
    }
}
