//! Tracks that are kept for listening without the server: fetched whole, and pinned in the cache.

use super::track::Track;
use super::{Event, Node, NotKept, Output};
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{Opened, Urgency, Wanted};

/// Tracks that may wait to be kept.
const MOST_WAITING: usize = 1024;

/// What is to be kept: one track after the other.
#[derive(Debug)]
pub(super) struct Keeping<K> {
    /// The track of the class `Offline`.
    wanted: Wanted<K>,
    /// Its file, once it is known, with whether the pin will survive whatever comes.
    file: Option<(K, bool)>,
    /// What comes after it.
    waiting: VecDeque<Wanted<K>>,
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    pub(super) fn keep_offline(&mut self, now: Instant, wanted: Wanted<K>) {
        let waiting = self.keeping.as_ref().map_or(0, |keeping| keeping.waiting.len());
        if self.shelf.is_none() {
            self.out.push(Output::Event(Event::NotKept { wanted, why: NotKept::NoCache }));
        } else if waiting >= MOST_WAITING {
            self.out.push(Output::Event(Event::NotKept { wanted, why: NotKept::TooMany }));
        } else if let Some(keeping) = self.keeping.as_mut() {
            keeping.waiting.push_back(wanted);
        } else {
            self.keep_now(now, wanted, VecDeque::new());
        }
    }

    fn keep_now(&mut self, now: Instant, wanted: Wanted<K>, waiting: VecDeque<Wanted<K>>) {
        self.keeping = Some(Box::new(Keeping { wanted, file: None, waiting }));
        self.tracks[Urgency::Offline as usize] = Some(Box::new(Track::new(wanted, 0)));
        self.look_up(now, Urgency::Offline);
    }

    /// The track is kept, or can't be: the next one is.
    fn keep_next(&mut self, now: Instant, mut waiting: VecDeque<Wanted<K>>) {
        if let Some(wanted) = waiting.pop_front() {
            self.keep_now(now, wanted, waiting);
        }
    }

    /// The file is known: from now on it stays.
    pub(super) fn opened_to_keep(&mut self, now: Instant, opened: &Opened<K>) {
        let file = opened.head.file;
        let Some(keeping) = self.keeping.as_mut() else { return };
        keeping.file = Some((file, false));
        let shelved = self.track(Urgency::Offline).and_then(|track| track.file.as_ref());
        let shelved = shelved.is_some_and(|file| file.shelved);
        let Some(shelf) = self.shelf.as_mut().filter(|_| shelved) else {
            return self.not_kept(now, NotKept::NoCache);
        };
        if let Err(why) = shelf.cache.pin(&file) {
            self.not_kept(now, NotKept::Pin(why));
        }
    }

    /// A pin will survive whatever comes.
    pub(super) fn pinned(&mut self, now: Instant, file: K) {
        if let Some((_, pinned)) =
            self.keeping.as_mut().and_then(|it| it.file.as_mut()).filter(|it| it.0 == file)
        {
            *pinned = true;
            self.kept_all(now);
        }
    }

    /// Looks whether nothing is missing any more.
    pub(super) fn kept_all(&mut self, now: Instant) {
        let Some(keeping) = self.keeping.as_ref() else { return };
        let (wanted, Some((file, true))) = (keeping.wanted, keeping.file) else { return };
        let Some(holding) = self.shelf.as_ref().and_then(|shelf| shelf.cache.holding(&file)) else { return };
        if !holding.complete {
            let (held, of) = (holding.held, holding.pieces);
            return self.out.push(Output::Event(Event::Keeping { wanted, held, of }));
        }
        self.close(now, Urgency::Offline);
        let waiting = self.keeping.take().map(|keeping| keeping.waiting).unwrap_or_default();
        self.out.push(Output::Event(Event::Kept { wanted, file }));
        self.keep_next(now, waiting);
    }

    /// The track can't be kept, or not all of it.
    pub(super) fn not_kept(&mut self, now: Instant, why: NotKept) {
        let Some(keeping) = self.keeping.take() else { return };
        let Keeping { wanted, waiting, .. } = *keeping;
        self.close(now, Urgency::Offline);
        self.out.push(Output::Event(Event::NotKept { wanted, why }));
        self.keep_next(now, waiting);
    }
}
