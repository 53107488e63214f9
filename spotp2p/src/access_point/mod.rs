//! The server as one machine: it admits, logs in, and answers opens and reads; what leaves it is an effect.

mod answer;
mod door;
mod limits;
mod lines;
mod login;
mod peering;
mod playing;
mod session;

pub use crate::allowance::Rate;
pub use limits::Limits;

use crate::broker::Broker;
use crate::payload::FileKey;
use crate::reports::Reports;
use crate::tracker::{Client, Tracker};
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use answer::Errand;
use core::net::SocketAddr;
use core::time::Duration;
use door::Door;
use peering::Chore;
use session::Session;
use spotproto::content::{ContentKey, Head, LeafRange};
use spotproto::crypto::{Crypto, PublicKey, RustCrypto, SecretKey, VerifyingKey};
use spotproto::message::{Channel, Message, Mirrors, PieceRange, Refusal, Wanted};
#[cfg(doc)]
use spotproto::message::{MAX_MIRRORS, MIRROR_LEN_MAX};
use spotproto::preamble::LinkId;
use spotproto::{CloseCode, Instant, Machine, Outbox, Seed, UnixTime};

/// What an access point is told once.
#[derive(Debug)]
pub struct Config {
    /// Signs tickets.
    pub ticket_key: SecretKey,
    /// Pseudonyms and the ids of links are drawn from this secret, so that nobody can guess one; chance is too.
    pub pseudonym_key: SecretKey,
    /// The key that clients pin: as whom the access point dials a port that a client claims.
    pub identity: PublicKey,
    /// A date, and the instant at which it was read.
    pub date: (Instant, UnixTime),
    /// How long a ticket is good for.
    pub ticket_lasts: Duration,
    /// How long a content key may be used without asking again; see [`LEASE`].
    pub lease: Duration,
    /// Bounds.
    pub limits: Limits,
}

/// How long a content key may be used without asking again, unless the operator wants another time: what is kept stays
/// playable through a month without a connection.
pub const LEASE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What the catalogue knows of a track or file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry<K> {
    /// Facts of the file.
    pub head: Head<K>,
    /// What its pieces are sealed with.
    pub key: ContentKey,
    /// Title of the track.
    pub title: Box<str>,
    /// Artist of the track.
    pub artist: Box<str>,
    /// Where a CDN keeps the file's ciphertext, if one does; what is beyond [`MAX_MIRRORS`] and [`MIRROR_LEN_MAX`] is not
    /// passed on.
    pub mirrors: Mirrors,
}

/// What an effect brought.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Done<K, B> {
    /// Of [`Effect::Find`].
    Found(Result<Box<Entry<K>>, Refusal>),
    /// Of [`Effect::Prove`].
    Proofs(Result<Vec<LeafRange>, Refusal>),
    /// Of [`Effect::Fetch`].
    Piece(Result<B, Refusal>),
    /// Of [`Effect::Index`]: whether each of the files is in the catalogue.
    Indexed(Vec<bool>),
    /// Of [`Effect::Probe`]: whether the holder of the link key answered.
    Probed(bool),
}

/// What an access point is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<K, B> {
    /// A connection was accepted, from this address.
    Accepted {
        /// What it is called.
        session: SessionId,
        /// Where it comes from.
        from: SocketAddr,
    },
    /// Its handshake tells who is there.
    Established {
        /// Which connection.
        session: SessionId,
        /// The device's key.
        device: PublicKey,
        /// `false` while all that came may be a replay.
        confirmed: bool,
    },
    /// It is no replay.
    Confirmed {
        /// Which connection.
        session: SessionId,
    },
    /// A message came.
    Message {
        /// On which connection.
        from: SessionId,
        /// The message.
        message: Message<K, B>,
    },
    /// The line took a piece.
    Sent {
        /// On which connection.
        session: SessionId,
        /// Of which request.
        channel: Channel,
    },
    /// The connection ended.
    Disconnected {
        /// Which one.
        session: SessionId,
    },
    /// A round trip was measured.
    RoundTrip {
        /// On which connection.
        session: SessionId,
        /// How long it took.
        span: Duration,
    },
    /// An effect is carried out.
    Done(RequestId, Done<K, B>),
}

/// What an access point wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Effect<K> {
    /// Look a track or file up in the catalogue.
    Find {
        /// The number of the effect.
        request: RequestId,
        /// What to look up.
        wanted: Wanted<K>,
    },
    /// Prove pieces of a file.
    Prove {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
        /// Which pieces: a proof each.
        ranges: Vec<PieceRange>,
    },
    /// Get one piece of ciphertext, checked against its leaf.
    Fetch {
        /// The number of the effect.
        request: RequestId,
        /// Which file.
        file: K,
        /// Which piece.
        piece: u32,
    },
    /// Look up which of these files are in the catalogue: a client says that it holds them.
    Index {
        /// The number of the effect.
        request: RequestId,
        /// Which files.
        files: Vec<K>,
    },
    /// Dial an address as the initiator of a link, and see whether the holder of a link key answers. The client that should
    /// be there is told to expect it at the same time. An owner that has no sockets answers [`Done::Probed`] with `false`.
    Probe {
        /// The number of the effect.
        request: RequestId,
        /// Where to dial: the address that the client's own connection comes from, and the port that it claims.
        address: SocketAddr,
        /// The link's id.
        link: LinkId,
        /// The static key that has to answer.
        link_key: PublicKey,
    },
    /// Close a connection.
    HangUp {
        /// Which one.
        session: SessionId,
        /// What the other side is told.
        code: CloseCode,
    },
}

/// What an access point tells the operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<K> {
    /// A device logged in.
    LoggedIn {
        /// On which connection.
        session: SessionId,
        /// The device's key.
        device: PublicKey,
    },
    /// A logged-in client plays a file from what it holds.
    Playing {
        /// On which connection.
        session: SessionId,
        /// The device's key.
        device: PublicKey,
        /// Which file, by the client's word.
        file: K,
    },
    /// A client says what came of a link that was brokered.
    Dialled {
        /// On which connection.
        session: SessionId,
        /// Whether it stands.
        stands: bool,
    },
    /// A device was reported by so many that it is no longer named to others for a while.
    Shunned {
        /// Its key.
        device: PublicKey,
    },
    /// A connection was turned away or dropped for want of room.
    TurnedAway {
        /// Which one.
        session: SessionId,
    },
}

/// What an access point asks of its owner, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output<K, B> {
    /// Send a message.
    Send {
        /// On which connection.
        to: SessionId,
        /// The message.
        message: Message<K, B>,
    },
    /// Do something.
    Effect(Effect<K>),
    /// Know something.
    Event(Event<K>),
}

/// Every access point takes every input: there is nothing that ends it.
pub type Never = core::convert::Infallible;

/// The server as one machine. It never ends; a session that breaks a rule is hung up on, and nobody else notices.
#[derive(Debug)]
pub struct AccessPoint<K, B, C: Crypto = RustCrypto> {
    config: Config,
    issuer: VerifyingKey,
    door: Door,
    sessions: BTreeMap<SessionId, Session<K, B>>,
    /// What each effect under way is for.
    errands: BTreeMap<RequestId, Errand>,
    next_request: RequestId,
    logins: u64,
    tracker: Tracker<K>,
    broker: Broker<K>,
    reports: Reports,
    /// The latest session of each device that logged in.
    devices: BTreeMap<PublicKey, SessionId>,
    /// Whose a client of the tracker is.
    clients: BTreeMap<Client, SessionId>,
    /// What effects under way are for, of those that serve no request.
    chores: BTreeMap<RequestId, Chore>,
    /// Links that were given an id.
    linked: u64,
    /// Ports being tried out.
    probes: usize,
    out: Outbox<Output<K, B>>,
    crypto: core::marker::PhantomData<C>,
}

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    /// An access point without sessions.
    #[must_use]
    pub fn new(config: Config) -> Self {
        let seed = Seed(C::hmac(&config.pseudonym_key.0, &[b"spot tracker v1"]));
        Self {
            issuer: C::verifying_key(&config.ticket_key),
            door: Door::new(&config.limits),
            sessions: BTreeMap::new(),
            errands: BTreeMap::new(),
            next_request: RequestId(0),
            logins: 0,
            tracker: Tracker::new(config.limits.tracker, &seed),
            broker: Broker::new(config.limits.broker),
            reports: Reports::new(config.limits.reports),
            devices: BTreeMap::new(),
            clients: BTreeMap::new(),
            chores: BTreeMap::new(),
            linked: 0,
            probes: 0,
            out: Outbox::new(config.limits.outputs),
            config,
            crypto: core::marker::PhantomData,
        }
    }

    /// Connections, half-open ones included.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.sessions.len()
    }

    fn accepted(&mut self, session: SessionId, from: SocketAddr) {
        if self.sessions.contains_key(&session) {
            // The owner says it twice.
            return;
        }
        if self.sessions.len() >= self.config.limits.sessions {
            return self.turn_away(session);
        }
        if let Some(oldest) = self.door.enter(session, from.ip()) {
            self.sessions.remove(&oldest);
            self.turn_away(oldest);
        }
        self.sessions.insert(session, Session::new(self.next_request, from));
    }

    fn turn_away(&mut self, session: SessionId) {
        self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Limit }));
        self.out.push(Output::Event(Event::TurnedAway { session }));
    }

    /// Ends a session that broke a rule.
    fn hang_up(&mut self, session: SessionId, code: CloseCode) {
        if self.disconnected(session) {
            self.out.push(Output::Effect(Effect::HangUp { session, code }));
        }
    }

    /// Whether the session was there.
    fn disconnected(&mut self, session: SessionId) -> bool {
        self.door.leave(session);
        let Some(gone) = self.sessions.remove(&session) else { return false };
        if let Some(peer) = gone.peer {
            self.leave_peers(session, peer.client);
        }
        true
    }

    fn message(&mut self, now: Instant, from: SessionId, message: Message<K, B>) {
        match message {
            Message::Hello(hello) => self.hello(now, from, &hello),
            Message::Open { channel, open } => self.open(from, channel, open),
            Message::Read { channel, read } => self.read(from, channel, read),
            Message::Abort { channel } => self.abort(from, channel),
            Message::Playing { file } => self.playing(now, from, file),
            Message::Renew { .. }
            | Message::Holding(_)
            | Message::FindPeers { .. }
            | Message::Connect { .. }
            | Message::Dialled { .. }
            | Message::Report { .. } => self.of_peers(now, from, message),
            // Answers to what was never asked: the session machine lets none through, but who knows the owner.
            _ => self.hang_up(from, CloseCode::Protocol),
        }
    }

    fn send(&mut self, to: SessionId, message: Message<K, B>) {
        self.out.push(Output::Send { to, message });
    }
}

impl<K: FileKey, B, C: Crypto> Machine for AccessPoint<K, B, C> {
    type Input = Input<K, B>;
    type Output = Output<K, B>;
    type Error = Never;

    fn handle_input(&mut self, now: Instant, input: Input<K, B>) -> Result<(), Never> {
        match input {
            Input::Accepted { session, from } => self.accepted(session, from),
            Input::Established { session, device, confirmed } => {
                self.established(now, session, device, confirmed);
            }
            Input::Confirmed { session } => self.confirmed(now, session),
            Input::Message { from, message } => self.message(now, from, message),
            Input::Sent { session, channel } => self.sent(session, channel),
            Input::Disconnected { session } => {
                self.disconnected(session);
            }
            // How far a client is will matter once it is told of peers.
            Input::RoundTrip { .. } => {}
            Input::Done(request, done) => match self.chores.remove(&request) {
                Some(chore) => self.chore_done(chore, request, done),
                None => self.done(request, done),
            },
        }
        Ok(())
    }

    fn handle_timeout(&mut self, _now: Instant) -> Result<(), Never> {
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output<K, B>> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    fn wants_input(&self) -> bool {
        self.out.has_room()
    }
}
