//! What the overlay's parts and their owner say to each other. The four messages map one to one onto the wire's.

use core::fmt;
use spotproto::message::{Channel, PieceRange, Urgency};
use spotproto::ticket::Pseudonym;

/// The number by which the owner names a link to a peer. It picks the numbers, and none twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerId(pub u32);

/// Names a query while it travels: a fresh throw for each, so that two of them can't be told to be of one asker.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct QueryId(pub u64);

/// What neighbours say to each other about who has what and who gets what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerMessage<K> {
    /// Who has this file?
    Query(Query<K>),
    /// This client has it.
    Hit(Hit),
    /// I want this file from you, or no longer.
    Want(Want<K>),
    /// What you get of what you want.
    Slot(Slot<K>),
}

/// Asks for holders of a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Query<K> {
    /// Names the query.
    pub id: QueryId,
    /// What is looked for.
    pub file: K,
    /// Whether the receiver asks its own neighbours too. They are asked with `false`: two hops, never more.
    pub forward: bool,
}

/// Answers a query, on the way that the query came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hit {
    /// The query.
    pub id: QueryId,
    /// Who can serve the file now: a name, and never an address.
    pub holder: Pseudonym,
}

/// Says what is wanted of a neighbour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Want<K> {
    /// Which file.
    pub file: K,
    /// How soon; `None` when it is wanted no more.
    pub urgency: Option<Urgency>,
}

/// Says what a neighbour gets of what it wants. Each [`Want`] that is not a withdrawal is answered by one at once, and
/// each change is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot<K> {
    /// Which file.
    pub file: K,
    /// What the neighbour gets.
    pub state: SlotState,
}

/// What a want has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SlotState {
    /// Pieces may be asked for.
    Served,
    /// Not yet, or not any more: so many others come first.
    Queued {
        /// Those in front.
        place: u16,
    },
    /// Not at all; the want is forgotten.
    Refused(SlotRefusal),
}

/// Why a want is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SlotRefusal {
    /// The file is not here, or not whole.
    NotHere,
    /// Too many wait already.
    Busy,
    /// This client serves nobody.
    Off,
}

impl fmt::Display for SlotRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotHere => "does not have the file",
            Self::Busy => "too many wait already",
            Self::Off => "serves nobody",
        })
    }
}

/// A request for pieces over a slot that is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PieceRequest<K> {
    /// Where the answer goes.
    pub channel: Channel,
    /// Of which file.
    pub file: K,
    /// Which pieces; at most [`MAX_READ`](spotproto::message::MAX_READ).
    pub pieces: PieceRange,
}

/// How much of a file this client has.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Holding {
    /// Nothing, or nothing that could be read now.
    Nothing,
    /// Some pieces.
    Part,
    /// All pieces.
    Whole,
}

/// Knows what this client has: the cache, for whoever asks the swarm.
pub trait Holds<K> {
    /// How much of `file` could be read now.
    fn holding(&self, file: &K) -> Holding;
}

impl<K, F: Fn(&K) -> Holding> Holds<K> for F {
    fn holding(&self, file: &K) -> Holding {
        self(file)
    }
}

/// How well the own playing is supplied, as the owner judges it. It judges with hysteresis: uploads that stopped at
/// [`VeryLow`](Self::VeryLow) come back at [`Fine`](Self::Fine) only.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Pressure {
    /// Nothing is short.
    #[default]
    Fine,
    /// The buffer is low: searches reach further.
    Low,
    /// The sound is about to stop: nothing is uploaded (Kreitz 2010, "If buffers are very low, stop uploading").
    VeryLow,
}

/// What this client does among peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mode {
    /// Takes and gives.
    #[default]
    Full,
    /// Takes, and gives nothing: on a line whose upload costs money, or because the listener says so.
    TakeOnly,
    /// Has no peers at all (Kreitz 2010, "Mobile clients don't participate in P2P").
    Alone,
}
