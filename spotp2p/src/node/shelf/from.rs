//! Reading what the cache has of what the program will need next.

use super::{AHEAD, Reader};
use crate::node::Node;
use crate::node::track::{Giver, Judged};
use crate::payload::{FileKey, Payload};
use alloc::vec::Vec;
use spotcache::cache::{self, Content, DiskError, Place};
use spotproto::Instant;
use spotproto::content::LEAF_GROUP;
use spotproto::crypto::Crypto;
use spotproto::message::{PieceRange, Urgency};

/// Pieces that are read at a time: enough to keep a disk busy, and few to wait behind after a seek.
const MOST_READING: usize = 8;

/// With no more under way the next ones are looked for, several at once.
const FEW_READING: usize = 4;

/// The numbers of the bits that are set, the lowest first.
fn ones(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        let bit = (word != 0).then(|| word.trailing_zeros());
        word &= word.wrapping_sub(1);
        bit
    })
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Reads what the cache has of what the program will need next, and the leaves that prove it; whether that was
    /// anything.
    pub(in crate::node) fn ask_shelf(&mut self, now: Instant) -> bool {
        let playing = self.ask_shelf_for(now, Urgency::Playing);
        self.ask_shelf_for(now, Urgency::Next) || playing
    }

    fn ask_shelf_for(&mut self, now: Instant, class: Urgency) -> bool {
        let keep = self.keep(class);
        let Some(shelf) = self.shelf.as_mut() else { return false };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return false;
        };
        let room = MOST_READING.saturating_sub(file.from_shelf.len());
        let stand = file.stand();
        if file.from_shelf.len() > FEW_READING
            || file.held.count() == file.head.pieces()
            || file.read_out == Some(stand)
        {
            return false;
        }
        let name = file.head.file;
        let ahead = file.reading..file.reading.saturating_add(keep.min(AHEAD)).min(file.head.pieces());
        let headers = file
            .head
            .header_pieces()
            .filter(|piece| !ahead.contains(piece) && file.lacks(*piece) && shelf.holds(&name, *piece));
        // Most of what is held is here already: it is passed over 64 pieces at a time.
        let words = ahead.start / 64..ahead.end.div_ceil(64);
        let fresh = words.map(|word| (word, shelf.cache.holds_of_64(&name, word) & !file.held.word(word)));
        let rest = fresh.flat_map(|(word, fresh)| ones(fresh).map(move |bit| word * 64 + bit));
        let rest = rest.filter(|piece| ahead.contains(piece) && file.lacks(*piece));
        let next: Vec<u32> = headers.chain(rest).take(room).collect();
        if next.is_empty() {
            file.read_out = Some(stand);
        }
        let mut any = false;
        for piece in next {
            let group = piece / LEAF_GROUP;
            if !file.is_provable(piece) {
                // The cache takes so many reads at a time, and no more: what it refuses is asked for at a later input.
                if !shelf.read(Reader::Track(class), &name, Place::Leaves(group)) {
                    break;
                }
                file.groups_read.insert(group);
            }
            if shelf.read(Reader::Track(class), &name, Place::Piece(piece)) {
                file.from_shelf.insert(piece, now);
                any = true;
            }
        }
        any
    }

    /// Tells the plan of a track what the cache holds of it.
    pub(in crate::node) fn note_shelved(&mut self, now: Instant, class: Urgency) {
        let Some(shelf) = self.shelf.as_ref() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let (name, pieces) = (file.head.file, file.head.pieces());
        let mut from = 0;
        while let Some(start) = (from..pieces).find(|piece| shelf.holds(&name, *piece)) {
            let end = (start..pieces).find(|piece| !shelf.holds(&name, *piece)).unwrap_or(pieces);
            file.plan.have(now, PieceRange { start, count: end - start });
            from = end;
        }
    }

    /// Some of these pieces may be here no more: the plan of a track is told which.
    pub(in crate::node) fn recheck(&mut self, now: Instant, class: Urgency, pieces: PieceRange) {
        let shelf = self.shelf.as_ref();
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let name = file.head.file;
        for piece in pieces.start..pieces.end().min(file.head.pieces()) {
            if !file.is_here(piece, shelf.is_some_and(|shelf| shelf.holds(&name, piece))) {
                file.plan.forgotten(now, PieceRange { start: piece, count: 1 });
            }
        }
    }

    /// A part of a file is read, or could not be.
    pub(super) fn read_done(
        &mut self,
        now: Instant,
        request: cache::RequestId,
        file: K,
        read: Result<Content<B>, DiskError>,
    ) {
        let Some((reader, place)) = self.shelf.as_mut().and_then(|shelf| shelf.reads.remove(&request)) else {
            return;
        };
        let class = match reader {
            Reader::Track(class) => class,
            Reader::Proofs => return self.proofs_read(now, file, place, read),
            Reader::Peer { to, channel } => {
                return self.read_for_peer(now, (to, channel), place, read);
            }
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
    }

    fn leaves_read(&mut self, now: Instant, class: Urgency, name: K, group: u32, bytes: Option<&[u8]>) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let leaves = bytes.and_then(|bytes| name.open_leaves::<C>(&shelf.keys, group, bytes));
        file.groups_read.remove(&group);
        let judged = leaves.map(|leaves| file.restore(&leaves)).unwrap_or_default();
        // What has no leaf there can't be proved, and is of no use to anybody.
        let unprovable: Vec<u32> = file
            .pieces_of(group)
            .filter(|piece| !file.has_leaf(*piece) && shelf.holds(&name, *piece))
            .collect();
        file.drop_unprovable(now);
        for piece in unprovable {
            self.forget_piece(now, name, piece);
        }
        self.write_leaves(class);
        self.take_all(now, class, judged);
    }

    fn piece_read(&mut self, now: Instant, class: Urgency, index: u32, read: Result<Content<B>, DiskError>) {
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let Some(since) = file.from_shelf.remove(&index) else { return };
        let Ok(Content::Piece(data)) = read else {
            return self.recheck(now, class, PieceRange { start: index, count: 1 });
        };
        let verdict = file.judge(index, data, Giver::Shelf);
        if matches!(verdict, Judged::Unprovable) {
            return self.recheck(now, class, PieceRange { start: index, count: 1 });
        }
        self.explain_shelf(now, class, index, since);
        self.take(now, class, (index, Giver::Shelf, verdict));
    }

    /// A piece out of the cache is not what it was: it is fetched again.
    pub(in crate::node) fn forget_shelved(&mut self, now: Instant, class: Urgency, index: u32) {
        if let Some(name) = self.file(class).map(|file| file.head.file) {
            self.forget_piece(now, name, index);
        }
    }

    /// What the cache has as this piece is of no use: every track of the file is told.
    pub(in crate::node) fn forget_piece(&mut self, now: Instant, name: K, index: u32) {
        let Some(shelf) = self.shelf.as_mut() else { return };
        shelf.cache.forget(now, &name, index..index.saturating_add(1));
        for class in Urgency::ALL {
            if self.file(class).is_some_and(|file| file.head.file == name) {
                self.recheck(now, class, PieceRange { start: index, count: 1 });
            }
        }
    }
}
