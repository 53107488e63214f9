//! Links to peers: from the access point's word to dial until they are open, and what is known of them then.

use super::{Effect, Event, Node, Output};
use crate::SessionId;
use crate::payload::{FileKey, Payload};
use crate::swarm::{Direction, PeerId};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Dial, Greeting, Message};
use spotproto::{CloseCode, Instant, SessionError};

/// Links that may be in the making: others wait for the next time that they are wanted.
const MOST_MAKING: usize = 32;

/// How long a link may take until the other side has said who it is.
const MAKING: Duration = Duration::from_secs(20);

/// What a peer may say before it is known not to be a replay.
const MOST_EARLY: usize = 16;

/// The links of a node. An open one takes 12 bytes; one that is made about 300, and what came early.
#[derive(Debug)]
pub(super) struct Links<K, B> {
    /// In the order of their numbers.
    open: Vec<Link>,
    making: Vec<Making<K, B>>,
}

#[derive(Debug)]
struct Link {
    peer: PeerId,
    last_channel: Channel,
    /// The shortest round trip, 0 if none was measured.
    round_trip_ms: u16,
    near: bool,
}

/// A link that is not open yet.
#[derive(Debug)]
struct Making<K, B> {
    peer: PeerId,
    dial: Box<Dial>,
    direction: Direction,
    until: Instant,
    near: bool,
    connected: bool,
    confirmed: bool,
    greeted: bool,
    round_trip: Option<Duration>,
    early: Vec<Message<K, B>>,
}

/// The connection of a link.
pub(super) const fn session(peer: PeerId) -> SessionId {
    SessionId(peer.0 as u64)
}

/// The link of a connection.
pub(super) fn peer(session: SessionId) -> Option<PeerId> {
    u32::try_from(session.0).ok().filter(|number| *number <= super::sources::MOST).map(PeerId)
}

impl<K, B> Links<K, B> {
    pub(super) const fn new() -> Self {
        Self { open: Vec::new(), making: Vec::new() }
    }

    fn find(&mut self, peer: PeerId) -> Option<&mut Link> {
        let at = self.open.binary_search_by_key(&peer, |link| link.peer).ok()?;
        self.open.get_mut(at)
    }

    pub(super) fn is_open(&self, peer: PeerId) -> bool {
        self.open.binary_search_by_key(&peer, |link| link.peer).is_ok()
    }

    /// A number for a new request to a peer.
    pub(super) fn channel(&mut self, peer: PeerId) -> Option<Channel> {
        let link = self.find(peer)?;
        link.last_channel = link.last_channel.checked_add(1)?;
        Some(link.last_channel)
    }

    /// Whether a peer is on the same network.
    pub(super) fn is_near(&self, peer: PeerId) -> bool {
        let at = self.open.binary_search_by_key(&peer, |link| link.peer);
        at.ok().and_then(|at| self.open.get(at)).is_some_and(|link| link.near)
    }

    /// The shortest round trip to a peer.
    pub(super) fn round_trip(&self, peer: PeerId) -> Option<Duration> {
        let at = self.open.binary_search_by_key(&peer, |link| link.peer).ok()?;
        let ms = self.open.get(at)?.round_trip_ms;
        (ms > 0).then(|| Duration::from_millis(ms.into()))
    }

    /// When the next one in the making has taken too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.making.iter().map(|making| making.until).min()
    }

    fn insert(&mut self, link: Link) {
        if let Err(at) = self.open.binary_search_by_key(&link.peer, |link| link.peer) {
            // Sixty of them shall not take the room of a hundred and twenty.
            self.open.reserve_exact(usize::from(self.open.len() == self.open.capacity()) * 8);
            self.open.insert(at, link);
        }
    }

    fn remove(&mut self, peer: PeerId) -> bool {
        let Ok(at) = self.open.binary_search_by_key(&peer, |link| link.peer) else { return false };
        self.open.remove(at);
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        true
    }

    fn making(&mut self, peer: PeerId) -> Option<&mut Making<K, B>> {
        self.making.iter_mut().find(|making| making.peer == peer)
    }

    fn take_making(&mut self, peer: PeerId) -> Option<Making<K, B>> {
        let at = self.making.iter().position(|making| making.peer == peer)?;
        let making = self.making.swap_remove(at);
        if self.making.is_empty() {
            self.making = Vec::new();
        }
        Some(making)
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// The access point brokered a link.
    pub(super) fn dial_link(&mut self, now: Instant, dial: Box<Dial>) {
        let server = self.server.session;
        let ours = server.is_some_and(|server| self.requests.take_holder(server, &dial.pseudonym));
        let Some(member) =
            self.member.as_ref().filter(|_| self.swarm.may_accept() && self.links.making.len() < MOST_MAKING)
        else {
            self.send_server(Message::Dialled { link: dial.link, stands: false });
            return;
        };
        let greeting = Message::Greeting(Box::new(Greeting { ticket: member.ticket }));
        let link_key = member.link_key;
        let session = SessionId(self.next_session);
        let Some(peer) = peer(session) else { return };
        self.next_session += 1;
        let direction = if ours { Direction::Ours } else { Direction::Theirs };
        self.links.making.push(Making {
            peer,
            dial: dial.clone(),
            direction,
            until: now + MAKING,
            near: false,
            connected: false,
            confirmed: false,
            greeted: false,
            round_trip: None,
            early: Vec::new(),
        });
        self.out.push(Output::Effect(Effect::Link { session, dial, link_key }));
        self.send(session, greeting);
    }

    /// A link stands.
    pub(super) fn link_connected(
        &mut self,
        now: Instant,
        peer: PeerId,
        confirmed: bool,
        address: SocketAddr,
    ) {
        let Some(making) = self.links.making(peer) else { return };
        making.connected = true;
        making.near = is_near(address.ip());
        making.confirmed |= confirmed;
        let link = making.dial.link;
        self.send_server(Message::Dialled { link, stands: true });
        self.open_link(now, peer);
    }

    /// The other side of a link is live.
    pub(super) fn link_confirmed(&mut self, now: Instant, peer: PeerId) {
        let Some(making) = self.links.making(peer) else { return };
        making.confirmed = true;
        self.open_link(now, peer);
    }

    /// A link ended, or did not come about.
    pub(super) fn link_gone(&mut self, now: Instant, peer: PeerId, why: Option<SessionError>) {
        if let Some(making) = self.links.take_making(peer) {
            return self.link_failed(now, &making);
        }
        if self.links.remove(peer) {
            if why.is_some_and(|why| matches!(why, SessionError::Peer(_))) {
                self.report(peer, spotproto::message::Misdeed::Protocol);
            }
            self.swarm.closed(now, peer);
            self.forget_peer(now, peer);
        }
    }

    fn link_failed(&mut self, now: Instant, making: &Making<K, B>) {
        if !making.connected {
            self.send_server(Message::Dialled { link: making.dial.link, stands: false });
        }
        if making.direction == Direction::Ours {
            self.swarm.dial_failed(now, making.dial.pseudonym);
        }
    }

    /// A message came over a link that is not open: a greeting, or what has to wait until it is.
    pub(super) fn early(&mut self, now: Instant, peer: PeerId, message: Message<K, B>) {
        let date = self.date(now);
        let issuer = self.member.as_ref().map(|member| member.issuer);
        let Some(making) = self.links.making(peer) else { return };
        let genuine = match (&message, making.greeted) {
            (Message::Greeting(greeting), false) => {
                let ticket = issuer.and_then(|issuer| greeting.ticket.verify::<C>(&issuer, date).ok());
                let dial = &making.dial;
                let genuine = ticket.is_some_and(|ticket| {
                    ticket.link_key == dial.link_key && ticket.pseudonym == dial.pseudonym
                });
                making.greeted = genuine;
                genuine
            }
            (_, true) if making.early.len() < MOST_EARLY => {
                making.early.push(message);
                return;
            }
            _ => false,
        };
        if genuine {
            self.open_link(now, peer);
        } else {
            self.drop_making(now, peer, CloseCode::NotAdmitted);
        }
    }

    /// Opens a link on which both sides have shown who they are, and hears what was said meanwhile.
    fn open_link(&mut self, now: Instant, peer: PeerId) {
        let ready = self.links.making(peer).is_some_and(|it| it.connected && it.confirmed && it.greeted);
        let Some(making) = ready.then(|| self.links.take_making(peer)).flatten() else { return };
        self.links.insert(Link { peer, last_channel: 0, round_trip_ms: 0, near: making.near });
        if self.swarm.opened(now, peer, making.dial.pseudonym, making.direction).is_err() {
            self.links.remove(peer);
            self.out.push(Output::Effect(Effect::HangUp { session: session(peer), code: CloseCode::Limit }));
            return;
        }
        if let Some(span) = making.round_trip {
            self.link_round_trip(now, peer, span);
        }
        self.out.push(Output::Event(Event::Neighbours(self.swarm.neighbours())));
        for message in making.early {
            self.peer_says(now, peer, message);
        }
    }

    /// A round trip to a peer was measured.
    pub(super) fn link_round_trip(&mut self, now: Instant, peer: PeerId, span: Duration) {
        if let Some(making) = self.links.making(peer) {
            making.round_trip = Some(span);
            return;
        }
        let Some(link) = self.links.find(peer) else { return };
        let ms = u16::try_from(span.as_millis()).unwrap_or(u16::MAX).max(1);
        link.round_trip_ms = if link.round_trip_ms == 0 { ms } else { link.round_trip_ms.min(ms) };
        self.swarm.round_trip(now, peer, span);
        let source = super::sources::Who::Peer(peer).source();
        for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
            file.plan.round_trip(now, source, span);
        }
    }

    /// Gives up links that take too long.
    pub(super) fn expire_links(&mut self, now: Instant) {
        while let Some(peer) = self.links.making.iter().find(|it| it.until <= now).map(|it| it.peer) {
            self.drop_making(now, peer, CloseCode::Limit);
        }
    }

    fn drop_making(&mut self, now: Instant, peer: PeerId, code: CloseCode) {
        let Some(making) = self.links.take_making(peer) else { return };
        self.out.push(Output::Effect(Effect::HangUp { session: session(peer), code }));
        self.link_failed(now, &making);
    }

    /// Ends a link that the swarm has forgotten already.
    pub(super) fn hang_up_link(&mut self, now: Instant, peer: PeerId, code: CloseCode) {
        if self.links.remove(peer) {
            self.out.push(Output::Effect(Effect::HangUp { session: session(peer), code }));
            self.forget_peer(now, peer);
        }
    }

    /// Ends all links, those in the making too.
    pub(super) fn drop_all_making(&mut self, now: Instant) {
        while let Some(peer) = self.links.making.first().map(|it| it.peer) {
            self.drop_making(now, peer, CloseCode::Done);
        }
    }

    /// Drops what hung on a link.
    fn forget_peer(&mut self, now: Instant, peer: PeerId) {
        self.forget_requests(now, session(peer));
        self.serve_no_more(peer);
        self.out.push(Output::Event(Event::Neighbours(self.swarm.neighbours())));
    }
}

/// Whether an address can only be of the same network: the access point tells no others of such a one.
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || v4.is_link_local() || v4.is_loopback(),
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local() || v6.is_loopback(),
    }
}
