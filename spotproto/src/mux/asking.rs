//! This side's requests, and the answers that come to them in fragments.

use super::credit::Ledger;
use crate::codec::Reader;
use crate::content::PIECE_LEN;
use crate::error::{Misuse, PeerFault, SessionError};
use crate::message::Channel;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use bytes::Bytes;

/// Requests that wait for their answers.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    open: BTreeMap<Channel, Request>,
    last: Option<Channel>,
    ledger: Ledger,
}

#[derive(Debug)]
struct Request {
    /// Pieces that may still begin.
    credit: u32,
    /// The piece that is being put together.
    piece: Option<Assembly>,
}

/// A piece of known length that comes in order: one allocation of the right size, no list of ranges
/// (quinn's RUSTSEC-2026-0185 is what such a list can cost).
#[derive(Debug)]
struct Assembly {
    index: u32,
    length: usize,
    bytes: Vec<u8>,
}

impl Asking {
    /// A request goes out.
    pub(crate) fn begin(
        &mut self,
        channel: Channel,
        pieces: u32,
        limits: &crate::Limits,
    ) -> Result<(), Misuse> {
        if channel == 0 || self.last.is_some_and(|last| channel <= last) {
            return Err(Misuse::ChannelOrder);
        }
        if self.open.len() >= limits.channels
            || self.ledger.outstanding() + u64::from(pieces) > u64::from(limits.credit)
        {
            return Err(Misuse::NoRoom);
        }
        self.last = Some(channel);
        self.ledger.grant(pieces);
        self.open.insert(channel, Request { credit: pieces, piece: None });
        Ok(())
    }

    /// A request ends, for whichever reason; what never came is given back. `false` if it was not open.
    pub(crate) fn end(&mut self, channel: Channel) -> bool {
        let Some(request) = self.open.remove(&channel) else { return false };
        if self.open.is_empty() {
            // An empty map keeps a node of the tree, half a kilobyte.
            self.open = BTreeMap::new();
        }
        self.ledger.release(request.outstanding());
        true
    }

    /// Ends all requests.
    pub(crate) fn end_all(&mut self) {
        for request in core::mem::take(&mut self.open).into_values() {
            self.ledger.release(request.outstanding());
        }
    }

    /// Whether an answer on `channel` is expected; an answer that was aborted may still trickle in, and is dropped.
    pub(crate) fn expects(&self, channel: Channel) -> Result<bool, PeerFault> {
        if self.open.contains_key(&channel) {
            Ok(true)
        } else if self.last.is_some_and(|last| channel <= last) {
            Ok(false)
        } else {
            Err(PeerFault::UnknownChannel)
        }
    }

    /// Whether anything is outstanding.
    pub(crate) fn is_idle(&self) -> bool {
        self.open.is_empty()
    }

    /// Pieces that may still come.
    pub(crate) const fn outstanding(&self) -> u64 {
        self.ledger.outstanding()
    }

    /// The answer on `channel` is complete: nothing may be half here.
    pub(crate) fn complete(&mut self, channel: Channel) -> Result<(), PeerFault> {
        let in_mid_piece = self.open.get(&channel).is_some_and(|request| request.piece.is_some());
        self.end(channel);
        if in_mid_piece { Err(PeerFault::BadFragment) } else { Ok(()) }
    }

    /// The first fragment of a piece. Returns the piece if that was all of it.
    pub(crate) fn first_fragment(
        &mut self,
        channel: Channel,
        body: &[u8],
    ) -> Result<Option<(u32, Bytes)>, SessionError> {
        let mut reader = Reader::new(body);
        let index = reader.varint_u32("piece")?;
        let length = reader.count(PIECE_LEN, "length of a piece")?;
        let Some(request) = self.open.get_mut(&channel) else { return Ok(None) };
        if request.piece.is_some() || length == 0 {
            return Err(PeerFault::BadFragment.into());
        }
        request.credit = request.credit.checked_sub(1).ok_or(PeerFault::BeyondCredit)?;
        request.piece = Some(Assembly { index, length, bytes: Vec::with_capacity(length) });
        self.add(channel, reader.rest())
    }

    /// A further fragment. Returns the piece when it is whole.
    pub(crate) fn next_fragment(
        &mut self,
        channel: Channel,
        body: &[u8],
    ) -> Result<Option<(u32, Bytes)>, SessionError> {
        self.add(channel, body)
    }

    /// A piece counts as outstanding until it is whole, as it does for the side that sends it.
    fn add(&mut self, channel: Channel, bytes: &[u8]) -> Result<Option<(u32, Bytes)>, SessionError> {
        let Some(request) = self.open.get_mut(&channel) else { return Ok(None) };
        let whole = request.add(bytes)?;
        if whole.is_some() {
            self.ledger.spend();
        }
        Ok(whole)
    }
}

impl Request {
    /// Pieces that may still come, the one that is being put together among them.
    const fn outstanding(&self) -> u32 {
        self.credit + self.piece.is_some() as u32
    }

    fn add(&mut self, bytes: &[u8]) -> Result<Option<(u32, Bytes)>, SessionError> {
        let piece = self.piece.as_mut().ok_or(PeerFault::BadFragment)?;
        if bytes.len() > piece.length - piece.bytes.len() {
            return Err(PeerFault::BadFragment.into());
        }
        piece.bytes.extend_from_slice(bytes);
        if piece.bytes.len() < piece.length {
            return Ok(None);
        }
        Ok(self.piece.take().map(|whole| (whole.index, Bytes::from(whole.bytes))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Limits;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Begin(u32, u32),
        Piece(u32),
        Complete(u32),
        Abort(u32),
        EndAll,
    }

    fn step() -> impl Strategy<Value = Step> {
        let channel = 1u32..12;
        prop_oneof![
            (channel.clone(), 0u32..5).prop_map(|(c, n)| Step::Begin(c, n)),
            channel.clone().prop_map(Step::Piece),
            channel.clone().prop_map(Step::Complete),
            channel.prop_map(Step::Abort),
            Just(Step::EndAll),
        ]
    }

    proptest! {
        #[test]
        fn credit_is_conserved_on_every_path(steps in proptest::collection::vec(step(), 0..60)) {
            let mut asking = Asking::default();
            for step in steps {
                match step {
                    Step::Begin(channel, pieces) => {
                        let _ = asking.begin(channel, pieces, &Limits::DEFAULT);
                    }
                    Step::Piece(channel) => {
                        let _ = asking.first_fragment(channel, &[7, 2, 0xaa]);
                        let _ = asking.next_fragment(channel, &[0xbb]);
                    }
                    Step::Complete(channel) => {
                        let _ = asking.complete(channel);
                    }
                    Step::Abort(channel) => {
                        asking.end(channel);
                    }
                    Step::EndAll => asking.end_all(),
                }
                let held: u64 = asking.open.values().map(|request| u64::from(request.outstanding())).sum();
                prop_assert_eq!(asking.outstanding(), held);
            }
            asking.end_all();
            prop_assert_eq!(asking.outstanding(), 0);
        }
    }

    #[test]
    fn a_piece_beyond_the_credit_is_the_peers_fault() {
        let mut asking = Asking::default();
        asking.begin(1, 1, &Limits::DEFAULT).unwrap();
        assert_eq!(asking.first_fragment(1, &[0, 1, 9]).unwrap(), Some((0, Bytes::from_static(&[9]))));
        assert_eq!(asking.first_fragment(1, &[1, 1, 9]), Err(SessionError::Peer(PeerFault::BeyondCredit)));
    }

    #[test]
    fn an_answer_that_was_aborted_may_still_trickle_in() {
        let mut asking = Asking::default();
        asking.begin(5, 1, &Limits::DEFAULT).unwrap();
        assert!(asking.end(5));
        assert_eq!(asking.expects(5), Ok(false));
        assert_eq!(asking.first_fragment(5, &[0, 1, 9]).unwrap(), None);
        assert_eq!(asking.expects(6), Err(PeerFault::UnknownChannel));
    }

    #[test]
    fn fragments_past_the_length_or_without_a_beginning_are_refused() {
        let mut asking = Asking::default();
        asking.begin(1, 2, &Limits::DEFAULT).unwrap();
        let bad = Err(SessionError::Peer(PeerFault::BadFragment));
        assert_eq!(asking.next_fragment(1, &[1]), bad);
        assert_eq!(asking.first_fragment(1, &[0, 2, 1]), Ok(None));
        assert_eq!(asking.next_fragment(1, &[1, 2]), bad);
    }
}
