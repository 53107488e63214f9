//! What a session does with frames that only a peer who owns the keys can send: bears them, or ends and blames it.

#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

mod app;
mod forger;
mod pair;

use app::App;
use bytes::BytesMut;
use core::time::Duration;
use forger::{Forger, NOW, check_finished, client, is_the_peers, server};
use proptest::prelude::*;
use proptest::sample::select;
use spotproto::codec::{Reader, Writer};
use spotproto::frame::kind;
use spotproto::message::Urgency;
use spotproto::record::{MAX_PLAINTEXT, OVERHEAD};
use spotproto::session::{Input, Session};
use spotproto::{ByteMachine, Instant, Limits, Machine, SessionError};
use std::collections::BTreeMap;

/// Shortest frame: kind, channel, length.
const SHORTEST_FRAME: usize = 4;

#[derive(Clone, Debug)]
enum Step {
    /// The hostile peer seals these frames.
    Record(Vec<Forged>),
    /// The application asks, gives up, answers.
    Ask(u32, u32),
    Want,
    Abort(usize),
    Answer(usize),
    Flush(usize),
    Drain,
    Wait(u64),
}

#[derive(Clone, Debug)]
struct Forged {
    kind: u8,
    /// The channel, or which of the plausible ones.
    channel: u32,
    plausible: bool,
    body: Vec<u8>,
}

fn forged() -> impl Strategy<Value = Forged> {
    let bytes = |most: usize| proptest::collection::vec(any::<u8>(), 0..most);
    let piece = (0u32..20, 1usize..16_385, bytes(64)).prop_map(|(index, length, first)| {
        let mut body = Vec::new();
        Writer::new(&mut body).varint(u64::from(index)).varint(length as u64).bytes(&first);
        body
    });
    let small = (0u32..20, proptest::collection::vec(any::<u8>(), 1..20)).prop_map(|(index, data)| {
        let mut body = Vec::new();
        Writer::new(&mut body).varint(u64::from(index)).counted(&data);
        body
    });
    let read = |urgency: core::ops::Range<u8>, pieces: core::ops::Range<u32>| {
        (urgency, any::<u16>(), pieces)
            .prop_map(|(urgency, start, count)| (kind::READ, forger::read_body(urgency, start.into(), count)))
    };
    let body = prop_oneof![
        20 => piece.prop_map(|body| (kind::PIECE, body)),
        40 => small.prop_map(|body| (kind::PIECE, body)),
        40 => bytes(300).prop_map(|body| (kind::REST, body)),
        10 => Just((kind::REST, vec![7; 16 << 10])),
        20 => Just((kind::END, Vec::new())),
        10 => any::<u8>().prop_map(|why| (kind::REFUSE, vec![why])),
        20 => Just((kind::ABORT, Vec::new())),
        40 => read(0..3, 1..40),
        10 => Just((kind::PING, vec![1; 8])),
        10 => Just((kind::PONG, vec![0; 8])),
        10 => Just((kind::REKEY, Vec::new())),
        10 => Just((kind::HELLO, forger::hello_body("agent"))),
        10 => Just((kind::PLAYING, vec![9; 32])),
        10 => Just((kind::WANT, vec![1; 33])),
        10 => (0u8..4).prop_map(|place| (kind::SLOT, vec![0, place, 0])),
        5 => Just((kind::FIND_PEERS, vec![3; 33])),
        5 => Just((kind::CONNECT, [&[9; 32][..], &[1], &[7; 16]].concat())),
        5 => (0u8..11).prop_map(|count| (kind::PEERS, [&[count][..], &vec![7; 16 * usize::from(count)]].concat())),
        5 => Just((kind::MIRRORS, vec![2, 1, b'a', 1, b'b'])),
        10 => select(connection_frames()),
        1 => (select(OF_PEERS.to_vec()), bytes(200)),
        10 => (0x81u8.., bytes(80)).prop_map(|(kind, body)| (kind, body)),
        1 => read(0..9, 0..300),
        1 => bytes(50).prop_map(|body| (kind::OPEN, body)),
        1 => (any::<u8>(), bytes(80)).prop_map(|(kind, body)| (kind, body)),
    ];
    (any::<u32>(), proptest::bool::weighted(0.99), body)
        .prop_map(|(channel, plausible, (kind, body))| Forged { kind, channel, plausible, body })
}

/// Kinds by which peers find each other, and those between peers.
const OF_PEERS: [u8; 15] = [
    kind::RENEW,
    kind::RENEWED,
    kind::HOLDING,
    kind::FIND_PEERS,
    kind::PEERS,
    kind::CONNECT,
    kind::DIAL,
    kind::DIALLED,
    kind::REPORT,
    kind::GREETING,
    kind::WANT,
    kind::SLOT,
    kind::QUERY,
    kind::HIT,
    kind::MIRRORS,
];

/// Bodies that are right, of messages that belong to no channel.
fn connection_frames() -> Vec<(u8, Vec<u8>)> {
    let ticket = [&[1][..], &[7; 132]].concat();
    vec![
        (kind::RENEW, vec![0; 2]),
        (kind::RENEWED, [&[0; 8][..], &ticket].concat()),
        (kind::HOLDING, vec![0; 2]),
        (kind::HOLDING, [&[1][..], &[9; 32], &[1], &[9; 32]].concat()),
        (kind::DIAL, [&[7; 16][..], &[1], &[7; 48], &[1, 4, 127, 0, 0, 1, 0, 9]].concat()),
        (kind::DIALLED, vec![1; 17]),
        (kind::REPORT, vec![200; 17]),
        (kind::GREETING, ticket),
        (kind::QUERY, vec![1; 41]),
        (kind::HIT, [&[7; 8][..], &[1], &[7; 16]].concat()),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(forged(), 0..6).prop_map(Step::Record),
        4 => (0u32..9, 1u32..20).prop_map(|(start, count)| Step::Ask(start, count)),
        1 => Just(Step::Want),
        1 => (0usize..9).prop_map(Step::Abort),
        3 => (0usize..9).prop_map(Step::Answer),
        2 => (1usize..40_000).prop_map(Step::Flush),
        2 => Just(Step::Drain),
        1 => (0u64..2000).prop_map(Step::Wait),
    ]
}

/// The session under attack, with a careful application.
struct Victim {
    session: Session,
    forger: Forger,
    app: App,
    now: Instant,
    /// Bytes that pieces which began still lack.
    halves: BTreeMap<u32, usize>,
    /// The latest channel that the hostile peer asked on.
    last: u32,
    /// Sealed and not taken yet, because outputs wait.
    wire: Vec<u8>,
}

impl Victim {
    fn new(accepts: bool) -> Self {
        let mut session = if accepts { server() } else { client() };
        let forger =
            if accepts { Forger::dial(&mut session, NOW) } else { Forger::accept(&mut session, NOW) };
        Self {
            session,
            forger,
            app: App::default(),
            now: NOW,
            halves: BTreeMap::new(),
            last: 0,
            wire: Vec::new(),
        }
    }

    fn run(&mut self, step: Step) -> Result<(), SessionError> {
        match step {
            Step::Record(frames) => return self.receive(&frames),
            Step::Ask(start, count) => {
                let message = self.app.ask(start, count, Urgency::Playing);
                message
                    .map_or(Ok(()), |message| self.session.handle_input(self.now, Input::Send(message)))?;
            }
            Step::Want => {
                let message = self.app.want(Urgency::Next);
                message
                    .map_or(Ok(()), |message| self.session.handle_input(self.now, Input::Send(message)))?;
            }
            Step::Abort(nth) => {
                let message = self.app.abort(nth);
                message
                    .map_or(Ok(()), |message| self.session.handle_input(self.now, Input::Send(message)))?;
            }
            Step::Answer(nth) => {
                let message = self.app.answer(nth);
                message
                    .map_or(Ok(()), |message| self.session.handle_input(self.now, Input::Send(message)))?;
            }
            Step::Flush(limit) => {
                let mut wire = BytesMut::new();
                self.session.poll_transmit(self.now, &mut wire, limit);
                assert!(wire.len() < limit + MAX_PLAINTEXT + OVERHEAD);
            }
            Step::Drain => self.drain(),
            Step::Wait(ms) => {
                self.now = self.now + Duration::from_millis(ms);
                self.session.handle_timeout(self.now)?;
                assert!(self.session.poll_timeout().is_none_or(|at| at > self.now));
            }
        }
        Ok(())
    }

    fn receive(&mut self, frames: &[Forged]) -> Result<(), SessionError> {
        let mut plain = Vec::new();
        for forged in frames {
            let frame = self.fit(forged).unwrap_or_default();
            if plain.len() + frame.len() > MAX_PLAINTEXT {
                self.send(&plain)?;
                plain.clear();
            }
            plain.extend(frame);
        }
        self.send(&plain)?;
        if frames.iter().any(|frame| frame.kind == kind::REKEY) {
            self.forger.rekey();
        }
        Ok(())
    }

    fn send(&mut self, plain: &[u8]) -> Result<(), SessionError> {
        self.wire.extend(self.forger.record(plain));
        let wanted = self.session.wants_input();
        let taken = self.session.handle_bytes(self.now, &mut self.wire)?;
        assert!(wanted || taken == 0, "a full session took bytes");
        self.wire.drain(..taken);
        Ok(())
    }

    /// The frame as it goes out. Faults alone would end every run at once, so a plausible frame is fitted to what it is an
    /// answer to, or left out.
    fn fit(&mut self, forged: &Forged) -> Option<Vec<u8>> {
        let nth = forged.channel as usize;
        if !forged.plausible {
            return Some(forger::frame(forged.kind, forged.channel, &forged.body));
        }
        let (mut channel, mut body) = (0, &forged.body[..]);
        match forged.kind {
            kind::READ | kind::OPEN | kind::WANT | kind::FIND_PEERS | kind::CONNECT => {
                self.last += 1;
                channel = self.last;
            }
            kind::ABORT => channel = self.app.nth_asked(nth)?,
            kind::PIECE => {
                channel = self.app.nth_asking(nth)?;
                let mut reader = Reader::new(body);
                let (_, length) = (reader.varint().ok()?, reader.varint().ok()? as usize);
                if self.halves.contains_key(&channel) {
                    return None;
                }
                if reader.rest().len() < length {
                    self.halves.insert(channel, length - reader.rest().len());
                }
            }
            kind::REST => {
                channel = *self.halves.keys().nth(nth.checked_rem(self.halves.len())?)?;
                let left = self.halves.remove(&channel)?;
                body = &body[..body.len().min(left)];
                if body.len() < left {
                    self.halves.insert(channel, left - body.len());
                }
            }
            kind::SLOT | kind::PEERS | kind::MIRRORS => channel = self.app.nth_wanting(nth)?,
            kind::END | kind::REFUSE if forged.channel.is_multiple_of(2) => {
                channel = self.app.nth_wanting(nth)?;
            }
            kind::END | kind::REFUSE | kind::LEAVES => {
                channel = self.app.nth_asking(nth).filter(|channel| !self.halves.contains_key(channel))?;
            }
            _ => {}
        }
        Some(forger::frame(forged.kind, channel, body))
    }

    fn drain(&mut self) {
        let mut count = 0;
        while let Some(output) = self.session.poll_output() {
            self.app.note(output);
            count += 1;
        }
        assert!(count <= Limits::DEFAULT.outputs + MAX_PLAINTEXT / SHORTEST_FRAME, "{count}");
        assert!(self.session.wants_input());
    }

    /// What came before the fault is still the application's.
    fn drain_finished(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.app.note(output);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn whatever_an_owner_of_the_keys_says_is_borne_or_blamed_on_it(
        accepts: bool, steps in proptest::collection::vec(step(), 0..80)
    ) {
        let mut victim = Victim::new(accepts);
        for step in steps {
            if let Err(error) = victim.run(step) {
                prop_assert!(is_the_peers(error), "{:?}", error);
                victim.drain_finished();
                check_finished(&mut victim.session, error);
                break;
            }
            prop_assert!(victim.session.outstanding() <= u64::from(Limits::DEFAULT.credit));
        }
    }
}
