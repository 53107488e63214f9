//! What was asked of others and is not over yet.

use crate::SessionId;
use crate::planner::{Holds, Source};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use spotproto::message::{Channel, Urgency};
use spotproto::ticket::Pseudonym;

/// On which connection, and where the answer goes.
pub(super) type Place = (SessionId, Channel);

/// A request that is not over.
#[derive(Debug)]
pub(super) enum Request<K> {
    /// Asks the access point to open a track of this class.
    Open(Urgency),
    /// Asks for pieces.
    Pieces(Pieces),
    /// Asks the access point who holds a file.
    FindPeers(K),
    /// Asks the access point for links to peers: those of whom nothing was heard yet.
    Connect(Vec<Pseudonym>),
    /// Asks a neighbour for a slot.
    Want {
        file: K,
        /// What it said that it holds of it.
        holds: Holds,
    },
}

/// Pieces that are to come, in order.
#[derive(Debug)]
pub(super) struct Pieces {
    pub(super) class: Urgency,
    pub(super) source: Source,
    pub(super) left: VecDeque<u32>,
}

impl Pieces {
    /// Takes a piece off the list. O(1) where pieces come in order.
    pub(super) fn take(&mut self, piece: u32) -> bool {
        let Some(at) = self.left.iter().position(|left| *left == piece) else { return false };
        self.left.remove(at);
        true
    }
}

/// All requests. An idle neighbour has none.
#[derive(Debug)]
pub(super) struct Requests<K> {
    open: BTreeMap<Place, Request<K>>,
}

impl<K: Copy + Eq> Requests<K> {
    pub(super) const fn new() -> Self {
        Self { open: BTreeMap::new() }
    }

    pub(super) fn insert(&mut self, place: Place, request: Request<K>) {
        self.open.insert(place, request);
    }

    pub(super) fn get(&self, place: Place) -> Option<&Request<K>> {
        self.open.get(&place)
    }

    pub(super) fn get_mut(&mut self, place: Place) -> Option<&mut Request<K>> {
        self.open.get_mut(&place)
    }

    pub(super) fn remove(&mut self, place: Place) -> Option<Request<K>> {
        let removed = self.open.remove(&place);
        if self.open.is_empty() {
            // A map that ever held something keeps room for eleven; an idle node asks for nothing.
            self.open = BTreeMap::new();
        }
        removed
    }

    /// The class of the track that a request is for, if it is for one.
    pub(super) fn class(&self, place: Place) -> Option<Urgency> {
        match self.open.get(&place)? {
            Request::Open(class) | Request::Pieces(Pieces { class, .. }) => Some(*class),
            _ => None,
        }
    }

    /// Pieces asked on this channel.
    pub(super) fn pieces(&mut self, place: Place) -> Option<&mut Pieces> {
        match self.open.get_mut(&place)? {
            Request::Pieces(pieces) => Some(pieces),
            _ => None,
        }
    }

    /// Takes out the requests for pieces that `which` is true for; their places and what was still to come.
    pub(super) fn take_pieces(
        &mut self,
        mut which: impl FnMut(Place, &Pieces) -> bool,
    ) -> Vec<(Place, Pieces)> {
        let places: Vec<Place> = self.pieces_of(|place, pieces| which(place, pieces)).collect();
        let taken = places.into_iter().filter_map(|place| match self.remove(place) {
            Some(Request::Pieces(pieces)) => Some((place, pieces)),
            _ => None,
        });
        taken.collect()
    }

    /// What was asked for the track of one class is for that of another now.
    pub(super) fn move_class(&mut self, from: Urgency, to: Urgency) {
        for request in self.open.values_mut() {
            match request {
                Request::Open(class) | Request::Pieces(Pieces { class, .. }) if *class == from => *class = to,
                _ => {}
            }
        }
    }

    fn pieces_of(&self, mut which: impl FnMut(Place, &Pieces) -> bool) -> impl Iterator<Item = Place> {
        self.open.iter().filter_map(move |(place, request)| match request {
            Request::Pieces(pieces) if which(*place, pieces) => Some(*place),
            _ => None,
        })
    }

    /// Takes out all that was asked on a connection that is gone.
    pub(super) fn take_session(&mut self, session: SessionId) -> Vec<(Place, Request<K>)> {
        let places: Vec<Place> =
            self.open.range((session, 0)..=(session, Channel::MAX)).map(|(place, _)| *place).collect();
        places.into_iter().filter_map(|place| Some((place, self.remove(place)?))).collect()
    }

    /// How many are open on a connection.
    pub(super) fn on(&self, session: SessionId) -> usize {
        self.open.range((session, 0)..=(session, Channel::MAX)).count()
    }

    /// The channel on which a neighbour was asked for a slot, and what it holds.
    pub(super) fn want(&self, session: SessionId, file: &K) -> Option<(Channel, &Holds)> {
        let mut of = self.open.range((session, 0)..=(session, Channel::MAX));
        of.find_map(|((_, channel), request)| match request {
            Request::Want { file: wanted, holds } if wanted == file => Some((*channel, holds)),
            _ => None,
        })
    }

    /// The request for links that names this peer: it is taken off the list.
    pub(super) fn take_holder(&mut self, session: SessionId, holder: &Pseudonym) -> bool {
        let mut of = self.open.range_mut((session, 0)..=(session, Channel::MAX));
        of.any(|(_, request)| match request {
            Request::Connect(holders) => {
                let at = holders.iter().position(|other| other == holder);
                at.map(|at| holders.remove(at)).is_some()
            }
            _ => false,
        })
    }
}
