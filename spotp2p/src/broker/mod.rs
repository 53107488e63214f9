//! Brings two clients together: has both dial at once, and names no address that it must not.

mod link;
mod scope;

use crate::SessionId;
use crate::allowance::{Allowance, Rate};
use crate::prefix::Prefix;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use link::{Link, Side};
use scope::may_be_told;
use spotproto::Instant;
use spotproto::crypto::PublicKey;
use spotproto::message::Dial;
use spotproto::noise::Role;
use spotproto::preamble::{LINK_LASTS, LinkId};
use spotproto::ticket::Pseudonym;

/// The bounds of a broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BrokerLimits {
    /// Links that one client may ask for; a pseudonym that leads to nobody costs as much.
    pub asks: Rate,
    /// Links that one client may be asked for.
    pub asked: Rate,
    /// Links of one client that were brokered lately and of which it has not said yet what came of them.
    pub outstanding: usize,
    /// Links of one client that it may still report: no fewer than it may have neighbours.
    pub links: usize,
    /// Ports of one client that are tried out.
    pub probes: Rate,
}

impl BrokerLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        asks: Rate { burst: 40, every: core::time::Duration::from_secs(2) },
        asked: Rate { burst: 60, every: core::time::Duration::from_secs(1) },
        outstanding: 32,
        links: 64,
        probes: Rate { burst: 2, every: core::time::Duration::from_secs(60) },
    };
}

/// Whom a session belongs to, as far as can be told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Origin {
    /// The device's key.
    pub device: PublicKey,
    /// Where it comes from.
    pub prefix: Prefix,
}

/// A client that logged in.
#[derive(Clone, Copy, Debug)]
pub struct Guest {
    /// What peers call it.
    pub pseudonym: Pseudonym,
    /// The static key of its links.
    pub link_key: PublicKey,
    /// The device's key.
    pub device: PublicKey,
    /// Where its connection comes from.
    pub from: SocketAddr,
    /// When its ticket ends.
    pub until: Instant,
}

/// Why no link was brokered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoLink {
    /// The asker asks for too many, or its ticket is over.
    NotNow,
    /// No such peer, or not for this file; whether it exists is not said.
    NotThere,
    /// The peer is asked for too many.
    Busy,
    /// One between the two was brokered just now.
    Already,
    /// Neither could be told of an address of the other.
    NoWay,
}

/// What both sides of a new link are to be told, the asker first.
pub type Pair = [(SessionId, Dial); 2];

/// A report that counts: of whom it is, by whom, and how many links the former has had since it logged in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Accusation<K> {
    /// Who says so.
    pub reporter: Origin,
    /// Of whom.
    pub suspect: Origin,
    /// The session of the suspect; it may be gone.
    pub session: SessionId,
    /// What the link was brokered for.
    pub file: K,
    /// Links that were brokered for the suspect since it logged in.
    pub links: u32,
}

/// The broker of an access point.
///
/// **Addresses.** Of a client it names the source of the connection that it sees, and that address with a port that the
/// client claimed and the access point found to be its own; private and other narrow ones only to who comes from the same
/// scope and prefix. Nothing else, so nobody can make peers dial an address that is not the own.
///
/// **Strangers.** A client is told an address only of one that offers, at that moment, the file that is asked for, and whose
/// pseudonym it knows: 16 random bytes, which only the tracker's answers and peers' hits carry.
///
/// Worst-case memory, in words: for each client half a kibibyte and, for each of its `links`, 32 bytes of its own and half of
/// 250 that the two sides share. With the defaults and 10,000 clients that are all full: 100 MiB.
#[derive(Debug)]
pub struct Broker<K> {
    limits: BrokerLimits,
    members: BTreeMap<SessionId, Member>,
    names: BTreeMap<Pseudonym, SessionId>,
    links: BTreeMap<LinkId, Link<K>>,
}

#[derive(Debug)]
struct Member {
    guest: Guest,
    /// The port that it says it takes connections on, and whether that was found true.
    claimed: Option<Claim>,
    asks: Allowance,
    asked: Allowance,
    probes: Allowance,
    /// Its latest links, oldest first.
    links: VecDeque<LinkId>,
    /// Links brokered since it logged in.
    brokered: u32,
}

#[derive(Clone, Copy, Debug)]
struct Claim {
    port: u16,
    proven: bool,
}

impl<K: Copy> Broker<K> {
    /// A broker without clients.
    #[must_use]
    pub const fn new(limits: BrokerLimits) -> Self {
        Self { limits, members: BTreeMap::new(), names: BTreeMap::new(), links: BTreeMap::new() }
    }

    /// A client logged in.
    pub fn enter(&mut self, session: SessionId, mut guest: Guest) {
        self.leave(session);
        if let (IpAddr::V4(v4), port) = (guest.from.ip().to_canonical(), guest.from.port()) {
            // As a listener for both families sees it, it would be an address of the other one.
            guest.from = SocketAddr::from((v4, port));
        }
        self.names.insert(guest.pseudonym, session);
        let member = Member {
            guest,
            claimed: None,
            asks: Allowance::WHOLE,
            asked: Allowance::WHOLE,
            probes: Allowance::WHOLE,
            links: VecDeque::new(),
            brokered: 0,
        };
        self.members.insert(session, member);
    }

    /// A client is gone.
    pub fn leave(&mut self, session: SessionId) {
        let Some(member) = self.members.remove(&session) else { return };
        self.names.remove(&member.guest.pseudonym);
        for link in member.links {
            self.let_go(session, link, member.brokered);
        }
    }

    /// A client has a new ticket.
    pub fn renew(&mut self, session: SessionId, until: Instant) {
        if let Some(member) = self.members.get_mut(&session) {
            member.guest.until = until;
        }
    }

    /// A client says on which port it takes connections; 0 for none. The address to try out, if that is needed and it has
    /// not had too many tried out already: [`Broker::probed`] tells what came of it.
    pub fn claim(&mut self, now: Instant, session: SessionId, port: u16) -> Option<SocketAddr> {
        let member = self.members.get_mut(&session)?;
        if member.claimed.is_some_and(|claim| claim.port == port && claim.proven) {
            return None;
        }
        member.claimed = (port != 0).then_some(Claim { port, proven: false });
        let needed = port != 0 && port != member.guest.from.port();
        (needed && member.probes.take(now, self.limits.probes)).then(|| with_port(member.guest.from, port))
    }

    /// Whether the holder of the client's link key answered at the port.
    pub fn probed(&mut self, session: SessionId, port: u16, answered: bool) {
        let claim = self.members.get_mut(&session).and_then(|member| member.claimed.as_mut());
        if let Some(claim) = claim.filter(|claim| claim.port == port) {
            claim.proven = answered;
        }
    }

    /// Who a client is, for peers.
    #[must_use]
    pub fn pseudonym(&self, session: SessionId) -> Option<Pseudonym> {
        self.members.get(&session).map(|member| member.guest.pseudonym)
    }

    /// Whom a session belongs to.
    #[must_use]
    pub fn origin(&self, session: SessionId) -> Option<Origin> {
        self.members.get(&session).map(Member::origin)
    }

    /// Brokers a link for `file`, under an id that nobody can foresee. `offers` says whether a client offers the file now,
    /// and may be named.
    ///
    /// # Errors
    /// Why there is none. What the asker did wrong and what the peer is are told apart for the access point only: the asker
    /// hears of links, or of none.
    pub fn connect(
        &mut self,
        now: Instant,
        asker: SessionId,
        peer: &Pseudonym,
        file: K,
        link: LinkId,
        offers: impl FnOnce(SessionId) -> bool,
    ) -> Result<Pair, NoLink> {
        let limits = self.limits;
        let own = self.members.get_mut(&asker).ok_or(NoLink::NotNow)?;
        // It costs as much where it leads to nobody, or pseudonyms could be tried out.
        if !own.asks.take(now, limits.asks) || own.guest.until <= now {
            return Err(NoLink::NotNow);
        }
        let peer = self.names.get(peer).copied().filter(|peer| *peer != asker).ok_or(NoLink::NotThere)?;
        let (own, other) = self.two(asker, peer).ok_or(NoLink::NotThere)?;
        if !offers(peer) || other.guest.until <= now {
            return Err(NoLink::NotThere);
        }
        if self.is_fresh(now, own, peer) {
            return Err(NoLink::Already);
        }
        if self.outstanding(now, asker, own) >= limits.outstanding {
            return Err(NoLink::NotNow);
        }
        if self.outstanding(now, peer, other) >= limits.outstanding {
            return Err(NoLink::Busy);
        }
        let dials = [(other, own, Role::Initiator), (own, other, Role::Responder)]
            .map(|(of, to, role)| of.dial(to.guest.from, link, role));
        let origins = [own.origin(), other.origin()];
        if dials.iter().all(|dial| dial.addresses.is_empty()) {
            return Err(NoLink::NoWay);
        }
        if !self.members.get_mut(&peer).is_some_and(|other| other.asked.take(now, limits.asked)) {
            return Err(NoLink::Busy);
        }
        let [one, two] = origins;
        let sides = [Side::new(asker, one), Side::new(peer, two)];
        self.links.insert(link, Link { file, at: now, sides });
        self.remember(asker, link);
        self.remember(peer, link);
        let [dial, call] = dials;
        Ok([(asker, dial), (peer, call)])
    }

    /// A client says what came of dialling. `false` if it was not told to dial, or said so already.
    pub fn dialled(&mut self, session: SessionId, link: LinkId) -> bool {
        let own = self.links.get_mut(&link).and_then(|link| link.seen_from(session));
        own.is_some_and(|(own, _)| !core::mem::replace(&mut own.dialled, true))
    }

    /// A client reports the other side of a link. It counts once, and only if that link was brokered between the two.
    pub fn report(&mut self, session: SessionId, link: LinkId) -> Option<Accusation<K>> {
        let link = self.links.get_mut(&link)?;
        let file = link.file;
        let (own, other) = link.seen_from(session)?;
        if core::mem::replace(&mut own.reported, true) {
            return None;
        }
        let (reporter, suspect, session, gone) = (own.origin, other.origin, other.session, other.links);
        let member = self.members.get(&session).filter(|_| other.here);
        Some(Accusation { reporter, suspect, session, file, links: member.map_or(gone, |it| it.brokered) })
    }

    /// Clients that logged in.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// Links that are remembered.
    #[must_use]
    pub fn links(&self) -> usize {
        self.links.len()
    }

    fn two(&self, one: SessionId, other: SessionId) -> Option<(&Member, &Member)> {
        Some((self.members.get(&one)?, self.members.get(&other)?))
    }

    /// Whether a link with `peer` was brokered so lately that its id is still of use.
    fn is_fresh(&self, now: Instant, own: &Member, peer: SessionId) -> bool {
        self.fresh(now, own).any(|link| link.sides.iter().any(|side| side.session == peer))
    }

    fn outstanding(&self, now: Instant, session: SessionId, own: &Member) -> usize {
        let waits = |link: &&Link<K>| link.sides.iter().any(|side| side.session == session && !side.dialled);
        self.fresh(now, own).filter(waits).count()
    }

    fn fresh<'a>(&'a self, now: Instant, own: &'a Member) -> impl Iterator<Item = &'a Link<K>> {
        let links = own.links.iter().rev().filter_map(|link| self.links.get(link));
        links.take_while(move |link| now.since(link.at) < LINK_LASTS)
    }

    /// Of too many links of a client the oldest is forgotten.
    fn remember(&mut self, session: SessionId, link: LinkId) {
        let Some(member) = self.members.get_mut(&session) else { return };
        member.brokered = member.brokered.saturating_add(1);
        member.links.push_back(link);
        if member.links.len() > self.limits.links
            && let Some(oldest) = member.links.pop_front()
        {
            let brokered = member.brokered;
            self.let_go(session, oldest, brokered);
        }
    }

    /// One side of a link has nothing more to say of it.
    fn let_go(&mut self, session: SessionId, id: LinkId, brokered: u32) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for side in link.sides.iter_mut().filter(|side| side.session == session) {
            (side.here, side.links) = (false, brokered);
        }
        if link.sides.iter().all(|side| !side.here) {
            self.links.remove(&id);
        }
    }
}

impl Member {
    fn origin(&self) -> Origin {
        Origin { device: self.guest.device, prefix: Prefix::of(self.guest.from.ip()) }
    }

    /// What tells a client that comes from `asker` to dial this one.
    fn dial(&self, asker: SocketAddr, link: LinkId, role: Role) -> Dial {
        let proven = self.claimed.filter(|claim| claim.proven && claim.port != self.guest.from.port());
        let claimed = proven.map(|claim| with_port(self.guest.from, claim.port));
        // A port that it listens at before one that a router may have opened for another line.
        let known = claimed.into_iter().chain([self.guest.from]);
        let addresses: Vec<SocketAddr> = known.filter(|address| may_be_told(*address, asker)).collect();
        Dial { link, role, pseudonym: self.guest.pseudonym, link_key: self.guest.link_key, addresses }
    }
}

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}
