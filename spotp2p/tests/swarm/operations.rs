//! Any operations in any order, against a small model of what must hold; and the contract of every machine.

use super::rig::{ME, holding, name};
use alloc::collections::{BTreeMap, BTreeSet};
use core::convert::Infallible;
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::swarm::{
    Config, Direction, Hit, Holding, Mode, Origin, Output, PeerId, PeerMessage, PieceRequest, Pressure,
    Query, QueryId, Slot, SlotRefusal, SlotState, Swarm, Want,
};
use spotproto::contract::{Step, check};
use spotproto::message::{PieceRange, Refusal, Urgency};
use spotproto::{Instant, Machine, Seed};

/// Most outputs of one operation: all links end, with all that hung on them.
const MOST_OUTPUTS: usize = 200;

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Open {
        name: u32,
        ours: bool,
    },
    Close(u32),
    DialFailed(u32),
    Say(u32, PeerMessage<u32>),
    /// A hit for the query that went to this neighbour last, in the name of that one.
    AnswerLast(u32, u32),
    Want(u32, Urgency),
    Unwant(u32),
    Search(u32),
    Found(u32, Vec<u32>, bool),
    Requested(u32, u32, u32),
    Arrived(u32, u32),
    Missing(u32, u32),
    Forged(u32),
    Request(u32, PieceRequest<u32>),
    Sent(u32, u32),
    Cancelled(u32, u32),
    Unreadable(u32, u32),
    Lost(u32),
    Pressure(Pressure),
    Mode(Mode),
    Rate(u32),
    LogIn(u8),
    Wait(u64),
}

/// Small limits, so that a few dozen operations reach all of them.
fn config() -> Config {
    let mut config = Config::default();
    (config.neighbours.soft, config.neighbours.hard, config.neighbours.prune_to) = (5, 7, 3);
    config.neighbours.dials = 2;
    (config.search.few, config.search.answers, config.search.sent) = (2, 4, 10);
    (config.uploads.slots, config.uploads.further_wants) = (2, 3);
    config
}

/// What must be so, kept beside the swarm.
struct Model {
    swarm: Swarm<u32>,
    now: Instant,
    /// The open links and who is at their ends.
    links: BTreeMap<u32, u32>,
    next_link: u32,
    /// Who is being dialled, and since when.
    dialling: BTreeMap<u32, Instant>,
    /// Whose link ended in a fault since the last log-in.
    blamed: BTreeSet<u32>,
    wanted: BTreeSet<u32>,
    sources: BTreeSet<(u32, u32)>,
    /// What each peer was told that it gets.
    slots: BTreeMap<(u32, u32), SlotState>,
    /// Pieces to come on each channel, from its requests.
    asked: BTreeMap<(u32, u32), PieceRange>,
    last_query: BTreeMap<u32, QueryId>,
    alone: bool,
    /// The file that this operation evicts.
    losing: Option<u32>,
}

impl Model {
    fn new() -> Self {
        let mut swarm = Swarm::new(config());
        swarm.new_log_in(Instant::START, ME, Seed([1; 32]));
        Self {
            swarm,
            now: Instant::START,
            links: BTreeMap::new(),
            next_link: 0,
            dialling: BTreeMap::new(),
            blamed: BTreeSet::new(),
            wanted: BTreeSet::new(),
            sources: BTreeSet::new(),
            slots: BTreeMap::new(),
            asked: BTreeMap::new(),
            last_query: BTreeMap::new(),
            alone: false,
            losing: None,
        }
    }

    /// The link that an operation means: the n-th of those that were ever opened, open or not, the latest first.
    fn link(&self, n: u32) -> PeerId {
        PeerId(self.next_link.saturating_sub(1 + n))
    }

    fn step(&mut self, op: Op) -> Result<(), TestCaseError> {
        let answer_to = match &op {
            Op::Say(n, PeerMessage::Want(Want { file, urgency: Some(_) })) => Some((self.link(*n).0, *file)),
            _ => None,
        };
        if let Op::Wait(millis) = op {
            return self.wait(Duration::from_millis(millis));
        }
        self.apply(op)?;
        let told = self.drain()?;
        if let Some((peer, file)) = answer_to
            && self.links.contains_key(&peer)
        {
            prop_assert!(told.contains(&(peer, file)), "a want of {peer} for {file} is not answered");
        }
        self.invariants()
    }

    fn wait(&mut self, span: Duration) -> Result<(), TestCaseError> {
        let end = self.now + span;
        while let Some(at) = self.swarm.poll_timeout().filter(|at| *at <= end) {
            prop_assert!(at > self.now, "a deadline stays due");
            self.now = at;
            self.swarm.handle_timeout(at);
            self.drain()?;
            self.invariants()?;
        }
        self.now = end;
        Ok(())
    }

    fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        if let Op::Open { name: n, ours } = op {
            return self.open(n, ours);
        }
        self.losing = None;
        match &op {
            Op::Lost(file) => self.losing = Some(*file),
            Op::Close(n) => self.gone(self.link(*n).0),
            Op::DialFailed(n) => drop(self.dialling.remove(n)),
            Op::Want(file, _) if self.wanted.len() < 8 => drop(self.wanted.insert(*file)),
            Op::Unwant(file) => drop(self.wanted.remove(file)),
            Op::Mode(mode) => self.alone = *mode == Mode::Alone,
            Op::LogIn(_) => {
                self.dialling.clear();
                self.blamed.clear();
            }
            Op::Request(n, request) => {
                self.asked.entry((self.link(*n).0, request.channel)).or_insert(request.pieces);
            }
            Op::Say(n, PeerMessage::Want(Want { file, urgency: None })) => {
                self.slots.remove(&(self.link(*n).0, *file));
            }
            _ => {}
        }
        let (links, answers) = (self.next_link, self.last_query.clone());
        perform(&mut self.swarm, self.now, links, &answers, op);
        Ok(())
    }

    fn open(&mut self, n: u32, ours: bool) -> Result<(), TestCaseError> {
        let direction = if ours { Direction::Ours } else { Direction::Theirs };
        let link = self.next_link;
        self.next_link += 1;
        self.dialling.remove(&n);
        match self.swarm.opened(self.now, PeerId(link), name(n), direction) {
            Ok(()) => {
                prop_assert!(!self.alone && !self.links.values().any(|known| *known == n));
                prop_assert!(!self.blamed.contains(&n), "let in again");
                self.links.insert(link, n);
            }
            Err(_) => {
                let known = self.links.values().any(|known| *known == n);
                let blamed = self.blamed.contains(&n);
                prop_assert!(self.alone || known || blamed || self.links.len() >= 7, "refused for no reason");
            }
        }
        Ok(())
    }

    fn gone(&mut self, peer: u32) {
        self.links.remove(&peer);
        self.slots.retain(|(of, _), _| *of != peer);
        self.asked.retain(|(of, _), _| *of != peer);
        self.last_query.remove(&peer);
    }

    /// Takes all outputs, each checked against the model; the wants that were answered.
    fn drain(&mut self) -> Result<BTreeSet<(u32, u32)>, TestCaseError> {
        let (mut told, mut count) = (BTreeSet::new(), 0);
        while let Some(output) = self.swarm.poll_output() {
            count += 1;
            match output {
                Output::Send { to, message } => self.said(to.0, message, &mut told)?,
                Output::Dial { holder, .. } => {
                    let [a, b, c, d, ..] = holder.0;
                    self.dialled(u32::from_be_bytes([a, b, c, d]))?;
                }
                Output::HangUp(peer) | Output::Fault { peer, .. } => {
                    let n = self.links.get(&peer.0).copied();
                    prop_assert!(n.is_some(), "hung up on a stranger");
                    self.blamed.extend(n.filter(|_| matches!(output, Output::Fault { .. })));
                    self.gone(peer.0);
                }
                Output::Read { to, channel, file, piece, .. } => {
                    let served = self.slots.get(&(to.0, file)) == Some(&SlotState::Served);
                    prop_assert!(self.links.contains_key(&to.0) && served, "read for one without a slot");
                    let asked = self.asked.get(&(to.0, channel)).is_some_and(|range| range.contains(piece));
                    prop_assert!(asked, "read what was not asked for");
                }
                Output::Refuse { to, .. } => prop_assert!(self.links.contains_key(&to.0)),
                Output::SourceUp { peer, file } => {
                    prop_assert!(self.links.contains_key(&peer.0) && self.wanted.contains(&file));
                    prop_assert!(self.sources.insert((peer.0, file)), "up twice");
                }
                Output::SourceDown { peer, file } => {
                    prop_assert!(self.sources.remove(&(peer.0, file)), "down, and was not up");
                }
            }
        }
        prop_assert!(count <= MOST_OUTPUTS, "{count} outputs");
        Ok(told)
    }

    fn dialled(&mut self, n: u32) -> Result<(), TestCaseError> {
        let (now, config) = (self.now, config().neighbours);
        // What takes too long counts as failed.
        self.dialling.retain(|_, since| now.since(*since) < config.dial_time);
        prop_assert!(self.dialling.insert(n, now).is_none(), "dialled twice");
        prop_assert!(!self.blamed.contains(&n), "dialled one that was blamed");
        prop_assert!(!self.links.values().any(|known| *known == n), "dialled a neighbour");
        prop_assert!(self.dialling.len() <= usize::from(config.dials));
        prop_assert!(self.links.len() + self.dialling.len() <= usize::from(config.soft), "no room for more");
        Ok(())
    }

    fn said(
        &mut self,
        to: u32,
        message: PeerMessage<u32>,
        told: &mut BTreeSet<(u32, u32)>,
    ) -> Result<(), TestCaseError> {
        prop_assert!(self.links.contains_key(&to), "said to a stranger");
        match message {
            PeerMessage::Slot(Slot { file, state: SlotState::Refused(why) }) => {
                let gone = holding(&file) != Holding::Whole || self.losing == Some(file);
                prop_assert!(why != SlotRefusal::NotHere || gone, "the file is here");
                self.slots.remove(&(to, file));
                told.insert((to, file));
            }
            PeerMessage::Slot(Slot { file, state }) => {
                self.slots.insert((to, file), state);
                told.insert((to, file));
                let served: Vec<u32> = self
                    .slots
                    .iter()
                    .filter(|(_, s)| **s == SlotState::Served)
                    .map(|((of, _), _)| *of)
                    .collect();
                prop_assert!(served.len() <= 2 && BTreeSet::from_iter(&served).len() == served.len());
            }
            PeerMessage::Query(query) => drop(self.last_query.insert(to, query.id)),
            PeerMessage::Want(_) | PeerMessage::Hit(_) => {}
        }
        Ok(())
    }

    fn invariants(&self) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.swarm.neighbours(), self.links.len());
        prop_assert!(self.links.len() <= 7);
        prop_assert!(self.slots.len() <= 7 + 3, "{} wants are kept", self.slots.len());
        prop_assert!(
            self.sources.iter().all(|(peer, _)| self.links.contains_key(peer)),
            "a source that is gone"
        );
        prop_assert!(self.swarm.wants_input(), "a drained swarm refuses input");
        Ok(())
    }
}

/// Carries out an operation; `links` were opened so far.
fn perform(swarm: &mut Swarm<u32>, now: Instant, links: u32, last: &BTreeMap<u32, QueryId>, op: Op) {
    let link = |n: u32| PeerId(links.saturating_sub(1 + n));
    match op {
        Op::Open { .. } | Op::Wait(_) => {}
        Op::Close(n) => swarm.closed(now, link(n)),
        Op::DialFailed(n) => swarm.dial_failed(now, name(n)),
        Op::Say(n, message) => swarm.message(now, link(n), message, &holding),
        Op::AnswerLast(n, holder) => {
            if let Some(id) = last.get(&link(n).0) {
                let hit = Hit { id: *id, holder: name(holder) };
                swarm.message(now, link(n), PeerMessage::Hit(hit), &holding);
            }
        }
        Op::Want(file, urgency) => drop(swarm.want(now, file, urgency)),
        Op::Unwant(file) => swarm.unwant(now, file),
        Op::Search(file) => swarm.search(now, file),
        Op::Found(file, holders, lan) => {
            let holders: Vec<_> = holders.into_iter().map(name).collect();
            swarm.found(now, file, &holders, if lan { Origin::Lan } else { Origin::Tracker });
        }
        Op::Requested(n, file, pieces) => swarm.requested(now, link(n), file, pieces),
        Op::Arrived(n, file) => swarm.arrived(now, link(n), file, 16_384),
        Op::Missing(n, file) => swarm.missing(now, link(n), file),
        Op::Forged(n) => swarm.forged(now, link(n)),
        Op::Request(n, request) => swarm.request(now, link(n), request),
        Op::Sent(n, channel) => swarm.sent(now, link(n), channel, 16_384),
        Op::Cancelled(n, channel) => swarm.cancelled(now, link(n), channel),
        Op::Unreadable(n, channel) => swarm.unreadable(now, link(n), channel, Refusal::Unavailable),
        Op::Lost(file) => swarm.lost(now, file),
        Op::Pressure(pressure) => swarm.set_pressure(now, pressure),
        Op::Mode(mode) => swarm.set_mode(now, mode),
        Op::Rate(rate) => {
            let mut config = config();
            config.uploads.rate = rate;
            swarm.set_config(now, config);
        }
        Op::LogIn(seed) => swarm.new_log_in(now, ME, Seed([seed; 32])),
    }
}

fn file() -> impl Strategy<Value = u32> {
    prop_oneof![Just(7u32), 0..10u32, Just(1500), Just(2500)]
}

fn urgency() -> impl Strategy<Value = Urgency> {
    prop::sample::select(&Urgency::ALL[..])
}

fn message() -> impl Strategy<Value = PeerMessage<u32>> {
    let state = prop_oneof![
        3 => Just(SlotState::Served),
        2 => (0..5u16).prop_map(|place| SlotState::Queued { place }),
        1 => Just(SlotState::Refused(SlotRefusal::Busy)),
    ];
    prop_oneof![
        (0..9u64, file(), any::<bool>()).prop_map(|(id, file, forward)| PeerMessage::Query(Query {
            id: QueryId(id),
            file,
            forward
        })),
        (0..9u64, 0..12u32).prop_map(|(id, n)| PeerMessage::Hit(Hit { id: QueryId(id), holder: name(n) })),
        (file(), prop::option::weighted(0.8, urgency()))
            .prop_map(|(file, urgency)| PeerMessage::Want(Want { file, urgency })),
        (file(), state).prop_map(|(file, state)| PeerMessage::Slot(Slot { file, state })),
    ]
}

fn request() -> impl Strategy<Value = PieceRequest<u32>> {
    (0..1_000_000u32, file(), 0..300u32, 0..260u32).prop_map(|(channel, file, start, count)| PieceRequest {
        channel,
        file,
        pieces: PieceRange { start, count },
    })
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    let link = || 0..8u32;
    prop_oneof![
        6 => (0..12u32, any::<bool>()).prop_map(|(name, ours)| Op::Open { name, ours }),
        2 => link().prop_map(Op::Close),
        1 => (0..12u32).prop_map(Op::DialFailed),
        12 => (link(), message()).prop_map(|(n, message)| Op::Say(n, message)),
        2 => (link(), 0..12u32).prop_map(|(n, holder)| Op::AnswerLast(n, holder)),
        4 => (file(), urgency()).prop_map(|(file, urgency)| Op::Want(file, urgency)),
        1 => file().prop_map(Op::Unwant),
        1 => file().prop_map(Op::Search),
        3 => (file(), prop::collection::vec(0..12u32, 0..5), any::<bool>())
            .prop_map(|(file, holders, lan)| Op::Found(file, holders, lan)),
        1 => (link(), file(), 0..9u32).prop_map(|(n, file, pieces)| Op::Requested(n, file, pieces)),
        1 => (link(), file()).prop_map(|(n, file)| Op::Arrived(n, file)),
        1 => (link(), file()).prop_map(|(n, file)| Op::Missing(n, file)),
        1 => link().prop_map(Op::Forged),
        4 => (link(), request()).prop_map(|(n, request)| Op::Request(n, request)),
        3 => (link(), 0..4u32).prop_map(|(n, channel)| Op::Sent(n, channel)),
        1 => (link(), 0..4u32).prop_map(|(n, channel)| Op::Cancelled(n, channel)),
        1 => (link(), 0..4u32).prop_map(|(n, channel)| Op::Unreadable(n, channel)),
        1 => file().prop_map(Op::Lost),
        1 => prop::sample::select(vec![Pressure::Fine, Pressure::Low, Pressure::VeryLow])
            .prop_map(Op::Pressure),
        1 => prop::sample::select(vec![Mode::Full, Mode::Full, Mode::TakeOnly, Mode::Alone])
            .prop_map(Op::Mode),
        1 => prop::sample::select(vec![0, 1, 20_000, 1_000_000]).prop_map(Op::Rate),
        1 => any::<u8>().prop_map(Op::LogIn),
        5 => (0..20_000u64).prop_map(Op::Wait),
    ]
}

/// The swarm as the machine that it would be at a crate's boundary.
struct Driven {
    swarm: Swarm<u32>,
    links: u32,
}

impl Machine for Driven {
    type Input = Op;
    type Output = Output<u32>;
    type Error = Infallible;

    fn handle_input(&mut self, now: Instant, op: Op) -> Result<(), Infallible> {
        if let Op::Open { name: n, .. } = op {
            let _ = self.swarm.opened(now, PeerId(self.links), name(n), Direction::Theirs);
            self.links += 1;
        }
        perform(&mut self.swarm, now, self.links, &BTreeMap::new(), op);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Infallible> {
        self.swarm.handle_timeout(now);
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output<u32>> {
        self.swarm.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.swarm.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.swarm.wants_input()
    }
}

pub(crate) fn step() -> impl Strategy<Value = Step<Op>> {
    prop_oneof![
        12 => op().prop_map(Step::Input),
        3 => (0..100_000u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => Just(Step::Early),
        1 => Just(Step::Poll),
    ]
}

/// All of these, against the model.
pub(crate) fn all_of(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    ops.into_iter().try_for_each(|op| model.step(op))
}

/// These steps, against the contract of every machine.
pub(crate) fn keeps_the_contract(steps: Vec<Step<Op>>) -> Result<(), TestCaseError> {
    let mut swarm = Swarm::new(config());
    swarm.new_log_in(Instant::START, ME, Seed([1; 32]));
    // Many inputs may come before a drain.
    let bound = 2 * MOST_OUTPUTS;
    let ran = check(&mut Driven { swarm, links: 0 }, steps, bound);
    prop_assert!(ran.is_ok(), "{:?}", ran);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_operations_keep_what_must_hold(ops in prop::collection::vec(op(), 0..200)) {
        all_of(ops)?;
    }

    #[test]
    fn the_contract_of_every_machine_holds(steps in prop::collection::vec(step(), 0..200)) {
        keeps_the_contract(steps)?;
    }
}
