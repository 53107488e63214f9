//! Opens and reads: what the catalogue and the store have to bring before a session is answered.

use super::session::{Answer, Opening, first_pieces};
use super::{AccessPoint, Done, Effect, Entry, Output};
use crate::payload::FileKey;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::vec::Vec;
use spotproto::CloseCode;
use spotproto::content::LeafRange;
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Message, Open, Opened, Read, Refusal, Urgency};

/// Most pieces that an open may bring, whatever credit it gives: the rest is for reads.
const MOST_FIRST: u32 = 64;

/// What an effect under way is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Errand {
    request: RequestId,
    session: SessionId,
    channel: Channel,
    /// The piece, if it is one that is fetched.
    piece: Option<u32>,
}

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    pub(super) fn open(&mut self, id: SessionId, channel: Channel, open: Open<K>) {
        let credit = u32::from(open.credit).min(MOST_FIRST);
        let opening = Opening { at_ms: open.at_ms, credit, entry: None, first: Vec::new() };
        let answer = Answer::new(self.next_request, open.urgency, None, Some(opening));
        if self.begin(id, channel, answer)
            && let Some(request) = self.look_up(id, channel)
        {
            self.out.push(Output::Effect(Effect::Find { request, wanted: open.wanted }));
        }
    }

    pub(super) fn read(&mut self, id: SessionId, channel: Channel, read: Read<K>) {
        let Read { pieces, .. } = read;
        if (pieces.count == 0 && read.leaves.is_none()) || pieces.start.checked_add(pieces.count).is_none() {
            // The codec lets none through, but who knows the owner.
            return self.hang_up(id, CloseCode::Protocol);
        }
        let mut answer = Answer::new(self.next_request, read.urgency, Some(read.file), None);
        // Leaves alone prove what others send.
        answer.pieces.extend(Some(pieces).filter(|pieces| pieces.count > 0));
        answer.waiting = read.leaves.is_some();
        if !self.begin(id, channel, answer) {
            return;
        }
        if let Some(leaves) = read.leaves {
            let Some(request) = self.look_up(id, channel) else { return };
            let prove = Effect::Prove { request, file: read.file, ranges: alloc::vec![leaves] };
            self.out.push(Output::Effect(prove));
        }
        self.fetch(id);
    }

    /// Whether the request may be answered: the session is there and nothing answers on that channel yet.
    fn begin(&mut self, id: SessionId, channel: Channel, answer: Answer<K, B>) -> bool {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| session.device.is_some()) else {
            return false;
        };
        if session.answers.contains_key(&channel) {
            self.hang_up(id, CloseCode::Protocol);
            return false;
        }
        session.answers.insert(channel, answer);
        true
    }

    /// Asks the catalogue or for a proof, unless the session has too much of that under way: an abort frees its channel
    /// at once, so nothing else bounds what a client makes the store do. A person who skips on while a disk is slow comes
    /// here too, and may ask again later.
    fn look_up(&mut self, id: SessionId, channel: Channel) -> Option<RequestId> {
        let session = self.sessions.get_mut(&id)?;
        if session.lookups >= self.config.limits.lookups {
            session.forget(channel);
            self.send(id, Message::Refuse { channel, why: Refusal::Busy });
            return None;
        }
        session.lookups += 1;
        Some(self.errand(id, channel, None))
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
        let request = self.next_request;
        self.next_request = RequestId(request.0 + 1);
        self.errands.insert(request, Errand { request, session, channel, piece });
        request
    }

    /// An effect is carried out; the session or the request may be gone by now.
    pub(super) fn done(&mut self, request: RequestId, done: Done<K, B>) {
        let Some(errand) = self.errands.remove(&request) else { return };
        let Some(session) = self.sessions.get_mut(&errand.session).filter(|it| it.since <= request) else {
            return;
        };
        if errand.piece.is_none() {
            session.lookups -= 1;
        }
        match (done, errand.piece) {
            (Done::Found(found), None) => self.found(errand, found),
            (Done::Proofs(proofs), None) => self.proved(errand, proofs),
            (Done::Piece(piece), Some(index)) => self.fetched(errand, index, piece),
            // The owner mixed effects up: the request can't be answered.
            (_, Some(index)) => self.fetched(errand, index, Err(Refusal::Unavailable)),
            (_, None) => self.refuse(errand, Refusal::Unavailable),
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
        if first.is_empty() {
            // A lease is renewed: there is nothing to prove.
            return self.proved(errand, Ok(Vec::new()));
        }
        let Some(request) = self.look_up(errand.session, errand.channel) else { return };
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
        let ahead = answer.urgency == Urgency::Next;
        answer.waiting = false;
        match answer.opening.take() {
            Some(Opening { entry: Some(entry), first, .. }) => {
                let Entry { head, key, title, artist, mirrors } = *entry;
                // Who renews a lease has the music; who looks ahead fetches it of others.
                let (file, fetches) = (head.file, ahead || !first.is_empty());
                let lease_s = u32::try_from(self.config.lease.as_secs()).unwrap_or(u32::MAX);
                let opened = Box::new(Opened { head, key, lease_s, title, artist, first, proofs });
                self.send(id, Message::Opened { channel, opened });
                if fetches {
                    self.name_sources(id, channel, &file, mirrors);
                }
            }
            _ => {
                for leaves in proofs {
                    self.send(id, Message::Leaves { channel, leaves: Box::new(leaves) });
                }
            }
        }
        self.deliver(errand);
        self.complete(errand);
        self.fetch(errand.session);
    }

    fn fetched(&mut self, errand: Errand, index: u32, piece: Result<B, Refusal>) {
        let Errand { session: id, channel, .. } = errand;
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match (session.answer(channel, errand.request), piece) {
            (Some(answer), Ok(data)) => {
                answer.fetched(index, data);
                self.deliver(errand);
                self.complete(errand);
            }
            (_, piece) => {
                // Nothing goes to the line, so nothing will be reported as sent.
                session.ahead -= 1;
                if let Err(why) = piece {
                    self.refuse(errand, why);
                }
                self.fetch(id);
            }
        }
    }

    /// Gives the connection what has come, in the order in which it was asked of the store.
    fn deliver(&mut self, errand: Errand) {
        let Errand { session: id, channel, .. } = errand;
        while let Some(session) = self.sessions.get_mut(&id) {
            let next = session.answer(channel, errand.request).and_then(Answer::next_to_send);
            let Some((index, data)) = next else { return };
            session.queue(channel);
            self.send(id, Message::Piece { channel, index, data });
        }
    }

    fn answer(&mut self, errand: Errand) -> Option<&mut Answer<K, B>> {
        self.sessions.get_mut(&errand.session)?.answer(errand.channel, errand.request)
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
            // Pieces that waited for this answer's proof made room for those of others.
            self.fetch(errand.session);
        }
    }
}
