//! What is known and held of the track that plays.

use crate::flow::Sample;
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use spotproto::Instant;
use spotproto::content::{FileId, Head, LeafRange, LeafSet};
use spotproto::crypto::RustCrypto;
use spotproto::message::{Channel, Opened, PieceRange, Wanted};

/// Most groups of leaves kept: 64 KiB of hashes a track, beyond that they are asked for again.
const LEAF_GROUPS: usize = 64;

/// Reads that may be open at a time: fewer than a session has channels for ([`spotproto::Limits::channels`]), since one
/// stays open until the word of its end is here.
const MOST_READS: usize = 48;

/// The track that plays, or is about to.
#[derive(Debug)]
pub(super) struct Play<K, B> {
    pub(super) wanted: Wanted<K>,
    /// Where the music shall start, until it is opened.
    pub(super) at_ms: u32,
    /// The open under way.
    pub(super) opening: Option<Channel>,
    /// Pieces that it may bring.
    pub(super) credit: u32,
    /// Pieces or proofs that were wrong.
    pub(super) forged: u32,
    /// The access point was busy: nothing is asked until then.
    pub(super) busy_until: Option<Instant>,
    pub(super) file: Option<File<K, B>>,
}

/// A track whose head is known.
#[derive(Debug)]
pub(super) struct File<K, B> {
    pub(super) head: Head<K>,
    /// Where the decoder is.
    pub(super) reading: u32,
    held: Bits,
    pub(super) held_count: u32,
    leaves: Option<LeafSet>,
    /// Leaves that were asked for and are not here yet.
    pub(super) leaves_asked: BTreeMap<Channel, PieceRange>,
    /// Pieces asked for: where, and what was known of the line then.
    pub(super) asked: BTreeMap<u32, (Channel, Sample)>,
    /// Pieces whose leaves are not here yet.
    unproved: BTreeMap<u32, B>,
}

/// What came of a piece.
#[derive(Debug)]
pub(super) enum Judged<B> {
    Proved(B),
    Unproved,
    Forged,
    Superfluous,
}

impl<K: FileKey, B: Payload> Play<K, B> {
    pub(super) const fn new(wanted: Wanted<K>, at_ms: u32) -> Self {
        Self { wanted, at_ms, opening: None, credit: 0, forged: 0, busy_until: None, file: None }
    }

    /// The connection is gone: all that was asked on it must be asked again.
    pub(super) fn forget_requests(&mut self) {
        self.opening = None;
        self.busy_until = None;
        if let Some(file) = self.file.as_mut() {
            file.asked.clear();
            file.leaves_asked.clear();
            file.unproved.clear();
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
            held_count: 0,
            leaves_asked: BTreeMap::new(),
            asked: BTreeMap::new(),
            unproved: BTreeMap::new(),
        }
    }

    pub(super) fn has(&self, piece: u32) -> bool {
        self.held.get(piece)
    }

    /// Whether this piece has to be asked for.
    pub(super) fn lacks(&self, piece: u32) -> bool {
        !self.held.get(piece) && !self.asked.contains_key(&piece) && !self.unproved.contains_key(&piece)
    }

    /// Whether as many reads are open as may be.
    pub(super) fn has_many_reads(&self) -> bool {
        // Most of the time the pieces are too few for that, whatever reads they are of.
        self.asked.len() >= MOST_READS
            && self.asked.values().map(|asked| asked.0).collect::<BTreeSet<_>>().len() >= MOST_READS
    }

    /// The leaves to ask for with these pieces of one group: none if they can be proved, now or when what was asked for
    /// is here.
    pub(super) fn missing_leaves(&self, pieces: PieceRange) -> Option<PieceRange> {
        let leaves = self.leaves.as_ref()?;
        let first =
            (pieces.start..pieces.end()).find(|piece| !leaves.has(*piece) && !self.is_covered(*piece))?;
        let missing = leaves.missing(first);
        Some(PieceRange { start: missing.start, count: missing.end - missing.start })
    }

    /// Whether the leaf of this piece was asked for.
    fn is_covered(&self, piece: u32) -> bool {
        self.leaves_asked.values().any(|range| range.contains(piece))
    }

    /// Leaves that were asked for will not come, or are here: pieces that no leaf is coming for have to be asked for
    /// again, with their leaves.
    pub(super) fn drop_unprovable(&mut self) {
        let waiting = core::mem::take(&mut self.unproved);
        self.unproved = waiting.into_iter().filter(|(piece, _)| self.is_covered(*piece)).collect();
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
            if self.asked.insert(piece, (channel, sample())).is_some() {
                return Err(());
            }
        }
        Ok(())
    }

    /// Keeps leaves if they are tied to the root; the pieces that waited for them are judged.
    pub(super) fn prove(&mut self, range: &LeafRange) -> Result<Vec<(u32, Judged<B>)>, ()> {
        let Some(leaves) = self.leaves.as_mut() else { return Ok(Vec::new()) };
        let provable = leaves.insert::<RustCrypto>(range).map_err(|_| ())?;
        let waiting: Vec<u32> = self.unproved.range(provable).map(|(index, _)| *index).collect();
        let judged = waiting.into_iter().filter_map(|index| {
            let data = self.unproved.remove(&index)?;
            Some((index, self.judge(index, data)))
        });
        Ok(judged.collect())
    }

    /// Whether a piece is what it is said to be, and wanted.
    pub(super) fn judge(&mut self, index: u32, data: B) -> Judged<B> {
        if index >= self.head.pieces() || data.size() != self.head.geometry.piece_len(index) {
            return Judged::Forged;
        }
        if self.held.get(index) {
            return Judged::Superfluous;
        }
        let leaf = match self.leaves.as_ref() {
            Some(leaves) => match leaves.get(index) {
                Some(leaf) => Some(leaf),
                None => {
                    // Leaves that were held may have been forgotten meanwhile: then it is asked for again.
                    if self.is_covered(index) {
                        self.unproved.insert(index, data);
                    }
                    return Judged::Unproved;
                }
            },
            None => None,
        };
        if !data.is_genuine(leaf) {
            return Judged::Forged;
        }
        self.held.set(index, true);
        self.held_count += 1;
        Judged::Proved(data)
    }

    /// Lets pieces go until at most `keep` are held: those furthest behind the decoder first, then those that it is
    /// furthest from reaching. Headers stay.
    pub(super) fn shrink(&mut self, keep: u32) -> Vec<PieceRange> {
        let mut dropped: Vec<PieceRange> = Vec::new();
        let headers: BTreeSet<u32> = self.head.header_pieces().collect();
        let beyond = self.reading.saturating_add(keep)..self.head.pieces();
        for piece in (0..self.reading).chain(beyond.rev()) {
            if self.held_count <= keep {
                break;
            }
            if self.held.get(piece) && !headers.contains(&piece) {
                self.held.set(piece, false);
                self.held_count -= 1;
                match dropped.last_mut() {
                    Some(range) if range.end() == piece => range.count += 1,
                    _ => dropped.push(PieceRange { start: piece, count: 1 }),
                }
            }
        }
        dropped
    }
}

/// A bit per piece.
#[derive(Debug)]
struct Bits(Box<[u64]>);

impl Bits {
    fn new(bits: u32) -> Self {
        Self(alloc::vec![0; bits.div_ceil(64) as usize].into_boxed_slice())
    }

    fn get(&self, bit: u32) -> bool {
        self.0.get(bit as usize / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn set(&mut self, bit: u32, value: bool) {
        if let Some(word) = self.0.get_mut(bit as usize / 64) {
            *word = *word & !(1 << (bit % 64)) | u64::from(value) << (bit % 64);
        }
    }
}
