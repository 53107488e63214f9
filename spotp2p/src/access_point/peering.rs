//! What clients are to each other: who holds what, who is brought together, who is reported.

use super::{AccessPoint, Done, Effect, Event, Output};
use crate::allowance::Allowance;
use crate::broker::{Guest, NoLink};
use crate::payload::FileKey;
use crate::reports::Verdict;
use crate::tracker::Client;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use spotproto::crypto::{Crypto, PublicKey};
use spotproto::message::{
    Channel, Connect, Dial, Holding, MAX_HOLDING, MAX_MIRRORS, MAX_PEERS, MIRROR_LEN_MAX, Message, Mirrors,
    Misdeed, Refusal, Renewed,
};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::{Pseudonym, Ticket};
use spotproto::{CloseCode, Instant};

/// What a logged-in client is to others.
#[derive(Debug)]
pub(super) struct Attendance<K> {
    pub(super) client: Client,
    /// What its peers check its ticket against.
    link_key: PublicKey,
    holdings: Allowance,
    finds: Allowance,
    renewals: Allowance,
    /// Files that it named and of which it must be asked whether there are such.
    waiting: BTreeSet<K>,
    /// Those that are being asked for, in order; what it took back meanwhile is gone.
    asked: Option<(RequestId, Vec<Option<K>>)>,
    /// The port that is being tried out.
    probing: Option<(RequestId, u16)>,
}

/// An effect that serves no request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chore {
    session: SessionId,
    is_probe: bool,
}

impl<K: FileKey, B, C: Crypto> AccessPoint<K, B, C> {
    /// A client logged in.
    pub(super) fn enter_peers(&mut self, now: Instant, id: SessionId, ticket: &Ticket, port: u16) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Some(device) = session.device else { return };
        let client = self.tracker.enter();
        session.peer = Some(Box::new(Attendance {
            client,
            link_key: ticket.link_key,
            holdings: Allowance::WHOLE,
            finds: Allowance::WHOLE,
            renewals: Allowance::WHOLE,
            waiting: BTreeSet::new(),
            asked: None,
            probing: None,
        }));
        let Ticket { pseudonym, link_key, .. } = *ticket;
        let until = now + self.config.ticket_lasts;
        self.broker.enter(id, Guest { pseudonym, link_key, device, from: session.from, until });
        self.clients.insert(client, id);
        if let Some(earlier) = self.devices.insert(device, id) {
            self.silence(earlier);
        }
        self.claim(now, id, port);
    }

    /// It is gone.
    pub(super) fn leave_peers(&mut self, id: SessionId, client: Client) {
        if let Some(origin) = self.broker.origin(id)
            && self.devices.get(&origin.device) == Some(&id)
        {
            self.devices.remove(&origin.device);
        }
        self.tracker.leave(client);
        self.broker.leave(id);
        self.clients.remove(&client);
    }

    /// A message that only a client may send that is no replay and logged in.
    pub(super) fn of_peers(&mut self, now: Instant, id: SessionId, message: Message<K, B>) {
        if self.sessions.get(&id).is_none_or(|session| session.peer.is_none()) {
            return self.hang_up(id, CloseCode::Protocol);
        }
        match message {
            Message::Renew { port } => self.renew(now, id, port),
            Message::Holding(holding) => self.holding(now, id, *holding),
            Message::FindPeers { channel, file, most } => self.find_peers(now, id, channel, &file, most),
            Message::Connect { channel, connect } => self.connect(now, id, channel, &connect),
            Message::Dialled { link, stands } if self.broker.dialled(id, link) => {
                self.out.push(Output::Event(Event::Dialled { session: id, stands }));
            }
            Message::Report { link, what } => self.report(now, id, link, what),
            _ => {}
        }
    }

    fn renew(&mut self, now: Instant, id: SessionId, port: u16) {
        let (rate, pseudonym) = (self.config.limits.renewals, self.broker.pseudonym(id));
        let Some((peer, pseudonym)) = self.peer(id).zip(pseudonym) else { return };
        if !peer.renewals.take(now, rate) {
            return self.hang_up(id, CloseCode::Limit);
        }
        let link_key = peer.link_key;
        let ticket = self.ticket(now, pseudonym, link_key).sign::<C>(&self.config.ticket_key);
        self.broker.renew(id, now + self.config.ticket_lasts);
        self.send(id, Message::Renewed(Box::new(Renewed { now: self.date(now), ticket })));
        self.claim(now, id, port);
    }

    fn holding(&mut self, now: Instant, id: SessionId, holding: Holding<K>) {
        let (rate, most) = (self.config.limits.holdings, self.config.limits.tracker.files_per_client);
        if !self.peer(id).is_some_and(|peer| peer.holdings.take(now, rate)) {
            return self.hang_up(id, CloseCode::Limit);
        }
        let named = self.takes_part(now, id);
        for file in holding.joined.into_iter().filter(|_| named) {
            let Some(peer) = self.sessions.get_mut(&id).and_then(|session| session.peer.as_mut()) else {
                return;
            };
            if self.tracker.knows(&file) {
                self.tracker.join(peer.client, &file);
            } else if peer.waiting.len() < most {
                peer.waiting.insert(file);
            }
        }
        for file in holding.left {
            let Some(peer) = self.sessions.get_mut(&id).and_then(|session| session.peer.as_mut()) else {
                return;
            };
            peer.take_back(&file);
            self.tracker.part(peer.client, &file);
        }
        self.index(id);
    }

    /// Has the catalogue asked about files that nobody else holds, some at a time: only what is published is announced.
    fn index(&mut self, id: SessionId) {
        let request = self.next_request;
        let Some(peer) = self.peer(id).filter(|peer| peer.asked.is_none() && !peer.waiting.is_empty()) else {
            return;
        };
        let files: Vec<K> = core::iter::from_fn(|| peer.waiting.pop_first()).take(MAX_HOLDING).collect();
        peer.asked = Some((request, files.iter().copied().map(Some).collect()));
        let request = self.chore(Chore { session: id, is_probe: false });
        self.out.push(Output::Effect(Effect::Index { request, files }));
    }

    fn find_peers(&mut self, now: Instant, id: SessionId, channel: Channel, file: &K, most: u8) {
        let rate = self.config.limits.finds;
        if !self.peer(id).is_some_and(|peer| peer.finds.take(now, rate)) {
            return self.send(id, Message::Refuse { channel, why: Refusal::Busy });
        }
        let peers = self.named(id, file, most.into());
        self.send(id, Message::Peers { channel, peers });
        self.send(id, Message::End { channel });
    }

    /// What else a player may ask for what it opened.
    pub(super) fn name_sources(&mut self, id: SessionId, channel: Channel, file: &K, mut mirrors: Mirrors) {
        mirrors.retain(|mirror| mirror.len() <= MIRROR_LEN_MAX);
        mirrors.truncate(MAX_MIRRORS);
        if !mirrors.is_empty() {
            self.send(id, Message::Mirrors { channel, mirrors });
        }
        let peers = self.named(id, file, MAX_PEERS);
        if !peers.is_empty() {
            self.send(id, Message::Peers { channel, peers });
        }
    }

    /// Who holds a file; nobody is told who is not logged in, and so known to be no replay.
    fn named(&mut self, id: SessionId, file: &K, most: usize) -> Vec<Pseudonym> {
        let Some(client) = self.peer(id).map(|peer| peer.client) else { return Vec::new() };
        let found = self.tracker.find(file, most, Some(client)).into_iter();
        found.filter_map(|client| self.broker.pseudonym(*self.clients.get(&client)?)).collect()
    }

    fn connect(&mut self, now: Instant, id: SessionId, channel: Channel, connect: &Connect<K>) {
        if !self.takes_part(now, id) {
            return self.send(id, Message::Refuse { channel, why: Refusal::NoRight });
        }
        let (mut linked, mut why) = (false, Refusal::NotFound);
        for name in &connect.peers {
            match self.broker_link(now, id, name, connect.file) {
                Ok(()) | Err(NoLink::Already) => linked = true,
                Err(NoLink::NotNow | NoLink::Busy) => why = Refusal::Busy,
                Err(_) => {}
            }
        }
        let answer = if linked { Message::End { channel } } else { Message::Refuse { channel, why } };
        self.send(id, answer);
    }

    fn broker_link(&mut self, now: Instant, id: SessionId, name: &Pseudonym, file: K) -> Result<(), NoLink> {
        let link = self.fresh_link();
        let Self { broker, tracker, sessions, .. } = self;
        // Whoever takes no part holds nothing.
        let offers = |other| {
            let peer = sessions.get(&other).and_then(|session| session.peer.as_ref());
            peer.is_some_and(|peer| tracker.holds(peer.client, &file))
        };
        for (to, dial) in broker.connect(now, id, name, file, link, offers)? {
            self.send(to, Message::Dial(Box::new(dial)));
        }
        Ok(())
    }

    fn report(&mut self, now: Instant, id: SessionId, link: LinkId, what: Misdeed) {
        let Some(accusation) = self.broker.report(id, link) else { return };
        if self.reports.tell(now, &accusation, what) != Verdict::Shunned {
            return;
        }
        let device = accusation.suspect.device;
        self.out.push(Output::Event(Event::Shunned { device }));
        if let Some(session) = self.devices.get(&device).copied() {
            self.silence(session);
        }
    }

    /// A client is named to nobody any more.
    fn silence(&mut self, id: SessionId) {
        let Some(peer) = self.peer(id) else { return };
        (peer.waiting, peer.asked) = (BTreeSet::new(), None);
        let client = peer.client;
        self.tracker.clear(client);
    }

    /// A client says on which port it takes connections: the port is tried out before anyone is told of it.
    fn claim(&mut self, now: Instant, id: SessionId, port: u16) {
        let Some(address) = self.broker.claim(now, id, port) else { return };
        let room = self.probes < self.config.limits.probes;
        let Some(peer) = self.peer(id).filter(|peer| room && peer.probing.is_none()) else { return };
        let link_key = peer.link_key;
        let link = self.fresh_link();
        let request = self.chore(Chore { session: id, is_probe: true });
        self.probes += 1;
        if let Some(peer) = self.peer(id) {
            peer.probing = Some((request, port));
        }
        // The access point is a peer like any other, for once.
        let (pseudonym, own_key) = (Pseudonym([0; 16]), self.config.identity);
        let dial = Dial { link, role: Role::Responder, pseudonym, link_key: own_key, addresses: Vec::new() };
        self.send(id, Message::Dial(Box::new(dial)));
        self.out.push(Output::Effect(Effect::Probe { request, address, link, link_key }));
    }

    /// An effect that serves no request is carried out; the session may be gone by now.
    pub(super) fn chore_done(&mut self, chore: Chore, request: RequestId, done: Done<K, B>) {
        let Chore { session: id, is_probe } = chore;
        self.probes -= usize::from(is_probe);
        let Some(peer) = self.peer(id) else { return };
        if let Some((_, port)) = peer.probing.take_if(|(asked, _)| *asked == request) {
            self.broker.probed(id, port, matches!(done, Done::Probed(true)));
        } else if let Some((_, files)) = peer.asked.take_if(|(asked, _)| *asked == request) {
            let client = peer.client;
            let there = if let Done::Indexed(there) = done { there } else { Vec::new() };
            let known = files.iter().zip(there).filter_map(|(file, there)| file.filter(|_| there));
            for file in known {
                self.tracker.join(client, &file);
            }
            self.index(id);
        }
    }

    fn chore(&mut self, chore: Chore) -> RequestId {
        let request = self.next_request;
        self.next_request = RequestId(request.0 + 1);
        self.chores.insert(request, chore);
        request
    }

    fn peer(&mut self, id: SessionId) -> Option<&mut Attendance<K>> {
        self.sessions.get_mut(&id)?.peer.as_deref_mut()
    }

    /// Whether a client is named and brought together with others: it is not shunned, and its device did not log in again
    /// since. So a device is one peer, however often it logs in.
    fn takes_part(&self, now: Instant, id: SessionId) -> bool {
        let Some(origin) = self.broker.origin(id) else { return false };
        self.devices.get(&origin.device) == Some(&id) && !self.reports.is_shunned(now, &origin)
    }

    /// Sixteen bytes that nobody else can foresee and that never come twice.
    fn fresh_link(&mut self) -> LinkId {
        self.linked += 1;
        LinkId(self.fresh(b"spot link v1", self.linked))
    }
}

impl<K: Ord> Attendance<K> {
    /// The client holds a file no more, whether or not it is known that there is such a file.
    fn take_back(&mut self, file: &K) {
        self.waiting.remove(file);
        if let Some((_, files)) = &mut self.asked {
            files.iter_mut().filter(|asked| asked.as_ref() == Some(file)).for_each(|asked| *asked = None);
        }
    }
}
