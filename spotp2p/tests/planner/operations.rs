//! Random operations, absurd ones among them, against a ledger that an owner would keep.

use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::planner::{
    Ask, Clock, Config, Curve, Holds, Kind, Output, Planner, Policy, Prior, Prospect, Slot, Source, Why,
};
use spotproto::Instant;
use spotproto::content::{LEAF_GROUP, PIECE_LEN};
use spotproto::message::PieceRange;

const PIECES: u32 = 200;

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Add {
        source: u32,
        kind: usize,
        from: u32,
        count: u32,
        all: bool,
        served: bool,
    },
    Lose(u32),
    Slot(u32, u8),
    Holds(u32, u32, u32),
    Credit(u32, u32),
    RoundTrip(u32, u64),
    /// An outstanding piece arrives, so many bytes long.
    Arrive(prop::sample::Index, usize),
    /// Something arrives that nobody asked for.
    Stray(u32, u32),
    Forge(prop::sample::Index),
    Refuse(prop::sample::Index, u32),
    RefuseAnything(u32, u32, u32),
    Promise(u32, u32, u32),
    Have(u32, u32),
    Forget(u32, u32),
    Reading(u32),
    Seek(u32, u32),
    Clock(u8, u64, u32),
    Policy(u8, u8, Duration),
    Paused(bool),
    Ahead(Duration),
    Wait(u64),
    Early,
    /// The owner leaves the outputs where they are for a while.
    Lazy(bool),
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let source = || 0u32..12;
    let piece = || prop_oneof![8 => 0..PIECES + 3, 1 => Just(u32::MAX)];
    let span = || prop_oneof![6 => 0u64..2_000, 3 => 0u64..20_000, 1 => Just(u64::MAX / 4_000)];
    let index = || any::<prop::sample::Index>();
    let bytes = prop_oneof![8 => Just(PIECE_LEN), 1 => Just(0usize), 1 => Just(usize::MAX)];
    let adding = (source(), 0usize..5, piece(), piece(), any::<bool>(), any::<bool>());
    prop_oneof![
        4 => adding.prop_map(|(source, kind, from, count, all, served)| Step::Add { source, kind, from, count, all, served }),
        1 => source().prop_map(Step::Lose),
        1 => (source(), 0u8..3).prop_map(|(s, slot)| Step::Slot(s, slot)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::Holds(s, a, n)),
        1 => (source(), prop_oneof![0u32..9, Just(u32::MAX)]).prop_map(|(s, n)| Step::Credit(s, n)),
        1 => (source(), span()).prop_map(|(s, ms)| Step::RoundTrip(s, ms)),
        30 => (index(), bytes).prop_map(|(i, n)| Step::Arrive(i, n)),
        1 => (source(), piece()).prop_map(|(s, p)| Step::Stray(s, p)),
        1 => index().prop_map(Step::Forge),
        2 => (index(), 0u32..5).prop_map(|(i, n)| Step::Refuse(i, n)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::RefuseAnything(s, a, n)),
        1 => (source(), piece(), piece()).prop_map(|(s, a, n)| Step::Promise(s, a, n)),
        1 => (piece(), 0u32..20).prop_map(|(a, n)| Step::Have(a, n)),
        1 => (piece(), piece()).prop_map(|(a, n)| Step::Forget(a, n)),
        2 => piece().prop_map(Step::Reading),
        1 => (piece(), any::<u32>()).prop_map(|(p, ms)| Step::Seek(p, ms)),
        2 => (0u8..3, span(), 0u32..200_000).prop_map(|(c, at, ms)| Step::Clock(c, at, ms)),
        2 => (0u8..3, any::<u8>(), music()).prop_map(|(u, bits, paid)| Step::Policy(u, bits, paid)),
        2 => any::<bool>().prop_map(Step::Paused),
        1 => music().prop_map(Step::Ahead),
        12 => span().prop_map(Step::Wait),
        1 => Just(Step::Early),
        1 => any::<bool>().prop_map(Step::Lazy),
    ]
}

/// A stretch of music.
fn music() -> impl Strategy<Value = Duration> {
    prop_oneof![3 => Just(Duration::MAX), 6 => (0u64..60_000).prop_map(Duration::from_millis)]
}

/// What the owner knows.
struct Owner {
    now: Instant,
    planner: Planner,
    holds: BTreeMap<u32, (Kind, Holds, bool)>,
    /// What was asked, as carried out: outputs not taken yet are not in it.
    asked: BTreeSet<(u32, Source)>,
    forgers: BTreeSet<u32>,
    lazy: bool,
    hedge_allowance: u64,
    policy: Policy,
    paused: bool,
    ahead: Duration,
    /// No output is older than what was said last.
    fresh: bool,
}

impl Owner {
    fn new(outputs: usize, prior: Prior) -> Self {
        let free_ahead = if outputs.is_multiple_of(2) { Config::DEFAULT.free_ahead } else { Duration::MAX };
        let config = Config { outputs, sources: 10, priors: [prior; 5], free_ahead, ..Config::DEFAULT };
        let curve = Curve::even(PIECES, 2, 160_000).unwrap();
        Self {
            now: Instant::START,
            hedge_allowance: config.hedge_allowance.into(),
            planner: Planner::new(Instant::START, config, curve, Policy::PLAYING),
            holds: BTreeMap::new(),
            asked: BTreeSet::new(),
            forgers: BTreeSet::new(),
            lazy: false,
            policy: Policy::PLAYING,
            paused: false,
            ahead: Duration::ZERO,
            fresh: true,
        }
    }

    fn outstanding(&self, index: &prop::sample::Index) -> Option<(u32, Source)> {
        let all: Vec<(u32, Source)> =
            self.planner.outstanding().map(|(piece, source, _)| (piece, source)).collect();
        (!all.is_empty()).then(|| all[index.index(all.len())])
    }

    fn take(&mut self, step: &Step) {
        let now = self.now;
        let range = |start: u32, count: u32| PieceRange { start, count };
        match step {
            Step::Add { source, kind, from, count, all, served } => {
                let holds = if *all { Holds::All } else { Holds::ranges(vec![range(*from, *count)]) };
                let slot = if *served { Slot::Served } else { Slot::Offered };
                let kind = Kind::ALL[*kind];
                if self.planner.add(now, Source(*source), kind, holds.clone(), slot) {
                    assert!(!self.holds.contains_key(source) && self.holds.len() < 10);
                    self.holds.insert(*source, (kind, holds, *served));
                }
            }
            Step::Lose(source) => {
                self.drain();
                self.holds.remove(source);
                self.forgers.remove(source);
                self.asked.retain(|(_, other)| other.0 != *source);
                self.planner.lost(now, Source(*source));
            }
            Step::Slot(source, slot) => {
                let slot = [Slot::Offered, Slot::Served, Slot::Queued][usize::from(*slot)];
                self.drain();
                if let Some(held) = self.holds.get_mut(source) {
                    let changes = held.2 != (slot == Slot::Served);
                    held.2 = slot == Slot::Served;
                    // Only a change is news; a source that never served may have promised.
                    if slot != Slot::Served && (changes || self.planner.window(Source(*source)).is_some()) {
                        self.planner.set_slot(now, Source(*source), slot);
                        let left: BTreeSet<u32> = self.of(*source);
                        self.asked.retain(|(piece, other)| other.0 != *source || left.contains(piece));
                        return;
                    }
                }
                self.planner.set_slot(now, Source(*source), slot);
            }
            Step::Holds(source, from, count) => {
                let holds = Holds::ranges(vec![range(*from, *count)]);
                if let Some(held) = self.holds.get_mut(source) {
                    held.1 = holds.clone();
                }
                self.planner.set_holds(now, Source(*source), holds);
            }
            Step::Credit(source, pieces) => self.planner.set_credit(now, Source(*source), *pieces),
            Step::RoundTrip(source, ms) => {
                self.planner.round_trip(now, Source(*source), Duration::from_millis(*ms));
            }
            Step::Arrive(index, bytes) => {
                self.drain();
                if let Some((piece, source)) = self.outstanding(index) {
                    self.asked.remove(&(piece, source));
                    self.planner.arrived(now, source, piece, *bytes);
                }
            }
            Step::Stray(source, piece) => {
                self.drain();
                self.asked.remove(&(*piece, Source(*source)));
                self.planner.arrived(now, Source(*source), *piece, PIECE_LEN);
            }
            Step::Forge(index) => {
                self.drain();
                if let Some((piece, source)) = self.outstanding(index) {
                    self.asked.remove(&(piece, source));
                    self.planner.forged(now, source, piece, PIECE_LEN);
                    self.holds.get_mut(&source.0).expect("known").2 = false;
                    self.forgers.insert(source.0);
                }
            }
            Step::Refuse(index, more) => {
                self.drain();
                if let Some((piece, source)) = self.outstanding(index) {
                    self.refuse(source, range(piece, more + 1));
                }
            }
            Step::RefuseAnything(source, start, count) => {
                self.drain();
                self.refuse(Source(*source), range(*start, *count));
            }
            Step::Promise(source, start, count) => {
                self.drain();
                let asked: BTreeSet<u32> = self.planner.outstanding().map(|(piece, ..)| piece).collect();
                let known = self.holds.contains_key(source) && !self.forgers.contains(source);
                // Counted on, even if it is called back in the same breath.
                let pieces = *start..start.saturating_add((*count).min(256)).min(PIECES);
                let counted =
                    pieces.filter(|piece| known && !self.planner.has(*piece) && !asked.contains(piece));
                let counted: Vec<(u32, Source)> = counted.map(|piece| (piece, Source(*source))).collect();
                self.asked.extend(counted);
                let since = now.before(Duration::from_secs(1));
                self.planner.promised(now, Source(*source), range(*start, *count), since);
            }
            Step::Have(start, count) => self.planner.have(now, range(*start, *count)),
            Step::Forget(start, count) => self.planner.forgotten(now, range(*start, *count)),
            Step::Reading(piece) => self.planner.reading(now, *piece),
            Step::Seek(piece, ms) => self.planner.seek(now, *piece, *ms),
            Step::Clock(which, at, position_ms) => {
                let running =
                    Clock::Running { at: now + Duration::from_millis(*at), position_ms: *position_ms };
                let clocks = [Clock::Waiting { position_ms: *position_ms }, running, Clock::Never];
                self.planner.set_clock(now, clocks[usize::from(*which)]);
            }
            Step::Policy(urgency, bits, paid_music) => {
                let urgency = spotproto::message::Urgency::ALL[usize::from(*urgency)];
                let [server_allowed, cdn_allowed] = [1, 2].map(|bit| bits & bit != 0);
                let prospect = [Prospect::Soon, Prospect::Later, Prospect::Never][usize::from(bits >> 2) % 3];
                self.policy =
                    Policy { urgency, server_allowed, cdn_allowed, prospect, paid_music: *paid_music };
                self.planner.set_policy(now, self.policy);
            }
            Step::Paused(paused) => {
                self.drain();
                let stops = *paused && !self.paused;
                self.paused = *paused;
                self.planner.set_paused(now, *paused);
                assert!(!stops || self.planner.outstanding().next().is_none(), "all is called back");
            }
            Step::Ahead(ahead) => {
                self.ahead = *ahead;
                self.planner.set_ahead(now, *ahead);
            }
            Step::Wait(ms) => {
                self.now = now + Duration::from_millis(*ms);
                self.fire();
            }
            Step::Early => {
                self.drain();
                if self.planner.poll_timeout().is_none_or(|at| at > now) {
                    let before = self.planner.poll_timeout();
                    self.planner.handle_timeout(now);
                    assert_eq!(self.planner.poll_timeout(), before);
                    assert_eq!(self.planner.poll_output(), None);
                }
            }
            Step::Lazy(lazy) => {
                self.lazy = *lazy;
                self.fresh &= !lazy;
            }
        }
    }

    fn refuse(&mut self, source: Source, pieces: PieceRange) {
        self.asked.retain(|(piece, other)| *other != source || !pieces.contains(*piece));
        self.planner.refused(self.now, source, pieces);
        // What is left of its pieces is the planner's to know: the owner only insists that these are not asked again.
        if let Some((kind, holds, _)) = self.holds.get_mut(&source.0)
            && *kind != Kind::Server
        {
            let left = (0..PIECES).filter(|piece| holds.has(*piece) && !pieces.contains(*piece));
            *holds = Holds::ranges(left.map(|piece| PieceRange { start: piece, count: 1 }).collect());
        }
    }

    fn of(&self, source: u32) -> BTreeSet<u32> {
        self.planner
            .outstanding()
            .filter(|(_, other, _)| other.0 == source)
            .map(|(piece, ..)| piece)
            .collect()
    }

    fn fire(&mut self) {
        for round in 0.. {
            self.drain();
            if self.planner.poll_timeout().is_none_or(|at| at > self.now) {
                break;
            }
            // A queue of one makes a round of each request.
            assert!(round < 1000, "it stays due");
            self.planner.handle_timeout(self.now);
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.planner.poll_output() {
            match output {
                Output::Ask(ask) => {
                    let (start, end) = (ask.pieces.start, ask.pieces.end());
                    assert!(
                        start < end && end <= PIECES && start / LEAF_GROUP == (end - 1) / LEAF_GROUP,
                        "{ask:?}"
                    );
                    assert!(self.holds.contains_key(&ask.source.0), "{ask:?} of one that is gone");
                    assert!(!self.paused, "{ask:?} while it is paused");
                    if self.fresh {
                        self.check_paid(&ask);
                    }
                    for piece in start..end {
                        assert!(
                            self.asked.insert((piece, ask.source)),
                            "{piece} asked twice of {:?}",
                            ask.source
                        );
                    }
                }
                Output::Cancel { source, pieces } => {
                    for piece in pieces.start..pieces.end() {
                        assert!(self.asked.remove(&(piece, source)), "{piece} was not asked of {source:?}");
                    }
                }
            }
        }
        self.fresh = !self.lazy;
    }

    /// Whose bytes are paid for is asked for nothing that it is not allowed to bring, nor earlier than need be.
    fn check_paid(&self, ask: &Ask) {
        let (kind, ..) = &self.holds[&ask.source.0];
        let allowed = match kind {
            Kind::Server => self.policy.server_allowed,
            Kind::Cdn => self.policy.cdn_allowed,
            Kind::Cache | Kind::Lan | Kind::Peer => return,
        };
        assert!(allowed, "{ask:?} by {:?}", self.policy);
        // A header is due when the music begins.
        let Some(begins) = self.planner.due(self.now, 0) else { return };
        let due = self.planner.due(self.now, ask.pieces.end() - 1).expect("the clock is set");
        assert!(due <= begins + self.policy.paid_music, "{ask:?} by {:?}", self.policy);
        let rescue = matches!(ask.why, Why::Hedge | Why::Moved);
        if self.planner.has_peers() && !rescue && self.policy.paid_music == Duration::MAX {
            let ahead = Config::DEFAULT.ahead.max(self.ahead);
            assert!(due <= begins.max(self.now) + ahead, "{ask:?}, {ahead:?} ahead");
        }
    }

    /// Whatever was said before, whoever holds all brings the rest, if that is allowed.
    fn ends_well(mut self) {
        self.lazy = false;
        let sources: Vec<u32> = self.holds.keys().copied().collect();
        sources.into_iter().for_each(|source| self.take(&Step::Lose(source)));
        self.policy = Policy { prospect: Prospect::Never, ..Policy::PLAYING };
        self.planner.set_policy(self.now, self.policy);
        self.take(&Step::Paused(false));
        self.take(&Step::Seek(0, 0));
        let (source, kind) = (50, Kind::ALL.iter().position(|kind| *kind == Kind::Server).expect("a kind"));
        self.take(&Step::Add { source, kind, from: 0, count: 0, all: true, served: true });
        for _ in 0..2 * PIECES {
            self.take(&Step::Wait(10));
            if let Some((piece, source)) = self.asked.pop_first() {
                self.planner.arrived(self.now, source, piece, PIECE_LEN);
            }
        }
        self.check(None);
        assert!(self.planner.is_complete(), "it lacks {}", self.planner.gap());
    }

    /// What always holds, once outputs are taken.
    fn check(&mut self, asked_before: Option<&BTreeSet<(u32, Source)>>) {
        self.drain();
        let told: BTreeSet<(u32, Source)> =
            self.planner.outstanding().map(|(piece, source, _)| (piece, source)).collect();
        assert_eq!(told, self.asked, "the owner's books");
        let mut per_piece = BTreeMap::<u32, u32>::new();
        for (piece, source) in &told {
            assert!(!self.planner.has(*piece));
            *per_piece.entry(*piece).or_default() += 1;
            if asked_before.is_some_and(|before| !before.contains(&(*piece, *source))) {
                let (_, holds, served) = &self.holds[&source.0];
                let promised = self
                    .planner
                    .outstanding()
                    .any(|(p, s, why)| (p, s) == (*piece, *source) && why == Why::Promised);
                assert!(
                    promised || *served && holds.has(*piece),
                    "{piece} of {source:?}, which can't serve it"
                );
            }
        }
        assert!(per_piece.values().all(|times| *times <= 2));
        for source in self.holds.keys() {
            let (_, used) = self.planner.window(Source(*source)).expect("it is there");
            assert_eq!(used as usize, told.iter().filter(|(_, other)| other.0 == *source).count());
            assert!(used <= 256 + PIECES);
        }
        let stats = self.planner.stats();
        let ended =
            stats.arrived + stats.cancelled + stats.given_up + stats.refused + stats.lost + stats.forged;
        assert_eq!(stats.asked, ended + told.len() as u64, "{stats:?}");
        assert!(
            stats.hedges <= self.hedge_allowance + stats.total() / PIECE_LEN as u64 / 20 + 1,
            "{stats:?}"
        );
    }
}

/// All of these, with the books looked at after each but where outputs are left lying.
pub(crate) fn books(outputs: usize, prior: Prior, steps: &[Step]) {
    let mut owner = Owner::new(outputs, prior);
    for step in steps {
        let (lazy, before) = (owner.lazy, owner.asked.clone());
        owner.take(step);
        if !owner.lazy {
            owner.check((!lazy).then_some(&before));
        }
    }
    owner.ends_well();
}

/// Those that every source and what is outstanding can take part in, without taking an output.
pub(crate) fn untaken(steps: &[Step]) {
    let millis = Duration::from_millis;
    let prior = Prior { bytes_per_s: 100_000, round_trip: millis(50), deviation: millis(50) };
    let mut owner = Owner::new(8, prior);
    let mut most = 0;
    for step in steps {
        if let Step::Arrive(index, bytes) = step {
            if let Some((piece, source)) = owner.outstanding(index) {
                owner.planner.arrived(owner.now, source, piece, *bytes);
            }
        } else if let Step::Refuse(index, _) = step {
            if let Some((piece, source)) = owner.outstanding(index) {
                owner.planner.refused(owner.now, source, PieceRange { start: piece, count: 1 });
            }
        } else if let Step::Add { source, kind, .. } = step {
            owner.planner.add(owner.now, Source(*source), Kind::ALL[*kind], Holds::All, Slot::Served);
        } else if let Step::Wait(ms) = step {
            owner.now = owner.now + Duration::from_millis(*ms);
            owner.planner.handle_timeout(owner.now);
        } else if let Step::Seek(piece, ms) = step {
            owner.planner.seek(owner.now, *piece, *ms);
        }
        most = most.max(owner.planner.outstanding().count());
    }
    let queued = core::iter::from_fn(|| owner.planner.poll_output()).count();
    assert!(queued <= 8 + 1 + 2 * most + 8, "{queued} outputs, {most} outstanding");
}

/// What an owner may take the sources' paces for at first: bytes a second, and two times in milliseconds.
pub(crate) fn prior((bytes_per_s, round_trip, deviation): (u32, u32, u32)) -> Prior {
    let millis = |ms: u32| Duration::from_millis(ms.into());
    Prior { bytes_per_s, round_trip: millis(round_trip % 3_000), deviation: millis(deviation) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_happens_the_books_are_right(
        outputs in prop_oneof![Just(1usize), Just(3), Just(64)],
        expected in (prop_oneof![Just(0u32), Just(u32::MAX), 1_000u32..1_000_000], any::<u32>(), any::<u32>()),
        steps in prop::collection::vec(step(), 1..250),
    ) {
        books(outputs, prior(expected), &steps);
    }

    #[test]
    fn outputs_are_bounded_even_if_nobody_takes_them(steps in prop::collection::vec(step(), 1..250)) {
        untaken(&steps);
    }
}
