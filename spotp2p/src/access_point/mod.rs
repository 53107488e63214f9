//! The server as one machine: it admits, logs in, and answers opens and reads; what leaves it is an effect.

mod allowance;
mod answer;
mod door;
mod login;
mod playing;
mod session;

pub use allowance::Rate;

use crate::payload::FileKey;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use answer::Errand;
use core::net::IpAddr;
use core::time::Duration;
use door::Door;
use session::Session;
use spotproto::content::{ContentKey, Head, LeafRange};
use spotproto::crypto::{Crypto, PublicKey, RustCrypto, SecretKey, VerifyingKey};
use spotproto::message::{Channel, Message, PieceRange, Refusal, Wanted};
use spotproto::{CloseCode, Instant, Machine, Outbox, UnixTime};

/// What an access point is told once.
#[derive(Debug)]
pub struct Config {
    /// Signs tickets.
    pub ticket_key: SecretKey,
    /// Pseudonyms are drawn from this secret, so that nobody can guess one.
    pub pseudonym_key: SecretKey,
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

/// The bounds of an access point.
///
/// Worst-case memory, in words: `sessions` times about half a KiB and `ahead` pieces of 16 KiB each that were read
/// for it and are not sent yet. With the defaults and every session busy: 10,000 × 130 KiB, 1.3 GiB; idle ones hold
/// no piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections in all.
    pub sessions: usize,
    /// Connections that have not finished the handshake.
    pub half_open: usize,
    /// The same, from one address prefix (/24 or /56).
    pub half_open_per_prefix: usize,
    /// Pieces read ahead of what a session's line has taken.
    pub ahead: usize,
    /// The same, while all that came from the session may be a replay.
    pub ahead_unconfirmed: usize,
    /// Questions to the catalogue, and proofs, under way for one session: as many as it may have requests open, and as
    /// many again that it has just aborted. Requests beyond that are refused ([`Refusal::Busy`]).
    pub lookups: usize,
    /// Plays out of its own cache that are counted of a session.
    pub plays: Rate,
    /// Outputs queued before the access point wants to be drained.
    pub outputs: usize,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        sessions: 10_000,
        half_open: 512,
        half_open_per_prefix: 128,
        ahead: 8,
        ahead_unconfirmed: 2,
        lookups: 128,
        plays: Rate { burst: 20, every: Duration::from_secs(10) },
        outputs: 256,
    };
}

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
        from: IpAddr,
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
    out: Outbox<Output<K, B>>,
    crypto: core::marker::PhantomData<C>,
}

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    /// An access point without sessions.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            issuer: C::verifying_key(&config.ticket_key),
            door: Door::new(&config.limits),
            sessions: BTreeMap::new(),
            errands: BTreeMap::new(),
            next_request: RequestId(0),
            logins: 0,
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

    fn accepted(&mut self, session: SessionId, from: IpAddr) {
        if self.sessions.contains_key(&session) {
            // The owner says it twice.
            return;
        }
        if self.sessions.len() >= self.config.limits.sessions {
            return self.turn_away(session);
        }
        if let Some(oldest) = self.door.enter(session, from) {
            self.sessions.remove(&oldest);
            self.turn_away(oldest);
        }
        self.sessions.insert(session, Session::new(self.next_request));
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
        self.sessions.remove(&session).is_some()
    }

    fn message(&mut self, now: Instant, from: SessionId, message: Message<K, B>) {
        match message {
            Message::Hello(hello) => self.hello(now, from, &hello),
            Message::Open { channel, open } => self.open(from, channel, open),
            Message::Read { channel, read } => self.read(from, channel, read),
            Message::Abort { channel } => self.abort(from, channel),
            Message::Playing { file } => self.playing(now, from, file),
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
            Input::Done(request, done) => self.done(request, done),
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
