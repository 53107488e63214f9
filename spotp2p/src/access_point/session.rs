//! What the access point knows of one connection.

use super::Entry;
use super::peering::Attendance;
use crate::RequestId;
use crate::allowance::Allowance;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use spotproto::crypto::PublicKey;
use spotproto::message::{Channel, Hello, MAX_FIRST, PieceRange, Urgency};

/// One connection.
#[derive(Debug)]
pub(super) struct Session<K, B> {
    /// The first effect that can be its own.
    pub(super) since: RequestId,
    /// Who is there, once the handshake tells.
    pub(super) device: Option<PublicKey>,
    /// Whether what came is no replay.
    pub(super) confirmed: bool,
    /// Whether it logged in.
    pub(super) logged_in: bool,
    /// A log-in that waits for the confirmation.
    pub(super) hello: Option<Box<Hello>>,
    /// Where it comes from.
    pub(super) from: SocketAddr,
    /// What it is to other clients, once it logged in.
    pub(super) peer: Option<Box<Attendance<K>>>,
    /// Plays that may still be counted.
    pub(super) plays: Allowance,
    /// Requests that are being answered.
    pub(super) answers: BTreeMap<Channel, Answer<K, B>>,
    /// Questions to the catalogue and proofs under way, those of aborted requests included.
    pub(super) lookups: usize,
    /// Pieces asked of the store or given to the connection, and not taken by the line yet.
    pub(super) ahead: usize,
    /// Of those, the ones given to the connection, by request.
    queued: BTreeMap<Channel, usize>,
}

/// A request that is being answered.
#[derive(Debug)]
pub(super) struct Answer<K, B> {
    /// The first effect that can be its own: a channel's number may have been used before.
    pub(super) since: RequestId,
    pub(super) urgency: Urgency,
    /// Known from the start for a read, and once the catalogue has answered for an open.
    pub(super) file: Option<K>,
    /// Pieces still to be fetched, in order.
    pub(super) pieces: VecDeque<PieceRange>,
    /// Pieces asked of the store, in the order of asking, with those that came before their turn: which are needed first
    /// is known here, and the store's threads finish in any order.
    fetches: VecDeque<(u32, Option<B>)>,
    /// Whether something else (the catalogue, a proof) must come first.
    pub(super) waiting: bool,
    /// For an open: what its answer has to begin with.
    pub(super) opening: Option<Opening<K>>,
}

/// An open that waits for the catalogue, and then for the proofs of its first pieces.
#[derive(Debug)]
pub(super) struct Opening<K> {
    pub(super) at_ms: u32,
    /// Most pieces to send with it.
    pub(super) credit: u32,
    /// What the catalogue answered.
    pub(super) entry: Option<Box<Entry<K>>>,
    /// The pieces that go with it.
    pub(super) first: Vec<PieceRange>,
}

impl<K: Copy, B> Session<K, B> {
    pub(super) const fn new(since: RequestId, from: SocketAddr) -> Self {
        Self {
            since,
            device: None,
            confirmed: false,
            logged_in: false,
            hello: None,
            from,
            peer: None,
            plays: Allowance::WHOLE,
            answers: BTreeMap::new(),
            lookups: 0,
            ahead: 0,
            queued: BTreeMap::new(),
        }
    }

    /// The answer on this channel, if the effect with this number was for it.
    pub(super) fn answer(&mut self, channel: Channel, request: RequestId) -> Option<&mut Answer<K, B>> {
        self.answers.get_mut(&channel).filter(|answer| answer.since <= request)
    }

    /// A piece goes to the connection.
    pub(super) fn queue(&mut self, channel: Channel) {
        *self.queued.entry(channel).or_insert(0) += 1;
    }

    /// The line took a piece.
    pub(super) fn sent(&mut self, channel: Channel) {
        let Some(queued) = self.queued.get_mut(&channel) else { return };
        *queued -= 1;
        self.ahead -= 1;
        if *queued == 0 {
            self.queued.remove(&channel);
        }
    }

    /// The requester wants no more, so the connection drops what it had queued; what is being fetched is counted off
    /// when it comes.
    pub(super) fn abort(&mut self, channel: Channel) {
        self.forget(channel);
        self.ahead -= self.queued.remove(&channel).unwrap_or(0);
    }

    /// Nothing more is to come of a request; pieces that waited for their turn are dropped.
    pub(super) fn forget(&mut self, channel: Channel) {
        if let Some(answer) = self.answers.remove(&channel) {
            self.ahead -= answer.fetches.iter().filter(|(_, data)| data.is_some()).count();
        }
        if self.answers.is_empty() {
            // A map that ever held something keeps room for eleven; most sessions have nothing to be answered.
            self.answers = BTreeMap::new();
        }
    }

    /// The next piece to fetch: of the most urgent request, the oldest of those first.
    pub(super) fn next_piece(&mut self) -> Option<(Channel, K, u32)> {
        let (channel, answer) = self
            .answers
            .iter_mut()
            .filter(|(_, answer)| !answer.pieces.is_empty())
            .min_by_key(|(channel, answer)| (answer.urgency, **channel))?;
        let file = answer.file?;
        let range = answer.pieces.front_mut()?;
        let piece = range.start;
        range.start += 1;
        range.count -= 1;
        if range.count == 0 {
            answer.pieces.pop_front();
        }
        answer.fetches.push_back((piece, None));
        Some((*channel, file, piece))
    }
}

impl<K, B> Answer<K, B> {
    /// A request of this urgency, for a read of `file` or for an open.
    pub(super) const fn new(
        since: RequestId,
        urgency: Urgency,
        file: Option<K>,
        opening: Option<Opening<K>>,
    ) -> Self {
        let waiting = opening.is_some();
        Self { since, urgency, file, pieces: VecDeque::new(), fetches: VecDeque::new(), waiting, opening }
    }

    /// The store brought a piece.
    pub(super) fn fetched(&mut self, index: u32, data: B) {
        let place = self.fetches.iter_mut().find(|(piece, came)| *piece == index && came.is_none());
        if let Some((_, came)) = place {
            *came = Some(data);
        }
    }

    /// The next piece to give to the connection, if it is here and its turn has come.
    pub(super) fn next_to_send(&mut self) -> Option<(u32, B)> {
        if self.waiting || self.fetches.front()?.1.is_none() {
            return None;
        }
        let (index, data) = self.fetches.pop_front()?;
        Some((index, data?))
    }

    /// Whether nothing more will come of it.
    pub(super) fn is_complete(&self) -> bool {
        !self.waiting && self.pieces.is_empty() && self.fetches.is_empty()
    }
}

/// The pieces to send with an open, `most` in all: headers first, then from where the music shall start.
pub(super) fn first_pieces(
    headers: impl Iterator<Item = u32>,
    at: u32,
    pieces: u32,
    most: u32,
) -> Vec<PieceRange> {
    let mut ranges: Vec<PieceRange> = Vec::new();
    let mut left = most;
    let headers: Vec<u32> = headers.collect();
    let music = (at..pieces).filter(|piece| !headers.contains(piece));
    for piece in headers.iter().copied().chain(music) {
        if left == 0 {
            break;
        }
        let full = ranges.len() == MAX_FIRST;
        match ranges.last_mut() {
            Some(range) if range.end() == piece => range.count += 1,
            // Headers in the midst of the music cut it up; the rest is for reads.
            _ if full => break,
            _ => ranges.push(PieceRange { start: piece, count: 1 }),
        }
        left -= 1;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(start: u32, count: u32) -> PieceRange {
        PieceRange { start, count }
    }

    #[test]
    fn pieces_go_out_in_the_order_of_asking_whichever_comes_first() {
        let mut answer: Answer<u32, char> = Answer::new(RequestId(0), Urgency::Playing, Some(1), None);
        answer.fetches = [(7, None), (8, None), (9, None)].into();
        answer.fetched(8, 'b');
        assert_eq!(answer.next_to_send(), None);
        answer.fetched(7, 'a');
        assert_eq!([answer.next_to_send(), answer.next_to_send()], [Some((7, 'a')), Some((8, 'b'))]);
        assert_eq!(answer.next_to_send(), None);
        assert!(!answer.is_complete());
    }

    #[test]
    fn an_open_brings_headers_and_then_music_within_the_credit() {
        assert_eq!(first_pieces([0].into_iter(), 0, 100, 5), [range(0, 5)]);
        assert_eq!(first_pieces([0].into_iter(), 40, 100, 5), [range(0, 1), range(40, 4)]);
        assert_eq!(first_pieces([0, 99].into_iter(), 98, 100, 9), [range(0, 1), range(99, 1), range(98, 1)]);
        assert_eq!(first_pieces([0, 1].into_iter(), 1, 2, 9), [range(0, 2)]);
        assert_eq!(first_pieces([0].into_iter(), 0, 100, 0), []);
    }

    #[test]
    fn an_open_names_no_more_ranges_than_its_answer_has_room_for() {
        let ranges = first_pieces([0, 22, 24, 26].into_iter(), 21, 100, 60);
        assert_eq!(ranges, [range(0, 1), range(22, 1), range(24, 1), range(26, 1), range(21, 1)]);
    }
}
