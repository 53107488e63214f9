//! A disk: a place for the journal, and the time that a head takes to get to where it reads.

use crate::engine::catalogue::{Catalogue, chance, even, normal};
use crate::engine::names::{Name, Piece};
use crate::engine::net::{Net, What};
use crate::engine::world::World;
use crate::scenario::Caches;
use alloc::collections::BTreeSet;
use bytes::Bytes;
use spotcache::cache::{Content, DiskError, Done, Effect, Found, Layout, Place, RequestId, journal_of};
use spotproto::Dice;

/// Places from which reading goes on without a move of the head: what a system reads ahead of four readers.
const READERS: usize = 4;

/// A piece that was read ahead, in microseconds.
const AHEAD: u64 = 100;

/// The spread of a move of the head, in the logarithm.
const SPREAD: f64 = 0.7;

/// What is on a disk: the names of files, and the journal. What a piece has in it follows from its name.
#[derive(Debug)]
pub(crate) struct Disk {
    quota: u64,
    journal: Vec<u8>,
    files: BTreeSet<u32>,
    readers: [(u32, u32); READERS],
    last: usize,
    free_at: u64,
}

impl Disk {
    pub(crate) fn new(caches: &Caches, dice: &mut Dice) -> Self {
        let between = |dice: &mut Dice, low: f64, high: f64| low * libm::pow(high / low, even(dice));
        let gigabytes = if chance(dice, caches.large) {
            5.0 + 5.0 * even(dice)
        } else if chance(dice, caches.small / (1.0 - caches.large).max(1e-9)) {
            between(dice, 0.05, 0.5)
        } else {
            between(dice, 0.5, 5.0)
        };
        let quota = if caches.on { (gigabytes * 1e9) as u64 } else { 0 };
        let (journal, files) = (Vec::new(), BTreeSet::new());
        Self { quota, journal, files, readers: [(u32::MAX, 0); READERS], last: 0, free_at: 0 }
    }

    /// Puts there what was heard before, as much of it as there is room for: what was heard last stays.
    pub(crate) fn fill(&mut self, catalogue: &Catalogue, heard: &[u32], most: u32) {
        let most = if most == 0 { usize::MAX } else { most as usize };
        let mut room = self.quota;
        let fits = |file: &&u32| {
            let pieces = catalogue.facts(**file).pieces();
            let length = Layout { pieces }.length(pieces);
            let fits = length <= room;
            room = room.saturating_sub(length);
            fits
        };
        let mut kept: Vec<u32> = heard.iter().rev().take(most).take_while(fits).copied().collect();
        kept.reverse();
        let files = kept.iter().map(|file| (Name(*file), catalogue.facts(*file).pieces(), 1));
        self.journal = journal_of(files);
        self.files = kept.into_iter().collect();
    }

    pub(crate) const fn quota(&self) -> u64 {
        self.quota
    }

    /// Carries out what the cache wants; what takes no time worth mentioning is answered at once.
    pub(crate) fn carry_out(
        &mut self,
        net: &mut Net<'_>,
        dice: &mut Dice,
        work: Effect<Name, Piece>,
    ) -> Option<(RequestId, Done<Name, Piece>)> {
        let (request, done) = match work {
            Effect::Open { request } => (request, Done::Opened(Ok(self.found(net)))),
            Effect::Read { request, file, place, .. } => {
                self.reads(net, dice, request, file, place);
                return None;
            }
            Effect::Write { request, file, .. } => {
                self.files.insert(file.0);
                (request, Done::Carried(Ok(())))
            }
            Effect::Append { request, records, .. } => {
                if comes_back(net) {
                    self.journal.extend_from_slice(&records);
                }
                (request, Done::Carried(Ok(())))
            }
            Effect::Replace { request, journal } => {
                if comes_back(net) {
                    self.journal = journal.to_vec();
                }
                (request, Done::Carried(Ok(())))
            }
            Effect::Remove { request, file } => {
                self.files.remove(&file.0);
                (request, Done::Carried(Ok(())))
            }
            Effect::Cut { request, .. } => (request, Done::Carried(Ok(()))),
            _ => return None,
        };
        Some((request, done))
    }

    fn found(&mut self, net: &Net<'_>) -> Found<Name> {
        let files = self.files.iter().map(|file| (Name(*file), u64::from(u32::MAX))).collect();
        let journal = Bytes::copy_from_slice(&self.journal);
        if !comes_back(net) {
            self.journal = Vec::new();
            self.files = BTreeSet::new();
        }
        Found { journal: Some(journal), files, free: u64::from(u32::MAX) }
    }

    fn reads(&mut self, net: &mut Net<'_>, dice: &mut Dice, request: RequestId, file: Name, place: Place) {
        let piece = if let Place::Piece(piece) = place { Some(piece) } else { None };
        let next = piece.map_or(0, |piece| piece + 1);
        let reader = self.readers.iter().position(|(of, at)| *of == file.0 && (piece.unwrap_or(0) == *at));
        let takes = if reader.is_some() {
            AHEAD
        } else {
            let median = net.world.scenario.player.disk_ms * 1000.0;
            (median * libm::exp(SPREAD * normal(dice))) as u64
        };
        let at = reader.unwrap_or_else(|| {
            self.last = (self.last + 1) % READERS;
            self.last
        });
        self.readers[at] = (file.0, next);
        self.free_at = self.free_at.max(net.now) + takes;
        net.later(self.free_at, What::Read { request, file: file.0, piece });
    }
}

/// Whether programs end and start again, so that what is on the disk is needed once more.
fn comes_back(net: &Net<'_>) -> bool {
    net.world.scenario.population.online < 1.0
}

/// What is read of a file.
pub(crate) fn read(world: &World, file: u32, piece: Option<u32>) -> Done<Name, Piece> {
    let content = match piece {
        None => Some(Content::Sealed(world.catalogue.facts(file).sheet())),
        Some(piece) => piece_of(world, file, piece).map(Content::Piece),
    };
    Done::Read(content.ok_or(DiskError::Missing))
}

/// A piece as it was published.
pub(crate) fn piece_of(world: &World, file: u32, piece: u32) -> Option<Piece> {
    let size = world.catalogue.facts(file).geometry()?.piece_len(piece);
    (size > 0).then_some(Piece { file, size: size as u16, genuine: true })
}
