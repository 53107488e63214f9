//! What is known and held of a track that is fetched.

use super::bits::Bits;
use super::requests::{Pieces, Place};
use crate::payload::{FileKey, Payload};
use crate::planner::{Config, Curve, Kind, Planner, Policy, Source};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use spotcache::sheet::LeafGroup;
use spotproto::content::{FileId, Head, LEAF_GROUP, LeafRange, LeafSet};
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Opened, PieceRange, Refusal, Urgency, Wanted};
use spotproto::{Gid, Instant};

/// Most groups of leaves kept: 64 KiB of hashes a track, beyond that they are asked for again.
const LEAF_GROUPS: usize = 64;

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
    /// Where it went out.
    pub(super) asked_on: Option<Place>,
    /// Pieces that it may bring.
    pub(super) credit: u32,
    /// Whether its answer will name holders of the file, because the access point knows who asks.
    pub(super) names_holders: bool,
    /// Whether the cache has the music, and only its lease is over.
    pub(super) renews: bool,
    /// Pieces or proofs of the server's that were wrong.
    pub(super) forged: u32,
    pub(super) file: Option<File<K, B>>,
    /// What the program is to hear when the track plays, and who knew it: that of one fetched ahead.
    pub(super) opened: Option<(Box<Opened<K>>, Kind)>,
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
    /// Who is asked for what.
    pub(super) plan: Planner,
    /// Pieces that the program has.
    pub(super) held: Bits,
    leaves: Option<LeafSet>,
    /// Leaves asked of others and not here yet.
    pub(super) leaves_asked: BTreeMap<Place, PieceRange>,
    /// Groups of leaves that are read from the cache.
    pub(super) groups_read: BTreeSet<u32>,
    /// Groups of leaves that are still to be written to the cache.
    pub(super) groups_owed: BTreeSet<u32>,
    /// Sources of whom as many requests are open as may be.
    pub(super) full: Vec<Source>,
    /// Pieces that were called back, and come nonetheless: their request goes on for others.
    pub(super) recalled: BTreeMap<u32, Source>,
    /// Pieces that are read from the cache, and since when.
    pub(super) from_shelf: BTreeMap<u32, Instant>,
    /// How things stood when the cache had nothing more to read: while they stand like that there is no need to look.
    pub(super) read_out: Option<Stand>,
    /// Pieces whose leaves are not here yet.
    unproved: BTreeMap<u32, (B, Giver)>,
    /// Whether the cache takes what comes.
    pub(super) shelved: bool,
    /// Who delivered each piece since the track was opened, wherever it is now.
    pub(super) delivered: Box<[Option<Kind>]>,
    /// Pieces that the cache is about to hold.
    pub(super) writing: BTreeSet<u32>,
    /// Neighbours are asked for it.
    pub(super) sought: bool,
    /// The access point does not serve it any more.
    pub(super) refused: Option<Refusal>,
}

/// How far a file is: where the decoder is, and how many pieces are where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stand {
    reading: u32,
    held: u32,
    under_way: usize,
    unproved: usize,
    writing: usize,
}

/// Where a piece comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Giver {
    /// The cache.
    Shelf,
    /// One of those that were asked.
    Source(Source),
}

/// What came of a piece.
#[derive(Debug)]
pub(super) enum Judged<B> {
    Proved(B),
    /// It waits for its leaf.
    Unproved,
    /// No leaf is on its way.
    Unprovable,
    Forged,
    Superfluous,
}

/// A piece that waited for its leaf, judged.
pub(super) type Verdict<B> = (u32, Giver, Judged<B>);

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
            asked_on: None,
            credit: 0,
            names_holders: false,
            renews: false,
            forged: 0,
            file: None,
            opened: None,
        }
    }
}

impl<K: FileKey, B: Payload> File<K, B> {
    /// `None` for a file that is too large to be planned.
    pub(super) fn new(
        now: Instant,
        opened: &Opened<K>,
        at_ms: u32,
        config: Config,
        policy: Policy,
    ) -> Option<Self> {
        let pieces = opened.head.pieces();
        let mut plan = Planner::new(now, config, Curve::of(&opened.head).ok()?, policy);
        let reading = if policy.urgency == Urgency::Offline { 0 } else { opened.head.piece_at(at_ms) };
        if reading > 0 {
            plan.seek(now, reading, at_ms);
        }
        Some(Self {
            leaves: opened.head.file.root().map(|file: FileId| LeafSet::new(file, pieces, LEAF_GROUPS)),
            head: opened.head.clone(),
            reading,
            plan,
            held: Bits::new(pieces),
            leaves_asked: BTreeMap::new(),
            groups_read: BTreeSet::new(),
            groups_owed: BTreeSet::new(),
            full: Vec::new(),
            recalled: BTreeMap::new(),
            from_shelf: BTreeMap::new(),
            read_out: None,
            unproved: BTreeMap::new(),
            shelved: false,
            delivered: alloc::vec![None; pieces as usize].into_boxed_slice(),
            writing: BTreeSet::new(),
            sought: false,
            refused: None,
        })
    }

    /// Whether the piece is here, or comes from the cache; `shelved` says whether the cache holds it.
    pub(super) fn is_here(&self, piece: u32, shelved: bool) -> bool {
        shelved || !self.lacks(piece)
    }

    /// How things stand; what is to be read from the cache follows from it, as long as none of it is given up.
    pub(super) fn stand(&self) -> Stand {
        let Self { reading, held, from_shelf, unproved, writing, .. } = self;
        Stand {
            reading: *reading,
            held: held.count(),
            under_way: from_shelf.len(),
            unproved: unproved.len(),
            writing: writing.len(),
        }
    }

    /// Whether nothing of this piece is here or on its way from the cache.
    pub(super) fn lacks(&self, piece: u32) -> bool {
        !self.held.get(piece)
            && !self.from_shelf.contains_key(&piece)
            && !self.unproved.contains_key(&piece)
            && !self.writing.contains(&piece)
    }

    /// A request is over: what was called back of it and is not here does not come.
    pub(super) fn comes_no_more(&mut self, request: &Pieces) {
        if !self.recalled.is_empty() {
            self.recalled.retain(|piece, source| *source != request.source || !request.left.contains(piece));
        }
    }

    /// Who delivered a piece, as far as it was fetched since the track was opened.
    pub(super) fn deliverer(&self, piece: u32) -> Option<Kind> {
        self.delivered.get(piece as usize).copied().flatten()
    }

    pub(super) fn delivered_by(&mut self, piece: u32, kind: Kind) {
        if let Some(place) = self.delivered.get_mut(piece as usize) {
            *place = Some(kind);
        }
    }

    /// The leaves to ask for with these pieces of one group: none if they can be proved, now or when what was asked for is
    /// here.
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

    /// Whether somebody was asked for the leaf of this piece: the cache may lack it, even if it has others of its group.
    fn is_asked_for(&self, piece: u32) -> bool {
        self.leaves_asked.values().any(|range| range.contains(piece))
    }

    /// Leaves that were asked for will not come, or are here: pieces that no leaf is coming for are thrown away, and have
    /// to be asked for again with their leaves.
    pub(super) fn drop_unprovable(&mut self, now: Instant) {
        if self.unproved.is_empty() {
            return;
        }
        let hopeless: Vec<u32> =
            self.unproved.keys().copied().filter(|piece| !self.is_covered(*piece)).collect();
        for piece in hopeless {
            self.unproved.remove(&piece);
            self.plan.forgotten(now, PieceRange { start: piece, count: 1 });
        }
    }

    /// Keeps leaves if they are tied to the root; the pieces that waited for them are judged.
    pub(super) fn prove<C: Crypto>(&mut self, range: &LeafRange) -> Result<Vec<Verdict<B>>, ()> {
        let Some(leaves) = self.leaves.as_mut() else { return Ok(Vec::new()) };
        let provable = leaves.insert::<C>(range).map_err(|_| ())?;
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
    pub(super) fn judge(&mut self, index: u32, data: B, from: Giver) -> Judged<B> {
        if index >= self.head.pieces() || data.size() != self.head.geometry.piece_len(index) {
            return Judged::Forged;
        }
        if self.held.get(index) {
            return Judged::Superfluous;
        }
        let leaf = match self.leaves.as_ref().map(|leaves| leaves.get(index)) {
            Some(None) => {
                // Leaves that were held may have been forgotten meanwhile: then it is asked for again.
                if !self.is_covered(index) {
                    return Judged::Unprovable;
                }
                self.unproved.insert(index, (data, from));
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
