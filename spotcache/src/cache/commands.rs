//! What a cache is told to do.

use super::config::Quota;
use super::effect::{Content, Effect, RequestId};
use super::journal::{File, Record, runs};
use super::place::{LEAVES_LEN, Layout, Place, SHEET_LEN};
use super::shelf::fingerprint;
use super::words::{NotKept, PinRefused, Trouble};
use super::{Asked, Cache, CacheKey, Clearing, Disk, Event, Timer, books, commit};
use bytes::Bytes;
use core::ops::Range;
use spotproto::content::{LEAF_GROUP, PIECE_LEN};
use spotproto::{Instant, UnixTime};

impl<K: CacheKey, B> Cache<K, B> {
    /// Asks the disk what is there; [`Event::Ready`] follows. Until then everything misses. A cache that trouble
    /// switched off can be opened again. Nothing happens with a quota of 0: see [`Cache::set_quota`].
    pub fn open(&mut self) {
        if self.config.quota.is_off() || !matches!(self.disk, Disk::New | Disk::Off) {
            return;
        }
        self.disk = Disk::Opening;
        self.ask(Asked::Open, |request| Effect::Open { request });
    }

    /// A file of so many pieces is to be kept. The first `header_prefix` of them hold headers, and stay longest. The
    /// `alias` is the track's gid, for [`Cache::find`]. One that is there already keeps what is held, and counts as used.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn admit(
        &mut self,
        now: Instant,
        file: K,
        pieces: u32,
        header_prefix: u32,
        alias: Option<&[u8; 16]>,
    ) -> Result<(), NotKept> {
        if self.disk != Disk::Ready {
            return Err(NotKept::Off);
        }
        let limits = self.config.limits;
        let alias = alias.map_or(0, fingerprint);
        if let Some(slot) = self.books.shelf.find(&file) {
            return self.admit_again(now, slot, pieces, alias);
        }
        if pieces == 0 || pieces > limits.pieces {
            return Err(NotKept::NoRoom);
        }
        let prefix = if header_prefix > limits.header_pieces { 0 } else { header_prefix.min(pieces) };
        self.keep_within_counts()?;
        if !self.make_room(Layout { pieces }.front()) {
            return Err(NotKept::NoRoom);
        }
        if let Ok(at) = self.strays.binary_search(&file) {
            // What lies there under this name goes first.
            self.strays.remove(at);
            self.remove_on_disk(file);
        }
        let slot = self.books.insert(file, pieces, prefix, alias);
        let about = commit::about(&self.books.shelf, slot, false);
        self.ledger.say(&Record::File(about));
        self.commit_later(now);
        Ok(())
    }

    fn admit_again(&mut self, now: Instant, slot: u32, pieces: u32, alias: u32) -> Result<(), NotKept> {
        if self.books.shelf.facts(slot).pieces != pieces {
            return Err(NotKept::Differs);
        }
        if alias != 0 && self.books.shelf.alias(slot) != alias {
            self.books.shelf.set_alias(slot, alias);
            // Whole records of a file void its claims, so the journal learns of it when it is written anew.
            self.ledger.spoil();
            self.commit_later(now);
        }
        self.use_now(now, slot);
        Ok(())
    }

    /// Makes room in the number of files.
    fn keep_within_counts(&mut self) -> Result<(), NotKept> {
        let limits = self.config.limits;
        self.make_way_for_a_part()?;
        if self.books.shelf.len() >= limits.files {
            let slot = self.books.headers_victim().or_else(|| self.books.victim()).ok_or(NotKept::NoRoom)?;
            self.evict_if_the_disk_can(slot)?;
            if self.books.shelf.len() >= limits.files {
                return Err(NotKept::NoRoom);
            }
        }
        Ok(())
    }

    /// Makes room among the files of which a part is held.
    fn make_way_for_a_part(&mut self) -> Result<(), NotKept> {
        if self.books.totals().partial < self.config.limits.partial {
            return Ok(());
        }
        let slot = self.books.partial_victim().ok_or(NotKept::NoRoom)?;
        self.evict_if_the_disk_can(slot)
    }

    fn evict_if_the_disk_can(&mut self, slot: u32) -> Result<(), NotKept> {
        if self.load.removals >= self.config.limits.removals {
            return Err(NotKept::Busy);
        }
        self.evict(slot);
        Ok(())
    }

    /// Writes a file's sealed sheet ([`crate::sheet`]), over the one before it.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn write_sheet(&mut self, file: &K, sheet: Bytes) -> Result<(), NotKept> {
        if sheet.len() as u64 > SHEET_LEN {
            return Err(NotKept::Unknown);
        }
        self.write(file, Place::Sheet, Content::Sealed(sheet))
    }

    /// Writes a sealed group of a file's leaves, over the one before it.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn write_leaves(&mut self, file: &K, group: u32, leaves: Bytes) -> Result<(), NotKept> {
        if leaves.len() as u64 > LEAVES_LEN {
            return Err(NotKept::Unknown);
        }
        self.write(file, Place::Leaves(group), Content::Sealed(leaves))
    }

    /// Stores a piece that was proved. [`Event::Stored`] follows when it can be read; if the disk does not take it,
    /// nothing does.
    ///
    /// # Errors
    /// Why it is not kept.
    pub fn store(&mut self, file: &K, piece: u32, bytes: B) -> Result<(), NotKept> {
        self.write(file, Place::Piece(piece), Content::Piece(bytes))
    }

    fn write(&mut self, file: &K, place: Place, content: Content<B>) -> Result<(), NotKept> {
        if self.disk != Disk::Ready {
            return Err(NotKept::Off);
        }
        let slot = self.books.shelf.find(file).ok_or(NotKept::Unknown)?;
        let limits = self.config.limits;
        let pieces = self.books.shelf.facts(slot).pieces;
        if self.load.writes >= limits.writes || self.ledger.unclaimed() >= limits.unclaimed {
            return Err(NotKept::Busy);
        }
        let was_cut = self.books.shelf.facts(slot).cut;
        match place {
            Place::Piece(piece) => self.take_room(slot, file, piece)?,
            Place::Leaves(group) if group >= pieces.div_ceil(LEAF_GROUP) => return Err(NotKept::Unknown),
            Place::Leaves(_) | Place::Sheet => {}
        }
        // Before this write, the journal must say what went: see `Ledger::removals`.
        if self.ledger.removals {
            self.commit();
        }
        if self.ledger.removals {
            if matches!(place, Place::Piece(_)) {
                self.give_back_room(slot, was_cut);
            }
            return Err(NotKept::Busy);
        }
        self.load.writes += 1;
        let (file, layout) = (*file, Layout { pieces });
        self.ask(Asked::Write { file, place, void: false }, |request| Effect::Write {
            request,
            file,
            layout,
            place,
            content,
        });
        Ok(())
    }

    /// Takes the room of a piece that will be written.
    fn take_room(&mut self, slot: u32, file: &K, piece: u32) -> Result<(), NotKept> {
        if piece >= self.books.shelf.facts(slot).pieces {
            return Err(NotKept::Unknown);
        }
        let place = Place::Piece(piece);
        let same = |asked: &Asked<K>| matches!(asked, Asked::Write { file: other, place: at, void: false } if other == file && *at == place);
        if self.books.shelf.has(slot, piece) || self.asked.values().any(same) {
            return Err(NotKept::Held);
        }
        // Its own file must not go for it.
        self.books.change(slot, |shelf| shelf.detail_mut(slot).holds += 1);
        let room = self.make_room_in(slot);
        self.books.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            detail.holds -= 1;
            if room.is_ok() {
                detail.writing += 1;
                detail.cut = false;
            }
        });
        room
    }

    /// The piece will not be written after all.
    fn give_back_room(&mut self, slot: u32, was_cut: bool) {
        self.books.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            detail.writing -= 1;
            detail.cut = was_cut;
        });
    }

    /// Makes room for one more piece of a file.
    fn make_room_in(&mut self, slot: u32) -> Result<(), NotKept> {
        if self.books.shelf.facts(slot).cut {
            // With this piece it is no more one of which there are headers alone.
            self.make_way_for_a_part()?;
        }
        if self.make_room(PIECE_LEN as u64) { Ok(()) } else { Err(NotKept::NoRoom) }
    }

    /// Reads a part of a file; [`Event::Data`] follows. `None` if a piece is not held, the file not known, or too much
    /// is being read already.
    pub fn read(&mut self, file: &K, place: Place) -> Option<RequestId> {
        let slot = self.books.shelf.find(file);
        if let Place::Piece(piece) = place {
            let held = slot.is_some_and(|slot| self.books.shelf.has(slot, piece));
            let count = if held { &mut self.counts.hits } else { &mut self.counts.misses };
            *count += 1;
            slot.filter(|_| held)?;
        }
        let pieces = self.books.shelf.facts(slot?).pieces;
        let there = !matches!(place, Place::Leaves(group) if group >= pieces.div_ceil(LEAF_GROUP));
        if !there || self.load.reads >= self.config.limits.reads {
            return None;
        }
        self.load.reads += 1;
        let (file, layout) = (*file, Layout { pieces });
        let asked = Asked::Read { file, place, void: false };
        Some(self.ask(asked, |request| Effect::Read { request, file, layout, place }))
    }

    /// A file was used.
    pub fn touch(&mut self, now: Instant, file: &K) {
        if let Some(slot) = self.books.shelf.find(file) {
            self.use_now(now, slot);
        }
    }

    fn use_now(&mut self, now: Instant, slot: u32) {
        self.books.touch(slot);
        let limits = &self.config.limits;
        if self.touches.len() < limits.touches && !self.books.shelf.touched(slot) {
            self.books.shelf.set_touched(slot, true);
            self.touches.push(slot);
            self.timers.set_earlier(Timer::Touches, now + limits.touch_after);
        }
    }

    /// A file is in use and does not go until it was released as often as it was held. `false` if it is not known.
    pub fn hold(&mut self, now: Instant, file: &K) -> bool {
        let Some(slot) = self.books.shelf.find(file) else { return false };
        self.use_now(now, slot);
        self.books.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            detail.holds = detail.holds.saturating_add(1);
        });
        true
    }

    /// One use of a file has ended.
    pub fn release(&mut self, now: Instant, file: &K) {
        if let Some(slot) = self.books.shelf.find(file) {
            self.books.change(slot, |shelf| {
                let detail = shelf.detail_mut(slot);
                detail.holds = detail.holds.saturating_sub(1);
            });
            self.sweep(now);
        }
    }

    /// A file is to stay until it is unpinned. [`Event::Pinned`] follows once that is durable.
    ///
    /// # Errors
    /// Why it can't be.
    pub fn pin(&mut self, file: &K) -> Result<(), PinRefused> {
        if matches!(self.disk, Disk::New | Disk::Opening | Disk::Off) {
            return Err(PinRefused::Off);
        }
        let slot = self.books.shelf.find(file).ok_or(PinRefused::Unknown)?;
        let facts = self.books.shelf.facts(slot);
        if self.ledger.waiting_pins() >= self.config.limits.unclaimed {
            return Err(PinRefused::Busy);
        }
        if !facts.pinned {
            let room = self.quota.saturating_sub(self.books.totals().promised);
            let wanted = books::whole_charge(facts.pieces);
            if wanted > room {
                return Err(PinRefused::NoRoom { room, wanted });
            }
            self.books.change(slot, |shelf| shelf.set_pinned(slot, true));
        }
        let about = File { whole: false, ..commit::about(&self.books.shelf, slot, false) };
        if let Some(clearing) = &mut self.clearing {
            clearing.spared.push(slot);
        }
        // Twice: the one thing that damage must not take.
        self.ledger.say(&Record::Pin(about));
        self.ledger.say(&Record::Pin(about));
        self.ledger.pins.push((*file, true));
        self.commit();
        Ok(())
    }

    /// A file need not stay. [`Event::Unpinned`] follows once that is durable.
    pub fn unpin(&mut self, now: Instant, file: &K) {
        let Some(slot) = self.books.shelf.find(file) else { return };
        // Never too many: while so much waits that no pin is taken, each pinned file adds one at most.
        if !self.books.shelf.facts(slot).pinned {
            return;
        }
        self.books.change(slot, |shelf| shelf.set_pinned(slot, false));
        self.ledger.say(&Record::Unpin(*file));
        self.ledger.pins.push((*file, false));
        self.commit();
        self.sweep(now);
    }

    /// Pieces that were read back proved wrong, or their leaves did: they are not held any more.
    pub fn forget(&mut self, now: Instant, file: &K, pieces: Range<u32>) {
        if let Some(slot) = self.books.shelf.find(file) {
            self.lose(now, slot, pieces);
        }
    }

    /// Pieces of a file are gone.
    pub(super) fn lose(&mut self, now: Instant, slot: u32, range: Range<u32>) {
        let facts = self.books.shelf.facts(slot);
        let range = range.start..range.end.min(facts.pieces);
        let file = self.books.shelf.key(slot);
        let voided =
            self.void_asked(&file, |place| matches!(place, Place::Piece(piece) if range.contains(piece)));
        let (before, after) = self.books.change(slot, |shelf| {
            let detail = shelf.detail_mut(slot);
            detail.writing -= voided;
            range.clone().for_each(|piece| detail.remove(piece));
        });
        if before.held == after.held {
            return;
        }
        self.counts.forgotten += u64::from(before.held - after.held);
        self.ledger.withdraw(slot, |piece| range.contains(&piece));
        self.ledger.say(&Record::Forget(file, runs(range)));
        if before.complete() {
            self.tell(Event::Left(file));
        }
        if after.cut && after.held == 0 && !after.pinned && !after.in_use {
            self.take_out(slot, false);
        }
        if before.complete() {
            // It is now one of those of which a part is held: there may be one too many.
            self.sweep(now);
        }
        self.commit_later(now);
    }

    /// A file is to go, even if it is pinned; one in use does not.
    pub fn remove(&mut self, now: Instant, file: &K) {
        if let Some(slot) = self.books.shelf.find(file)
            && !self.books.shelf.facts(slot).in_use
        {
            self.take_out(slot, false);
            self.commit_later(now);
        }
    }

    /// Another quota. If it shrank, files go. One of 0 keeps nothing but what is pinned. A cache that was made with 0
    /// is opened by [`Cache::open`] afterwards.
    pub fn set_quota(&mut self, now: Instant, quota: Quota) {
        self.config.quota = quota;
        self.quota = quota.bytes(self.free);
        self.sweep(now);
    }

    /// All is to go but what is in use; what is pinned too, if `pinned`. While the cache opens, that is all it will find;
    /// one that is off holds nothing, and what the next opening finds stays.
    pub fn clear(&mut self, now: Instant, pinned: bool) {
        if matches!(self.disk, Disk::New | Disk::Off) {
            return;
        }
        self.clearing = Some(Clearing { next: 0, pinned, spared: super::Vec::new() });
        self.sweep(now);
    }

    /// What a trusted clock says. The latest date ever noted is [`Cache::date`], also after a restart.
    pub fn note_date(&mut self, now: Instant, date: UnixTime) {
        /// Seconds by which the journal may lag behind while there is nothing else to write.
        const LAG: u64 = 3600;
        self.date.latest = self.date.latest.max(date.0);
        if self.date.latest >= self.date.written.saturating_add(LAG) {
            self.ledger.owed = true;
            self.commit_later(now);
        }
    }

    /// What was told until now is to be made last, as before the program ends. [`Event::Synced`] follows, after what is on
    /// its way to the disk.
    pub fn sync(&mut self) {
        self.syncing = true;
        self.sync_if_written();
    }

    /// Goes on with a sync once nothing is on its way.
    pub(super) fn sync_if_written(&mut self) {
        if !self.syncing || self.load.writes > 0 {
            return;
        }
        self.syncing = false;
        if self.disk != Disk::Ready {
            return self.tell(Event::Synced { saved: false });
        }
        self.write_touches();
        self.ledger.sync = true;
        self.ledger.owed |= self.date.latest > self.date.written;
        self.commit();
    }

    /// Nothing is held any more, and nothing asked of the disk.
    pub(super) fn switch_off(&mut self, why: Trouble) {
        let seeds = [self.dice.bits(), self.dice.bits()];
        self.books = super::Books::new(self.config.eviction, seeds);
        let synced = self.syncing || self.ledger.sync || self.ledger.flights.iter().any(|flight| flight.sync);
        self.ledger = super::Ledger::new();
        for asked in self.asked.values_mut() {
            if let Asked::Write { void, .. } | Asked::Read { void, .. } | Asked::Cut { void, .. } = asked {
                *void = true;
            }
        }
        (self.strays, self.clearing, self.touches) = (super::Vec::new(), None, super::Vec::new());
        (self.syncing, self.disk) = (false, Disk::Off);
        self.timers.clear_all();
        self.backoff = self.config.limits.retry_after;
        self.tell(Event::Trouble(why));
        if synced {
            self.tell(Event::Synced { saved: false });
        }
    }
}
