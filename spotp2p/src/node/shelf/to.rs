//! What goes to the cache.

use super::{AHEAD, Reader};
use crate::node::{Event, Node, NotKept, Output};
use crate::payload::{FileKey, Payload};
use core::ops::Range;
use core::time::Duration;
use spotcache::cache::{self, DiskError, Place, Trouble};
use spotcache::sheet::Sheet;
use spotproto::Instant;
use spotproto::content::LEAF_GROUP;
use spotproto::crypto::Crypto;
use spotproto::message::{Opened, PieceRange, Urgency};

/// Pieces on their way to the cache beyond which nothing is fetched that only the cache has room for: a disk that is
/// slower than the line sets the pace.
const MOST_WRITING: usize = 64;

/// Pieces on their way to the cache at which that ends.
const FEW_WRITING: usize = 32;

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// A file was opened at the server: the cache takes what comes of it.
    pub(in crate::node) fn shelve(&mut self, now: Instant, class: Urgency, opened: &Opened<K>) {
        let date = self.date(now);
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Some(file) = track.file.as_mut() else { return };
        let head = &opened.head;
        let sheet = Sheet {
            gid: track.gid,
            head: head.clone(),
            key: opened.key.clone(),
            lease_until: date.plus(Duration::from_secs(opened.lease_s.into())),
            title: opened.title.clone(),
            artist: opened.artist.clone(),
        };
        let Some(sealed) = head.file.seal_sheet::<C>(&shelf.keys, &sheet) else { return };
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
        self.keep_as_there_is_room(now, class);
        for proof in &opened.proofs {
            self.shelve_leaves(class, proof.range());
        }
    }

    /// Leaves came and are proved.
    pub(in crate::node) fn shelve_leaves(&mut self, class: Urgency, range: Range<u32>) {
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        let Some(file) = track.file.as_mut().filter(|file| file.shelved && !range.is_empty()) else { return };
        file.groups_owed.extend(range.start / LEAF_GROUP..=(range.end - 1) / LEAF_GROUP);
        self.write_leaves(class);
    }

    /// Writes the groups of leaves that the disk does not have as they are. One that it has in part is read first: what
    /// proves pieces there must not be lost.
    pub(super) fn write_leaves(&mut self, class: Urgency) {
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
                if !file.groups_read.contains(&group)
                    && shelf.read(Reader::Track(class), &name, Place::Leaves(group))
                {
                    file.groups_read.insert(group);
                }
                continue;
            }
            let leaves = file.group(group);
            let sealed = leaves.and_then(|leaves| name.seal_leaves::<C>(&shelf.keys, &leaves));
            if sealed.is_some_and(|sealed| shelf.cache.write_leaves(&name, group, sealed).is_err()) {
                file.groups_owed.insert(group);
            }
        }
    }

    /// A piece came and is proved.
    pub(in crate::node) fn shelve_piece(&mut self, now: Instant, class: Urgency, index: u32, data: &B) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let one = PieceRange { start: index, count: 1 };
        // A piece whose leaf is not on its way to the disk could not be proved by what is there: it has to come again.
        if file.shelved && file.groups_owed.contains(&(index / LEAF_GROUP)) {
            if class != Urgency::Playing {
                self.recheck(now, class, one);
            }
            return;
        }
        if !file.shelved || shelf.holds(&file.head.file, index) {
            return;
        }
        match shelf.cache.store(&file.head.file, index, data.clone()) {
            Ok(()) => {
                file.writing.insert(index);
                if file.writing.len() == MOST_WRITING {
                    self.keep_as_there_is_room(now, class);
                }
            }
            Err(cache::NotKept::Held) => {}
            // No room, or none in time: from here on the track lives in memory.
            Err(_) => {
                file.shelved = false;
                self.keep_as_there_is_room(now, class);
            }
        }
    }

    /// Tells the plan of a track how far ahead there is room for what comes.
    pub(in crate::node) fn keep_as_there_is_room(&mut self, now: Instant, class: Urgency) {
        let near = self.settings.keep.min(AHEAD);
        let all = self.settings.keep;
        let Some(file) = self.file_mut(class) else { return };
        let keep = match (file.shelved, file.writing.len() < MOST_WRITING) {
            (true, true) => u32::MAX,
            (true, false) => near,
            // Of the next track the program takes no more.
            (false, _) if class == Urgency::Next => near,
            (false, _) => all,
        };
        file.plan.set_keep(now, keep);
    }

    /// A piece is in the cache, or could not be put there.
    pub(super) fn written(&mut self, now: Instant, name: K, piece: u32, stored: bool) {
        for class in Urgency::ALL {
            let Some(file) = self.file_mut(class).filter(|file| file.head.file == name) else { continue };
            if !file.writing.remove(&piece) {
                continue;
            }
            file.read_out = None;
            if !stored {
                // The disk is slower than the line: from here on the track lives in memory.
                file.shelved = false;
            }
            if !stored || file.writing.len() == FEW_WRITING {
                self.keep_as_there_is_room(now, class);
            }
            if !stored {
                self.recheck(now, class, PieceRange { start: piece, count: 1 });
            }
        }
        for class in Urgency::ALL {
            self.write_leaves(class);
        }
        match self.file(Urgency::Offline) {
            Some(file) if file.head.file == name && stored => self.kept_all(now),
            Some(file) if file.head.file == name => {
                self.not_kept(now, NotKept::Trouble(Trouble::Disk(DiskError::Busy)))
            }
            _ => {}
        }
    }

    /// The disk does not take what it is given: playing goes on without it.
    pub(super) fn shelf_trouble(&mut self, now: Instant, trouble: Trouble) {
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.ready = true;
        }
        for class in Urgency::ALL {
            let Some(file) = self.file_mut(class) else { continue };
            file.shelved = false;
            let all = PieceRange { start: 0, count: file.head.pieces() };
            self.keep_as_there_is_room(now, class);
            self.recheck(now, class, all);
        }
        self.out.push(Output::Event(Event::CacheTrouble(trouble)));
        self.not_kept(now, NotKept::Trouble(trouble));
        for class in Urgency::ALL {
            self.look_up(now, class);
        }
    }
}
