//! What the swarm wants done, and what peers and the access point say for it: here the overlay meets the wire.

use super::requests::Request;
use super::sources::Who;
use super::{Effect, Event, Node, Output, Timer};
use crate::SessionId;
use crate::payload::{FileKey, Payload};
use crate::planner::{Holds, Policy, Prospect, Slot};
use crate::swarm::{self, Fault, Mode, Origin, PeerId, PeerMessage, QueryId, SlotRefusal, SlotState, Want};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::crypto::Crypto;
use spotproto::message::{self, Connect, MAX_PEERS, Message, Misdeed, PieceRange, Refusal, Urgency};
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Instant};

/// How long peers are waited for before a track is fetched as if there were none.
const SEARCHING: Duration = Duration::from_secs(5);

/// How often holders are looked for while a track has few.
const SEARCH_EVERY: Duration = Duration::from_secs(30);

/// With as many that serve, or may be about to, no more are looked for.
const FEW: usize = 4;

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Does what the swarm wants done; whether that was anything.
    pub(super) fn carry_out_swarm(&mut self, now: Instant) -> bool {
        let mut any = false;
        let mut dials: Vec<(K, Vec<Pseudonym>)> = Vec::new();
        while let Some(output) = self.swarm.poll_output() {
            any = true;
            match output {
                swarm::Output::Send { to, message } => self.tell_peer(to, message),
                swarm::Output::Dial { holder, file } => match dials.last_mut() {
                    Some((of, holders)) if *of == file && holders.len() < MAX_PEERS => holders.push(holder),
                    _ => dials.push((file, alloc::vec![holder])),
                },
                swarm::Output::HangUp(peer) => self.hang_up_link(now, peer, CloseCode::Done),
                swarm::Output::Fault { peer, fault } => {
                    let what = match fault {
                        Fault::BadPiece => Misdeed::Forged,
                        Fault::Flood => Misdeed::Flooding,
                    };
                    self.report(peer, what);
                    self.hang_up_link(now, peer, CloseCode::Protocol);
                }
                swarm::Output::Read { to, channel, file, piece, last } => {
                    self.read_piece(now, (to, channel), file, piece, last);
                }
                swarm::Output::Refuse { to, channel, why } => self.refuse(to, channel, why),
                swarm::Output::SourceUp { peer, file } => self.source_up(now, peer, &file),
                swarm::Output::SourceDown { peer, file } => self.source_down(now, peer, &file),
            }
        }
        for (file, peers) in dials {
            self.ask_for_links(now, file, peers);
        }
        any
    }

    /// A neighbour says something.
    pub(super) fn peer_says(&mut self, now: Instant, from: PeerId, message: Message<K, B>) {
        let session = super::links::session(from);
        match message {
            Message::Query(query) => {
                let query = swarm::Query { id: QueryId(query.id), file: query.file, forward: query.hops > 0 };
                self.swarm_hears(now, from, PeerMessage::Query(query));
            }
            Message::Hit(hit) => {
                for holder in hit.peers {
                    let hit = swarm::Hit { id: QueryId(hit.id), holder };
                    self.swarm_hears(now, from, PeerMessage::Hit(hit));
                }
            }
            Message::Want { channel, want } => self.peer_wants(now, from, channel, want),
            Message::Slot { channel, slot } => self.slot_told(now, from, channel, slot),
            Message::Read { channel, read } => self.peer_reads(now, from, channel, read),
            Message::Abort { channel } => self.peer_aborts(now, from, channel),
            Message::Leaves { channel, leaves } => self.leaves(now, (session, channel), &leaves),
            Message::Piece { channel, index, data } => self.piece(now, (session, channel), index, data),
            Message::End { channel } => self.ended(now, (session, channel), None),
            Message::Refuse { channel, why } => self.ended(now, (session, channel), Some(why)),
            // Optional, and no news between peers.
            Message::Playing { .. } => {}
            // Whatever else there is, no peer says it to another.
            _ => {
                self.report(from, Misdeed::Protocol);
                self.swarm.closed(now, from);
                self.hang_up_link(now, from, CloseCode::Protocol);
            }
        }
    }

    pub(super) fn swarm_hears(&mut self, now: Instant, from: PeerId, message: PeerMessage<K>) {
        let shelf = self.shelf.as_deref();
        self.swarm.message(now, from, message, &|file: &K| Self::holding(shelf, file));
    }

    /// Tells the access point what a peer did wrong.
    pub(super) fn report(&mut self, peer: PeerId, what: Misdeed) {
        // A link of an earlier log-in means nothing to the access point, and before one it takes no word of it.
        if self.server.logged_in {
            let session = super::links::session(peer);
            self.out.push(Output::Effect(Effect::Report { session, what }));
            self.out.push(Output::Event(Event::Reported(what)));
        }
    }

    /// The access point names holders of a file.
    pub(super) fn holders_named(
        &mut self,
        now: Instant,
        place: super::requests::Place,
        holders: &[Pseudonym],
    ) {
        let file = match self.requests.get(place) {
            Some(Request::FindPeers(file)) => Some(*file),
            Some(Request::Pieces(pieces)) => self.file(pieces.class).map(|file| file.head.file),
            _ => None,
        };
        if let Some(file) = file.filter(|_| self.mode != Mode::Alone) {
            self.swarm.found(now, file, holders, Origin::Tracker);
        }
    }

    /// All is said of who holds a file: if that is nobody, and there is nobody else to ask, none will be here soon.
    pub(super) fn holders_told(&mut self, now: Instant, name: K) {
        if self.mode == Mode::Alone {
            return;
        }
        if self.swarm.hopeful(name) > 0 || self.swarm.neighbours() > 0 || self.swarm.has_candidates(&name) {
            return;
        }
        for file in self.files_of(&name) {
            let policy = Policy { prospect: Prospect::Later, ..file.plan.policy() };
            file.plan.set_policy(now, policy);
        }
    }

    /// What is to be expected of peers as a track is opened.
    pub(super) fn prospect(&self) -> Prospect {
        if self.mode == Mode::Alone { Prospect::Never } else { Prospect::Soon }
    }

    /// Looks for those who have a track that was opened, unless it is here already.
    pub(super) fn seek_holders(&mut self, now: Instant, class: Urgency) {
        let alone = self.mode == Mode::Alone;
        let Some(track) = self.track(class) else { return };
        let Some(file) = track.file.as_ref().filter(|file| !file.plan.is_complete() && !alone) else {
            return;
        };
        let (name, named) = (file.head.file, track.names_holders);
        let class = self.urgency_of(&name).unwrap_or(class);
        if !self.swarm.want(now, name, class) {
            return;
        }
        self.files_of(&name).for_each(|file| file.sought = true);
        if !named {
            self.find_holders(name);
        }
        self.timers.set_earlier(Timer::Search, now + SEARCHING);
    }

    /// How soon a file is needed that is fetched, maybe for more than one track.
    fn urgency_of(&self, name: &K) -> Option<Urgency> {
        let of = |class: &Urgency| self.file(*class).is_some_and(|file| file.head.file == *name);
        Urgency::ALL.into_iter().find(of)
    }

    /// A track is whole, or fetched no more.
    pub(super) fn seek_holders_no_more(&mut self, now: Instant, name: K) {
        let others =
            |file: &&mut super::track::File<K, B>| file.head.file == name && !file.plan.is_complete();
        if self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()).filter(others).count()
            == 0
        {
            self.swarm.unwant(now, name);
        }
    }

    /// Gives the slots back that are of no use any more.
    pub(super) fn give_back_slots(&mut self, now: Instant) {
        for class in Urgency::ALL {
            let Some(file) = self.file_mut(class).filter(|file| file.sought && file.plan.is_complete())
            else {
                continue;
            };
            file.sought = false;
            let name = file.head.file;
            self.seek_holders_no_more(now, name);
        }
    }

    /// Looks again for holders of what has few, and ends the wait for what has none.
    pub(super) fn search_again(&mut self, now: Instant) {
        let mut again = false;
        for class in Urgency::ALL {
            let Some(file) = self.file(class).filter(|file| file.sought) else { continue };
            let (name, policy) = (file.head.file, file.plan.policy());
            again = true;
            let hopeful = self.swarm.hopeful(name);
            if hopeful < FEW {
                self.swarm.search(now, name);
                self.find_holders(name);
            }
            if let Some(file) = self.file_mut(class) {
                let prospect = if hopeful > 0 { Prospect::Soon } else { Prospect::Later };
                file.plan.set_policy(now, Policy { prospect, ..policy });
            }
        }
        if again {
            self.timers.set(Timer::Search, now + SEARCH_EVERY);
        }
    }

    /// Asks the access point who holds a file.
    pub(super) fn find_holders(&mut self, file: K) {
        let Some(session) = self.server.session.filter(|_| self.server.logged_in) else { return };
        let channel = self.server.channel();
        self.requests.insert((session, channel), Request::FindPeers(file));
        self.send_server(Message::FindPeers { channel, file, most: MAX_PEERS as u8 });
    }

    /// Does another thing among peers from now on.
    pub(super) fn set_mode(&mut self, now: Instant, mode: Mode) {
        let (served, alone) = (self.mode == Mode::Full, self.mode == Mode::Alone);
        if served && mode != Mode::Full {
            self.announce_nothing(now);
        }
        self.mode = mode;
        self.swarm.set_mode(now, mode);
        if mode == Mode::Alone {
            self.drop_all_making(now);
            for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
                file.sought = false;
                let policy = Policy { prospect: Prospect::Never, ..file.plan.policy() };
                file.plan.set_policy(now, policy);
            }
        }
        if !served && mode == Mode::Full {
            self.announce_all(now);
        }
        if alone && mode != Mode::Alone {
            Urgency::ALL.into_iter().for_each(|class| self.meet_holders(now, class));
        }
    }

    /// Looks for holders of a track anew: all that were known are gone, or it was opened without any.
    pub(super) fn meet_holders(&mut self, now: Instant, class: Urgency) {
        if self.mode == Mode::Alone {
            return;
        }
        if let Some(track) = self.tracks[class as usize].as_mut() {
            track.names_holders = false;
        }
        if let Some(file) = self.file_mut(class) {
            let policy = file.plan.policy();
            file.plan.set_policy(now, Policy { prospect: Prospect::Soon, ..policy });
        }
        self.seek_holders(now, class);
    }

    /// What we asked a neighbour for is over.
    pub(super) fn want_ended(&mut self, now: Instant, session: SessionId, file: K, why: Option<Refusal>) {
        let Some(peer) = super::links::peer(session) else { return };
        let why = match why {
            Some(Refusal::Busy) | None => SlotRefusal::Busy,
            Some(Refusal::NoRight) => SlotRefusal::Off,
            Some(_) => SlotRefusal::NotHere,
        };
        let slot = swarm::Slot { file, state: SlotState::Refused(why) };
        self.swarm_hears(now, peer, PeerMessage::Slot(slot));
    }

    fn ask_for_links(&mut self, now: Instant, file: K, peers: Vec<Pseudonym>) {
        let Some(session) = self.server.session.filter(|_| self.server.logged_in) else {
            for peer in peers {
                self.swarm.dial_failed(now, peer);
            }
            return;
        };
        let channel = self.server.channel();
        self.requests.insert((session, channel), Request::Connect(peers.clone()));
        self.send_server(Message::Connect { channel, connect: Box::new(Connect { file, peers }) });
    }

    fn tell_peer(&mut self, to: PeerId, message: PeerMessage<K>) {
        let session = super::links::session(to);
        match message {
            PeerMessage::Query(swarm::Query { id, file, forward }) => {
                let query = message::Query { id: id.0, file, hops: forward.into() };
                self.send(session, Message::Query(query));
            }
            PeerMessage::Hit(swarm::Hit { id, holder }) => {
                self.send(session, Message::Hit(message::Hit { id: id.0, peers: alloc::vec![holder] }));
            }
            PeerMessage::Want(want) => self.tell_want(to, want),
            PeerMessage::Slot(slot) => self.tell_slot(to, slot),
        }
    }

    /// Asks a neighbour for a slot, anew or with another urgency, or gives it back.
    fn tell_want(&mut self, to: PeerId, Want { file, urgency }: Want<K>) {
        let session = super::links::session(to);
        let before = self.requests.want(session, &file).map(|(channel, holds)| (channel, holds.clone()));
        if let Some((channel, _)) = before {
            self.requests.remove((session, channel));
        }
        match (urgency, before) {
            (Some(urgency), before) => {
                let Some(channel) = self.links.channel(to) else { return };
                let holds = before.map_or(Holds::All, |(_, holds)| holds);
                self.requests.insert((session, channel), Request::Want { file, holds });
                self.send(session, Message::Want { channel, want: message::Want { file, urgency } });
            }
            (None, Some((channel, _))) => self.send(session, Message::Abort { channel }),
            (None, None) => {}
        }
    }

    /// A neighbour says where our want stands.
    fn slot_told(&mut self, now: Instant, from: PeerId, channel: message::Channel, slot: message::Slot) {
        let session = super::links::session(from);
        let Some(Request::Want { file, holds }) = self.requests.get_mut((session, channel)) else { return };
        let file = *file;
        let told = if slot.held.is_empty() { Holds::All } else { Holds::ranges(slot.held.clone()) };
        if *holds != told {
            *holds = told.clone();
            let source = Who::Peer(from).source();
            for file in self.files_of(&file) {
                file.plan.set_holds(now, source, told.clone());
            }
        }
        let state = match slot.place {
            0 => SlotState::Served,
            place => SlotState::Queued { place: place - 1 },
        };
        self.swarm_hears(now, from, PeerMessage::Slot(swarm::Slot { file, state }));
    }

    fn source_up(&mut self, now: Instant, peer: PeerId, name: &K) {
        let source = Who::Peer(peer).source();
        let kind = self.kind(source);
        let holds = self.requests.want(super::links::session(peer), name).map(|(_, holds)| holds.clone());
        let span = self.swarm.round_trip_to(peer);
        for file in self.files_of(name) {
            // It is told how far away the peer is before anything is asked.
            let holds = holds.clone().unwrap_or(Holds::All);
            if file.plan.add(now, source, kind, holds, Slot::Offered) {
                if let Some(span) = span {
                    file.plan.round_trip(now, source, span);
                }
                file.plan.set_slot(now, source, Slot::Served);
            }
        }
    }

    fn source_down(&mut self, now: Instant, peer: PeerId, name: &K) {
        let source = Who::Peer(peer).source();
        let mut classes = [false; Urgency::ALL.len()];
        for class in Urgency::ALL {
            let Some(file) = self.file_mut(class).filter(|file| file.head.file == *name) else { continue };
            file.plan.lost(now, source);
            classes[class as usize] = true;
        }
        let over =
            self.requests.take_pieces(|_, pieces| pieces.source == source && classes[pieces.class as usize]);
        self.abort(now, over);
    }

    fn files_of<'a>(&'a mut self, name: &'a K) -> impl Iterator<Item = &'a mut super::track::File<K, B>> {
        let files = self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut());
        files.filter(move |file| file.head.file == *name)
    }

    /// Asks for the leaves of pieces, if nobody was asked for them yet; whether they are here or on their way.
    pub(super) fn ask_for_leaves(&mut self, class: Urgency, pieces: PieceRange) -> bool {
        let Some(leaves) = self.file(class).and_then(|file| file.missing_leaves(pieces)) else { return true };
        let Some(session) = self.server.session.filter(|_| self.server.connected) else { return false };
        let channel = self.server.channel();
        let Some(file) = self.file_mut(class) else { return false };
        file.leaves_asked.insert((session, channel), leaves);
        let none = PieceRange { start: leaves.start, count: 0 };
        let read = message::Read { file: file.head.file, pieces: none, urgency: class, leaves: Some(leaves) };
        let asked = super::requests::Pieces {
            class,
            source: super::sources::SERVER,
            left: alloc::collections::VecDeque::new(),
        };
        self.requests.insert((session, channel), Request::Pieces(asked));
        self.send_server(Message::Read { channel, read });
        true
    }
}
