//! A node and an access point that both mean well, over a line of any length that breaks now and then, with a store
//! that answers in any order: wherever the listener goes, the music comes.

use crate::anything::access_point_config;
use crate::shelf::{PIECES, SHELF, Shelf};
use crate::world::{DATE, HERE, log_in};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use bytes::Bytes;
use core::net::Ipv4Addr;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use spotp2p::access_point::{self, AccessPoint, Done, Limits};
use spotp2p::node::{self, Command, Config, Effect, Event, Node};
use spotp2p::swarm::Mode;
use spotp2p::{RequestId, SessionId};
use spotproto::content::{FileId, PIECE_LEN};
use spotproto::crypto::PublicKey;
use spotproto::message::{Message, Refusal, Urgency, Wanted};
use spotproto::{Dice, Instant, Machine, Seed, SessionError};
use std::sync::LazyLock;

type Text = Message<FileId, Bytes>;

/// What the listener does, and what happens to the line.
#[derive(Clone, Debug)]
enum Act {
    Open(Tune, u32),
    Next(Option<Tune>, u32),
    Seek(u32),
    Reading(u32),
    Sounds(u32),
    Silent(u32),
    Stop,
    Cut,
    Wait(u64),
}

/// One of two tunes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Tune {
    First,
    Second,
}

static SECOND: LazyLock<Shelf> = LazyLock::new(|| Shelf::new(77));

impl Tune {
    fn shelf(self) -> &'static Shelf {
        match self {
            Self::First => &SHELF,
            Self::Second => &SECOND,
        }
    }

    fn of(file: &FileId) -> Self {
        if *file == SHELF.file() { Self::First } else { Self::Second }
    }

    fn wanted(self) -> Wanted<FileId> {
        Wanted::File(self.shelf().file())
    }
}

fn tune() -> impl Strategy<Value = Tune> {
    prop_oneof![Just(Tune::First), Just(Tune::Second)]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        2 => (tune(), 0u32..130_000).prop_map(|(tune, at_ms)| Act::Open(tune, at_ms)),
        3 => (proptest::option::weighted(0.9, tune()), prop_oneof![Just(0), 0u32..130_000])
            .prop_map(|(tune, at_ms)| Act::Next(tune, at_ms)),
        3 => (60_000u32..130_000).prop_map(Act::Sounds),
        1 => (0u32..130_000).prop_map(Act::Silent),
        4 => (0u32..130_000).prop_map(Act::Seek),
        4 => (0..PIECES + 2).prop_map(Act::Reading),
        1 => Just(Act::Stop),
        1 => Just(Act::Cut),
        8 => (0u64..400).prop_map(Act::Wait),
        1 => (0u64..40_000).prop_map(Act::Wait),
    ]
}

struct Journey {
    now: Instant,
    delay: Duration,
    /// How long the server's line takes for a piece, and when it is free again.
    send: Duration,
    free: Instant,
    /// The store takes up to this long for each effect.
    store: Duration,
    dice: Dice,
    node: Node<FileId, Bytes>,
    server: AccessPoint<FileId, Bytes>,
    live: Option<SessionId>,
    to_server: VecDeque<(Instant, Text)>,
    to_client: VecDeque<(Instant, Text)>,
    /// Pieces that the server's line takes, and when.
    taken: VecDeque<(Instant, u32)>,
    working: Vec<(Instant, RequestId, Done<FileId, Bytes>)>,
    /// Requests without their end, and the pieces that each may still bring.
    open: BTreeMap<u32, u32>,
    outstanding: BTreeMap<(Tune, u32), u32>,
    /// What plays, or is to.
    tune: Tune,
    held: BTreeSet<u32>,
    /// What follows, once it is known, and what is here of it.
    next: Option<(Tune, BTreeSet<u32>)>,
    keep: u32,
}

impl Journey {
    /// A line with this delay, one way, and this many bytes a second towards the client.
    fn new(delay: Duration, rate: f64, store: Duration, keep: u32) -> Self {
        let now = Instant::START;
        let config = Config::new(log_in(), "test", Seed([3; 32]), (now, DATE));
        let config = Config { keep, mode: Mode::Alone, ..config };
        Self {
            now,
            delay,
            send: Duration::from_secs_f64(PIECE_LEN as f64 / rate),
            free: now,
            store,
            dice: Dice::new(&Seed([8; 32])),
            node: Node::new(now, config),
            server: AccessPoint::new(access_point_config(Limits::DEFAULT)),
            live: None,
            to_server: VecDeque::new(),
            to_client: VecDeque::new(),
            taken: VecDeque::new(),
            working: Vec::new(),
            open: BTreeMap::new(),
            outstanding: BTreeMap::new(),
            tune: Tune::First,
            held: BTreeSet::new(),
            next: None,
            keep,
        }
    }

    fn command(&mut self, command: Command<FileId>) {
        self.tell(node::Input::Command(command));
    }

    fn open(&mut self, tune: Tune, at_ms: u32) {
        self.tune = tune;
        self.held.clear();
        self.command(Command::Open { wanted: tune.wanted(), at_ms });
    }

    fn tell(&mut self, input: node::Input<FileId, Bytes>) {
        let Ok(()) = self.node.handle_input(self.now, input);
        self.drain_node();
    }

    fn drain_node(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match output {
                node::Output::Send { to, message } if self.live == Some(to) => self.say(message),
                node::Output::Effect(Effect::Connect { session, .. }) => self.connect(session),
                node::Output::Effect(effect) => panic!("nobody lied, and yet: {effect:?}"),
                node::Output::Event(Event::Piece { index, data, .. }) => {
                    assert_eq!(data, self.tune.shelf().pieces[index as usize]);
                    assert!(self.held.insert(index), "piece {index} came twice");
                }
                node::Output::Event(Event::Drop(range)) => {
                    (range.start..range.end()).for_each(|piece| assert!(self.held.remove(&piece)));
                }
                node::Output::Event(Event::Opened { opened, .. }) => {
                    assert_eq!(opened.head.file, self.tune.shelf().file());
                    self.held = self.next.take().map_or_else(BTreeSet::new, |(tune, pieces)| {
                        assert_eq!(tune, self.tune, "another one is not dropped");
                        pieces
                    });
                }
                node::Output::Event(Event::NextOpened { opened, .. }) => {
                    assert_eq!(self.next, None, "the one before is not dropped");
                    self.next = Some((Tune::of(&opened.head.file), BTreeSet::new()));
                }
                node::Output::Event(Event::NextPiece { index, data, .. }) => {
                    let (tune, pieces) = self.next.as_mut().expect("it is known");
                    assert_eq!(data, tune.shelf().pieces[index as usize]);
                    assert!(pieces.insert(index), "piece {index} of the next came twice");
                    assert!(pieces.len() <= self.keep.min(256) as usize + 1, "{} held", pieces.len());
                }
                node::Output::Event(Event::NextDropped { .. }) => self.next = None,
                node::Output::Event(Event::Forged { index, .. }) => panic!("{index} is no forgery"),
                node::Output::Event(Event::Refused(why)) => panic!("refused: {why}"),
                _ => {}
            }
        }
        // What is held beyond that is headers, and what is under way.
        let most = self.keep as usize + 1;
        assert!(self.held.len() <= most, "{} held", self.held.len());
    }

    /// What a session would make sure of, and what a node promises.
    fn say(&mut self, message: Text) {
        match &message {
            Message::Open { channel, open } => {
                self.begin(*channel, u32::from(open.credit));
            }
            Message::Read { channel, read } => {
                self.begin(*channel, read.pieces.count);
                let tune = Tune::of(&read.file);
                for piece in read.pieces.start..read.pieces.end() {
                    assert!(
                        piece < PIECES && !self.has(tune, piece, read.urgency),
                        "{piece} is held or beyond"
                    );
                    let before = self.outstanding.insert((tune, piece), *channel);
                    assert_eq!(before, None, "{piece} of {tune:?} is asked for twice");
                }
            }
            Message::Abort { channel } => {
                self.end(*channel);
                self.to_client.retain(|(_, text)| text.channel() != Some(*channel));
            }
            _ => {}
        }
        self.to_server.push_back((self.now + self.delay, message));
    }

    /// Whether the program has a piece of what it plays, or of what follows.
    fn has(&self, tune: Tune, piece: u32, urgency: Urgency) -> bool {
        match urgency {
            Urgency::Playing => self.held.contains(&piece),
            _ => self.next.as_ref().is_some_and(|(next, pieces)| *next == tune && pieces.contains(&piece)),
        }
    }

    fn begin(&mut self, channel: u32, pieces: u32) {
        assert!(self.open.last_key_value().is_none_or(|(last, _)| *last < channel));
        self.open.insert(channel, pieces);
        let limits = spotproto::Limits::DEFAULT;
        assert!(self.open.len() <= limits.channels, "{} requests are open", self.open.len());
        let credit: u32 = self.open.values().sum();
        assert!(credit <= 256, "{credit} pieces are outstanding");
    }

    fn end(&mut self, channel: u32) {
        self.open.remove(&channel);
        self.outstanding.retain(|_, of| *of != channel);
    }

    fn connect(&mut self, session: SessionId) {
        self.live = Some(session);
        let from = (Ipv4Addr::new(11, 0, 0, 1), 4070).into();
        self.serve(access_point::Input::Accepted { session, from });
        let device = PublicKey([9; 32]);
        self.serve(access_point::Input::Established { session, device, confirmed: true });
        let Ok(()) = self.node.handle_input(self.now, node::Input::LogIn(log_in()));
        let Ok(()) = self
            .node
            .handle_input(self.now, node::Input::Connected { session, confirmed: true, address: HERE });
        let span = self.delay * 2;
        let Ok(()) = self.node.handle_input(self.now, node::Input::RoundTrip { session, span });
    }

    fn serve(&mut self, input: access_point::Input<FileId, Bytes>) {
        let Ok(()) = self.server.handle_input(self.now, input);
        while let Some(output) = self.server.poll_output() {
            match output {
                access_point::Output::Send { to, message } if self.live == Some(to) => {
                    self.free = self.free.max(self.now);
                    if let Message::Piece { channel, .. } = &message {
                        self.free = self.free + self.send;
                        self.taken.push_back((self.free, *channel));
                    }
                    self.to_client.push_back((self.free + self.delay, message));
                }
                access_point::Output::Effect(effect) => self.work(effect),
                _ => {}
            }
        }
    }

    fn work(&mut self, effect: access_point::Effect<FileId>) {
        let (request, done) = match effect {
            access_point::Effect::Find { request, wanted } => {
                let Wanted::File(file) = wanted else { panic!("files are asked for") };
                (request, Done::Found(Ok(Box::new(Tune::of(&file).shelf().entry.clone()))))
            }
            access_point::Effect::Prove { request, file, ranges } => {
                let shelf = Tune::of(&file).shelf();
                (request, Done::Proofs(Ok(ranges.into_iter().map(|range| shelf.prove(range)).collect())))
            }
            access_point::Effect::Fetch { request, file, piece } => {
                let piece = Tune::of(&file).shelf().pieces.get(piece as usize).cloned();
                (request, Done::Piece(piece.ok_or(Refusal::NotFound)))
            }
            other => panic!("nobody broke a rule, and yet: {other:?}"),
        };
        let took = self.dice.jitter(self.store.max(Duration::from_micros(2)) * 2).saturating_sub(self.store);
        self.working.push((self.now + took, request, done));
    }

    fn cut(&mut self) {
        let Some(session) = self.live.take() else { return };
        self.to_server.clear();
        self.to_client.clear();
        self.taken.clear();
        self.open.clear();
        self.outstanding.clear();
        self.serve(access_point::Input::Disconnected { session });
        self.tell(node::Input::Disconnected { session, why: Some(SessionError::Lost) });
    }

    fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let parcels = [self.to_server.front(), self.to_client.front()].into_iter().flatten();
            let taken = self.taken.front().map(|(at, _)| *at);
            let work = self.working.iter().map(|(at, ..)| *at).chain(taken);
            let next = parcels.map(|(at, _)| *at).chain(work).chain(self.node.poll_timeout()).min();
            let Some(at) = next.filter(|at| *at <= until) else { break };
            self.now = at.max(self.now);
            self.happen();
        }
        self.now = until;
    }

    fn happen(&mut self) {
        let now = self.now;
        if let Some((_, message)) = due(&mut self.to_server, now)
            && let Some(from) = self.live
        {
            self.serve(access_point::Input::Message { from, message });
        }
        if let Some((_, message)) = due(&mut self.to_client, now) {
            self.arrive(message);
        }
        if let (Some((_, channel)), Some(session)) = (due(&mut self.taken, now), self.live) {
            self.serve(access_point::Input::Sent { session, channel });
        }
        while let Some(place) = self.working.iter().position(|(at, ..)| *at <= now) {
            let (_, request, done) = self.working.swap_remove(place);
            self.serve(access_point::Input::Done(request, done));
        }
        if self.node.poll_timeout().is_some_and(|at| at <= now) {
            let Ok(()) = self.node.handle_timeout(now);
            self.drain_node();
        }
    }

    fn arrive(&mut self, message: Text) {
        let Some(session) = self.live else { return };
        match (&message, message.channel()) {
            // The session drops what comes for requests that were aborted.
            (_, Some(channel)) if !self.open.contains_key(&channel) => return,
            (Message::Piece { index, .. }, Some(channel)) => {
                *self.open.get_mut(&channel).expect("it is open") -= 1;
                self.outstanding.retain(|(_, piece), of| (piece, *of) != (index, channel));
            }
            (Message::Opened { channel, opened }, _) => {
                // The access point chose to send fewer; the rest of the window is for reads.
                self.open.insert(*channel, opened.first.iter().map(|range| range.count).sum());
            }
            (Message::End { channel } | Message::Refuse { channel, .. }, _) => self.end(*channel),
            _ => {}
        }
        self.tell(node::Input::Message { from: session, message });
    }
}

/// What of a queue is to happen now.
fn due<T>(queue: &mut VecDeque<(Instant, T)>, now: Instant) -> Option<(Instant, T)> {
    queue.front().is_some_and(|(at, _)| *at <= now).then(|| queue.pop_front())?
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]
    #[test]
    fn wherever_the_listener_goes_the_music_comes(
        mut acts in vec(act(), 0..40),
        delay in 1u64..150,
        rate in prop_oneof![1e5..1e6, 1e6..3e7],
        store in 0u64..300,
        keep in prop_oneof![Just(4096u32), 20u32..80],
    ) {
        let (delay, store) = (Duration::from_millis(delay), Duration::from_millis(store));
        let mut journey = Journey::new(delay, rate, store, keep);
        journey.open(Tune::First, 0);
        if matches!(acts.iter().rfind(|act| matches!(act, Act::Open(..) | Act::Stop)), Some(Act::Stop)) {
            acts.push(Act::Open(Tune::Second, 0));
        }
        for act in acts {
            match act {
                Act::Open(tune, at_ms) => journey.open(tune, at_ms),
                Act::Next(tune, at_ms) => {
                    let other = tune.filter(|tune| *tune != journey.tune);
                    journey.command(Command::Next { wanted: other.map(Tune::wanted), at_ms });
                }
                Act::Sounds(at_ms) => journey.command(Command::Sounds { at_ms }),
                Act::Silent(at_ms) => journey.command(Command::Silent { at_ms }),
                Act::Seek(at_ms) => journey.command(Command::Seek { at_ms }),
                Act::Reading(piece) => journey.command(Command::Reading { piece }),
                Act::Stop => journey.command(Command::Stop),
                Act::Cut => journey.cut(),
                Act::Wait(ms) => journey.run(Duration::from_millis(ms)),
            }
        }
        journey.run(Duration::from_secs(60));
        for piece in 0..PIECES {
            journey.command(Command::Reading { piece });
            journey.run(Duration::from_secs(if journey.held.contains(&piece) { 0 } else { 60 }));
            prop_assert!(journey.held.contains(&piece), "piece {} never comes", piece);
        }
    }
}

/// Goes to the middle of a group of leaves and, before they are here, back to its beginning, on a line so wide that
/// nothing needs to be cancelled.
#[test]
fn a_step_back_within_a_group_of_leaves_finds_them() {
    let mut journey = Journey::new(Duration::from_millis(100), 1e7, Duration::ZERO, 4096);
    journey.open(Tune::First, 0);
    journey.run(Duration::from_millis(1200));
    let first = (0..PIECES).find(|piece| !journey.held.contains(piece)).expect("not all is here yet");
    assert!(journey.outstanding.len() > 20, "{} outstanding", journey.outstanding.len());
    let group = first / 64 * 64 + 64;
    journey.command(Command::Reading { piece: group + 30 });
    journey.run(Duration::from_millis(1));
    journey.command(Command::Reading { piece: group + 10 });
    journey.run(Duration::from_secs(20));
    assert!((group + 10..PIECES).all(|piece| journey.held.contains(&piece)));
}

/// 256 pieces of window in reads of one piece each would be more requests than a session may have open.
#[test]
fn a_wide_window_is_not_made_of_a_request_for_every_piece() {
    for delay in [5, 20, 80, 150] {
        let mut journey = Journey::new(Duration::from_millis(delay), 2e7, Duration::ZERO, 4096);
        journey.open(Tune::First, 0);
        journey.run(Duration::from_secs(20));
        assert_eq!(journey.held.len(), PIECES as usize);
    }
}
