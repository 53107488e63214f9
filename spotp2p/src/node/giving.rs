//! Serving neighbours: their wants and requests as the wire has them, pieces out of the cache, and proofs.

use super::links::session;
use super::proofs::ProofBooks;
use super::shelf::Reader;
use super::{Event, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::swarm::{self, PeerId, PeerMessage, PieceRequest, SlotRefusal, SlotState};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;
use spotcache::cache::{Content, DiskError, Place};
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{self, Channel, Message, PieceRange, Read, Refusal};

/// Requests that may wait until the proofs of their files are read.
const MOST_WAITING: usize = 64;

/// Whom an answer goes to, and where.
pub(super) type Where = (PeerId, Channel);

/// What is on its way to neighbours.
#[derive(Debug)]
pub(super) struct Giving<K, B> {
    /// Wants that are not over, by the channel on which their slot is told.
    wants: BTreeMap<Where, K>,
    /// Requests that wait for proofs.
    waiting: Vec<(PeerId, Channel, Read<K>)>,
    /// Requests that are not answered yet.
    answers: BTreeSet<Where>,
    /// Pieces being read, in the order in which they have to go.
    reading: BTreeMap<Where, VecDeque<Outgoing<K, B>>>,
    /// Bytes of the pieces that the line has not taken yet.
    going: BTreeMap<(PeerId, Channel, u32), usize>,
    pub(super) proofs: ProofBooks<K>,
}

#[derive(Debug)]
struct Outgoing<K, B> {
    file: K,
    piece: u32,
    last: bool,
    data: Option<B>,
}

impl<K, B> Default for Giving<K, B> {
    fn default() -> Self {
        Self {
            wants: BTreeMap::new(),
            waiting: Vec::new(),
            answers: BTreeSet::new(),
            reading: BTreeMap::new(),
            going: BTreeMap::new(),
            proofs: ProofBooks::new(),
        }
    }
}

impl<K: FileKey, B> Giving<K, B> {
    /// The channel of a peer's want.
    fn want(&self, peer: PeerId, file: &K) -> Option<Channel> {
        let mut of = self.wants.range((peer, 0)..=(peer, Channel::MAX));
        of.find(|(_, wanted)| *wanted == file).map(|((_, channel), _)| *channel)
    }

    /// Whether nobody wants anything.
    fn is_idle(&self) -> bool {
        let nothing = self.wants.is_empty() && self.waiting.is_empty() && self.reading.is_empty();
        nothing && self.going.is_empty() && self.answers.is_empty()
    }

    /// Drops what was to go on a channel.
    fn drop_answer(&mut self, to: PeerId, channel: Channel) {
        self.waiting.retain(|(peer, on, _)| (*peer, *on) != (to, channel));
        self.answers.remove(&(to, channel));
        self.reading.remove(&(to, channel));
        self.going.retain(|(peer, on, _), _| (*peer, *on) != (to, channel));
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    pub(super) fn giving(&mut self) -> &mut Giving<K, B> {
        self.giving.get_or_insert_default()
    }

    /// A neighbour asks for a slot. A want of what it wants already takes the place of the earlier one.
    pub(super) fn peer_wants(
        &mut self,
        now: Instant,
        from: PeerId,
        channel: Channel,
        want: message::Want<K>,
    ) {
        let giving = self.giving();
        let earlier = giving.want(from, &want.file);
        earlier.and_then(|earlier| giving.wants.remove(&(from, earlier)));
        giving.wants.insert((from, channel), want.file);
        if let Some(earlier) = earlier {
            self.send(session(from), Message::End { channel: earlier });
        }
        let want = swarm::Want { file: want.file, urgency: Some(want.urgency) };
        self.swarm_hears(now, from, PeerMessage::Want(want));
    }

    /// A neighbour is told what it gets of what it wants.
    pub(super) fn tell_slot(&mut self, to: PeerId, slot: swarm::Slot<K>) {
        let want = self.giving.as_ref().and_then(|giving| giving.want(to, &slot.file));
        let Some(channel) = want else { return };
        let place = match slot.state {
            SlotState::Served => 0,
            SlotState::Queued { place } => place.saturating_add(1),
            SlotState::Refused(why) => {
                self.forget_want(to, channel);
                let why = match why {
                    SlotRefusal::NotHere => Refusal::NotFound,
                    SlotRefusal::Busy => Refusal::Busy,
                    SlotRefusal::Off => Refusal::NoRight,
                };
                return self.send(session(to), Message::Refuse { channel, why });
            }
        };
        let slot = message::Slot { place, held: Vec::new() };
        self.send(session(to), Message::Slot { channel, slot });
    }

    /// A neighbour asks for pieces. They go out once they can be proved: nobody shall be accused for a disk that rots.
    pub(super) fn peer_reads(&mut self, now: Instant, from: PeerId, channel: Channel, read: Read<K>) {
        if !self.swarm.serves(from, &read.file) && read.pieces.count == 0 {
            return self.send(session(from), Message::Refuse { channel, why: Refusal::Busy });
        }
        if !self.swarm.serves(from, &read.file) {
            return self.request(now, from, channel, &read);
        }
        let of = |range: PieceRange, pieces: u32| range.end() <= pieces;
        let pieces =
            self.shelf.as_ref().and_then(|shelf| shelf.cache.holding(&read.file)).map(|it| it.pieces);
        let within = pieces.is_some_and(|pieces| {
            of(read.pieces, pieces) && read.leaves.is_none_or(|leaves| of(leaves, pieces))
        });
        if !within || self.giving().waiting.len() >= MOST_WAITING {
            let why = if within { Refusal::Busy } else { Refusal::NotFound };
            return self.send(session(from), Message::Refuse { channel, why });
        }
        self.giving().waiting.push((from, channel, read));
        self.read_proofs(now, read.file);
    }

    /// The proofs of a file are here, or can't be had.
    pub(super) fn go_on(&mut self, now: Instant, file: K, provable: Result<(), Refusal>) {
        let giving = self.giving();
        let waiting = core::mem::take(&mut giving.waiting);
        let (these, others) = waiting.into_iter().partition(|(.., read)| read.file == file);
        giving.waiting = others;
        let these: Vec<(PeerId, Channel, Read<K>)> = these;
        for (from, channel, read) in these {
            let proof = match (read.leaves, provable) {
                (_, Err(why)) => Err(why),
                (None, Ok(())) => Ok(None),
                (Some(range), Ok(())) => match self.giving().proofs.prove(&file, range.start..range.end()) {
                    Some(proof) => Ok(Some(proof)),
                    None => Err(Refusal::NotFound),
                },
            };
            match proof {
                Err(why) => self.send(session(from), Message::Refuse { channel, why }),
                Ok(proof) => {
                    if let Some(leaves) = proof {
                        self.send(session(from), Message::Leaves { channel, leaves });
                    }
                    self.request(now, from, channel, &read);
                }
            }
        }
    }

    fn request(&mut self, now: Instant, from: PeerId, channel: Channel, read: &Read<K>) {
        if read.pieces.count == 0 {
            self.send(session(from), Message::End { channel });
            return self.swarm.proved(now, from);
        }
        self.giving().answers.insert((from, channel));
        let request = PieceRequest { channel, file: read.file, pieces: read.pieces };
        self.swarm.request(now, from, request);
    }

    /// A neighbour wants no more of something.
    pub(super) fn peer_aborts(&mut self, now: Instant, from: PeerId, channel: Channel) {
        match self.forget_want(from, channel) {
            Some(file) => {
                let want = swarm::Want { file, urgency: None };
                self.swarm_hears(now, from, PeerMessage::Want(want));
            }
            None => {
                self.drop_answer(from, channel);
                self.swarm.cancelled(now, from, channel);
            }
        }
    }

    /// The turn of a piece has come.
    pub(super) fn read_piece(&mut self, now: Instant, (to, channel): Where, file: K, piece: u32, last: bool) {
        // It may have been refused since.
        if !self.giving().answers.contains(&(to, channel)) {
            return;
        }
        self.giving().proofs.touch(&file);
        let Some(shelf) = self.shelf.as_mut() else { return };
        if shelf.read(Reader::Peer { to, channel }, &file, Place::Piece(piece)) {
            let outgoing = Outgoing { file, piece, last, data: None };
            self.giving().reading.entry((to, channel)).or_default().push_back(outgoing);
        } else {
            // The cache takes so many reads at a time.
            let why = if shelf.holds(&file, piece) { Refusal::Busy } else { Refusal::Unavailable };
            self.swarm.unreadable(now, to, channel, why);
        }
    }

    /// A piece for a neighbour is read, or could not be. Reads may overtake each other; answers may not.
    pub(super) fn read_for_peer(
        &mut self,
        now: Instant,
        at: Where,
        place: Place,
        read: Result<Content<B>, DiskError>,
    ) {
        let (Place::Piece(index), Some(giving)) = (place, self.giving.as_mut()) else { return };
        let Some(queue) = giving.reading.get_mut(&at) else { return };
        let Some(outgoing) = queue.iter_mut().find(|it| it.piece == index && it.data.is_none()) else {
            return;
        };
        let file = outgoing.file;
        let genuine = match &read {
            Ok(Content::Piece(data)) => giving.proofs.is_genuine(&file, index, data),
            _ => Some(false),
        };
        match (read, genuine) {
            (Ok(Content::Piece(data)), Some(true)) => {
                outgoing.data = Some(data);
                self.send_ready(at);
            }
            // Others are served from so many files that the leaves of this one were pushed out.
            (Ok(_), None) | (Err(DiskError::Busy), _) => {
                self.swarm.unreadable(now, at.0, at.1, Refusal::Busy);
            }
            (Ok(_), _) => {
                // It is not what it was, and is fetched again when it is wanted here.
                self.forget_piece(now, file, index);
                self.swarm.unreadable(now, at.0, at.1, Refusal::Unavailable);
            }
            (Err(_), _) => self.swarm.unreadable(now, at.0, at.1, Refusal::Unavailable),
        }
    }

    fn send_ready(&mut self, at: Where) {
        while let Some(giving) = self.giving.as_mut() {
            let Some(queue) = giving.reading.get_mut(&at) else { return };
            let ready = queue.front().is_some_and(|it| it.data.is_some());
            let Some(Outgoing { piece, last, data, .. }) = ready.then(|| queue.pop_front()).flatten() else {
                return;
            };
            if queue.is_empty() {
                giving.reading.remove(&at);
            }
            let (to, channel) = (session(at.0), at.1);
            let Some(data) = data else { return };
            if last {
                giving.answers.remove(&at);
            }
            giving.going.insert((at.0, channel, piece), data.size());
            self.send(to, Message::Piece { channel, index: piece, data });
            if last {
                self.send(to, Message::End { channel });
            }
        }
    }

    /// The line of a neighbour took a piece.
    pub(super) fn sent(&mut self, now: Instant, peer: PeerId, channel: Channel, index: u32) {
        let going = self.giving.as_mut().and_then(|giving| giving.going.remove(&(peer, channel, index)));
        if let Some(bytes) = going {
            self.out.push(Output::Event(Event::Gave { bytes }));
            self.swarm.sent(now, peer, channel, bytes);
        }
    }

    /// A request, or the rest of it, is refused.
    pub(super) fn refuse(&mut self, to: PeerId, channel: Channel, why: Refusal) {
        let open = self.giving.as_ref().is_some_and(|giving| giving.answers.contains(&(to, channel)));
        if !open {
            return;
        }
        self.drop_answer(to, channel);
        self.send(session(to), Message::Refuse { channel, why });
    }

    /// A link is gone, and with it all that was to go over it.
    pub(super) fn serve_no_more(&mut self, peer: PeerId) {
        let Some(giving) = self.giving.as_mut() else { return };
        giving.wants.retain(|(of, _), _| *of != peer);
        giving.waiting.retain(|(of, ..)| *of != peer);
        giving.answers.retain(|(of, _)| *of != peer);
        giving.reading.retain(|(of, _), _| *of != peer);
        giving.going.retain(|(of, ..), _| *of != peer);
        if let Some(shelf) = self.shelf.as_mut() {
            shelf.forget_reads(|reader| matches!(reader, Reader::Peer { to, .. } if *to == peer));
        }
        self.giving.take_if(|giving| giving.is_idle());
    }

    fn forget_want(&mut self, peer: PeerId, channel: Channel) -> Option<K> {
        let file = self.giving.as_mut()?.wants.remove(&(peer, channel));
        self.giving.take_if(|giving| giving.is_idle());
        file
    }

    fn drop_answer(&mut self, to: PeerId, channel: Channel) {
        if let Some(giving) = self.giving.as_mut() {
            giving.drop_answer(to, channel);
        }
    }
}
