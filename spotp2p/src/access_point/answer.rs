//! Opens and reads: what the catalogue and the store have to bring before a session is answered.

use super::session::{Answer, Opening, first_pieces};
use super::{AccessPoint, Done, Effect, Entry, Output};
use crate::payload::FileKey;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use spotproto::content::LeafRange;
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Message, Open, Opened, Read, Refusal};

/// Most pieces that an open may bring, whatever credit it gives: the rest is for reads.
const MOST_FIRST: u32 = 64;

/// What an effect under way is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    session: SessionId,
    channel: Channel,
    /// The piece, if it is one that is fetched.
    piece: Option<u32>,
}

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    pub(super) fn open(&mut self, id: SessionId, channel: Channel, open: Open<K>) {
        let credit = u32::from(open.credit).min(MOST_FIRST);
        let answer = Answer {
            urgency: open.urgency,
            file: None,
            pieces: VecDeque::new(),
            fetching: 0,
            waiting: true,
            early: Vec::new(),
            opening: Some(Opening { at_ms: open.at_ms, credit, entry: None, first: Vec::new() }),
        };
        if self.begin(id, channel, answer) {
            let request = self.errand(id, channel, None);
            self.out.push(Output::Effect(Effect::Find { request, wanted: open.wanted }));
        }
    }

    pub(super) fn read(&mut self, id: SessionId, channel: Channel, read: Read<K>) {
        let answer = Answer {
            urgency: read.urgency,
            file: Some(read.file),
            pieces: [read.pieces].into(),
            fetching: 0,
            waiting: read.leaves.is_some(),
            early: Vec::new(),
            opening: None,
        };
        if !self.begin(id, channel, answer) {
            return;
        }
        if let Some(leaves) = read.leaves {
            let request = self.errand(id, channel, None);
            let prove = Effect::Prove { request, file: read.file, ranges: alloc::vec![leaves] };
            self.out.push(Output::Effect(prove));
        }
        self.fetch(id);
    }

    /// Whether the request may be answered: the session is there and nothing answers on that channel yet.
    fn begin(&mut self, id: SessionId, channel: Channel, answer: Answer<K, B>) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        session.device.is_some() && session.answers.insert(channel, answer).is_none()
    }

    /// The requester wants no more; pieces under way to it are dropped when they come.
    pub(super) fn abort(&mut self, id: SessionId, channel: Channel) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.abort(channel);
        }
        self.fetch(id);
    }

    /// The line of a session took a piece.
    pub(super) fn sent(&mut self, id: SessionId, channel: Channel) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.sent(channel);
        }
        self.fetch(id);
    }

    /// Fetches as far ahead as the session's line has shown that it takes.
    pub(super) fn fetch(&mut self, id: SessionId) {
        while let Some((channel, file, piece)) = self.next_piece(id) {
            let request = self.errand(id, channel, Some(piece));
            self.out.push(Output::Effect(Effect::Fetch { request, file, piece }));
        }
    }

    fn next_piece(&mut self, id: SessionId) -> Option<(Channel, K, u32)> {
        let limits = &self.config.limits;
        let session = self.sessions.get_mut(&id)?;
        let most = if session.confirmed { limits.ahead } else { limits.ahead_unconfirmed };
        if session.ahead >= most {
            return None;
        }
        let next = session.next_piece()?;
        session.ahead += 1;
        Some(next)
    }

    fn errand(&mut self, session: SessionId, channel: Channel, piece: Option<u32>) -> RequestId {
        let request = RequestId(self.next_request);
        self.next_request += 1;
        self.errands.insert(request, Errand { session, channel, piece });
        request
    }

    /// An effect is carried out; the session or the request may be gone by now.
    pub(super) fn done(&mut self, request: RequestId, done: Done<K, B>) {
        let Some(errand) = self.errands.remove(&request) else { return };
        match (done, errand.piece) {
            (Done::Found(found), None) => self.found(errand, found),
            (Done::Proofs(proofs), None) => self.proved(errand, proofs),
            (Done::Piece(piece), Some(index)) => self.fetched(errand, index, piece),
            // The owner mixed effects up: the request can't be answered.
            _ => self.refuse(errand, Refusal::Unavailable),
        }
    }

    fn found(&mut self, errand: Errand, found: Result<Box<Entry<K>>, Refusal>) {
        let entry = match found {
            Ok(entry) => entry,
            Err(why) => return self.refuse(errand, why),
        };
        let Some(answer) = self.answer(errand) else { return };
        let Some(opening) = answer.opening.as_mut() else { return };
        let head = &entry.head;
        let at = head.piece_at(opening.at_ms);
        let first = first_pieces(head.header_pieces(), at, head.pieces(), opening.credit);
        let file = head.file;
        answer.file = Some(file);
        answer.pieces = first.iter().copied().collect();
        opening.entry = Some(entry);
        opening.first.clone_from(&first);
        let request = self.errand(errand.session, errand.channel, None);
        self.out.push(Output::Effect(Effect::Prove { request, file, ranges: first }));
        // Beside the proofs and not after them: every turn of the store that is waited for is heard at the start.
        self.fetch(errand.session);
    }

    fn proved(&mut self, errand: Errand, proofs: Result<Vec<LeafRange>, Refusal>) {
        let proofs = match proofs {
            Ok(proofs) => proofs,
            Err(why) => return self.refuse(errand, why),
        };
        let Errand { session: id, channel, .. } = errand;
        let Some(answer) = self.answer(errand) else { return };
        answer.waiting = false;
        let early = core::mem::take(&mut answer.early);
        match answer.opening.take() {
            Some(Opening { entry: Some(entry), first, .. }) => {
                let Entry { head, key, title, artist } = *entry;
                let opened = Box::new(Opened { head, key, title, artist, first, proofs });
                self.send(id, Message::Opened { channel, opened });
            }
            _ => {
                for leaves in proofs {
                    self.send(id, Message::Leaves { channel, leaves: Box::new(leaves) });
                }
            }
        }
        for (index, data) in early {
            self.deliver(id, channel, index, data);
        }
        self.complete(errand);
        self.fetch(errand.session);
    }

    fn fetched(&mut self, errand: Errand, index: u32, piece: Result<B, Refusal>) {
        let Errand { session: id, channel, .. } = errand;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match (session.answers.get_mut(&channel), piece) {
            (Some(answer), Ok(data)) => {
                answer.fetching -= 1;
                if answer.waiting {
                    answer.early.push((index, data));
                } else {
                    self.deliver(id, channel, index, data);
                    self.complete(errand);
                }
            }
            (answer, piece) => {
                // Nothing goes to the line, so nothing will be reported as sent.
                session.ahead -= 1;
                if let (Some(_), Err(why)) = (answer, piece) {
                    self.refuse(errand, why);
                }
                self.fetch(id);
            }
        }
    }

    /// Gives a piece to the connection.
    fn deliver(&mut self, id: SessionId, channel: Channel, index: u32, data: B) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.queue(channel);
        }
        self.send(id, Message::Piece { channel, index, data });
    }

    fn answer(&mut self, errand: Errand) -> Option<&mut Answer<K, B>> {
        self.sessions.get_mut(&errand.session)?.answers.get_mut(&errand.channel)
    }

    fn forget(&mut self, errand: Errand) {
        if let Some(session) = self.sessions.get_mut(&errand.session) {
            session.forget(errand.channel);
        }
    }

    fn complete(&mut self, errand: Errand) {
        if self.answer(errand).is_some_and(|answer| answer.is_complete()) {
            self.forget(errand);
            self.send(errand.session, Message::End { channel: errand.channel });
        }
    }

    fn refuse(&mut self, errand: Errand, why: Refusal) {
        if self.answer(errand).is_some() {
            self.forget(errand);
            self.send(errand.session, Message::Refuse { channel: errand.channel, why });
        }
    }
}
