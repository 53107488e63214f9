//! What may happen to a swarm, at random.

use super::rig::{ME, holding, name};
use alloc::collections::BTreeMap;
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::swarm::{
    Config, Hit, Mode, Origin, PeerId, PeerMessage, PieceRequest, Pressure, Query, QueryId, Slot,
    SlotRefusal, SlotState, Swarm, Want,
};
use spotproto::contract::Step;
use spotproto::message::{PieceRange, Refusal, Urgency};
use spotproto::{Instant, Seed};

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
    /// The same, of what one of those who are served is served.
    Ask(u32, u32, PieceRange),
    /// The line took one of the pieces that were read for a neighbour.
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
pub(crate) fn config() -> Config {
    let mut config = Config::default();
    (config.neighbours.soft, config.neighbours.hard, config.neighbours.prune_to) = (5, 7, 3);
    config.neighbours.dials = 2;
    (config.search.few, config.search.answers, config.search.sent) = (2, 4, 10);
    (config.uploads.slots, config.uploads.further_wants) = (2, 3);
    config
}

/// Carries out an operation; `links` were opened so far.
pub(crate) fn perform(
    swarm: &mut Swarm<u32>,
    now: Instant,
    links: u32,
    last: &BTreeMap<u32, QueryId>,
    op: Op,
) {
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
        Op::Ask(n, channel, pieces) => swarm.request(now, link(n), PieceRequest { channel, file: 7, pieces }),
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

fn range() -> impl Strategy<Value = PieceRange> {
    (0..300u32, prop_oneof![6 => 0..12u32, 2 => 0..40u32, 1 => 0..260u32])
        .prop_map(|(start, count)| PieceRange { start, count })
}

fn request() -> impl Strategy<Value = PieceRequest<u32>> {
    (0..6u32, file(), range()).prop_map(|(channel, file, pieces)| PieceRequest { channel, file, pieces })
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
        2 => (link(), request()).prop_map(|(n, request)| Op::Request(n, request)),
        8 => (link(), 0..6u32, range()).prop_map(|(n, channel, pieces)| Op::Ask(n, channel, pieces)),
        12 => (link(), 0..6u32).prop_map(|(n, which)| Op::Sent(n, which)),
        1 => (link(), 0..6u32).prop_map(|(n, channel)| Op::Cancelled(n, channel)),
        1 => (link(), 0..6u32).prop_map(|(n, channel)| Op::Unreadable(n, channel)),
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

pub(crate) fn step() -> impl Strategy<Value = Step<Op>> {
    prop_oneof![
        12 => op().prop_map(Step::Input),
        3 => (0..100_000u64).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => Just(Step::Early),
        1 => Just(Step::Poll),
    ]
}
