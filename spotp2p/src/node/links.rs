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
use spotproto::preamble::LinkId;
use spotproto::{CloseCode, Instant, SessionError};

/// Links that may be in the making: others wait for the next time that they are wanted.
const MOST_MAKING: usize = 32;

/// How long a link may take until the other side has said who it is.
const MAKING: Duration = Duration::from_secs(20);

/// What a peer may say before it is known not to be a replay.
const MOST_EARLY: usize = 16;

/// What the swarm does not know of the links of a node. An open one takes nothing until something is asked over it, then 12
/// bytes; one that is made about 300, and what came early.
#[derive(Debug)]
pub(super) struct Links<K, B> {
    /// Of the open ones those over which something was asked, or that stay on the same network; in the order of their
    /// numbers.
    noted: Vec<Link>,
    making: Vec<Making<K, B>>,
}

#[derive(Debug)]
struct Link {
    peer: PeerId,
    last_channel: Channel,
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
        Self { noted: Vec::new(), making: Vec::new() }
    }

    /// A number for a new request to a neighbour.
    pub(super) fn channel(&mut self, peer: PeerId) -> Option<Channel> {
        let link = self.note(peer)?;
        link.last_channel = link.last_channel.checked_add(1)?;
        Some(link.last_channel)
    }

    /// Whether a neighbour is on the same network.
    pub(super) fn is_near(&self, peer: PeerId) -> bool {
        self.place(peer).ok().and_then(|at| self.noted.get(at)).is_some_and(|link| link.near)
    }

    /// When the next one in the making has taken too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.making.iter().map(|making| making.until).min()
    }

    fn note(&mut self, peer: PeerId) -> Option<&mut Link> {
        let at = self.place(peer).unwrap_or_else(|at| {
            self.noted.insert(at, Link { peer, last_channel: 0, near: false });
            at
        });
        self.noted.get_mut(at)
    }

    fn place(&self, peer: PeerId) -> Result<usize, usize> {
        self.noted.binary_search_by_key(&peer, |link| link.peer)
    }

    fn forget(&mut self, peer: PeerId) {
        let Ok(at) = self.place(peer) else { return };
        self.noted.remove(at);
        if self.noted.is_empty() {
            self.noted = Vec::new();
        }
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
            self.tell_dialled(dial.link, false);
            if ours {
                self.swarm.dial_failed(now, dial.pseudonym);
            }
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
        self.tell_dialled(link, true);
        self.open_link(now, peer);
    }

    /// What came of dialling; a link of an earlier log-in means nothing to the access point.
    fn tell_dialled(&mut self, link: LinkId, stands: bool) {
        if self.server.logged_in {
            self.send_server(Message::Dialled { link, stands });
        }
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
        if self.swarm.is_neighbour(peer) {
            if why.is_some_and(|why| matches!(why, SessionError::Peer(_))) {
                self.report(peer, spotproto::message::Misdeed::Protocol);
            }
            self.swarm.closed(now, peer);
            self.forget_peer(now, peer);
        }
    }

    fn link_failed(&mut self, now: Instant, making: &Making<K, B>) {
        if !making.connected {
            self.tell_dialled(making.dial.link, false);
        }
        if making.direction == Direction::Ours {
            self.swarm.dial_failed(now, making.dial.pseudonym);
        }
    }

    /// A message came over a link that is not open: a greeting, or what has to wait until it is.
    pub(super) fn early(&mut self, now: Instant, peer: PeerId, message: Message<K, B>) {
        let judge = self.member.as_ref().map(|member| (member.issuer, member.date(now)));
        let Some(making) = self.links.making(peer) else { return };
        let genuine = match (&message, making.greeted) {
            (Message::Greeting(greeting), false) => {
                let ticket = judge.and_then(|(issuer, date)| greeting.ticket.verify::<C>(&issuer, date).ok());
                let dial = &making.dial;
                let genuine = ticket.is_some_and(|ticket| {
                    ticket.link_key == dial.link_key && ticket.pseudonym == dial.pseudonym
                });
                making.greeted = genuine;
                genuine
            }
            // Whatever is optional may be skipped (docs/protocol.md §7.25).
            (Message::Playing { .. }, _) => return,
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
        if self.swarm.opened(now, peer, making.dial.pseudonym, making.direction).is_err() {
            self.out.push(Output::Effect(Effect::HangUp { session: session(peer), code: CloseCode::Limit }));
            return;
        }
        if making.near
            && let Some(link) = self.links.note(peer)
        {
            link.near = true;
        }
        if let Some(span) = making.round_trip {
            self.link_round_trip(now, peer, span);
        }
        self.out.push(Output::Event(Event::Neighbours(self.swarm.neighbours())));
        for message in making.early {
            // One of them may have ended the link.
            if self.swarm.is_neighbour(peer) {
                self.peer_says(now, peer, message);
            }
        }
    }

    /// A round trip to a peer was measured.
    pub(super) fn link_round_trip(&mut self, now: Instant, peer: PeerId, span: Duration) {
        if let Some(making) = self.links.making(peer) {
            making.round_trip = Some(span);
            return;
        }
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
        self.out.push(Output::Effect(Effect::HangUp { session: session(peer), code }));
        self.forget_peer(now, peer);
    }

    /// Ends all links, those in the making too.
    pub(super) fn drop_all_making(&mut self, now: Instant) {
        while let Some(peer) = self.links.making.first().map(|it| it.peer) {
            self.drop_making(now, peer, CloseCode::Done);
        }
    }

    /// Drops what hung on a link.
    fn forget_peer(&mut self, now: Instant, peer: PeerId) {
        self.links.forget(peer);
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
