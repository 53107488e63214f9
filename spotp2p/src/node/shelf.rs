//! The cache as the nearest source, and as where what comes from others goes.

use super::track::{Asked, File, Stage, Track};
use super::{CacheSetup, Effect, Event, Node, NotKept, Output, Source};
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::ops::Range;
use spotcache::cache::{self, Cache, Content, DiskError, Done, Place, Trouble};
use spotcache::sheet::{CacheKeys, Sheet};
use spotproto::content::LEAF_GROUP;
use spotproto::crypto::RustCrypto;
use spotproto::message::{Message, Opened, Urgency, Wanted};
use spotproto::{Instant, Machine, Seed};

/// Pieces from the decoder on that the program gets of a track that the cache takes: 4 MiB, which is minutes of music
/// and fast to read again.
pub(super) const AHEAD: u32 = 256;

/// Pieces that are read at a time: enough to keep a disk busy, and few to wait behind after a seek.
const MOST_READING: usize = 8;

/// The cache, with what is being read from it.
#[derive(Debug)]
pub(super) struct Shelf<K: FileKey, B> {
    pub(super) cache: Cache<K, B>,
    keys: CacheKeys,
    /// Whether it is known what is there, or that nothing can be.
    ready: bool,
    /// What is read for whom.
    reads: BTreeMap<cache::RequestId, (Urgency, Place)>,
    /// Files that an open track keeps from being evicted.
    in_use: [Option<K>; Urgency::ALL.len()],
    /// The file that the access point is to hear of: it plays, and not from there.
    unsaid: Option<K>,
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

    fn read(&mut self, class: Urgency, file: &K, place: Place) -> bool {
        let Some(request) = self.cache.read(file, place) else { return false };
        self.reads.insert(request, (class, place));
        true
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

    fn leave(&mut self, now: Instant, class: Urgency) {
        self.reads.retain(|_, (of, _)| *of != class);
        if let Some(file) = self.in_use[class as usize].take() {
            self.cache.release(now, &file);
        }
    }
}

impl<K: FileKey, B: Payload> Node<K, B> {
    /// Looks whether the cache has what is wanted; asks the server otherwise.
    pub(super) fn look_up(&mut self, now: Instant, class: Urgency) {
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Stage::Shelf(tried) = track.stage else { return };
        if let Some(shelf) = self.shelf.as_mut() {
            if !shelf.ready {
                return;
            }
            if let Some(file) = shelf.candidate(track.wanted, tried)
                && shelf.read(class, &file, Place::Sheet)
            {
                return;
            }
        }
        track.stage = Stage::Unasked;
        self.connect(now);
        self.ask(now);
    }

    /// The sheet of a file that may be what is wanted is read.
    fn sheet(&mut self, now: Instant, class: Urgency, file: K, bytes: Option<&[u8]>) {
        let date = self.date(now);
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Stage::Shelf(tried) = track.stage else { return };
        let sheet = bytes.and_then(|bytes| file.open_sheet::<RustCrypto>(&shelf.keys, bytes));
        let is_wanted = |sheet: &Sheet<K>| match track.wanted {
            Wanted::File(wanted) => wanted == file,
            Wanted::Track(gid) => sheet.gid == Some(gid),
        };
        match sheet {
            Some(sheet) if is_wanted(&sheet) => {
                shelf.cache.note_date(now, date);
                if sheet.lease_until < date {
                    track.wanted = Wanted::File(file);
                    track.stage = Stage::Unasked;
                    track.renews = true;
                    self.out.push(Output::Event(Event::LeaseOver { until: sheet.lease_until }));
                    self.connect(now);
                    self.ask(now);
                } else {
                    self.open_from_shelf(now, class, sheet);
                }
            }
            other => {
                if other.is_none() {
                    // Nothing can be made of the file without it.
                    let pieces = shelf.cache.holding(&file).map_or(0, |holding| holding.pieces);
                    shelf.cache.forget(now, &file, 0..pieces);
                }
                track.stage = Stage::Shelf(tried + 1);
                self.look_up(now, class);
            }
        }
    }

    fn open_from_shelf(&mut self, now: Instant, class: Urgency, sheet: Sheet<K>) {
        let Sheet { gid, head, key, lease_until, title, artist } = sheet;
        let lease = lease_until.0.saturating_sub(self.date(now).0);
        let lease_s = u32::try_from(lease).unwrap_or(u32::MAX);
        let opened = Opened { head, key, lease_s, title, artist, first: Vec::new(), proofs: Vec::new() };
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let reading = if class == Urgency::Playing { opened.head.piece_at(track.at_ms) } else { 0 };
        let mut file = File::new(&opened, reading);
        file.shelved = true;
        track.gid = track.gid.or(gid);
        track.wanted = Wanted::File(opened.head.file);
        track.stage = Stage::Open;
        track.file = Some(file);
        shelf.take(now, class, opened.head.file);
        shelf.cache.touch(now, &opened.head.file);
        if class == Urgency::Playing {
            shelf.unsaid = Some(opened.head.file);
            self.say_playing();
        }
        self.begun(now, class, Box::new(opened), Source::Cache);
    }

    /// Tells the access point what plays out of the cache, as soon as it listens.
    pub(super) fn say_playing(&mut self) {
        if !self.server.logged_in {
            return;
        }
        if let Some(file) = self.shelf.as_mut().and_then(|shelf| shelf.unsaid.take()) {
            self.send(Message::Playing { file });
        }
    }

    /// Reads what the cache has of what the program will need next, and the leaves that prove it.
    pub(super) fn ask_shelf(&mut self, class: Urgency) {
        let keep = self.keep(class);
        let Some(shelf) = self.shelf.as_mut().filter(|_| class == Urgency::Playing) else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let reading = file.asked.values().filter(|asked| matches!(asked, Asked::Shelf)).count();
        let name = file.head.file;
        let ahead = file.reading..file.reading.saturating_add(keep.min(AHEAD)).min(file.head.pieces());
        let next: Vec<u32> = file
            .head
            .header_pieces()
            .chain(ahead)
            .filter(|piece| file.lacks(*piece) && shelf.holds(&name, *piece))
            .take(MOST_READING.saturating_sub(reading))
            .collect();
        for piece in next {
            let group = piece / LEAF_GROUP;
            if !file.is_provable(piece) && shelf.read(class, &name, Place::Leaves(group)) {
                file.groups_read.insert(group);
            }
            if shelf.read(class, &name, Place::Piece(piece)) {
                file.asked.insert(piece, Asked::Shelf);
            }
        }
    }

    /// A part of a file is read, or could not be.
    fn read_done(
        &mut self,
        now: Instant,
        request: cache::RequestId,
        file: K,
        read: Result<Content<B>, DiskError>,
    ) {
        let Some((class, place)) = self.shelf.as_mut().and_then(|shelf| shelf.reads.remove(&request)) else {
            return;
        };
        match (place, read) {
            (Place::Sheet, Ok(Content::Sealed(bytes))) => self.sheet(now, class, file, Some(&bytes)),
            (Place::Sheet, _) => self.sheet(now, class, file, None),
            (Place::Leaves(group), Ok(Content::Sealed(bytes))) => {
                self.leaves_read(now, class, file, group, Some(&bytes));
            }
            (Place::Leaves(group), _) => self.leaves_read(now, class, file, group, None),
            (Place::Piece(index), read) => self.piece_read(now, class, index, read),
        }
        self.ask(now);
    }

    fn leaves_read(&mut self, now: Instant, class: Urgency, name: K, group: u32, bytes: Option<&[u8]>) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let leaves = bytes.and_then(|bytes| name.open_leaves::<RustCrypto>(&shelf.keys, group, bytes));
        file.groups_read.remove(&group);
        let judged = leaves.map(|leaves| file.restore(&leaves)).unwrap_or_default();
        // What has no leaf there can't be proved, and is of no use to anybody.
        let unprovable: Vec<u32> = file
            .pieces_of(group)
            .filter(|piece| !file.has_leaf(*piece) && shelf.holds(&name, *piece))
            .collect();
        for piece in unprovable {
            shelf.cache.forget(now, &name, piece..piece + 1);
        }
        file.drop_unprovable();
        self.write_leaves(class);
        self.take_all(now, class, judged);
    }

    fn piece_read(&mut self, now: Instant, class: Urgency, index: u32, read: Result<Content<B>, DiskError>) {
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        if !matches!(file.asked.get(&index), Some(Asked::Shelf)) {
            return;
        }
        file.asked.remove(&index);
        let Ok(Content::Piece(data)) = read else { return file.look_again() };
        let verdict = file.judge(index, data, Source::Cache);
        self.take(now, class, (index, Source::Cache, verdict));
    }

    /// A piece out of the cache is not what it was: it is fetched again.
    pub(super) fn forget_shelved(&mut self, now: Instant, class: Urgency, index: u32) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        shelf.cache.forget(now, &file.head.file, index..index.saturating_add(1));
        file.look_again();
    }

    /// A file was opened at the server: the cache takes what comes of it.
    pub(super) fn shelve(&mut self, now: Instant, class: Urgency, opened: &Opened<K>) {
        let date = self.date(now);
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Some(file) = track.file.as_mut() else { return };
        let head = &opened.head;
        let sheet = Sheet {
            gid: track.gid,
            head: head.clone(),
            key: opened.key.clone(),
            lease_until: date.plus(core::time::Duration::from_secs(opened.lease_s.into())),
            title: opened.title.clone(),
            artist: opened.artist.clone(),
        };
        let Some(sealed) = head.file.seal_sheet::<RustCrypto>(&shelf.keys, &sheet) else { return };
        let headers = (0..).zip(head.header_pieces()).take_while(|(n, piece)| n == piece).count() as u32;
        let alias = track.gid.map(|gid| *gid.as_bytes());
        if shelf.cache.admit(now, head.file, head.pieces(), headers, alias.as_ref()).is_err() {
            return;
        }
        shelf.cache.note_date(now, date);
        let _ = shelf.cache.write_sheet(&head.file, sealed);
        shelf.take(now, class, head.file);
        shelf.cache.touch(now, &head.file);
        file.shelved = true;
        for proof in &opened.proofs {
            self.shelve_leaves(class, proof.range());
        }
    }

    /// Leaves came and are proved.
    pub(super) fn shelve_leaves(&mut self, class: Urgency, range: Range<u32>) {
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Some(file) = track.file.as_mut().filter(|file| file.shelved && !range.is_empty()) else { return };
        file.groups_owed.extend(range.start / LEAF_GROUP..=(range.end - 1) / LEAF_GROUP);
        self.write_leaves(class);
    }

    /// Writes the groups of leaves that the disk does not have as they are. One that it has in part is read first: what
    /// proves pieces there must not be lost.
    fn write_leaves(&mut self, class: Urgency) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let name = file.head.file;
        for group in core::mem::take(&mut file.groups_owed) {
            let unread =
                file.pieces_of(group).any(|piece| !file.has_leaf(piece) && shelf.holds(&name, piece));
            if unread {
                file.groups_owed.insert(group);
                if !file.groups_read.contains(&group) && shelf.read(class, &name, Place::Leaves(group)) {
                    file.groups_read.insert(group);
                }
                continue;
            }
            let leaves = file.group(group);
            let sealed = leaves.and_then(|leaves| name.seal_leaves::<RustCrypto>(&shelf.keys, &leaves));
            if sealed.is_some_and(|sealed| shelf.cache.write_leaves(&name, group, sealed).is_err()) {
                file.groups_owed.insert(group);
            }
        }
    }

    /// A piece came and is proved.
    pub(super) fn shelve_piece(&mut self, class: Urgency, index: u32, data: &B) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        // A piece whose leaf is not on its way to the disk could not be proved by what is there.
        if file.shelved && file.groups_owed.contains(&(index / LEAF_GROUP)) {
            return file.look_again();
        }
        if !file.shelved || shelf.holds(&file.head.file, index) {
            return;
        }
        match shelf.cache.store(&file.head.file, index, data.clone()) {
            Ok(()) => {
                file.writing.insert(index);
            }
            Err(cache::NotKept::Held) => {}
            // No room, or none in time: from here on the track lives in memory.
            Err(_) => file.shelved = false,
        }
    }

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

    /// Passes on what the cache wants done, and hears what it has to say.
    pub(super) fn drain_shelf(&mut self, now: Instant) {
        while let Some(output) = self.shelf.as_mut().and_then(|shelf| shelf.cache.poll_output()) {
            match output {
                cache::Output::Effect(effect) => self.out.push(Output::Effect(Effect::Disk(effect))),
                cache::Output::Event(event) => self.shelf_event(now, event),
                _ => {}
            }
        }
    }

    fn shelf_event(&mut self, now: Instant, event: cache::Event<K, B>) {
        match event {
            cache::Event::Ready(_) => {
                if let Some(shelf) = self.shelf.as_mut() {
                    shelf.ready = true;
                }
                for class in Urgency::ALL {
                    self.look_up(now, class);
                }
            }
            cache::Event::Data { request, file, result, .. } => self.read_done(now, request, file, result),
            cache::Event::Stored { file, piece } => self.written(now, file, piece, true),
            cache::Event::NotStored { file, piece } => self.written(now, file, piece, false),
            cache::Event::Complete(_) => self.kept_all(now),
            cache::Event::Pinned(file) => self.pinned(now, file),
            cache::Event::Synced { .. } => self.is_put_away(),
            cache::Event::Trouble(trouble) => self.shelf_trouble(now, trouble),
            _ => {}
        }
    }

    /// A piece is in the cache, or could not be put there.
    fn written(&mut self, now: Instant, name: K, piece: u32, stored: bool) {
        for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
            if file.head.file == name && file.writing.remove(&piece) && !stored {
                // The disk is slower than the line: from here on the track lives in memory.
                file.shelved = false;
                file.look_again();
            }
        }
        for class in Urgency::ALL {
            self.write_leaves(class);
        }
        match self.track(Urgency::Offline).and_then(|track| track.file.as_ref()) {
            Some(file) if file.head.file == name && stored => self.kept_all(now),
            Some(file) if file.head.file == name => {
                self.not_kept(now, NotKept::Trouble(Trouble::Disk(DiskError::Busy)))
            }
            _ => {}
        }
        self.ask(now);
    }

    /// The disk does not take what it is given: playing goes on without it.
    fn shelf_trouble(&mut self, now: Instant, trouble: Trouble) {
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.ready = true;
        }
        for file in self.tracks.iter_mut().flatten().filter_map(|track: &mut Track<K, B>| track.file.as_mut())
        {
            file.shelved = false;
            file.look_again();
        }
        self.out.push(Output::Event(Event::CacheTrouble(trouble)));
        self.not_kept(now, NotKept::Trouble(trouble));
        for class in Urgency::ALL {
            self.look_up(now, class);
        }
        self.ask(now);
    }
}
