//! Who to connect to next: what the tracker, the overlay and the local network said about who has what, in one list.
//!
//! A link is made only to fetch a file that the other side is thought to have, and in no other way does the overlay grow
//! (Kreitz and Niemelä 2010), so it is weakly clustered by interest (talk, "P2P Structure").

mod dials;

use super::config::{NeighbourConfig, SearchConfig};
use super::words::PeerId;
use alloc::vec::Vec;
use core::cmp::Reverse;
use dials::Dials;
use spotproto::message::Urgency;
use spotproto::ticket::Pseudonym;
use spotproto::{Dice, Instant};

/// Who named a candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The access point's tracker.
    Tracker,
    /// A neighbour, in answer to a query.
    Overlay,
    /// It said so itself, on the local network.
    Lan,
}

/// Peers that are thought to have what is wanted. At most as many as configured, 40 bytes each (with 32-byte names 72).
#[derive(Debug)]
pub(super) struct Candidates<K> {
    list: Vec<Candidate<K>>,
    dials: Dials,
}

#[derive(Debug)]
struct Candidate<K> {
    holder: Pseudonym,
    file: K,
    /// A bit for each [`Origin`].
    origins: u8,
    /// The neighbour that named it.
    via: Option<PeerId>,
    /// A link to it is being made.
    dialled: bool,
}

/// What a peer that became a neighbour was a candidate for.
#[derive(Debug)]
pub(super) struct Connected<K> {
    pub(super) files: Vec<K>,
    /// The neighbours that named it.
    pub(super) via: Vec<PeerId>,
}

impl<K: Copy + Eq> Candidates<K> {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), dials: Dials::default() }
    }

    /// Somebody is said to have `file`.
    pub(super) fn add(
        &mut self,
        holder: Pseudonym,
        file: K,
        origin: Origin,
        via: Option<PeerId>,
        config: &SearchConfig,
    ) {
        if let Some(known) = self.list.iter_mut().find(|one| one.holder == holder && one.file == file) {
            known.origins |= bit(origin);
            known.via = known.via.or(via);
            return;
        }
        let dialled = self.dials.is_under_way(&holder);
        let of_file = self.list.iter().filter(|one| one.file == file).count();
        let room = of_file < usize::from(config.candidates_per_file);
        if room && self.list.len() < usize::from(config.candidates) {
            self.list.push(Candidate { holder, file, origins: bit(origin), via, dialled });
        }
    }

    /// Whom to connect to next. `lacking` says with which urgency a file is wanted, and how many sources it lacks.
    ///
    /// First who is on the local network, then what is more urgent, then who was named by more than one.
    pub(super) fn next(
        &mut self,
        now: Instant,
        lacking: impl Fn(&K) -> Option<(Urgency, usize)>,
        config: &NeighbourConfig,
    ) -> Option<(Pseudonym, K)> {
        let (holder, file) = self.best(now, lacking, config)?;
        self.dials.begin(now, holder, config);
        self.mark_dialled();
        Some((holder, file))
    }

    /// The same, and nothing is begun.
    pub(super) fn best(
        &self,
        now: Instant,
        lacking: impl Fn(&K) -> Option<(Urgency, usize)>,
        config: &NeighbourConfig,
    ) -> Option<(Pseudonym, K)> {
        if self.dials.under_way() >= usize::from(config.dials) {
            return None;
        }
        let open = self.list.iter().filter(|one| !one.dialled && self.dials.may(now, &one.holder));
        let ranked = open.filter_map(|one| {
            let (urgency, sources) = lacking(&one.file)?;
            let under_way = self.list.iter().filter(|other| other.dialled && other.file == one.file).count();
            (under_way < sources).then(|| (one.rank(urgency), one.holder, one.file))
        });
        ranked.min_by_key(|(rank, ..)| *rank).map(|(_, holder, file)| (holder, file))
    }

    /// Whether anybody is thought to have `file`.
    pub(super) fn has_any(&self, file: &K) -> bool {
        self.list.iter().any(|one| one.file == *file)
    }

    /// Links being made.
    pub(super) fn dialling(&self) -> usize {
        self.dials.under_way()
    }

    /// The peer is a neighbour now: what it was a candidate for.
    pub(super) fn connected(&mut self, holder: &Pseudonym) -> Connected<K> {
        self.dials.succeeded(holder);
        let mut connected = Connected { files: Vec::new(), via: Vec::new() };
        self.list.retain(|one| {
            let it = one.holder == *holder;
            if it {
                connected.files.push(one.file);
                connected.via.extend(one.via.filter(|via| !connected.via.contains(via)));
            }
            !it
        });
        connected
    }

    /// The peer could not be reached. It stays a candidate for a few more tries, each later than the last.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        holder: &Pseudonym,
        config: &NeighbourConfig,
        dice: &mut Dice,
    ) {
        self.dials.failed(now, holder, config, dice);
        self.forget_hopeless();
    }

    /// A file is wanted no more.
    pub(super) fn forget_file(&mut self, file: K) {
        self.list.retain(|one| one.file != file);
        self.give_back();
    }

    /// A link closed: nobody is credited with what was found through it.
    pub(super) fn forget_via(&mut self, peer: PeerId) {
        for one in &mut self.list {
            one.via = one.via.filter(|via| *via != peer);
        }
    }

    /// Gives up dials that take too long.
    pub(super) fn expire(&mut self, now: Instant, config: &NeighbourConfig, dice: &mut Dice) {
        self.dials.expire(now, config, dice);
        self.forget_hopeless();
    }

    /// When there may be something to do again.
    pub(super) fn deadline(&self, now: Instant, config: &NeighbourConfig) -> Option<Instant> {
        self.dials.next(now, config)
    }

    fn forget_hopeless(&mut self) {
        let dials = &self.dials;
        self.list.retain(|one| !dials.is_hopeless(&one.holder));
        self.mark_dialled();
        self.give_back();
    }

    fn mark_dialled(&mut self) {
        for one in &mut self.list {
            one.dialled = self.dials.is_under_way(&one.holder);
        }
    }

    fn give_back(&mut self) {
        if self.list.is_empty() {
            self.list = Vec::new();
        }
    }
}

impl<K> Candidate<K> {
    fn rank(&self, urgency: Urgency) -> (bool, Urgency, Reverse<u32>) {
        (self.origins & bit(Origin::Lan) == 0, urgency, Reverse(self.origins.count_ones()))
    }
}

const fn bit(origin: Origin) -> u8 {
    1 << origin as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use spotproto::Seed;

    const NOW: Instant = Instant::START;

    fn named(n: u8) -> Pseudonym {
        Pseudonym([n; 16])
    }

    fn candidates(known: &[(u8, u32, Origin)]) -> Candidates<u32> {
        let mut candidates = Candidates::new();
        for (n, file, origin) in known {
            candidates.add(named(*n), *file, *origin, None, &SearchConfig::default());
        }
        candidates
    }

    /// File 0 plays, file 1 is next, file 2 has sources enough.
    fn lacking(file: &u32) -> Option<(Urgency, usize)> {
        let urgency =
            [Some(Urgency::Playing), Some(Urgency::Next), None].get(*file as usize).copied().flatten()?;
        Some((urgency, 2))
    }

    #[test]
    fn no_more_are_dialled_for_a_file_than_it_lacks() {
        let mut candidates = candidates(&[1, 2, 3, 4].map(|n| (n, 0, Origin::Tracker)));
        let order: Vec<_> = core::iter::from_fn(|| next(&mut candidates, NOW)).collect();
        assert_eq!(order.len(), 2);
        candidates.failed(NOW, &named(order[0]), &NeighbourConfig::default(), &mut Dice::new(&Seed([1; 32])));
        assert!(next(&mut candidates, NOW).is_some());
    }

    fn next(candidates: &mut Candidates<u32>, now: Instant) -> Option<u8> {
        let (Pseudonym([n, ..]), _) = candidates.next(now, lacking, &NeighbourConfig::default())?;
        Some(n)
    }

    #[test]
    fn the_local_network_comes_first_then_urgency_then_who_is_named_twice() {
        let mut candidates = candidates(&[
            (1, 1, Origin::Tracker),
            (2, 0, Origin::Overlay),
            (3, 0, Origin::Tracker),
            (3, 0, Origin::Overlay),
            (4, 1, Origin::Lan),
            (5, 2, Origin::Lan),
        ]);
        let order: Vec<_> = core::iter::from_fn(|| next(&mut candidates, NOW)).collect();
        assert_eq!(order, [4, 3, 2, 1]);
        assert_eq!(candidates.dialling(), 4);
    }

    #[test]
    fn who_could_not_be_reached_is_left_alone_for_longer_each_time() {
        let mut candidates = candidates(&[(1, 0, Origin::Tracker)]);
        let mut dice = Dice::new(&Seed([1; 32]));
        let config = NeighbourConfig::default();
        let mut now = NOW;
        for wait in [30, 60, 120, 240, 480, 600, 600] {
            // After three failures somebody has to name it again.
            assert_eq!(candidates.list.is_empty(), wait > 120);
            candidates.add(named(1), 0, Origin::Tracker, None, &SearchConfig::default());
            assert_eq!(next(&mut candidates, now), Some(1));
            candidates.failed(now, &named(1), &config, &mut dice);
            candidates.add(named(1), 0, Origin::Tracker, None, &SearchConfig::default());
            let until = candidates.deadline(now, &config).unwrap();
            let most = Duration::from_secs(wait);
            assert!(until.since(now) <= most && until.since(now) >= most / 2);
            assert_eq!(next(&mut candidates, until.before(Duration::from_millis(1))), None);
            candidates.forget_hopeless();
            now = until;
        }
    }

    #[test]
    fn a_dial_that_nobody_answers_ends_and_counts_as_failed() {
        let mut candidates = candidates(&[(1, 0, Origin::Tracker)]);
        let config = NeighbourConfig::default();
        assert_eq!(next(&mut candidates, NOW), Some(1));
        let end = NOW + config.dial_time;
        assert_eq!(candidates.deadline(NOW, &config), Some(end));
        candidates.expire(end, &config, &mut Dice::new(&Seed([1; 32])));
        assert_eq!((candidates.dialling(), next(&mut candidates, end)), (0, None));
    }

    #[test]
    fn a_neighbour_is_no_candidate_and_who_named_it_is_told() {
        let mut candidates = candidates(&[(1, 0, Origin::Tracker), (2, 0, Origin::Tracker)]);
        candidates.add(named(1), 1, Origin::Overlay, Some(PeerId(9)), &SearchConfig::default());
        candidates.add(named(1), 0, Origin::Overlay, Some(PeerId(9)), &SearchConfig::default());
        let connected = candidates.connected(&named(1));
        assert_eq!((connected.files, connected.via), (alloc::vec![0, 1], alloc::vec![PeerId(9)]));
        assert!(candidates.connected(&named(1)).files.is_empty());
        assert_eq!(next(&mut candidates, NOW), Some(2));
    }

    #[test]
    fn the_list_is_bounded_in_all_and_for_a_file_and_so_are_failures() {
        let mut candidates = Candidates::new();
        let config = SearchConfig::default();
        for n in 0..=255 {
            candidates.add(named(n), u32::from(n % 4), Origin::Overlay, None, &config);
        }
        assert_eq!(candidates.list.len(), 64);
        let mut one = Candidates::new();
        (0..=255).for_each(|n| one.add(named(n), 0, Origin::Overlay, None, &config));
        assert_eq!(one.list.len(), 24);
        let mut dice = Dice::new(&Seed([1; 32]));
        for n in 0..=255 {
            one.dials.begin(NOW, named(n), &NeighbourConfig::default());
            one.failed(NOW, &named(n), &NeighbourConfig::default(), &mut dice);
        }
        assert_eq!((one.dialling(), one.dials.next(NOW, &NeighbourConfig::default()).is_some()), (0, true));
        assert!(one.dials.remembered() <= 64);
    }
}
