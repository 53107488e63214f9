//! A household: the real client on a simulated machine, behind a simulated line, with somebody who listens.

mod agenda;
mod book;
mod disk;
mod habits;
mod links;
mod look_up;
mod pieces;
mod play;

use super::line::{Down, Ends, Line};
use super::names::{Name, Piece, Plain, Text, done};
use super::net::{Key, Net, What};
use super::site::DATE;
use super::wire;
use super::world::{Ill, PORT, Who, World};
use crate::metrics::Hour;
use agenda::Agenda;
use alloc::collections::VecDeque;
use book::Book;
use disk::Disk;
use habits::Habits;
use links::{Caller, Making};
use play::{Next, Play};
use spotcache::cache::{self, Quota};
use spotcache::sheet::CacheKeys;
use spotp2p::node::{CacheSetup, Command, Config, Effect, Event, Input, LogIn, Node, Output};
use spotp2p::playout::Summary;
use spotp2p::reach::Meeting;
use spotp2p::swarm::Mode;
use spotp2p::{RequestId, SessionId};
use spotproto::crypto::{PublicKey, SecretKey};
use spotproto::message::{Holding, MAX_HOLDING, Message};
use spotproto::{Dice, Instant, Machine};

pub(crate) use disk::piece_of;
pub(crate) use links::mirror;

pub(crate) type Client = Node<Name, Piece, Plain>;
type News = Input<Name, Piece>;

/// A household.
#[derive(Debug)]
pub(crate) struct Home {
    /// The program, while it runs.
    node: Option<Box<Client>>,
    /// When it wants to be woken.
    timer: Option<u64>,
    line: Line,
    down: Down,
    /// When the shard looks here for the node's sake.
    pub(crate) wakes_at: u64,
    /// The connection to the access point.
    server: Option<Key>,
    making: Vec<Making>,
    callers: Vec<Caller>,
    disk: Disk,
    play: Option<Box<Play>>,
    next: Option<Box<Next>>,
    /// The query of somebody else that came last.
    passes_on: Option<u64>,
    /// What earlier log-ins knew of the line.
    link: Summary,
    books: Vec<Book>,
    /// What web servers were asked for, and not told to leave.
    fetching: Vec<RequestId>,
    habits: Habits,
    /// A written list, in place of habits.
    agenda: Option<Box<Agenda>>,
    dice: Dice,
    log_ins: u32,
    given: u64,
    pub(crate) count: u32,
    pub(crate) hash: u64,
}

impl Home {
    pub(crate) fn new(world: &World, who: Who) -> Self {
        let house = &world.houses[who as usize];
        let mut dice = world.dice(who);
        let mut disk = Disk::new(&world.scenario.caches, &mut dice);
        let habits = Habits::new(world, &mut dice);
        let agenda = Agenda::of(world, who);
        if world.scenario.caches.on && agenda.is_none() {
            disk.fill(&world.catalogue, habits.history(), world.scenario.caches.files);
        }
        Self {
            node: None,
            timer: None,
            line: Line::new(Ends::Few(Vec::new()), house.up, world.scenario.lines.idle_reset),
            down: Down::new(house.down),
            wakes_at: u64::MAX,
            server: None,
            making: Vec::new(),
            callers: Vec::new(),
            disk,
            play: None,
            next: None,
            passes_on: None,
            link: Summary::UNKNOWN,
            books: Vec::new(),
            fetching: Vec::new(),
            habits,
            agenda,
            dice,
            log_ins: 0,
            given: 0,
            count: 0,
            hash: 0,
        }
    }

    /// When the node wants to be woken.
    pub(crate) const fn timer(&self) -> Option<u64> {
        self.timer
    }

    /// The node's time has come.
    pub(crate) fn wakes(&mut self, net: &mut Net<'_>) {
        let Some(mut node) = self.node.take() else { return };
        net.happened(0x71);
        done(node.handle_timeout(net.instant()));
        self.drain(net, node, VecDeque::new());
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, net: &mut Net<'_>, from: Who, what: What) {
        match what {
            What::Text { to, size, spread, text } => self.arrives(net, (from, to), (size, spread), text),
            What::Heard { from, text } => self.hears(net, from, text),
            What::Dials { link, theirs } => self.is_called(net, from, link, theirs),
            What::Accepts { link, theirs } => self.is_accepted(net, link, theirs),
            What::Enter { to, taken } => self.entered(net, to, taken),
            What::HungUp { to } => self.is_left(net, to),
            What::Congested { to, late } => {
                if let Some(end) = self.line.ends.get(to) {
                    end.congested(net.now, late);
                }
            }
            What::Line => self.line.looks(net),
            What::Round(key) => self.line.round(net, key),
            What::Sent { to, channel, index } if self.server != Some(to) => {
                self.is_told(net, Input::Sent { session: session(to), channel, index });
            }
            What::Stands(key) => self.stands(net, key),
            What::Confirmed(key) if self.line.ends.get(key).is_some() => {
                self.is_told(net, Input::Confirmed { session: session(key) });
            }
            What::GivesUp(key) => self.gives_up(net, key),
            What::Read { request, file, piece } => {
                let done = disk::read(net.world, file, piece);
                self.is_told(net, Input::Disk(request, done));
            }
            What::Mirror { request, file, pieces } => self.mirror_sends(net, request, (file, pieces)),
            What::Look => self.looks(net),
            What::Life if self.agenda.is_some() => self.obeys(net),
            What::Life => self.lives(net),
            What::Flash if self.agenda.is_none() => self.wants_new(net),
            _ => {}
        }
    }

    /// Counts what is to be seen from outside; this was done so long ago last.
    pub(crate) fn is_looked_at(&self, net: &mut Net<'_>, since: u64) {
        let Some(node) = self.node.as_ref() else { return };
        let neighbours = node.swarm().neighbours() as u64;
        if let Some(tally) = net.tally() {
            tally.degrees.record(neighbours);
            // One of both sides of an idle link pings, and is answered.
            let each = 2 * Meeting::KEEP_ALIVE.as_micros() as u64;
            tally.peers.keep_alive += neighbours * u64::from(wire::PING) * since / each;
        }
    }

    /// Counts who is there at the end of an hour.
    pub(crate) fn is_counted(&self, hour: &mut Hour) {
        hour.online += u64::from(self.node.is_some());
        hour.playing += u64::from(self.node.is_some() && self.play.is_some());
    }

    /// Bytes that went to peers since counting began.
    pub(crate) const fn given(&self) -> u64 {
        self.given
    }

    /// The program starts.
    fn starts(&mut self, net: &mut Net<'_>) {
        let world = net.world;
        let house = &world.houses[net.me as usize];
        let (peers, now) = (&world.scenario.peers, net.instant());
        let log_in = self.next_log_in(net);
        let mut config =
            Config::new(log_in, "", world.seed(net.me, 2 + u64::from(self.log_ins)), (Instant::START, DATE));
        config.agent = world.agent.clone();
        config.port = if house.open { PORT } else { 0 };
        config.mode = match (peers.on, house.mobile) {
            (false, _) => Mode::Alone,
            (true, true) => Mode::TakeOnly,
            (true, false) => Mode::Full,
        };
        config.swarm = world.swarm.clone();
        config.planner = world.planner.clone();
        config.link = self.link;
        let mut setup = cache::Config { quota: Quota::Bytes(self.disk.quota()), ..cache::Config::default() };
        setup.eviction = match world.scenario.caches.eviction {
            crate::scenario::Eviction::Lru => cache::Eviction::Lru,
            crate::scenario::Eviction::S3Fifo => cache::Eviction::S3Fifo,
        };
        setup.limits.journal_slack = 4096;
        if world.scenario.caches.files > 0 {
            setup.limits.files = world.scenario.caches.files;
        }
        config.cache = Some(CacheSetup { config: setup, keys: CacheKeys::new::<Plain>(&SecretKey([7; 32])) });
        let node = Box::new(Client::new(now, config));
        self.drain(net, node, [Input::Command(Command::Connect)].into());
    }

    fn next_log_in(&mut self, net: &Net<'_>) -> LogIn {
        self.log_ins += 1;
        let seed = net.world.seed(net.me, 1 << 16 | u64::from(self.log_ins));
        LogIn { link_key: PublicKey(seed.0), seed: seed.part(1) }
    }

    /// The program ends, whatever it was doing.
    fn ends(&mut self, net: &mut Net<'_>) {
        self.is_told(net, Input::Command(Command::Leave));
        for end in self.line.ends.take_all() {
            let at = (net.now + u64::from(end.away)).max(end.arrives + 1);
            net.travels(at, end.peer, What::HungUp { to: end.theirs });
        }
        self.node = None;
        self.timer = None;
        self.server = None;
        self.making = Vec::new();
        self.callers = Vec::new();
        self.next = None;
        self.books = Vec::new();
        self.fetching = Vec::new();
    }

    fn is_told(&mut self, net: &mut Net<'_>, news: News) {
        let Some(mut node) = self.node.take() else { return };
        net.happened(0x10);
        done(node.handle_input(net.instant(), news));
        self.drain(net, node, VecDeque::new());
    }

    /// Carries out what the node wants done, and tells it at once what needs no time.
    fn drain(&mut self, net: &mut Net<'_>, mut node: Box<Client>, mut news: VecDeque<News>) {
        loop {
            while let Some(output) = node.poll_output() {
                match output {
                    Output::Send { to, message } => self.says(net, to, message),
                    Output::Effect(effect) => self.carries_out(net, effect, &mut news),
                    Output::Event(event) => self.learns(net, event),
                    _ => {}
                }
            }
            let Some(input) = news.pop_front() else { break };
            net.happened(0x11);
            done(node.handle_input(net.instant(), input));
        }
        self.timer = node.poll_timeout().map(|at| at.micros().saturating_sub(1));
        self.node = Some(node);
    }

    fn carries_out(&mut self, net: &mut Net<'_>, effect: Effect<Name, Piece>, news: &mut VecDeque<News>) {
        match effect {
            Effect::Connect { session, .. } => {
                news.push_back(Input::LogIn(self.next_log_in(net)));
                self.connects(net, key(session));
            }
            Effect::Link { session, dial, .. } => self.links(net, key(session), &dial),
            Effect::Report { session, what } => self.reports(net, key(session), what),
            Effect::HangUp { session, .. } => self.hangs_up(net, key(session)),
            Effect::Disk(work) => {
                if let Some((request, done)) = self.disk.carry_out(net, &mut self.dice, work) {
                    news.push_back(Input::Disk(request, done));
                }
            }
            Effect::Fetch { get, .. } => self.fetches(net, &get),
            Effect::FetchNoMore(request) => self.fetches_no_more(request),
            _ => {}
        }
    }

    fn learns(&mut self, net: &mut Net<'_>, event: Event<Name, Piece>) {
        match event {
            Event::LoggedIn if net.world.houses[net.me as usize].ill == Ill::Boasts => self.boasts(net),
            Event::Start(_) => self.may_start(net),
            Event::Piece { index, data, from } => self.has_piece(net, index, (data, from)),
            Event::NextPiece { index, data, from } => self.has_next_piece(net, index, (data, from)),
            Event::NextDropped { .. } => self.drops_next(),
            Event::Link(link) => self.link = link,
            Event::Drop(range) => (range.start..range.end()).for_each(|piece| self.lacks_piece(piece)),
            Event::Refused(_) => self.is_refused(net),
            Event::Forged { .. } => {
                if let Some(tally) = net.tally() {
                    tally.ill.forged += 1;
                }
            }
            Event::Reported(_) => {
                if let Some(tally) = net.tally() {
                    tally.ill.reported += 1;
                }
            }
            Event::Gave { bytes } if net.tally().is_some() => self.given += bytes as u64,
            _ => {}
        }
    }

    /// Says to hold what everybody wants.
    fn boasts(&mut self, net: &mut Net<'_>) {
        let joined = (0..MAX_HOLDING as u32).map(Name).collect();
        if let Some(server) = self.server {
            let text = Message::Holding(Box::new(Holding { joined, left: Vec::new() }));
            self.line.send(net, server, text);
        }
    }

    /// The node says something.
    fn says(&mut self, net: &mut Net<'_>, to: SessionId, mut text: Text) {
        let to = key(to);
        if self.server == Some(to) {
            self.looks_up(&text);
            if let Message::Read { read, .. } = &text {
                self.asks(net, read.pieces.count);
            }
            return self.line.send(net, to, text);
        }
        match (&mut text, net.world.houses[net.me as usize].ill) {
            (Message::Piece { data, .. }, Ill::Forges) => data.genuine = false,
            (Message::Piece { .. }, Ill::Stalls) => return,
            _ => {}
        }
        if let Some(making) = self.making.iter_mut().find(|making| making.key == to && !making.stands) {
            return making.early.push(text);
        }
        self.queries(&text);
        let size = u64::from(wire::size(&text));
        if let Some(tally) = net.tally() {
            match &text {
                Message::Query(_) | Message::Hit(_) => tally.peers.search += size,
                Message::Piece { data, .. } => tally.peers.other += size - u64::from(data.size),
                _ => tally.peers.other += size,
            }
        }
        self.line.send(net, to, text);
    }

    /// A message comes to the far end of the line to this house.
    fn arrives(&mut self, net: &mut Net<'_>, (from, to): (Who, Key), (size, spread): (u32, u32), text: Text) {
        let Some(end) = self.line.ends.get(to).filter(|end| end.peer == from) else { return };
        let waits = self.down.waits(net.now);
        let held_up = waits.as_secs_f64() * 1e3 > net.world.scenario.lines.queue_ms;
        let through = self.down.takes(net.now, size, spread);
        if held_up && matches!(text, Message::Piece { .. }) {
            let (at, theirs) = (net.now + u64::from(end.away), end.theirs);
            let late = u32::try_from(waits.as_micros()).unwrap_or(u32::MAX);
            net.travels(at, from, What::Congested { to: theirs, late });
        }
        if through > net.now {
            return net.later(through, What::Heard { from: to, text });
        }
        self.hears(net, to, text);
    }

    fn hears(&mut self, net: &mut Net<'_>, from: Key, text: Text) {
        let Some(end) = self.line.ends.get(from) else { return };
        end.hears(&text);
        self.notes(net, from, &text);
        self.is_told(net, Input::Message { from: session(from), message: text });
    }
}

pub(crate) const fn session(key: Key) -> SessionId {
    SessionId(key as u64)
}

pub(crate) const fn key(session: SessionId) -> Key {
    session.0 as Key
}
