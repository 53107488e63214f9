//! Random operations, absurd ones among them, against a ledger that an owner would keep.

use super::steps::{PIECES, Step, step};
use alloc::collections::{BTreeMap, BTreeSet};
use core::time::Duration;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use spotp2p::planner::{
    Ask, Clock, Config, Curve, Holds, Kind, Output, Planner, Policy, Prior, Prospect, Slot, Source, Why,
};
use spotproto::Instant;
use spotproto::content::{LEAF_GROUP, PIECE_LEN};
use spotproto::message::PieceRange;

/// Pieces that hold headers.
const HEADERS: u32 = 2;

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
    /// How often something late had been asked for.
    late: usize,
    /// Sources that were not asked for anything since they are known: nothing speaks against them.
    untried: BTreeSet<u32>,
}

impl Owner {
    fn new(outputs: usize, prior: Prior) -> Self {
        let free_ahead = if outputs.is_multiple_of(2) { Config::DEFAULT.free_ahead } else { Duration::MAX };
        let config = Config { outputs, sources: 10, priors: [prior; 5], free_ahead, ..Config::DEFAULT };
        let curve = Curve::even(PIECES, HEADERS, 160_000).unwrap();
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
            late: 0,
            untried: BTreeSet::new(),
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
                    self.untried.insert(*source);
                }
            }
            Step::Lose(source) => {
                self.drain();
                self.holds.remove(source);
                self.forgers.remove(source);
                self.untried.remove(source);
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
                self.untried.remove(source);
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
                    self.untried.remove(&ask.source.0);
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
        // What lies behind the decoder is never due, and patience with peers who do not bring it ends.
        let exempt = matches!(ask.why, Why::Hedge | Why::Moved | Why::Patience);
        if self.planner.has_peers() && !exempt && self.policy.paid_music == Duration::MAX {
            let ahead = Config::DEFAULT.ahead.max(self.ahead);
            assert!(due <= begins.max(self.now) + ahead, "{ask:?}, {ahead:?} ahead");
        }
    }

    /// What is overdue is asked of somebody who serves it, if there is one that may be asked, has room, and was never slow:
    /// unless one without room may be sooner still.
    fn nothing_overdue_is_left(&mut self) {
        let piece = self.planner.gap();
        let due = self.planner.due(self.now, piece).filter(|due| piece < PIECES && *due <= self.now);
        let is_asked = |piece: u32| self.asked.iter().any(|(of, _)| *of == piece);
        let asked = is_asked(piece);
        // Of the headers, which come first, nobody may hold one: then nothing wakes the planner for what comes after.
        let first = (0..HEADERS).all(|piece| self.planner.has(piece) || is_asked(piece));
        let room = |source: &u32| self.planner.window(Source(*source)).is_some_and(|(all, used)| used < all);
        // One that was asked before may be silent, or be sooner still.
        let tried = self.holds.iter().any(|(source, (_, holds, served))| {
            *served && holds.has(piece) && !self.untried.contains(source)
        });
        let full = tried || self.holds.iter().any(|(source, (.., served))| *served && !room(source));
        self.late += usize::from(due.is_some() && asked);
        if due.is_none() || asked || full || !first || self.paused {
            return;
        }
        for source in self.untried.iter().filter(|source| room(source)) {
            let (kind, holds, served) = &self.holds[source];
            let allowed = match kind {
                Kind::Server => self.policy.server_allowed && self.policy.paid_music == Duration::MAX,
                Kind::Cdn => self.policy.cdn_allowed && self.policy.paid_music == Duration::MAX,
                Kind::Cache | Kind::Lan | Kind::Peer => true,
            };
            assert!(!(*served && holds.has(piece) && allowed), "{piece} is late, and {source} is not asked");
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
        let (mut per_piece, mut newly) = (BTreeMap::<u32, u32>::new(), BTreeSet::new());
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
                newly.extend((!promised).then_some(source.0));
            }
        }
        assert!(per_piece.values().all(|times| *times <= 2));
        for source in self.holds.keys() {
            let (window, used) = self.planner.window(Source(*source)).expect("it is there");
            assert_eq!(used as usize, told.iter().filter(|(_, other)| other.0 == *source).count());
            assert!(used <= window || !newly.contains(source), "{used} of {source}, which may have {window}");
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

/// All of these, with the books looked at after each but where outputs are left lying; how often something late had been
/// asked for.
pub(crate) fn books(outputs: usize, prior: Prior, steps: &[Step]) -> usize {
    let mut owner = Owner::new(outputs, prior);
    for step in steps {
        let (lazy, before) = (owner.lazy, owner.asked.clone());
        owner.take(step);
        if !owner.lazy {
            owner.check((!lazy).then_some(&before));
            if matches!(step, Step::Wait(_)) {
                owner.nothing_overdue_is_left();
            }
        }
    }
    let late = owner.late;
    owner.ends_well();
    late
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

/// Or nothing would be said of what is late.
#[test]
fn among_any_steps_there_are_pieces_that_are_late_and_asked_for() {
    let mut runner = TestRunner::deterministic();
    let millis = Duration::from_millis;
    let prior = Prior { bytes_per_s: 100_000, round_trip: millis(50), deviation: millis(50) };
    let steps = prop::collection::vec(step(), 250);
    let mut late = || books(64, prior, &steps.new_tree(&mut runner).expect("steps").current());
    let some = (0..100).filter(|_| late() > 0).count();
    println!("something late was asked for in {some} runs of 100");
    assert!(some > 20, "{some}");
}
