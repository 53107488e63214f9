//! Any operations in any order, against a small model of what must hold; and the contract of every machine.

use super::acts::{Op, config, op, perform, step};
use super::rig::{ME, holding, name};
use alloc::collections::{BTreeMap, BTreeSet};
use core::convert::Infallible;
use core::time::Duration;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use spotp2p::swarm::{
    Direction, Holding, Mode, Output, PeerId, PeerMessage, PieceRequest, QueryId, Slot, SlotRefusal,
    SlotState, Swarm, Want,
};
use spotproto::contract::{Step, check};
use spotproto::message::PieceRange;
use spotproto::{Instant, Machine, Seed};

/// Most outputs of one operation: all links end, with all that hung on them.
const MOST_OUTPUTS: usize = 200;

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
    /// Pieces to come on each channel, from its requests, and of which file.
    asked: BTreeMap<(u32, u32), (u32, PieceRange)>,
    /// Pieces that were read and that the line has not taken, by link and channel.
    going: Vec<(u32, u32)>,
    /// Requests of which every piece was read.
    whole: usize,
    last_query: BTreeMap<u32, QueryId>,
    alone: bool,
    /// The file that this operation evicts.
    losing: Option<u32>,
    /// Whose links end among the outputs that are being looked at.
    leaving: BTreeSet<u32>,
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
            going: Vec::new(),
            whole: 0,
            last_query: BTreeMap::new(),
            alone: false,
            losing: None,
            leaving: BTreeSet::new(),
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
        let Some(op) = self.meant(op) else { return Ok(()) };
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
            Op::Request(n, request) if self.links.contains_key(&self.link(*n).0) => {
                self.asked.insert((self.link(*n).0, request.channel), (request.file, request.pieces));
            }
            Op::Cancelled(n, channel) => drop(self.asked.remove(&(self.link(*n).0, *channel))),
            Op::Say(n, PeerMessage::Want(Want { file, urgency: None })) => {
                self.slots.remove(&(self.link(*n).0, *file));
            }
            _ => {}
        }
        let (links, answers) = (self.next_link, self.last_query.clone());
        perform(&mut self.swarm, self.now, links, &answers, op);
        Ok(())
    }

    /// What an operation comes to as things stand; nothing, if a session would not let it through.
    fn meant(&mut self, op: Op) -> Option<Op> {
        match op {
            Op::Ask(n, channel, pieces) => {
                let served = self.slots.iter().filter(|(_, state)| **state == SlotState::Served);
                let served: Vec<(u32, u32)> = served.map(|(slot, _)| *slot).collect();
                let (peer, file) = *served.get(n as usize % served.len().max(1))?;
                let request = PieceRequest { channel, file, pieces };
                self.meant(Op::Request(self.next_link - 1 - peer, request))
            }
            // A channel that is in use is not used again.
            Op::Request(n, PieceRequest { channel, .. }) => {
                let peer = self.link(n).0;
                let in_use =
                    self.asked.contains_key(&(peer, channel)) || self.going.contains(&(peer, channel));
                (!in_use).then_some(op)
            }
            Op::Sent(..) if self.going.is_empty() => None,
            Op::Sent(_, which) => {
                let (peer, channel) = self.going.remove(which as usize % self.going.len());
                Some(Op::Sent(self.next_link - 1 - peer, channel))
            }
            Op::Cancelled(n, channel) | Op::Unreadable(n, channel) => {
                let peer = self.link(n).0;
                self.going.retain(|(of, on)| (*of, *on) != (peer, channel));
                Some(op)
            }
            other => Some(other),
        }
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
        self.going.retain(|(of, _)| *of != peer);
        self.last_query.remove(&peer);
    }

    /// Takes all outputs, each checked against the model; the wants that were answered.
    fn drain(&mut self) -> Result<BTreeSet<(u32, u32)>, TestCaseError> {
        let mut told = BTreeSet::new();
        let outputs: Vec<Output<u32>> = core::iter::from_fn(|| self.swarm.poll_output()).collect();
        prop_assert!(outputs.len() <= MOST_OUTPUTS, "{} outputs", outputs.len());
        // What would be said to them is left out: they need not hear that their slots are somebody else's.
        let leaving = outputs.iter().filter_map(|output| match output {
            Output::HangUp(peer) | Output::Fault { peer, .. } => Some(peer.0),
            _ => None,
        });
        self.leaving = leaving.collect();
        for output in outputs {
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
                Output::Read { to, channel, file, piece, last } => {
                    let served = self.slots.get(&(to.0, file)) == Some(&SlotState::Served);
                    prop_assert!(self.links.contains_key(&to.0) && served, "read for one without a slot");
                    self.reads((to.0, channel), file, piece, last)?;
                }
                Output::Refuse { to, channel, .. } => {
                    prop_assert!(self.links.contains_key(&to.0));
                    self.asked.remove(&(to.0, channel));
                }
                Output::SourceUp { peer, file } => {
                    prop_assert!(self.links.contains_key(&peer.0) && self.wanted.contains(&file));
                    prop_assert!(self.sources.insert((peer.0, file)), "up twice");
                }
                Output::SourceDown { peer, file } => {
                    prop_assert!(self.sources.remove(&(peer.0, file)), "down, and was not up");
                }
            }
        }
        Ok(told)
    }

    /// The pieces of a request are read in order, each once, and the last is known for that.
    fn reads(&mut self, at: (u32, u32), file: u32, piece: u32, last: bool) -> Result<(), TestCaseError> {
        let Some((of, left)) = self.asked.get_mut(&at) else {
            return Err(TestCaseError::fail("read what was not asked for"));
        };
        prop_assert_eq!((*of, left.start, left.count == 1), (file, piece, last));
        *left = PieceRange { start: piece + 1, count: left.count - 1 };
        self.going.push(at);
        if last {
            self.asked.remove(&at);
            self.whole += 1;
        }
        Ok(())
    }

    /// The lines take all that is read for them, at any rate: every request then ends, whole or refused.
    fn all_is_given(&mut self) -> Result<(), TestCaseError> {
        perform(&mut self.swarm, self.now, self.next_link, &BTreeMap::new(), Op::Rate(0));
        self.drain()?;
        for round in 0.. {
            prop_assert!(round < 20_000, "it never ends: {:?}", self.asked);
            if let Some((peer, channel)) = self.going.pop() {
                self.swarm.sent(self.now, PeerId(peer), channel, 16_384);
                self.drain()?;
            } else if self.asked.is_empty() {
                break;
            } else {
                self.wait(Duration::from_millis(100))?;
            }
        }
        self.invariants()
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
                    .filter(|((of, _), s)| **s == SlotState::Served && !self.leaving.contains(of))
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
        for ((peer, channel), (file, _)) in &self.asked {
            let served = self.slots.get(&(*peer, *file)) == Some(&SlotState::Served);
            prop_assert!(served, "{peer} waits on {channel} without a slot, and is not told");
        }
        prop_assert!(self.swarm.wants_input(), "a drained swarm refuses input");
        Ok(())
    }
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

/// All of these, against the model.
pub(crate) fn all_of(ops: Vec<Op>) -> Result<(), TestCaseError> {
    let mut model = Model::new();
    ops.into_iter().try_for_each(|op| model.step(op))?;
    model.all_is_given()
}

/// These steps, against the contract of every machine.
pub(crate) fn keeps_the_contract(steps: Vec<Step<Op>>) -> Result<(), TestCaseError> {
    let mut swarm = Swarm::new(config());
    swarm.new_log_in(Instant::START, ME, Seed([1; 32]));
    let ran = check(&mut Driven { swarm, links: 0 }, steps, MOST_OUTPUTS);
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

/// Or the model would say nothing of what is given.
#[test]
fn among_any_operations_there_are_uploads_that_are_completed() {
    let mut runner = TestRunner::deterministic();
    let mut whole = 0;
    for _ in 0..100 {
        let ops = prop::collection::vec(op(), 200).new_tree(&mut runner).expect("operations").current();
        let mut model = Model::new();
        ops.into_iter().try_for_each(|op| model.step(op)).expect("what must hold");
        model.all_is_given().expect("it ends");
        whole += model.whole;
    }
    println!("{whole} requests completed in 100 runs");
    assert!(whole > 9, "{whole}");
}
