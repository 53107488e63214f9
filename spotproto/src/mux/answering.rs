//! The other side's requests, and the answers that go out to them.

use super::order::Order;
use crate::codec::varint_len;
use crate::error::{LimitKind, Misuse, PeerFault, SessionError};
use crate::frame::{self, kind};
use crate::message::{self, Channel, Refusal, Urgency, WireMessage};
use alloc::collections::{BTreeMap, VecDeque};
use bytes::{BufMut, Bytes, BytesMut};

/// Requests of the other side that are being answered.
#[derive(Debug, Default)]
pub(crate) struct Answering {
    open: BTreeMap<Channel, Answer>,
    last: Option<Channel>,
    order: Order,
    /// Pieces queued over all answers.
    queued: usize,
    /// Proofs queued over all answers.
    proofs: usize,
    /// Pieces that the other side may still be sent.
    owed: u64,
}

#[derive(Debug)]
struct Answer {
    urgency: Urgency,
    /// Pieces that the application may still queue.
    credit: u32,
    queue: VecDeque<Part>,
    /// Bytes of the front piece that are out already.
    sent: usize,
    /// How the answer ends once the queue is empty.
    ending: Option<Ending>,
}

/// One part of an answer.
#[derive(Debug)]
enum Part {
    /// The leaves of the pieces behind it, which goes out in one frame.
    Proof(WireMessage),
    Piece(u32, Bytes),
}

/// The last word of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    End,
    Refuse(Refusal),
}

impl Answering {
    /// The other side asks.
    pub(crate) fn begin(
        &mut self,
        channel: Channel,
        urgency: Urgency,
        pieces: u32,
        limits: &crate::Limits,
    ) -> Result<(), SessionError> {
        // Channel 0 is the connection itself.
        if channel == 0 || self.last.is_some_and(|last| channel <= last) {
            return Err(PeerFault::ReusedChannel.into());
        }
        if self.open.len() >= limits.channels {
            return Err(SessionError::Limit(LimitKind::Channels));
        }
        if self.owed + u64::from(pieces) > u64::from(limits.credit) {
            return Err(SessionError::Limit(LimitKind::Credit));
        }
        self.last = Some(channel);
        self.owed += u64::from(pieces);
        let answer = Answer { urgency, credit: pieces, queue: VecDeque::new(), sent: 0, ending: None };
        self.open.insert(channel, answer);
        Ok(())
    }

    /// The other side wants no more: what is queued is dropped, in mid-piece too. `false` if it was over already.
    pub(crate) fn abort(&mut self, channel: Channel) -> bool {
        let Some(answer) = self.open.remove(&channel) else { return false };
        if self.open.is_empty() {
            // An empty map keeps a node of the tree, most of a kilobyte.
            self.open = BTreeMap::new();
        }
        let pieces = answer.queue.iter().filter(|part| matches!(part, Part::Piece(..))).count();
        self.queued -= pieces;
        self.proofs -= answer.queue.len() - pieces;
        self.owed -= u64::from(answer.credit) + pieces as u64;
        if !answer.queue.is_empty() {
            self.order.remove(answer.urgency, channel);
        }
        true
    }

    /// Whether the application may still answer; late answers to aborted requests are dropped without fault.
    pub(crate) fn is_open(&self, channel: Channel) -> Result<bool, Misuse> {
        match self.open.get(&channel) {
            Some(answer) if answer.ending.is_some() => Err(Misuse::NotAsked),
            Some(_) => Ok(true),
            None if self.last.is_some_and(|last| channel <= last) => Ok(false),
            None => Err(Misuse::NotAsked),
        }
    }

    /// The application answers with a piece.
    pub(crate) fn queue(
        &mut self,
        channel: Channel,
        index: u32,
        data: Bytes,
        limits: &crate::Limits,
    ) -> Result<(), Misuse> {
        if !self.is_open(channel)? {
            return Ok(());
        }
        if data.is_empty() || data.len() > crate::content::PIECE_LEN {
            return Err(Misuse::TooLarge);
        }
        if self.queued >= limits.queued_pieces {
            return Err(Misuse::NoRoom);
        }
        let Some(answer) = self.open.get_mut(&channel) else { return Ok(()) };
        answer.credit = answer.credit.checked_sub(1).ok_or(Misuse::NotAsked)?;
        answer.push(channel, Part::Piece(index, data), &mut self.order);
        self.queued += 1;
        Ok(())
    }

    /// The application answers with leaves. They have their place among the pieces: what was asked for earlier would only
    /// wait for them, and what they prove comes behind them.
    pub(crate) fn queue_proof(&mut self, channel: Channel, proof: WireMessage) -> Result<(), Misuse> {
        if self.is_open(channel)?
            && let Some(answer) = self.open.get_mut(&channel)
        {
            answer.push(channel, Part::Proof(proof), &mut self.order);
            self.proofs += 1;
        }
        Ok(())
    }

    /// The application ends an answer. Returns the ending if it can go out now, before nothing.
    pub(crate) fn end(&mut self, channel: Channel, ending: Ending) -> Result<Option<Ending>, Misuse> {
        if !self.is_open(channel)? {
            return Ok(None);
        }
        let Some(answer) = self.open.get_mut(&channel) else { return Ok(None) };
        if answer.queue.is_empty() {
            self.abort(channel);
            return Ok(Some(ending));
        }
        answer.ending = Some(ending);
        Ok(None)
    }

    /// Whether any request is unanswered.
    pub(crate) fn is_busy(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether data waits.
    pub(crate) fn has_data(&self) -> bool {
        !self.order.is_empty()
    }

    /// Pieces queued, the one that is partly out included.
    pub(crate) const fn queued(&self) -> usize {
        self.queued
    }

    /// Proofs queued.
    pub(crate) const fn proofs(&self) -> usize {
        self.proofs
    }

    /// Bytes that the rest of the piece whose turn it is takes, if a part of it is out.
    pub(crate) fn tail(&self, frame: usize) -> Option<usize> {
        let channel = self.order.turn(frame)?;
        let answer = self.open.get(&channel).filter(|answer| answer.sent > 0)?;
        let Some(Part::Piece(_, data)) = answer.queue.front() else { return None };
        Some(frame::header_len(channel) + data.len().saturating_sub(answer.sent))
    }

    /// Appends a proof if it fits into `most`, since it can't be cut; or one fragment of at most `frame` bytes, or what
    /// fits into `room`. Tells what is out now.
    pub(crate) fn put_part(&mut self, out: &mut BytesMut, frame: usize, room: usize, most: usize) -> Put {
        let Some(channel) = self.order.turn(frame) else { return Put::Nothing };
        let Some(answer) = self.open.get_mut(&channel) else { return Put::Nothing };
        let before = out.len();
        let (index, data) = match answer.queue.front() {
            Some(Part::Piece(index, data)) => (*index, data),
            Some(Part::Proof(proof)) => {
                message::encode(proof, out);
                if out.len() - before > most {
                    out.truncate(before);
                    return Put::NoRoom;
                }
                self.order.sent(answer.urgency, out.len() - before);
                self.proofs -= 1;
                return Put::Proof { channel, ending: self.part_is_out(channel) };
            }
            None => return Put::Nothing,
        };
        let rest = data.get(answer.sent..).unwrap_or_default();
        let preface =
            if answer.sent == 0 { varint_len(u64::from(index)) + varint_len(data.len() as u64) } else { 0 };
        let overhead = frame::header_len(channel) + preface;
        // A fragment that is nearly all header serves nobody.
        let floor = rest.len().min(256);
        let take = rest.len().min(frame).min(room.saturating_sub(overhead));
        if take < floor {
            return Put::NoRoom;
        }
        if answer.sent == 0 {
            frame::put_header(out, kind::PIECE, channel, preface + take);
            let mut writer = crate::codec::Writer::new(out);
            writer.varint(u64::from(index)).varint(data.len() as u64);
        } else {
            frame::put_header(out, kind::REST, channel, take);
        }
        out.put_slice(rest.get(..take).unwrap_or_default());
        answer.sent += take;
        let whole = answer.sent == data.len();
        let urgency = answer.urgency;
        self.order.sent(urgency, out.len() - before);
        if !whole {
            return Put::Part;
        }
        self.queued -= 1;
        self.owed -= 1;
        Put::Whole { channel, index, ending: self.part_is_out(channel) }
    }

    fn part_is_out(&mut self, channel: Channel) -> Option<Ending> {
        let answer = self.open.get_mut(&channel)?;
        answer.queue.pop_front();
        answer.sent = 0;
        if !answer.queue.is_empty() {
            return None;
        }
        let ending = answer.ending;
        self.order.remove(answer.urgency, channel);
        if ending.is_some() {
            self.abort(channel);
        }
        ending
    }
}

impl Answer {
    fn push(&mut self, channel: Channel, part: Part, order: &mut Order) {
        if self.queue.is_empty() {
            order.add(self.urgency, channel);
        }
        self.queue.push_back(part);
    }
}

/// What [`Answering::put_part`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Put {
    /// Nothing waits.
    Nothing,
    /// What waits needs more room than there is.
    NoRoom,
    /// A part of a piece.
    Part,
    /// A proof, and how its answer ends if it does.
    Proof { channel: Channel, ending: Option<Ending> },
    /// The last part of a piece, and how its answer ends if it does.
    Whole { channel: Channel, index: u32, ending: Option<Ending> },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use crate::content::{Hash, LeafRange};
    use crate::message::Message;
    use alloc::boxed::Box;
    use alloc::vec::Vec;

    const LIMITS: Limits = Limits::DEFAULT;

    fn piece(length: usize) -> Bytes {
        Bytes::from(alloc::vec![7; length])
    }

    #[test]
    fn a_piece_goes_out_in_fragments_and_then_the_ending() {
        let mut answering = Answering::default();
        answering.begin(1, Urgency::Playing, 1, &LIMITS).unwrap();
        answering.queue(1, 9, piece(10_000), &LIMITS).unwrap();
        assert_eq!(answering.end(1, Ending::End), Ok(None));
        let mut out = BytesMut::new();
        assert_eq!(answering.put_part(&mut out, 4096, 8192, 8192), Put::Part);
        assert_eq!(answering.put_part(&mut out, 4096, 100, 100), Put::NoRoom);
        assert_eq!(answering.put_part(&mut out, 4096, 8192, 8192), Put::Part);
        let whole = Put::Whole { channel: 1, index: 9, ending: Some(Ending::End) };
        assert_eq!(answering.put_part(&mut out, 4096, 8192, 8192), whole);
        assert!(!answering.has_data());
        assert_eq!((answering.queued, answering.owed), (0, 0));
    }

    #[test]
    fn an_abort_drops_what_is_queued_in_mid_piece() {
        let mut answering = Answering::default();
        answering.begin(1, Urgency::Playing, 5, &LIMITS).unwrap();
        answering.queue(1, 0, piece(10_000), &LIMITS).unwrap();
        answering.queue(1, 1, piece(10_000), &LIMITS).unwrap();
        let mut out = BytesMut::new();
        answering.put_part(&mut out, 4096, 8192, 8192);
        assert!(answering.abort(1));
        assert!(!answering.abort(1));
        assert_eq!((answering.queued, answering.owed), (0, 0));
        assert_eq!(answering.put_part(&mut out, 4096, 8192, 8192), Put::Nothing);
        assert_eq!(answering.queue(1, 2, piece(1), &LIMITS), Ok(()), "a late answer is dropped");
    }

    #[test]
    fn a_proof_waits_for_room_and_is_dropped_with_its_answer() {
        let leaves = LeafRange { start: 0, leaves: alloc::vec![Hash([3; 32]); 64], uncles: Vec::new() };
        let proof = |channel| Message::Leaves { channel, leaves: Box::new(leaves.clone()) };
        let mut answering = Answering::default();
        for channel in [1, 2] {
            answering.begin(channel, Urgency::Playing, 1, &LIMITS).unwrap();
            answering.queue_proof(channel, proof(channel)).unwrap();
            answering.queue(channel, 0, piece(300), &LIMITS).unwrap();
        }
        assert_eq!(answering.end(1, Ending::Refuse(Refusal::Busy)), Ok(None));
        assert_eq!((answering.queued, answering.proofs), (2, 2));
        let mut out = BytesMut::new();
        assert_eq!(answering.put_part(&mut out, 4096, 512, 2048), Put::NoRoom);
        assert!(out.is_empty());
        let put = Put::Proof { channel: 1, ending: None };
        assert_eq!(answering.put_part(&mut out, 4096, 512, 4096), put);
        let ending = Some(Ending::Refuse(Refusal::Busy));
        let put = Put::Whole { channel: 1, index: 0, ending };
        assert_eq!(answering.put_part(&mut out, 4096, 512, 512), put);
        assert!(answering.abort(2));
        assert_eq!((answering.queued, answering.proofs, answering.owed), (0, 0, 0));
        assert_eq!(answering.queue_proof(2, proof(2)), Ok(()), "a late answer is dropped");
        assert_eq!(answering.queue_proof(3, proof(3)), Err(Misuse::NotAsked));
    }

    #[test]
    fn both_sides_mistakes_are_told_apart() {
        let mut answering = Answering::default();
        answering.begin(4, Urgency::Next, 1, &LIMITS).unwrap();
        assert_eq!(
            answering.begin(4, Urgency::Next, 1, &LIMITS),
            Err(SessionError::Peer(PeerFault::ReusedChannel))
        );
        assert_eq!(
            answering.begin(5, Urgency::Next, u32::MAX, &LIMITS),
            Err(SessionError::Limit(LimitKind::Credit))
        );
        answering.queue(4, 0, piece(1), &LIMITS).unwrap();
        assert_eq!(answering.queue(4, 1, piece(1), &LIMITS), Err(Misuse::NotAsked));
        assert_eq!(answering.queue(99, 1, piece(1), &LIMITS), Err(Misuse::NotAsked));
    }
}
