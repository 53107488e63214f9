//! What a node is told, and what it asks for.

use crate::cdn::{Get, Target};
use crate::planner::{self, Decision, Kind};
use crate::playout::{Summary, Why};
use crate::swarm::{self, Mode};
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use spotcache::cache::{self, PinRefused, Trouble};
use spotcache::sheet::CacheKeys;
use spotproto::crypto::PublicKey;
use spotproto::message::{Channel, Dial, Message, Misdeed, Opened, PieceRange, Refusal, Wanted};
use spotproto::{CloseCode, Instant, Seed, SessionError, UnixTime};

/// What a node is told once. Nodes that are made of clones of one share its numbers.
#[derive(Clone, Debug)]
pub struct Config {
    /// What the first log-in goes by.
    pub log_in: LogIn,
    /// The port on which this client takes connections; 0 for none.
    pub port: u16,
    /// Name and version of the program.
    pub agent: Arc<str>,
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
    /// What this client does among peers.
    pub mode: Mode,
    /// The numbers of the overlay.
    pub swarm: Arc<swarm::Config>,
    /// The numbers by which sources are chosen; [`PLAYER`](planner::Config::PLAYER) for who says what sounds.
    pub planner: Arc<planner::Config>,
    /// What earlier runs knew of the link ([`Event::Link`]); [`Summary::UNKNOWN`] if nothing.
    pub link: Summary,
    /// Whether the program wants to know why each piece came from where it came ([`Event::Decided`]).
    pub explain: bool,
}

/// What one log-in goes by. Nothing that a peer sees outlives a log-in, so each has its own, from the system's entropy.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LogIn {
    /// The public half of the static key of this log-in's links; its owner keeps the secret one.
    pub link_key: PublicKey,
    /// Decides the throws that peers see.
    pub seed: Seed,
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
    /// 64 MiB of the playing track kept in memory, no port, no cache, all there is to do among peers.
    #[must_use]
    pub fn new(log_in: LogIn, agent: &str, seed: Seed, date: (Instant, UnixTime)) -> Self {
        Self {
            log_in,
            port: 0,
            agent: agent.into(),
            keep: 4096,
            outputs: 64,
            seed,
            date,
            cache: None,
            mode: Mode::Full,
            swarm: Arc::default(),
            planner: Arc::default(),
            link: Summary::UNKNOWN,
            explain: false,
        }
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
    /// This will most likely be opened next: it is fetched when the playing track nears its end, as long as that one is
    /// safe. The latest word counts, until the next [`Command::Open`] or [`Command::Stop`].
    Next {
        /// A track or a file; `None` for nothing.
        wanted: Option<Wanted<K>>,
        /// Where it will start, in milliseconds.
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
    /// From now on the sound runs, and is at this time of the playing track: what is due when is reckoned from there.
    Sounds {
        /// In milliseconds.
        at_ms: u32,
    },
    /// The sound stands still, for want of music or because the listener says so.
    Silent {
        /// Where it will go on, in milliseconds.
        at_ms: u32,
    },
    /// Play nothing any more.
    Stop,
    /// Do this among peers from now on.
    Peers(Mode),
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
    /// What the next log-in goes by: the answer to each [`Effect::Connect`], at any time.
    LogIn(LogIn),
    /// The connection stands and the other side has shown its key, which is the expected one.
    Connected {
        /// As named in [`Effect::Connect`] or [`Effect::Link`].
        session: SessionId,
        /// `false` while all that came may be a replay.
        confirmed: bool,
        /// Who is at the other end of it.
        address: SocketAddr,
    },
    /// The other side of a connection is live, which was not certain when it was connected.
    Confirmed {
        /// Which connection.
        session: SessionId,
    },
    /// The connection could not be made, or ended.
    Disconnected {
        /// As named in [`Effect::Connect`] or [`Effect::Link`].
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
    /// The last byte of a piece went out.
    Sent {
        /// On which connection.
        session: SessionId,
        /// On which channel.
        channel: Channel,
        /// Which piece.
        index: u32,
    },
    /// A web server answers, or does not.
    Mirror {
        /// As named in [`Effect::Fetch`].
        request: RequestId,
        /// What it says.
        news: MirrorNews<B>,
    },
    /// The disk did what it was asked for by [`Effect::Disk`], or could not.
    Disk(cache::RequestId, cache::Done<K, B>),
}

/// What became of a request to a web server. All but the first end it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum MirrorNews<B> {
    /// A piece, not proved yet.
    Piece {
        /// Which one.
        index: u32,
        /// What the server sent for it.
        data: B,
    },
    /// All pieces came.
    Finished,
    /// It sends its clients to another host: the rest is to be asked for there.
    Moved(Target),
    /// It brings no more of them, and asking again would not help.
    Refused,
    /// It could not be reached, is busy, failed or broke off: no more of them come.
    Failed,
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
    /// Make the link that the access point brokered: dial all its addresses from the port that is listened at, take
    /// connections that come with its id, and go on with the first, in the role that it says. Messages for the session
    /// follow at once, as for [`Effect::Connect`].
    Link {
        /// What to call the connection.
        session: SessionId,
        /// The access point's word.
        dial: Box<Dial>,
        /// The static key to show: the one of the log-in.
        link_key: PublicKey,
    },
    /// Tell the access point what the other side of a link did wrong; the link's id is that of its
    /// [`Dial`](Effect::Link).
    Report {
        /// Which link.
        session: SessionId,
        /// What.
        what: Misdeed,
    },
    /// Ask a web server for pieces.
    Fetch {
        /// Which of the mirrors of the tracks that are open, so that its connections can be kept.
        mirror: MirrorId,
        /// What to ask.
        get: Get,
    },
    /// The rest of what was asked of a web server is not wanted any more; nothing need be told of it.
    FetchNoMore(RequestId),
    /// No more will be asked of a mirror.
    LeaveMirror(MirrorId),
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

/// The number by which a node and its owner name a place where a CDN keeps a file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct MirrorId(pub u32);

/// What a node tells the program.
#[derive(Clone, PartialEq, Debug)]
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
        from: Kind,
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
        from: Kind,
    },
    /// What was said to follow ([`Command::Next`]) is known; its first pieces may come. If it is opened, that is said
    /// once more, by [`Event::Opened`]. The program may have opened it before it reads this: then the two still come in
    /// this order, with no [`Event::NextDropped`] between.
    NextOpened {
        /// What a player needs.
        opened: Box<Opened<K>>,
        /// Who knew it.
        from: Kind,
        /// Its pieces are given from there on, in milliseconds: where it was to start when it was first asked for.
        at_ms: u32,
    },
    /// A piece of it came and was proved. If it is opened, all that were said before [`Event::Opened`] count as given, and
    /// are not said again.
    NextPiece {
        /// Which one.
        index: u32,
        /// Its ciphertext.
        data: B,
        /// Who delivered it.
        from: Kind,
    },
    /// It is fetched no more: something else plays, or will, or it can't be had. Its pieces may be dropped.
    NextDropped {
        /// Bytes that came of it over a network, by [`Kind`]: nobody needed them.
        wasted: [u64; Kind::COUNT],
    },
    /// The sound that waits is to start: said once for each [`Command::Open`], [`Command::Seek`] and [`Command::Silent`],
    /// unless the program says [`Command::Sounds`] before.
    Start(Why),
    /// The sound had better wait, and for this; said at most ten times a second, and only if it is news.
    Buffering(Why),
    /// What is known of the link by now, to be kept for the next run; said at [`Command::Stop`] and [`Command::Leave`].
    Link(Summary),
    /// These pieces may be dropped; if they are needed after all the node will fetch them again.
    Drop(PieceRange),
    /// A piece or a proof was wrong; it was thrown away, and whoever sent it is asked for no more.
    Forged {
        /// Which one.
        index: u32,
        /// Who sent it.
        from: Kind,
    },
    /// How many neighbours there are by now.
    Neighbours(usize),
    /// A peer broke the rules: its link ended, and the access point was told.
    Reported(Misdeed),
    /// A piece went out to a neighbour.
    Gave {
        /// Its length.
        bytes: usize,
    },
    /// Why a piece was asked of whom, and what came of it.
    Decided(Decision),
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
#[derive(Clone, PartialEq, Debug)]
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
