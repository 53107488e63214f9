//! A client, a server and a line between them, on virtual time and at the level of messages.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the world")]

extern crate alloc;

use alloc::collections::{BTreeMap, VecDeque};
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotcache::cache::CacheKey;
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotp2p::access_point::{self, AccessPoint, Done, Entry};
use spotp2p::node::{self, Command, Effect, Event, LogIn, Node};
use spotp2p::swarm::Mode;
use spotp2p::{FileKey, Payload, SessionId};
use spotproto::content::{self, ContentKey, FileId, Format, Geometry, Head, PIECE_LEN, SeekTable};
use spotproto::crypto::{Crypto, PublicKey, SecretKey};
use spotproto::message::{Message, Refusal, Wanted};
use spotproto::{Gid, Instant, Machine, Seed, SessionError, UnixTime};

/// The access point's address.
pub const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(11, 0, 0, 2)), 4070);

/// What every log-in goes by.
pub fn log_in() -> LogIn {
    LogIn { link_key: PublicKey([1; 32]), seed: Seed([4; 32]) }
}

/// A file's name in this world: pieces carry their own verdict.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(pub u32);

impl CacheKey for Key {
    const LEN: usize = 4;

    fn write(&self, place: &mut [u8]) {
        self.0.write(place);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        u32::read(bytes).map(Self)
    }

    fn bits(&self) -> u64 {
        self.0.bits()
    }
}

/// No node of this world has a cache.
impl FileKey for Key {
    fn root(&self) -> Option<FileId> {
        None
    }

    fn seal_sheet<C: Crypto>(&self, _: &CacheKeys, _: &Sheet<Self>) -> Option<Bytes> {
        None
    }

    fn open_sheet<C: Crypto>(&self, _: &CacheKeys, _: &[u8]) -> Option<Sheet<Self>> {
        None
    }

    fn seal_leaves<C: Crypto>(&self, _: &CacheKeys, _: &LeafGroup) -> Option<Bytes> {
        None
    }

    fn open_leaves<C: Crypto>(&self, _: &CacheKeys, _: u32, _: &[u8]) -> Option<LeafGroup> {
        None
    }
}

/// A piece in this world.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    pub size: usize,
    pub genuine: bool,
}

impl Payload for Piece {
    fn size(&self) -> usize {
        self.size
    }

    fn is_genuine(&self, _leaf: Option<&content::Hash>) -> bool {
        self.genuine
    }
}

type Text = Message<Key, Piece>;
type Client = Node<Key, Piece>;
type Server = AccessPoint<Key, Piece>;

pub const DATE: UnixTime = UnixTime(1_800_000_000);

pub const TRACK: Gid = Gid::from_bytes([7; 16]);

/// Four minutes at 160 kbit/s.
pub fn head() -> Head<Key> {
    let (duration_ms, length) = (240_000, 4_800_000);
    Head {
        file: Key(1),
        geometry: Geometry::of_plaintext(length).expect("a possible length"),
        format: Format::OggVorbis,
        bit_rate: 160_000,
        duration_ms,
        sample_rate: 44_100,
        channels: 2,
        samples: None,
        delay: 0,
        gain: None,
        headers: core::iter::once(0..4000).collect(),
        seek: SeekTable::even(duration_ms, 4000, length).expect("an even table"),
    }
}

/// Something under way.
enum Parcel {
    ToServer(SessionId, Text),
    ToClient(SessionId, Text),
    Taken(SessionId, u32),
}

pub struct World {
    pub now: Instant,
    pub node: Client,
    pub server: Server,
    delay: Duration,
    /// Bytes a second from the server to the client.
    rate: f64,
    free: Instant,
    parcels: VecDeque<(Instant, u64, Parcel)>,
    count: u64,
    /// What waits for the line, by session.
    sending: VecDeque<(SessionId, Text)>,
    pub up: bool,
    /// What a server that is not up says, if it says anything.
    pub refusal: Option<SessionError>,
    /// Connections accepted so far.
    pub connections: u64,
    live: Option<SessionId>,
    /// Pieces that the server spoils.
    pub spoilt: Vec<u32>,
    pub missing: bool,
    /// The server's store has too much to do to look anything up.
    pub busy: bool,
    pub events: Vec<(Instant, Event<Key, Piece>)>,
    /// Messages that reached the server, by name.
    pub asked: Vec<(Instant, Text)>,
    /// Most pieces outstanding at a time, seen at the server.
    pub bytes: BTreeMap<u32, u32>,
}

impl World {
    pub fn new() -> Self {
        let now = Instant::START;
        let config = node::Config::new(log_in(), "test", Seed([3; 32]), (now, DATE));
        let config = node::Config { mode: Mode::Alone, ..config };
        let server = access_point::Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: PublicKey([8; 32]),
            date: (now, DATE),
            ticket_lasts: Duration::from_secs(3600),
            lease: access_point::LEASE,
            limits: access_point::Limits::DEFAULT,
        };
        Self {
            now,
            node: Node::new(now, config),
            server: AccessPoint::new(server),
            delay: Duration::from_millis(25),
            rate: 1.2e6,
            free: now,
            parcels: VecDeque::new(),
            count: 0,
            sending: VecDeque::new(),
            up: true,
            refusal: None,
            connections: 0,
            live: None,
            spoilt: Vec::new(),
            missing: false,
            busy: false,
            events: Vec::new(),
            asked: Vec::new(),
            bytes: BTreeMap::new(),
        }
    }

    pub fn command(&mut self, command: Command<Key>) {
        self.tell(node::Input::Command(command));
        self.settle();
    }

    pub fn play(&mut self, at_ms: u32) {
        self.command(Command::Open { wanted: Wanted::Track(TRACK), at_ms });
    }

    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            self.settle();
            let next = self.parcels.iter().map(|(at, ..)| *at).chain(self.node.poll_timeout()).min();
            match next.filter(|at| *at <= until) {
                Some(at) => self.now = at,
                None => break,
            }
        }
        self.now = until;
    }

    /// Cuts the connection, as a dead server does.
    pub fn cut(&mut self) {
        if let Some(session) = self.live.take() {
            self.parcels.clear();
            self.sending.clear();
            let Ok(()) = self.server.handle_input(self.now, access_point::Input::Disconnected { session });
            self.tell(node::Input::Disconnected { session, why: Some(SessionError::Lost) });
        }
        self.settle();
    }

    pub fn pieces(&self) -> Vec<u32> {
        let of = |event: &Event<Key, Piece>| match event {
            Event::Piece { index, .. } => Some(*index),
            _ => None,
        };
        self.events.iter().filter_map(|(_, event)| of(event)).collect()
    }

    pub fn when(&self, wanted: impl Fn(&Event<Key, Piece>) -> bool) -> Option<Instant> {
        self.events.iter().find(|(_, event)| wanted(event)).map(|(at, _)| *at)
    }

    pub fn tell(&mut self, input: node::Input<Key, Piece>) {
        let Ok(()) = self.node.handle_input(self.now, input);
    }

    fn settle(&mut self) {
        for _ in 0..100_000 {
            if !(self.deliver() | self.drain_node() | self.drain_server() | self.transmit()) {
                return;
            }
        }
        panic!("the world never settles");
    }

    fn put(&mut self, at: Instant, parcel: Parcel) {
        self.count += 1;
        let place = self.parcels.partition_point(|(other, n, _)| (*other, *n) < (at, self.count));
        self.parcels.insert(place, (at, self.count, parcel));
    }

    fn deliver(&mut self) -> bool {
        let mut busy = false;
        if self.node.poll_timeout().is_some_and(|at| at <= self.now) {
            let Ok(()) = self.node.handle_timeout(self.now);
            busy = true;
        }
        while self.parcels.front().is_some_and(|(at, ..)| *at <= self.now) {
            busy = true;
            let Some((_, _, parcel)) = self.parcels.pop_front() else { break };
            match parcel {
                Parcel::ToServer(from, message) => {
                    self.asked.push((self.now, message.clone()));
                    let input = access_point::Input::Message { from, message };
                    let Ok(()) = self.server.handle_input(self.now, input);
                }
                Parcel::ToClient(from, message) => self.tell(node::Input::Message { from, message }),
                Parcel::Taken(session, channel) => {
                    let input = access_point::Input::Sent { session, channel };
                    let Ok(()) = self.server.handle_input(self.now, input);
                }
            }
        }
        busy
    }

    fn drain_node(&mut self) -> bool {
        let mut busy = false;
        while let Some(output) = self.node.poll_output() {
            busy = true;
            match output {
                node::Output::Send { to, message } if self.live == Some(to) => {
                    if let Message::Abort { channel } = &message {
                        self.abort(to, *channel);
                    }
                    self.put(self.now + self.delay, Parcel::ToServer(to, message));
                }
                node::Output::Effect(Effect::Connect { session, .. }) => self.connect(session),
                node::Output::Effect(Effect::HangUp { session, .. }) => {
                    let input = access_point::Input::Disconnected { session };
                    let Ok(()) = self.server.handle_input(self.now, input);
                    self.live = None;
                }
                node::Output::Event(event) => self.events.push((self.now, event)),
                _ => {}
            }
        }
        busy
    }

    /// What the session machine does: an abort drops what is queued for the line.
    fn abort(&mut self, to: SessionId, channel: u32) {
        self.sending.retain(|(session, message)| *session != to || message.channel() != Some(channel));
    }

    fn connect(&mut self, session: SessionId) {
        if !self.up {
            self.tell(node::Input::LogIn(log_in()));
            return self.tell(node::Input::Disconnected { session, why: self.refusal });
        }
        self.connections += 1;
        self.live = Some(session);
        self.tell(node::Input::LogIn(log_in()));
        let from = (Ipv4Addr::new(11, 0, 0, 1), 4070).into();
        for input in [
            access_point::Input::Accepted { session, from },
            access_point::Input::Established { session, device: PublicKey([9; 32]), confirmed: true },
        ] {
            let Ok(()) = self.server.handle_input(self.now, input);
        }
        self.tell(node::Input::Connected { session, confirmed: true, address: HERE });
        self.tell(node::Input::RoundTrip { session, span: self.delay * 2 });
    }

    fn drain_server(&mut self) -> bool {
        let mut busy = false;
        while let Some(output) = self.server.poll_output() {
            busy = true;
            match output {
                access_point::Output::Send { to, message } => self.sending.push_back((to, message)),
                access_point::Output::Effect(effect) => self.carry_out(effect),
                access_point::Output::Event(_) => {}
                _ => {}
            }
        }
        busy
    }

    fn carry_out(&mut self, effect: access_point::Effect<Key>) {
        let (request, done) = match effect {
            access_point::Effect::Find { request, .. } if self.missing => {
                (request, Done::Found(Err(Refusal::NotFound)))
            }
            access_point::Effect::Fetch { request, .. } if self.busy => {
                (request, Done::Piece(Err(Refusal::Busy)))
            }
            access_point::Effect::Find { request, .. } => {
                let key = ContentKey::new([5; 32]);
                let entry = Entry {
                    head: head(),
                    key,
                    title: "Tune".into(),
                    artist: "Nobody".into(),
                    mirrors: Vec::new(),
                };
                (request, Done::Found(Ok(Box::new(entry))))
            }
            access_point::Effect::Prove { request, .. } if self.busy => {
                (request, Done::Proofs(Err(Refusal::Busy)))
            }
            access_point::Effect::Prove { request, .. } => (request, Done::Proofs(Ok(Vec::new()))),
            access_point::Effect::Fetch { request, piece, .. } => {
                *self.bytes.entry(piece).or_insert(0) += 1;
                let size = head().geometry.piece_len(piece);
                (request, Done::Piece(Ok(Piece { size, genuine: !self.spoilt.contains(&piece) })))
            }
            _ => return,
        };
        let Ok(()) = self.server.handle_input(self.now, access_point::Input::Done(request, done));
    }

    /// One message at a time over the line.
    fn transmit(&mut self) -> bool {
        if self.free > self.now {
            let free = self.free;
            if !self.parcels.iter().any(|(at, ..)| *at == free) && !self.sending.is_empty() {
                // A moment at which the line is looked at again.
                self.put(free, Parcel::Taken(SessionId(u64::MAX), 0));
            }
            return false;
        }
        let Some((to, message)) = self.sending.pop_front() else { return false };
        let size = match &message {
            Message::Piece { data, .. } => data.size,
            _ => 100,
        };
        self.free = self.now + Duration::from_secs_f64(size as f64 / self.rate);
        if let Message::Piece { channel, .. } = &message {
            self.put(self.free, Parcel::Taken(to, *channel));
        }
        self.put(self.free + self.delay, Parcel::ToClient(to, message));
        true
    }
}

pub const PIECE: usize = PIECE_LEN;
