//! Looking for a track in the cache.

use super::Reader;
use crate::node::track::Stage;
use crate::node::{Event, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::planner::Kind;
use alloc::boxed::Box;
use alloc::vec::Vec;
use spotcache::cache::Place;
use spotcache::sheet::Sheet;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{Message, Opened, Refusal, Urgency, Wanted};

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Looks whether the cache has what is wanted; asks the server otherwise.
    pub(in crate::node) fn look_up(&mut self, now: Instant, class: Urgency) {
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Stage::Shelf(tried) = track.stage else { return };
        if let Some(shelf) = self.shelf.as_mut() {
            if !shelf.ready {
                return;
            }
            if let Some(file) = shelf.candidate(track.wanted, tried)
                && shelf.read(Reader::Track(class), &file, Place::Sheet)
            {
                return;
            }
        }
        track.stage = Stage::Unasked;
        self.connect(now);
    }

    /// The sheet of a file that may be what is wanted is read.
    pub(super) fn sheet(&mut self, now: Instant, class: Urgency, file: K, bytes: Option<&[u8]>) {
        let date = self.date(now);
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Stage::Shelf(tried) = track.stage else { return };
        let sheet = bytes.and_then(|bytes| file.open_sheet::<C>(&shelf.keys, bytes));
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
                    if class != Urgency::Next {
                        self.out.push(Output::Event(Event::LeaseOver { until: sheet.lease_until }));
                    }
                    self.connect(now);
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
        let Some(mut file) = self.new_file(now, class, &opened) else {
            return self.give_up(now, class, Refusal::Unavailable);
        };
        file.shelved = true;
        self.enter(now, class, file);
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        track.gid = track.gid.or(gid);
        shelf.take(now, class, opened.head.file);
        shelf.cache.touch(now, &opened.head.file);
        if class == Urgency::Playing {
            self.plays_from_shelf(opened.head.file);
        }
        self.note_shelved(now, class);
        if self.server.connected {
            self.rely_on_server(now, class, &[], now);
        }
        self.begun(now, class, Box::new(opened), Kind::Cache);
    }

    /// A track plays that the access point was not asked to open.
    pub(in crate::node) fn plays_from_shelf(&mut self, file: K) {
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.unsaid = Some(file);
        }
        self.say_playing();
    }

    /// Tells the access point what plays out of the cache, as soon as it listens.
    pub(in crate::node) fn say_playing(&mut self) {
        if !self.server.logged_in {
            return;
        }
        if let Some(file) = self.shelf.as_mut().and_then(|shelf| shelf.unsaid.take()) {
            self.send_server(Message::Playing { file });
        }
    }
}
