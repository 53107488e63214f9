//! Connections of a household: to its access point, and to others.

use super::{Home, piece_of, session};
use crate::engine::line::End;
use crate::engine::names::Text;
use crate::engine::net::{Key, Net, What};
use crate::engine::wire::HANDSHAKE;
use crate::engine::world::{SECOND, Who, address, at};
use core::ops::Range;
use core::time::Duration;
use spotp2p::RequestId;
use spotp2p::node::{Input, MirrorNews};
use spotp2p::planner::Kind;
use spotproto::SessionError;
use spotproto::message::{Dial, Message, Misdeed};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;

/// A link that is made, or that is known by its id for as long as it stands.
#[derive(Debug)]
pub(crate) struct Making {
    pub(crate) key: Key,
    link: LinkId,
    initiator: bool,
    /// Whether this side dialled.
    dialled: bool,
    /// Both ends know each other.
    met: bool,
    pub(crate) stands: bool,
    /// What was said before it stood.
    pub(crate) early: Vec<Text>,
}

/// Somebody who dialled before the access point's word was here.
#[derive(Debug)]
pub(crate) struct Caller {
    link: u64,
    who: Who,
    theirs: Key,
    until: u64,
}

/// Callers of whom nothing was heard yet.
const MOST_CALLERS: usize = 16;

/// How long they wait.
const CALLER_WAITS: u64 = 5 * SECOND;

/// The part of a link's id by which both sides know it.
fn short(link: LinkId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = link.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Home {
    /// Connects to the access point: a round trip of TCP, then the handshake, whose first message carries what is said
    /// at once.
    pub(super) fn connects(&mut self, net: &mut Net<'_>, key: Key) {
        let site = net.world.site_of(net.me);
        let away = net.world.away_from_site(net.me, site);
        let house = &net.world.houses[net.me as usize];
        let mut end = End::new(net, key, site, away, house.up);
        end.theirs = key;
        end.arrives = net.now + 3 * u64::from(away);
        net.travels(end.arrives, site, What::Enters { theirs: key });
        if let Some(old) = self.server.replace(key) {
            self.line.ends.take(old);
        }
        self.line.ends.put(end);
    }

    /// The access point took the connection, or did not.
    pub(super) fn entered(&mut self, net: &mut Net<'_>, key: Key, taken: bool) {
        let Some(end) = self.line.ends.get(key).filter(|_| self.server == Some(key)) else { return };
        if !taken {
            self.line.ends.take(key);
            self.server = None;
            return self.is_told(net, Input::Disconnected { session: session(key), why: None });
        }
        let span = Duration::from_micros(2 * u64::from(end.away));
        let address = address(net.world, end.peer, true);
        self.is_told(net, Input::Connected { session: session(key), confirmed: true, address });
        self.is_told(net, Input::RoundTrip { session: session(key), span });
    }

    /// Makes a link: who can be reached is dialled; if both can, the initiator's call counts.
    pub(super) fn links(&mut self, net: &mut Net<'_>, key: Key, dial: &Dial) {
        let initiator = dial.role == Role::Initiator;
        let gives_up = (net.world.scenario.reach.gives_up_s * SECOND as f64) as u64;
        net.later(net.now + gives_up, What::GivesUp(key));
        let mut making = Making {
            key,
            link: dial.link,
            initiator,
            dialled: false,
            met: false,
            stands: false,
            early: Vec::new(),
        };
        if initiator && let Some(tally) = net.tally() {
            tally.dials.tried += 1;
        }
        let peer = dial.addresses.first().and_then(|address| at(*address));
        let Some(peer) = peer.filter(|peer| *peer < net.world.clients() && *peer != net.me) else {
            return self.making.push(making);
        };
        let away = net.world.away(net.me, peer);
        let (own, other) = (&net.world.houses[net.me as usize], &net.world.houses[peer as usize]);
        let end = End::new(net, key, peer, away, own.up.min(other.down));
        let dials = other.open && (!own.open || initiator);
        making.dialled = dials;
        self.line.ends.put(end);
        self.making.push(making);
        if dials {
            let link = short(dial.link);
            return net.travels(net.now + u64::from(away), peer, What::Dials { link, theirs: key });
        }
        let now = net.now;
        self.callers.retain(|caller| caller.until > now);
        let short = short(dial.link);
        if let Some(at) = self.callers.iter().position(|it| it.link == short && it.who == peer) {
            let caller = self.callers.swap_remove(at);
            self.meets(net, key, caller.theirs);
        }
    }

    /// Somebody dials this house.
    pub(super) fn is_called(&mut self, net: &mut Net<'_>, who: Who, link: u64, theirs: Key) {
        if self.node.is_none() {
            return;
        }
        let making = self.making.iter().find(|it| short(it.link) == link && !it.dialled && !it.met);
        match making.map(|making| making.key) {
            Some(key) => self.meets(net, key, theirs),
            None if self.callers.len() < MOST_CALLERS => {
                self.callers.push(Caller { link, who, theirs, until: net.now + CALLER_WAITS });
            }
            None => {}
        }
    }

    /// Who was dialled answers: the connection stands once its handshake is over, a round trip later.
    fn meets(&mut self, net: &mut Net<'_>, key: Key, theirs: Key) {
        let Some(making) = self.making.iter_mut().find(|making| making.key == key) else { return };
        let Some(end) = self.line.ends.get(key) else { return };
        (making.met, end.theirs) = (true, theirs);
        let (away, link, peer) = (u64::from(end.away), short(making.link), end.peer);
        net.travels(net.now + 3 * away, peer, What::Accepts { link, theirs: key });
        net.later(net.now + 2 * away, What::Stands(key));
    }

    /// Who was dialled took the call.
    pub(super) fn is_accepted(&mut self, net: &mut Net<'_>, link: u64, theirs: Key) {
        let making = self.making.iter_mut().find(|it| short(it.link) == link && it.dialled && !it.met);
        let Some(making) = making else { return };
        let key = making.key;
        making.met = true;
        if let Some(end) = self.line.ends.get(key) {
            end.theirs = theirs;
            self.stands(net, key);
        }
    }

    /// A link stands.
    pub(super) fn stands(&mut self, net: &mut Net<'_>, key: Key) {
        let Some(making) = self.making.iter_mut().find(|making| making.key == key && making.met) else {
            return;
        };
        let Some(end) = self.line.ends.get(key) else { return };
        making.stands = true;
        let (initiator, dialled) = (making.initiator, making.dialled);
        let early = core::mem::take(&mut making.early);
        let (away, address) = (u64::from(end.away), address(net.world, end.peer, true));
        if let Some(tally) = net.tally() {
            tally.dials.stood += u64::from(initiator);
            tally.peers.other += u64::from(HANDSHAKE) / 2;
        }
        for text in early {
            self.says(net, session(key), text);
        }
        let span = Duration::from_micros(2 * away);
        self.is_told(net, Input::Connected { session: session(key), confirmed: initiator, address });
        self.is_told(net, Input::RoundTrip { session: session(key), span });
        if !initiator {
            let takes = if dialled { away } else { 2 * away };
            net.later(net.now + takes, What::Confirmed(key));
        }
    }

    /// Nobody came.
    pub(super) fn gives_up(&mut self, net: &mut Net<'_>, key: Key) {
        if self.making.iter().any(|making| making.key == key && !making.stands) {
            self.forgets(key);
            self.is_told(net, Input::Disconnected { session: session(key), why: None });
        }
    }

    /// A link is not wanted any more, by either side: one in the making did not fail by that.
    fn is_called_off(&self, net: &mut Net<'_>, key: Key) {
        let off = self.making.iter().any(|making| making.key == key && making.initiator && !making.stands);
        if let Some(tally) = net.tally().filter(|_| off) {
            tally.dials.called_off += 1;
        }
    }

    fn forgets(&mut self, key: Key) -> Option<End> {
        self.making.retain(|making| making.key != key);
        if self.making.is_empty() {
            self.making = Vec::new();
        }
        if self.server == Some(key) {
            self.server = None;
        }
        self.line.ends.take(key)
    }

    /// The node ends a connection.
    pub(super) fn hangs_up(&mut self, net: &mut Net<'_>, key: Key) {
        self.is_called_off(net, key);
        let Some(end) = self.forgets(key) else { return };
        if end.theirs != crate::engine::line::NOBODY {
            let at = (net.now + u64::from(end.away)).max(end.arrives + 1);
            net.travels(at, end.peer, What::HungUp { to: end.theirs });
        }
    }

    /// The other side ended it.
    pub(super) fn is_left(&mut self, net: &mut Net<'_>, key: Key) {
        self.is_called_off(net, key);
        if self.forgets(key).is_some() {
            let why = Some(SessionError::Lost);
            self.is_told(net, Input::Disconnected { session: session(key), why });
        }
    }

    /// The access point is to hear what the other side of a link did.
    pub(super) fn reports(&mut self, net: &mut Net<'_>, key: Key, what: Misdeed) {
        let link = self.making.iter().find(|making| making.key == key).map(|making| making.link);
        if let Some((link, server)) = link.zip(self.server) {
            self.line.send(net, server, Message::Report { link, what });
        }
    }

    /// Asks the nearest web server: it sends after a round trip, as fast as both lines are.
    pub(super) fn fetches(&mut self, net: &mut Net<'_>, get: &spotp2p::cdn::Get) {
        let Some(file) = file_at(get.target.url().path()) else { return };
        let round = (net.world.scenario.cdn.away_ms * 2000.0) as u64;
        self.fetching.push(get.request);
        self.mirror_goes_on(net, net.now + round, get.request, (file, get.pieces.clone()));
    }

    /// What a web server was asked for is not wanted any more: what is on the line still comes.
    pub(super) fn fetches_no_more(&mut self, request: RequestId) {
        self.fetching.retain(|fetching| *fetching != request);
    }

    /// The first of these pieces comes from then on; the line is free for others behind each.
    fn mirror_goes_on(
        &mut self,
        net: &mut Net<'_>,
        from: u64,
        request: RequestId,
        (file, pieces): (u32, Range<u32>),
    ) {
        let piece = piece_of(net.world, file, pieces.start).filter(|_| !pieces.is_empty());
        let Some(size) = piece.map(|piece| u32::from(piece.size)) else { return };
        let rate = net.world.scenario.cdn.up_mbit_s * 125_000.0;
        let sent = from + (f64::from(size) / rate * 1e6) as u64;
        let through = self.down.takes(sent, size, (sent - from) as u32);
        net.later(sent.max(through), What::Mirror { request, file, pieces });
    }

    /// The first of these pieces is here.
    pub(super) fn mirror_sends(
        &mut self,
        net: &mut Net<'_>,
        request: RequestId,
        (file, pieces): (u32, Range<u32>),
    ) {
        if !self.fetching.contains(&request) {
            return;
        }
        let (piece, rest) = (pieces.start, pieces.start + 1..pieces.end);
        let Some(data) = piece_of(net.world, file, piece) else { return };
        self.fetched(net, data, piece, Kind::Cdn);
        self.is_told(net, Input::Mirror { request, news: MirrorNews::Piece { index: piece, data } });
        if rest.is_empty() && self.fetching.contains(&request) {
            self.fetches_no_more(request);
            return self.is_told(net, Input::Mirror { request, news: MirrorNews::Finished });
        }
        if self.fetching.contains(&request) {
            self.mirror_goes_on(net, net.now, request, (file, rest));
        }
    }

    /// Notes what a message means for what is counted.
    pub(super) fn notes(&mut self, net: &mut Net<'_>, from: Key, text: &Text) {
        let server = self.server == Some(from);
        self.is_named(text, server);
        self.is_queried(text);
        match text {
            Message::Piece { index, data, .. } => {
                self.fetched(net, *data, *index, if server { Kind::Server } else { Kind::Peer });
            }
            Message::Opened { opened, .. } => {
                let pieces: u32 = opened.first.iter().map(|range| range.count).sum();
                self.asks(net, pieces);
            }
            _ => {}
        }
    }
}

/// Where web servers have a file.
pub(crate) fn mirror(file: u32) -> Box<str> {
    format!("http://cdn.example/{file}").into()
}

fn file_at(path: &str) -> Option<u32> {
    path.strip_prefix('/')?.parse().ok()
}
