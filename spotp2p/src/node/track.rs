//! What is known and held of a track that is fetched.

use super::Source;
use super::bits::Bits;
use crate::flow::Sample;
use crate::payload::{FileKey, Payload};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use spotcache::sheet::LeafGroup;
use spotproto::content::{FileId, Head, LEAF_GROUP, LeafRange, LeafSet};
use spotproto::crypto::RustCrypto;
use spotproto::message::{Channel, Opened, PieceRange, Wanted};
use spotproto::{Gid, Instant};

/// Most groups of leaves kept: 64 KiB of hashes a track, beyond that they are asked for again.
const LEAF_GROUPS: usize = 64;

/// Reads that may be open at a time: fewer than a session has channels for ([`spotproto::Limits::channels`]), since one
/// stays open until the word of its end is here.
const MOST_READS: usize = 48;

/// A track that is fetched, to be played or to be kept.
#[derive(Debug)]
pub(super) struct Track<K, B> {
    pub(super) wanted: Wanted<K>,
    /// Where the music shall start, until it is opened.
    pub(super) at_ms: u32,
    pub(super) stage: Stage,
    /// The track's name, if it was opened by that.
    pub(super) gid: Option<Gid>,
    /// When the open under way went out.
    pub(super) asked_at: Instant,
    /// Pieces that it may bring.
    pub(super) credit: u32,
    /// Whether the cache has the music, and only its lease is over.
    pub(super) renews: bool,
    /// Pieces or proofs of the server's that were wrong.
    pub(super) forged: u32,
    pub(super) file: Option<File<K, B>>,
}

/// How far the opening of a track is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stage {
    /// The cache is looked at first. So many of the files that it may have for this track were no help.
    Shelf(usize),
    /// The server has to be asked.
    Unasked,
    /// The server is asked, on this channel.
    Asked(Channel),
    /// It is open.
    Open,
}

/// A track whose head is known.
#[derive(Debug)]
pub(super) struct File<K, B> {
    pub(super) head: Head<K>,
    /// Where the decoder is; where the fetching began, if there is none.
    pub(super) reading: u32,
    /// Pieces that the program has.
    pub(super) held: Bits,
    leaves: Option<LeafSet>,
    /// Leaves asked of the server and not here yet.
    pub(super) leaves_asked: BTreeMap<Channel, PieceRange>,
    /// Groups of leaves that are read from the cache.
    pub(super) groups_read: BTreeSet<u32>,
    /// Groups of leaves that are still to be written to the cache.
    pub(super) groups_owed: BTreeSet<u32>,
    pub(super) asked: BTreeMap<u32, Asked>,
    /// Pieces whose leaves are not here yet.
    unproved: BTreeMap<u32, (B, Source)>,
    /// Whether the cache takes what comes.
    pub(super) shelved: bool,
    /// Pieces that the server delivered since the track was opened, wherever they are now.
    pub(super) fetched: Bits,
    /// Pieces that the cache is about to hold.
    pub(super) writing: BTreeSet<u32>,
    /// No piece between `reading` and this one is missing.
    pub(super) frontier: u32,
}

/// Of whom a piece was asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// The server: on which channel, and what was known of the line then.
    Server(Channel, Sample),
    /// The cache.
    Shelf,
}

impl Asked {
    /// The channel on which the server answers.
    pub(super) const fn channel(&self) -> Option<Channel> {
        match self {
            Self::Server(channel, _) => Some(*channel),
            Self::Shelf => None,
        }
    }
}

/// What came of a piece.
#[derive(Debug)]
pub(super) enum Judged<B> {
    Proved(B),
    Unproved,
    Forged,
    Superfluous,
}

/// A piece that waited for its leaf, judged.
pub(super) type Verdict<B> = (u32, Source, Judged<B>);

impl<K: FileKey, B: Payload> Track<K, B> {
    pub(super) const fn new(wanted: Wanted<K>, at_ms: u32) -> Self {
        let gid = match wanted {
            Wanted::Track(gid) => Some(gid),
            Wanted::File(_) => None,
        };
        Self {
            wanted,
            at_ms,
            stage: Stage::Shelf(0),
            gid,
            asked_at: Instant::START,
            credit: 0,
            renews: false,
            forged: 0,
            file: None,
        }
    }

    /// The connection is gone: all that was asked on it must be asked again.
    pub(super) fn forget_requests(&mut self) {
        if matches!(self.stage, Stage::Asked(_)) {
            self.stage = Stage::Unasked;
        }
        if let Some(file) = self.file.as_mut() {
            file.asked.retain(|_, asked| matches!(asked, Asked::Shelf));
            file.leaves_asked.clear();
            file.drop_unprovable();
            file.look_again();
        }
    }
}

impl<K: FileKey, B: Payload> File<K, B> {
    pub(super) fn new(opened: &Opened<K>, reading: u32) -> Self {
        let pieces = opened.head.pieces();
        Self {
            leaves: opened.head.file.root().map(|file: FileId| LeafSet::new(file, pieces, LEAF_GROUPS)),
            head: opened.head.clone(),
            reading,
            held: Bits::new(pieces),
            leaves_asked: BTreeMap::new(),
            groups_read: BTreeSet::new(),
            groups_owed: BTreeSet::new(),
            asked: BTreeMap::new(),
            unproved: BTreeMap::new(),
            shelved: false,
            fetched: Bits::new(pieces),
            writing: BTreeSet::new(),
            frontier: 0,
        }
    }

    /// Whether nothing is under way to this piece, and the program does not have it.
    pub(super) fn lacks(&self, piece: u32) -> bool {
        !self.held.get(piece)
            && !self.asked.contains_key(&piece)
            && !self.unproved.contains_key(&piece)
            && !self.writing.contains(&piece)
    }

    /// Something was lost that was counted on: look for what is missing from the start again.
    pub(super) const fn look_again(&mut self) {
        self.frontier = 0;
    }

    /// Whether as many reads are open as may be.
    pub(super) fn has_many_reads(&self) -> bool {
        // Most of the time the pieces are too few for that, whatever reads they are of.
        self.asked.len() >= MOST_READS && self.channels(|_| true).len() >= MOST_READS
    }

    /// The channels on which pieces are awaited that `which` is true for.
    pub(super) fn channels(&self, which: impl Fn(u32) -> bool) -> BTreeSet<Channel> {
        self.asked
            .iter()
            .filter(|(piece, _)| which(**piece))
            .filter_map(|(_, asked)| asked.channel())
            .collect()
    }

    /// The leaves to ask the server for with these pieces of one group: none if they can be proved, now or when what was
    /// asked for is here.
    pub(super) fn missing_leaves(&self, pieces: PieceRange) -> Option<PieceRange> {
        let leaves = self.leaves.as_ref()?;
        let first =
            (pieces.start..pieces.end()).find(|piece| !leaves.has(*piece) && !self.is_asked_for(*piece))?;
        let missing = leaves.missing(first);
        Some(PieceRange { start: missing.start, count: missing.end - missing.start })
    }

    /// Whether the leaf of this piece is here, or none is needed.
    pub(super) fn has_leaf(&self, piece: u32) -> bool {
        self.leaves.as_ref().is_none_or(|leaves| leaves.has(piece))
    }

    /// Whether the leaf of this piece is here, or asked for, or none is needed.
    pub(super) fn is_provable(&self, piece: u32) -> bool {
        self.has_leaf(piece) || self.is_covered(piece)
    }

    /// The pieces whose leaves make up a group.
    pub(super) fn pieces_of(&self, group: u32) -> core::ops::Range<u32> {
        let start = group.saturating_mul(LEAF_GROUP);
        start..start.saturating_add(LEAF_GROUP).min(self.head.pieces())
    }

    /// Whether the leaf of this piece was asked for, or may be on its way from the cache.
    fn is_covered(&self, piece: u32) -> bool {
        self.groups_read.contains(&(piece / LEAF_GROUP)) || self.is_asked_for(piece)
    }

    /// Whether the server was asked for the leaf of this piece: the cache may lack it, even if it has others of its group.
    fn is_asked_for(&self, piece: u32) -> bool {
        self.leaves_asked.values().any(|range| range.contains(piece))
    }

    /// Leaves that were asked for will not come, or are here: pieces that no leaf is coming for have to be asked for
    /// again, with their leaves.
    pub(super) fn drop_unprovable(&mut self) {
        let waiting = core::mem::take(&mut self.unproved);
        let before = waiting.len();
        self.unproved = waiting.into_iter().filter(|(piece, _)| self.is_covered(*piece)).collect();
        if self.unproved.len() < before {
            self.look_again();
        }
    }

    /// Takes note of the pieces that come with an open, at most `credit`; they have to be the file's, each once.
    pub(super) fn expect(
        &mut self,
        first: &[PieceRange],
        channel: Channel,
        credit: u32,
        mut sample: impl FnMut() -> Sample,
    ) -> Result<(), ()> {
        let count: u64 = first.iter().map(|range| u64::from(range.count)).sum();
        if count > credit.into() || first.iter().any(|range| range.end() > self.head.pieces()) {
            return Err(());
        }
        for piece in first.iter().flat_map(|range| range.start..range.end()) {
            if self.asked.insert(piece, Asked::Server(channel, sample())).is_some() {
                return Err(());
            }
        }
        Ok(())
    }

    /// Keeps leaves if they are tied to the root; the pieces that waited for them are judged.
    pub(super) fn prove(&mut self, range: &LeafRange) -> Result<Vec<Verdict<B>>, ()> {
        let Some(leaves) = self.leaves.as_mut() else { return Ok(Vec::new()) };
        let provable = leaves.insert::<RustCrypto>(range).map_err(|_| ())?;
        Ok(self.judge_waiting(provable))
    }

    /// Takes leaves back that were proved before and sealed since; the pieces that waited for them are judged.
    pub(super) fn restore(&mut self, group: &LeafGroup) -> Vec<Verdict<B>> {
        let Some(held) = self.leaves.as_mut() else { return Vec::new() };
        held.restore(group.leaves());
        let first = group.leaves().next().map_or(0, |(index, _)| index);
        let last = group.leaves().last().map_or(0, |(index, _)| index.saturating_add(1));
        self.judge_waiting(first..last)
    }

    fn judge_waiting(&mut self, provable: core::ops::Range<u32>) -> Vec<Verdict<B>> {
        let waiting: Vec<u32> = self.unproved.range(provable).map(|(index, _)| *index).collect();
        let judged = waiting.into_iter().filter_map(|index| {
            let (data, from) = self.unproved.remove(&index)?;
            Some((index, from, self.judge(index, data, from)))
        });
        judged.collect()
    }

    /// The leaves held of a group, if there are any.
    pub(super) fn group(&self, group: u32) -> Option<LeafGroup> {
        self.leaves.as_ref().map(|leaves| LeafGroup::of(leaves, group)).filter(|group| !group.is_empty())
    }

    /// Whether a piece is what it is said to be, and wanted.
    pub(super) fn judge(&mut self, index: u32, data: B, from: Source) -> Judged<B> {
        if index >= self.head.pieces() || data.size() != self.head.geometry.piece_len(index) {
            return Judged::Forged;
        }
        if self.held.get(index) {
            return Judged::Superfluous;
        }
        let leaf = match self.leaves.as_ref().map(|leaves| leaves.get(index)) {
            Some(None) => {
                // Leaves that were held may have been forgotten meanwhile: then it is asked for again.
                if self.is_covered(index) {
                    self.unproved.insert(index, (data, from));
                } else {
                    self.look_again();
                }
                return Judged::Unproved;
            }
            Some(leaf) => leaf,
            None => None,
        };
        if data.is_genuine(leaf) { Judged::Proved(data) } else { Judged::Forged }
    }

    /// Lets pieces go until the program has at most `keep`: those furthest behind the decoder first, then those that it
    /// is furthest from reaching. Headers stay.
    pub(super) fn shrink(&mut self, keep: u32) -> Vec<PieceRange> {
        let mut dropped: Vec<PieceRange> = Vec::new();
        let headers: BTreeSet<u32> = self.head.header_pieces().collect();
        let beyond = self.reading.saturating_add(keep)..self.head.pieces();
        for piece in (0..self.reading).chain(beyond.rev()) {
            if self.held.count() <= keep {
                break;
            }
            if self.held.get(piece) && !headers.contains(&piece) {
                self.held.set(piece, false);
                match dropped.last_mut() {
                    Some(range) if range.end() == piece => range.count += 1,
                    _ => dropped.push(PieceRange { start: piece, count: 1 }),
                }
            }
        }
        dropped
    }
}
