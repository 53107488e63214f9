//! Carrying out the plan of a track, and what becomes of pieces that come.

use super::requests::{Pieces, Place, Request};
use super::sources::{SERVER, Who};
use super::track::{File, Giver, Judged, Verdict};
use super::{Effect, Event, Node, NotKept, Output};
use crate::SessionId;
use crate::payload::{FileKey, Payload};
use crate::planner::{self, Ask, Kind, Source};
use alloc::vec::Vec;
use spotcache::cache::{DiskError, Trouble};
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Message, PieceRange, Read, Refusal, Urgency};
use spotproto::{CloseCode, Instant};

/// Requests that may be open on a connection: fewer than it has channels for ([`spotproto::Limits::channels`]), since one
/// stays open until the word of its end is here.
const MOST_REQUESTS: usize = 48;

/// Requests at which a connection that had too many is asked again.
const FEW_REQUESTS: usize = 40;

/// The same for a peer, which answers so many of one that it serves ([`UploadConfig`](crate::swarm::UploadConfig)).
const MOST_OF_PEER: usize = 12;

/// The same for a peer.
const FEW_OF_PEER: usize = 8;

/// Wrong pieces of the access point's after which a track is given up: it keeps lying.
const MOST_FORGED: u32 = 3;

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Does what the plan of a track says; whether that was anything.
    pub(super) fn carry_out_plan(&mut self, now: Instant, class: Urgency) -> bool {
        let mut any = false;
        while let Some(output) = self.file_mut(class).and_then(|file| file.plan.poll_output()) {
            any = true;
            match output {
                planner::Output::Ask(ask) => self.ask(now, class, ask),
                planner::Output::Cancel { source, pieces } => self.call_back(now, class, source, pieces),
            }
        }
        any
    }

    fn ask(&mut self, now: Instant, class: Urgency, ask: Ask) {
        if self.is_full(now, class, &ask) {
            return;
        }
        match Who::of(ask.source) {
            Who::Server => match self.server.session {
                Some(session) => self.read(class, session, &ask),
                None => self.refused_now(now, class, &ask),
            },
            Who::Peer(peer) if self.swarm.is_neighbour(peer) => {
                let Some(file) = self.file(class).map(|file| file.head.file) else { return };
                self.swarm.requested(now, peer, file, ask.pieces.count);
                self.read(class, super::links::session(peer), &ask);
            }
            Who::Peer(_) => self.refused_now(now, class, &ask),
            Who::Mirror(mirror) => self.ask_mirror(now, class, mirror, ask.pieces),
        }
    }

    /// Whether as many requests are open on a connection as may be; then nothing more is asked on it until fewer are.
    fn is_full(&mut self, now: Instant, class: Urgency, ask: &Ask) -> bool {
        let most = if ask.source == SERVER { MOST_REQUESTS } else { MOST_OF_PEER };
        if self.session_of(ask.source).is_none_or(|session| self.requests.on(session) < most) {
            return false;
        }
        for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
            file.plan.set_credit(now, ask.source, 0);
            if !file.full.contains(&ask.source) {
                file.full.push(ask.source);
            }
        }
        if let Some(file) = self.file_mut(class) {
            (ask.pieces.start..ask.pieces.end())
                .for_each(|piece| file.plan.unanswered(now, ask.source, piece));
        }
        true
    }

    /// Connections on which few requests are open may be asked again.
    pub(super) fn ask_again(&mut self, now: Instant) {
        for class in Urgency::ALL {
            let Some(full) = self.file_mut(class).map(|file| core::mem::take(&mut file.full)) else {
                continue;
            };
            for source in full {
                let few = if source == SERVER { FEW_REQUESTS } else { FEW_OF_PEER };
                let still = self.session_of(source).is_some_and(|session| self.requests.on(session) > few);
                let Some(file) = self.file_mut(class) else { return };
                if still {
                    file.full.push(source);
                } else {
                    file.plan.set_credit(now, source, u32::MAX);
                }
            }
        }
    }

    /// The connection on which a source is asked, if it is asked on one.
    fn session_of(&self, source: Source) -> Option<SessionId> {
        match Who::of(source) {
            Who::Server => self.server.session,
            Who::Peer(peer) => Some(super::links::session(peer)),
            Who::Mirror(_) => None,
        }
    }

    /// Whoever was to be asked is not there.
    fn refused_now(&mut self, now: Instant, class: Urgency, ask: &Ask) {
        if let Some(file) = self.file_mut(class) {
            file.plan.lost(now, ask.source);
        }
    }

    /// Sends the reads of an ask: one, unless pieces in its midst come anyway.
    fn read(&mut self, class: Urgency, session: SessionId, ask: &Ask) {
        let mut next = ask.pieces.start;
        while let Some(file) = self.file_mut(class) {
            let comes = |piece: &u32| file.recalled.get(piece) == Some(&ask.source);
            let Some(start) = (next..ask.pieces.end()).find(|piece| !comes(piece)) else { break };
            let end = (start..ask.pieces.end()).find(comes).unwrap_or(ask.pieces.end());
            next = end;
            self.read_run(class, session, ask, PieceRange { start, count: end - start });
        }
        if let Some(file) = self.file_mut(class).filter(|file| !file.recalled.is_empty()) {
            file.recalled.retain(|piece, source| !ask.pieces.contains(*piece) || *source != ask.source);
        }
    }

    fn read_run(&mut self, class: Urgency, session: SessionId, ask: &Ask, pieces: PieceRange) {
        let Some(channel) = self.new_channel(session) else { return };
        let Some(file) = self.file_mut(class) else { return };
        let leaves = file.missing_leaves(pieces);
        if let Some(range) = leaves {
            file.leaves_asked.insert((session, channel), range);
        }
        let read = Read { file: file.head.file, pieces, urgency: ask.urgency, leaves };
        let asked = Pieces { class, source: ask.source, left: (pieces.start..pieces.end()).collect() };
        self.requests.insert((session, channel), Request::Pieces(asked));
        self.send(session, Message::Read { channel, read });
    }

    /// Takes back what was asked of a source: a request of which nothing else is to come is aborted. A piece of one that
    /// goes on comes nonetheless.
    fn call_back(&mut self, now: Instant, class: Urgency, source: Source, pieces: PieceRange) {
        let Some(name) = self.file(class).map(|file| file.head.file) else { return };
        match Who::of(source) {
            Who::Peer(peer) => self.swarm.withdrawn(now, peer, name, pieces.count),
            Who::Mirror(mirror) => return self.call_back_mirror(now, mirror, class),
            Who::Server => {}
        }
        let Self { tracks, requests, .. } = self;
        let Some(file) = tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let File { plan, recalled, .. } = file;
        let mut goes_on = |_: Place, request: &Pieces| {
            let of = request.class == class && request.source == source && !request.left.is_empty();
            let over = of && !request.left.iter().any(|piece| plan.is_asked(source, *piece));
            if of && !over {
                let comes = request.left.iter().filter(|piece| pieces.contains(**piece));
                recalled.extend(comes.map(|piece| (*piece, source)));
            }
            over
        };
        let over = requests.take_pieces(&mut goes_on);
        self.abort(now, over);
    }

    /// Takes requests back that are off the list already, and nothing of which was called back by the plan.
    pub(super) fn take_back(&mut self, now: Instant, over: Vec<(Place, Pieces)>) {
        for (_, Pieces { class, source, left }) in &over {
            let (Who::Peer(peer), Some(file)) = (Who::of(*source), self.file(*class)) else { continue };
            let name = file.head.file;
            let outstanding = left.iter().filter(|piece| file.plan.is_asked(*source, **piece)).count();
            self.swarm.withdrawn(now, peer, name, outstanding as u32);
        }
        self.abort(now, over);
    }

    /// Takes requests back that are off the list already. Leaves may have been among what is cancelled: they are asked for
    /// again when they are needed.
    pub(super) fn abort(&mut self, now: Instant, over: Vec<(Place, Pieces)>) {
        for (place, pieces) in over {
            self.send(place.0, Message::Abort { channel: place.1 });
            if let Some(file) = self.file_mut(pieces.class) {
                file.comes_no_more(&pieces);
                file.leaves_asked.remove(&place);
                file.drop_unprovable(now);
            }
        }
    }

    /// Leaves that were asked for with pieces.
    pub(super) fn leaves(&mut self, now: Instant, place: Place, leaves: &spotproto::content::LeafRange) {
        let Some((class, source)) = self.requests.pieces(place).map(|it| (it.class, it.source)) else {
            return;
        };
        let Some(file) = self.file_mut(class) else { return };
        if file.leaves_asked.remove(&place).is_none() {
            return;
        }
        let Ok(judged) = file.prove::<C>(leaves) else {
            return self.distrust(now, class, source, leaves.start, 0);
        };
        file.drop_unprovable(now);
        self.shelve_leaves(class, leaves.range());
        self.take_all(now, class, judged);
    }

    /// A piece came over a connection.
    pub(super) fn piece(&mut self, now: Instant, place: Place, index: u32, data: B) {
        let Some(pieces) = self.requests.pieces(place) else { return };
        if pieces.take(index) {
            let (class, source) = (pieces.class, pieces.source);
            self.came(now, class, source, index, data);
        }
    }

    /// A piece came from a source.
    pub(super) fn came(&mut self, now: Instant, class: Urgency, source: Source, index: u32, data: B) {
        let (kind, bytes) = (self.kind(source), data.size());
        self.link_brought(now, class, bytes);
        let Some(file) = self.file_mut(class) else { return };
        let name = file.head.file;
        if file.recalled.get(&index) == Some(&source) {
            file.recalled.remove(&index);
        }
        let verdict = file.judge(index, data, Giver::Source(source));
        match verdict {
            Judged::Forged => return self.distrust(now, class, source, index, bytes),
            Judged::Unprovable => {
                file.plan.arrived(now, source, index, bytes);
                file.plan.forgotten(now, PieceRange { start: index, count: 1 });
            }
            Judged::Superfluous => file.plan.arrived(now, source, index, bytes),
            Judged::Proved(_) | Judged::Unproved => {
                file.plan.arrived(now, source, index, bytes);
                file.delivered_by(index, kind);
            }
        }
        if let Who::Peer(peer) = Who::of(source) {
            self.swarm.arrived(now, peer, name, bytes);
        }
        self.take(now, class, (index, Giver::Source(source), verdict));
    }

    pub(super) fn take_all(
        &mut self,
        now: Instant,
        class: Urgency,
        verdicts: impl IntoIterator<Item = Verdict<B>>,
    ) {
        for verdict in verdicts {
            self.take(now, class, verdict);
        }
    }

    pub(super) fn take(&mut self, now: Instant, class: Urgency, (index, from, verdict): Verdict<B>) {
        match (verdict, from) {
            (Judged::Proved(data), _) => {
                self.shelve_piece(now, class, index, &data);
                if class == Urgency::Offline && self.file(class).is_some_and(|file| !file.shelved) {
                    return self.not_kept(now, NotKept::Trouble(Trouble::Disk(DiskError::Busy)));
                }
                self.give(now, class, index, data, from);
            }
            (Judged::Forged, Giver::Shelf) => self.forget_shelved(now, class, index),
            (Judged::Forged, Giver::Source(source)) => {
                if let Some(file) = self.file_mut(class) {
                    file.plan.forgotten(now, PieceRange { start: index, count: 1 });
                }
                self.distrust(now, class, source, index, 0);
            }
            (Judged::Unproved | Judged::Unprovable | Judged::Superfluous, _) => {}
        }
    }

    /// Gives the program a piece, if it is to have it now: what is far ahead stays in the cache until its time comes.
    fn give(&mut self, now: Instant, class: Urgency, index: u32, data: B, from: Giver) {
        let keep = self.keep(class);
        let kind = match from {
            Giver::Shelf => Kind::Cache,
            Giver::Source(source) => self.kind(source),
        };
        let shelf = self.shelf.as_ref();
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let near =
            index < file.reading.saturating_add(keep) || file.head.header_pieces().any(|it| it == index);
        let kept = file.writing.contains(&index) || shelf.is_some_and(|it| it.holds(&file.head.file, index));
        if class == Urgency::Offline || (kept && !near) {
            return;
        }
        if class == Urgency::Next && !near {
            // Nobody has room for it any more.
            return self.recheck(now, class, PieceRange { start: index, count: 1 });
        }
        file.held.set(index, true);
        // What went to the cache for a while did not come from there.
        let from = file.deliverer(index).unwrap_or(kind);
        if class == Urgency::Next {
            return self.out.push(Output::Event(Event::NextPiece { index, data, from }));
        }
        self.out.push(Output::Event(Event::Piece { index, data, from }));
        if file.held.count() > keep {
            for range in file.shrink(keep) {
                self.out.push(Output::Event(Event::Drop(range)));
                self.recheck(now, class, range);
            }
        }
    }

    /// An answer is over; pieces that never came must be asked for again.
    pub(super) fn ended(&mut self, now: Instant, place: Place, refused: Option<Refusal>) {
        match self.requests.remove(place) {
            Some(Request::Open(class)) => {
                self.not_opened(now, class, place.1, refused.unwrap_or(Refusal::Unavailable));
            }
            Some(Request::Pieces(pieces)) => self.read_ended(now, place, pieces, refused),
            Some(Request::Connect(holders)) => {
                for holder in holders {
                    self.swarm.dial_failed(now, holder);
                }
            }
            Some(Request::Want { file, .. }) => self.want_ended(now, place.0, file, refused),
            Some(Request::FindPeers(file)) => self.holders_told(now, file),
            None => {}
        }
    }

    fn read_ended(&mut self, now: Instant, place: Place, pieces: Pieces, refused: Option<Refusal>) {
        if let Some(name) = self.opened_on(place, pieces.class) {
            self.holders_told(now, name);
        }
        let Some(file) = self.file_mut(pieces.class) else { return };
        file.comes_no_more(&pieces);
        let Pieces { class, source, left } = pieces;
        let name = file.head.file;
        let unproved = file.leaves_asked.remove(&place);
        let all_came = left.is_empty() && unproved.is_none();
        match refused {
            // It says that this was all, and it was not: pieces without their proof are of no use.
            None if unproved.is_some() => {
                let start = unproved.map_or(0, |range| range.start);
                return self.distrust(now, class, source, start, 0);
            }
            None if source == SERVER => {
                left.iter().for_each(|piece| file.plan.unanswered(now, source, *piece));
            }
            // A source that was asked for more than the last piece of a file it will not serve is none.
            Some(why) if source == SERVER && why != Refusal::Busy && !all_came => {
                file.refused = Some(why);
                file.plan.lost(now, source);
            }
            Some(Refusal::Busy) => {
                left.iter().for_each(|piece| file.plan.unanswered(now, source, *piece));
                file.plan.busy(now, source);
            }
            _ => {
                for piece in &left {
                    file.plan.refused(now, source, PieceRange { start: *piece, count: 1 });
                }
            }
        }
        file.drop_unprovable(now);
        if let Who::Peer(peer) = Who::of(source)
            && !left.is_empty()
        {
            if matches!(refused, None | Some(Refusal::Busy)) {
                self.swarm.withdrawn(now, peer, name, left.len() as u32);
            } else {
                self.swarm.missing(now, peer, name);
            }
        }
    }

    /// What came can't be what was published: whoever sent it is asked for nothing more, and its connection ends.
    pub(super) fn distrust(
        &mut self,
        now: Instant,
        class: Urgency,
        source: Source,
        index: u32,
        bytes: usize,
    ) {
        let from = self.kind(source);
        self.out.push(Output::Event(Event::Forged { index, from }));
        for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
            file.plan.forged(now, source, index, bytes);
        }
        match Who::of(source) {
            Who::Peer(peer) => self.swarm.forged(now, peer),
            Who::Mirror(mirror) => self.drop_mirror(now, mirror),
            Who::Server => self.distrust_server(now, class),
        }
    }

    /// There is no second access point to ask: this connection ends, and another one is tried.
    fn distrust_server(&mut self, now: Instant, class: Urgency) {
        let mut hopeless = false;
        if let Some(track) = self.tracks[class as usize].as_mut() {
            track.forged += 1;
            hopeless = track.forged >= MOST_FORGED;
        }
        if let Some(session) = self.server.session {
            self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Protocol }));
            self.server_gone(now, None);
        }
        if hopeless {
            self.give_up(now, class, Refusal::Unavailable);
        }
    }

    /// All that was asked on a connection that is gone has to be asked again.
    pub(super) fn forget_requests(&mut self, now: Instant, session: SessionId) {
        for (place, request) in self.requests.take_session(session) {
            if let Request::Pieces(pieces) = request
                && let Some(file) = self.file_mut(pieces.class)
            {
                file.comes_no_more(&pieces);
                file.leaves_asked.remove(&place);
                file.drop_unprovable(now);
            }
        }
    }

    /// Gives up tracks that nobody serves any more; whether there was one.
    pub(super) fn give_up_hopeless(&mut self, now: Instant) -> bool {
        let mut any = false;
        for class in Urgency::ALL {
            let Some(file) = self.file(class) else { continue };
            let Some(why) = file.refused.filter(|_| file.plan.sources() == 0 && !file.plan.is_complete())
            else {
                continue;
            };
            if self.swarm.hopeful(file.head.file) == 0 {
                self.give_up(now, class, why);
                any = true;
            }
        }
        any
    }

    /// What sort of source this is.
    pub(super) fn kind(&self, source: Source) -> Kind {
        match Who::of(source) {
            Who::Server => Kind::Server,
            Who::Mirror(_) => Kind::Cdn,
            Who::Peer(peer) if self.links.is_near(peer) => Kind::Lan,
            Who::Peer(_) => Kind::Peer,
        }
    }

    fn new_channel(&mut self, session: SessionId) -> Option<Channel> {
        if self.server.is(session) {
            return Some(self.server.channel());
        }
        self.links.channel(super::links::peer(session)?)
    }

    /// The file that was opened on this channel by an answer that would have named holders of it.
    fn opened_on(&self, place: Place, class: Urgency) -> Option<K> {
        let track = self.track(class).filter(|it| it.names_holders && it.asked_on == Some(place))?;
        track.file.as_ref().map(|file| file.head.file)
    }
}
