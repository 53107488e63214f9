//! What a node is told, and what it asks for.

use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use core::time::Duration;
use spotcache::cache::{self, PinRefused, Trouble};
use spotcache::sheet::CacheKeys;
use spotproto::crypto::PublicKey;
use spotproto::message::{Message, Opened, PieceRange, Refusal, Wanted};
use spotproto::{CloseCode, Instant, Seed, SessionError, UnixTime};

/// What a node is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// What peers will know this log-in by.
    pub link_key: PublicKey,
    /// The port on which this client takes connections; 0 for none.
    pub port: u16,
    /// Name and version of the program.
    pub agent: Box<str>,
    /// Pieces of the playing track that the program keeps; beyond that the ones furthest behind go.
    pub keep: u32,
    /// Outputs queued before the node wants to be drained.
    pub outputs: usize,
    /// Decides every throw: jitter of retries.
    pub seed: Seed,
    /// A moment, and the date then: leases are judged by it.
    pub date: (Instant, UnixTime),
    /// What is heard is kept, if this is given.
    pub cache: Option<CacheSetup>,
}

/// What a node's cache is told once.
#[derive(Clone, Debug)]
pub struct CacheSetup {
    /// Quota and bounds.
    pub config: spotcache::cache::Config,
    /// What content keys are sealed with on this device.
    pub keys: CacheKeys,
}

impl Config {
    /// 64 MiB of the playing track kept in memory, no port, no cache.
    #[must_use]
    pub fn new(link_key: PublicKey, agent: &str, seed: Seed, date: (Instant, UnixTime)) -> Self {
        Self { link_key, port: 0, agent: agent.into(), keep: 4096, outputs: 64, seed, date, cache: None }
    }
}

/// What the person, or the program on their behalf, wants.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command<K> {
    /// Log in now, so that the first click finds a standing connection.
    Connect,
    /// Play this from here on; what played before is dropped.
    Open {
        /// A track or a file.
        wanted: Wanted<K>,
        /// Where to start, in milliseconds.
        at_ms: u32,
    },
    /// Go to this time of the playing track.
    Seek {
        /// In milliseconds.
        at_ms: u32,
    },
    /// The decoder has come to this piece.
    Reading {
        /// The piece.
        piece: u32,
    },
    /// Play nothing any more.
    Stop,
    /// Fetch all of this, as far as it is not held, and keep it for listening without the server.
    Keep {
        /// A track or a file.
        wanted: Wanted<K>,
    },
    /// Make safe what is cached, and leave the access point.
    Leave,
}

/// What a node is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<K, B> {
    /// Somebody wants something.
    Command(Command<K>),
    /// The connection stands and the access point has shown its key.
    Connected {
        /// As named in [`Effect::Connect`].
        session: SessionId,
    },
    /// The connection could not be made, or ended.
    Disconnected {
        /// As named in [`Effect::Connect`].
        session: SessionId,
        /// Why it ended; `None` if no address answered.
        why: Option<SessionError>,
    },
    /// A round trip was measured.
    RoundTrip {
        /// On which connection.
        session: SessionId,
        /// How long it took.
        span: Duration,
    },
    /// A message came.
    Message {
        /// On which connection.
        from: SessionId,
        /// The message.
        message: Message<K, B>,
    },
    /// The disk did what it was asked for by [`Effect::Disk`], or could not.
    Disk(cache::RequestId, cache::Done<K, B>),
}

/// What a node wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Effect<K, B> {
    /// Connect to the access point. Messages for the session follow at once: they are to be given to it before its
    /// first flush, so that they ride in the first message.
    Connect {
        /// What to call the connection.
        session: SessionId,
        /// The number of the effect.
        request: RequestId,
    },
    /// Close the connection.
    HangUp {
        /// Which one.
        session: SessionId,
        /// What the other side is told.
        code: CloseCode,
    },
    /// Work for the disk of the cache.
    Disk(cache::Effect<K, B>),
}

/// Where a piece came from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum Source {
    /// This device's cache.
    Cache,
    /// The access point.
    Server,
}

/// What a node tells the program.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<K, B> {
    /// The access point answered the log-in.
    LoggedIn,
    /// The connection is gone; it will be tried again.
    Offline {
        /// After this long.
        retry_in: Duration,
        /// Why it ended, if it ever stood.
        why: Option<SessionError>,
    },
    /// The connection is gone for good: trying again would not help.
    GaveUp {
        /// Why.
        why: SessionError,
    },
    /// The track is known; its first pieces are coming.
    Opened {
        /// What a player needs.
        opened: Box<Opened<K>>,
        /// Who knew it.
        from: Source,
    },
    /// The track can't be had.
    Refused(Refusal),
    /// A piece came and was proved.
    Piece {
        /// Which one.
        index: u32,
        /// Its ciphertext.
        data: B,
        /// Who delivered it.
        from: Source,
    },
    /// These pieces may be dropped; if they are needed after all the node will fetch them again.
    Drop(PieceRange),
    /// The server sent a piece or a proof that was wrong; it was thrown away, and the connection is closed.
    Forged {
        /// Which one.
        index: u32,
    },
    /// The cache has the track, but may not play it any more until the server has been asked.
    LeaseOver {
        /// Until when it could.
        until: UnixTime,
    },
    /// More is here of what is to be kept.
    Keeping {
        /// As it was asked for.
        wanted: Wanted<K>,
        /// Pieces that are here.
        held: u32,
        /// Pieces of the whole file.
        of: u32,
    },
    /// A track is here to stay: all of it is held, and that will survive whatever comes.
    Kept {
        /// As it was asked for.
        wanted: Wanted<K>,
        /// The file that is held.
        file: K,
    },
    /// A track can't be kept.
    NotKept {
        /// As it was asked for.
        wanted: Wanted<K>,
        /// Why.
        why: NotKept,
    },
    /// The cache or its disk fails in some way: what plays comes from the network meanwhile.
    CacheTrouble(Trouble),
    /// After [`Command::Leave`]: all is safe, and nothing more is to be done.
    Gone,
}

/// Why a track can't be kept for listening without the server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NotKept {
    /// There is no cache.
    NoCache,
    /// Too many tracks wait to be kept.
    TooMany,
    /// The cache does not take it: most likely what is kept already leaves no room within its quota.
    Pin(PinRefused),
    /// The access point refuses it.
    Refused(Refusal),
    /// The cache or its disk fails.
    Trouble(Trouble),
}

/// What a node asks of its owner, in order.
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
    Effect(Effect<K, B>),
    /// Know something.
    Event(Event<K, B>),
}
