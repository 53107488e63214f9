//! What travels, and what somebody does within a window.

use super::names::{Text, mix};
use super::wheel::{Entry, WAKE, Wheel};
use super::world::{HOUR, Who, World};
use crate::metrics::{Hour, Tally};
use alloc::collections::BinaryHeap;
use core::cmp::{Ordering, Reverse};
use core::ops::Range;
use spotcache::cache::RequestId;
use spotproto::Instant;
use spotproto::message::Channel;

/// A connection's number at the one end of it.
pub(crate) type Key = u32;

/// What happens to somebody.
#[derive(Debug)]
pub(crate) enum What {
    /// A message came to the end of its way: of a connection that its receiver calls this, with so many bytes, the first of
    /// them so many microseconds before the last.
    Text {
        to: Key,
        size: u32,
        spread: u32,
        text: Text,
    },
    /// It is through the line to the house.
    Heard {
        from: Key,
        text: Text,
    },
    /// Somebody dials, and calls the connection this.
    Dials {
        link: u64,
        theirs: Key,
    },
    /// Who was dialled calls the connection this.
    Accepts {
        link: u64,
        theirs: Key,
    },
    /// A client connects to its access point.
    Enters {
        theirs: Key,
    },
    /// The access point takes it in, or is not there.
    Enter {
        to: Key,
        taken: bool,
    },
    /// The other end is gone.
    HungUp {
        to: Key,
    },
    /// More came than there was room for.
    Congested {
        to: Key,
        /// How long what comes now waits, in microseconds.
        late: u32,
    },
    /// The rest is one's own doing. The line may take more.
    Line,
    /// The line may take more of this connection.
    Round(Key),
    /// The line has taken a piece.
    Sent {
        to: Key,
        channel: Channel,
        index: u32,
    },
    /// A link stands.
    Stands(Key),
    /// The other side of a connection is live.
    Confirmed(Key),
    /// Dialling has taken long enough.
    GivesUp(Key),
    /// A part of a file is read.
    Read {
        request: RequestId,
        file: u32,
        piece: Option<u32>,
    },
    /// The catalogue or the store has an answer.
    Store(u32),
    /// The first of these pieces of a web server's answer is here.
    Mirror {
        request: spotp2p::RequestId,
        file: u32,
        pieces: Range<u32>,
    },
    /// The player looks at its clock.
    Look,
    /// Somebody may begin to listen, log in or out.
    Life,
    /// One new track, everybody.
    Flash,
    /// The access points die, or come back.
    Dies,
    Returns,
    /// A place in the list that is free, and the next one.
    Free(u32),
}

impl What {
    /// A number for the hash: which kind of thing it is, and what tells it from others of its kind.
    fn mark(&self) -> u64 {
        let (kind, of) = match *self {
            Self::Text { to, size, spread, ref text } => {
                let channel = text.channel().map_or(0, u64::from);
                return 1
                    | u64::from(size) << 8
                    | u64::from(to) << 29 ^ u64::from(spread) << 17 ^ channel << 47;
            }
            Self::Heard { from, ref text } => (2, from ^ text.channel().unwrap_or(0) << 16),
            Self::Dials { link, theirs } => (3, theirs ^ link as u32),
            Self::Accepts { link, theirs } => (4, theirs ^ link as u32),
            Self::Enters { theirs } => (5, theirs),
            Self::Enter { to, taken } => (6 + u64::from(taken), to),
            Self::HungUp { to } => (8, to),
            Self::Congested { to, late } => (9, to ^ late << 8),
            Self::Line => (10, 0),
            Self::Round(key) => (11, key),
            Self::Sent { to, channel, index } => (12, to ^ channel << 8 ^ index << 16),
            Self::Stands(key) => (13, key),
            Self::Confirmed(key) => (14, key),
            Self::GivesUp(key) => (15, key),
            Self::Read { file, piece, .. } => (16, file ^ piece.unwrap_or(u32::MAX) << 16),
            Self::Store(at) => (17, at),
            Self::Mirror { file, ref pieces, .. } => (18, file ^ pieces.start << 16),
            Self::Look => (19, 0),
            Self::Life => (20, 0),
            Self::Flash => (21, 0),
            Self::Dies => (22, 0),
            Self::Returns => (23, 0),
            Self::Free(_) => (24, 0),
        };
        kind | u64::from(of) << 8
    }
}

#[derive(Debug)]
pub(crate) struct Parcel {
    pub(crate) from: Who,
    pub(crate) count: u32,
    pub(crate) what: What,
}

/// Parcels that are under way to a shard, in a list whose places are used again.
#[derive(Debug)]
pub(crate) struct Parcels {
    list: Vec<Parcel>,
    free: u32,
}

impl Parcels {
    pub(crate) const fn new() -> Self {
        Self { list: Vec::new(), free: WAKE }
    }

    pub(crate) fn put(&mut self, parcel: Parcel) -> u32 {
        match self.list.get_mut(self.free as usize) {
            Some(place) => {
                let at = self.free;
                if let What::Free(next) = place.what {
                    self.free = next;
                }
                *place = parcel;
                at
            }
            None => {
                self.list.push(parcel);
                (self.list.len() - 1) as u32
            }
        }
    }

    pub(crate) fn take(&mut self, at: u32) -> Parcel {
        let free = Parcel { from: 0, count: 0, what: What::Free(self.free) };
        self.free = at;
        core::mem::replace(&mut self.list[at as usize], free)
    }

    /// Of two that arrive at the same time, which comes first: by sender, and in the order in which it sent them.
    pub(crate) fn order(&self, at: u32) -> (Who, u32) {
        self.list.get(at as usize).map_or((WAKE, 0), |parcel| (parcel.from, parcel.count))
    }
}

/// Something of one's own that is due within the window.
#[derive(Debug)]
pub(crate) struct Soon {
    pub(crate) at: u64,
    pub(crate) count: u32,
    pub(crate) what: What,
}

impl PartialEq for Soon {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Soon {}

impl PartialOrd for Soon {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Soon {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.count).cmp(&(other.at, other.count))
    }
}

/// What goes to another shard.
pub(crate) type Outgoing = Vec<(u64, Who, Parcel)>;

/// What a shard has to be told, and where it writes things down.
#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) wheel: Wheel,
    pub(crate) parcels: Parcels,
    /// By shard.
    pub(crate) outgoing: Vec<Outgoing>,
    pub(crate) own: usize,
    pub(crate) soon: BinaryHeap<Reverse<Soon>>,
    pub(crate) tally: Tally,
    pub(crate) events: u64,
}

/// Somebody's view of the world while it is their turn.
pub(crate) struct Net<'a> {
    pub(crate) world: &'a World,
    pub(crate) desk: &'a mut Desk,
    /// Whose turn it is.
    pub(crate) me: Who,
    /// What they sent so far.
    pub(crate) count: &'a mut u32,
    /// Hash of all that happened to them.
    pub(crate) hash: &'a mut u64,
    pub(crate) now: u64,
    /// When the window ends.
    pub(crate) until: u64,
}

impl Net<'_> {
    pub(crate) fn instant(&self) -> Instant {
        Instant::from_micros(self.now + 1)
    }

    /// Something will happen to oneself.
    pub(crate) fn later(&mut self, at: u64, what: What) {
        *self.count += 1;
        let at = at.max(self.now);
        if at < self.until {
            self.desk.soon.push(Reverse(Soon { at, count: *self.count, what }));
        } else {
            let parcel = self.desk.parcels.put(Parcel { from: self.me, count: *self.count, what });
            self.desk.wheel.put(Entry { at, to: self.me, parcel });
        }
    }

    /// Something arrives at somebody else's, no earlier than a window from now.
    pub(crate) fn travels(&mut self, at: u64, to: Who, what: What) {
        *self.count += 1;
        let at = at.max(self.until);
        let parcel = Parcel { from: self.me, count: *self.count, what };
        let shard = to as usize % self.desk.outgoing.len();
        if shard == self.desk.own {
            let parcel = self.desk.parcels.put(parcel);
            self.desk.wheel.put(Entry { at, to, parcel });
        } else {
            self.desk.outgoing[shard].push((at, to, parcel));
        }
    }

    /// Notes that something happened: it counts as an event, and goes into the hash.
    pub(crate) fn happened(&mut self, kind: u64) {
        self.desk.events += 1;
        *self.hash = mix(self.hash.rotate_left(7) ^ self.now << 8 ^ kind);
    }

    /// What comes goes into the hash, and whom it is from.
    pub(crate) fn notes(&mut self, from: Who, what: &What) {
        *self.hash = mix(*self.hash ^ what.mark() ^ u64::from(from) << 40);
    }

    /// Where things are counted, while they count.
    pub(crate) fn tally(&mut self) -> Option<&mut Tally> {
        let World { counts_from, ends, .. } = self.world;
        (*counts_from..*ends).contains(&self.now).then_some(&mut self.desk.tally)
    }

    /// Where things are counted by the hour.
    pub(crate) fn hour(&mut self) -> Option<&mut Hour> {
        let number = self.now.checked_sub(self.world.counts_from)? / HOUR;
        self.tally().map(|tally| tally.hour(number as usize))
    }
}
