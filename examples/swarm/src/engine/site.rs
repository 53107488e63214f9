//! An access point: the real machine, its line, and a store behind it that has everything.

use super::line::{End, Ends, Line};
use super::names::{Name, Piece, Plain, Text, done};
use super::net::{Key, Net, What};
use super::world::{SECOND, Who, World, address};
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{self, AccessPoint, Config, Done, Effect, Entry, Event, Input, Limits, Output};
use spotproto::content::ContentKey;
use spotproto::crypto::{PublicKey, SecretKey};
use spotproto::message::{Message, Refusal, Wanted};
use spotproto::{Instant, Machine, UnixTime};

/// The date at the beginning of the world.
pub(crate) const DATE: UnixTime = UnixTime(1_800_000_000);

type Server = AccessPoint<Name, Piece, Plain>;

/// An access point.
#[derive(Debug)]
pub(crate) struct Site {
    server: Server,
    line: Line,
    /// Whether it is there at all.
    up: bool,
    connections: u64,
    /// Answers of the store that are under way.
    answers: Vec<Option<Answer>>,
    spare: Vec<u32>,
    /// The second that runs, and what had been sent when it began.
    second: (u64, u64),
    pub(crate) count: u32,
    pub(crate) hash: u64,
}

type Answer = (spotp2p::RequestId, Done<Name, Piece>);

impl Site {
    pub(crate) fn new(world: &World) -> Self {
        let rate = world.scenario.server.up_mbit_s * 125_000.0;
        let ends = Ends::Many(core::iter::repeat_with(|| None).take(world.houses.len()).collect());
        Self {
            server: server(world, Instant::START),
            line: Line::new(ends, rate as f32, world.scenario.server.idle_reset),
            up: true,
            connections: 0,
            answers: Vec::new(),
            spare: Vec::new(),
            second: (0, 0),
            count: 0,
            hash: 0,
        }
    }

    /// Something happens.
    pub(crate) fn happens(&mut self, net: &mut Net<'_>, from: Who, what: What) {
        match what {
            What::Text { to, text, .. } | What::Heard { from: to, text } => self.hears(net, from, to, text),
            What::Enters { theirs } => self.enters(net, from, theirs),
            What::HungUp { to } => self.left(net, from, to),
            What::Congested { late, .. } => {
                if let Some(end) = self.line.ends.get(from) {
                    end.congested(net.now, late);
                }
            }
            What::Confirmed(key) => {
                if let Some(session) = self.session(key) {
                    self.is_told(net, Input::Confirmed { session });
                }
            }
            What::Line => self.line.looks(net),
            What::Round(key) => self.line.round(net, key),
            What::Sent { to, channel, .. } => {
                if let Some(session) = self.session(to) {
                    self.is_told(net, Input::Sent { session, channel });
                }
            }
            What::Store(at) => {
                let answer = self.answers.get_mut(at as usize).and_then(Option::take);
                self.spare.push(at);
                if let Some((request, done)) = answer.filter(|_| self.up) {
                    self.is_told(net, Input::Done(request, done));
                }
            }
            What::Dies => self.dies(net),
            What::Returns => {
                self.server = server(net.world, net.instant());
                self.up = true;
            }
            _ => {}
        }
        self.counts(net);
    }

    /// A client connects: both sides know each other after a round trip of TCP and one of the handshake.
    fn enters(&mut self, net: &mut Net<'_>, who: Who, theirs: Key) {
        let away = net.world.away_from_site(who, net.me);
        let at = net.now + u64::from(away);
        if !self.up {
            return net.travels(at, who, What::Enter { to: theirs, taken: false });
        }
        if let Some(session) = self.session(who) {
            self.is_told(net, Input::Disconnected { session });
            self.line.ends.take(who);
        }
        self.connections += 1;
        let house = &net.world.houses[who as usize];
        let mut end = End::new(net, who, who, away, house.down);
        end.theirs = theirs;
        end.arrives = at;
        let session = SessionId(self.connections << 32 | u64::from(who));
        end.session = session.0;
        self.line.ends.put(end);
        net.travels(at, who, What::Enter { to: theirs, taken: true });
        self.is_told(net, Input::Accepted { session, from: address(net.world, who, house.open) });
        let mut device = [0; 32];
        device[..4].copy_from_slice(&who.to_be_bytes());
        device[4] = 1;
        let established = Input::Established { session, device: PublicKey(device), confirmed: false };
        self.is_told(net, established);
        net.later(net.now + 2 * u64::from(away), What::Confirmed(who));
    }

    fn hears(&mut self, net: &mut Net<'_>, from: Who, theirs: Key, text: Text) {
        let Some(end) = self.line.ends.get(from).filter(|end| end.theirs == theirs) else { return };
        end.hears(&text);
        if let Some(tally) = net.tally() {
            tally.server.messages += 1;
        }
        let Some(session) = self.session(from) else { return };
        self.is_told(net, Input::Message { from: session, message: text });
    }

    fn left(&mut self, net: &mut Net<'_>, who: Who, theirs: Key) {
        if self.line.ends.get(who).is_none_or(|end| end.theirs != theirs) {
            return;
        }
        let session = self.session(who);
        self.line.ends.take(who);
        if let Some(session) = session {
            self.is_told(net, Input::Disconnected { session });
        }
    }

    fn dies(&mut self, net: &mut Net<'_>) {
        self.up = false;
        for end in self.line.ends.take_all() {
            net.travels(net.now + u64::from(end.away), end.peer, What::HungUp { to: end.theirs });
        }
        self.answers.iter_mut().for_each(|answer| *answer = None);
    }

    fn is_told(&mut self, net: &mut Net<'_>, input: Input<Name, Piece>) {
        net.happened(0x5e);
        done(self.server.handle_input(net.instant(), input));
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { to, message } => self.says(net, to, message),
                Output::Effect(effect) => self.carries_out(net, effect),
                Output::Event(Event::Shunned { .. }) => {
                    if let Some(tally) = net.tally() {
                        tally.ill.shunned += 1;
                    }
                }
                _ => {}
            }
        }
    }

    fn says(&mut self, net: &mut Net<'_>, to: SessionId, mut text: Text) {
        let who = to.0 as u32;
        if self.session(who) != Some(to) {
            return;
        }
        if let Message::Peers { peers, .. } = &mut text
            && !net.world.scenario.peers.tracker
        {
            peers.clear();
        }
        self.line.send(net, who, text);
    }

    fn carries_out(&mut self, net: &mut Net<'_>, effect: Effect<Name>) {
        let catalogue = &net.world.catalogue;
        let (request, done) = match effect {
            Effect::Find { request, wanted } => {
                let found = match wanted {
                    Wanted::File(file) if catalogue.knows(file) => entry(net.world, file),
                    _ => None,
                };
                (request, Done::Found(found.map(Box::new).ok_or(Refusal::NotFound)))
            }
            Effect::Prove { request, .. } => (request, Done::Proofs(Ok(Vec::new()))),
            Effect::Fetch { request, file, piece } => {
                let piece = super::home::piece_of(net.world, file.0, piece);
                (request, Done::Piece(piece.ok_or(Refusal::NotFound)))
            }
            Effect::Index { request, files } => {
                (request, Done::Indexed(files.iter().map(|file| catalogue.knows(*file)).collect()))
            }
            Effect::Probe { request, .. } => (request, Done::Probed(true)),
            Effect::HangUp { session, .. } => {
                let who = session.0 as u32;
                if self.session(who) == Some(session)
                    && let Some(end) = self.line.ends.take(who)
                {
                    net.travels(
                        (net.now + u64::from(end.away)).max(end.arrives + 1),
                        who,
                        What::HungUp { to: end.theirs },
                    );
                }
                return;
            }
            _ => return,
        };
        let at = match self.spare.pop() {
            Some(at) => at,
            None => {
                self.answers.push(None);
                (self.answers.len() - 1) as u32
            }
        };
        self.answers[at as usize] = Some((request, done));
        net.later(net.now + (net.world.scenario.server.store_ms * 1000.0) as u64, What::Store(at));
    }

    /// Counts what went out, second by second.
    fn counts(&mut self, net: &mut Net<'_>) {
        let second = net.now / SECOND;
        if second == self.second.0 {
            return;
        }
        let sent = self.line.sent - self.second.1;
        let spent = core::mem::replace(&mut self.second, (second, self.line.sent)).0;
        if spent * SECOND < net.world.counts_from {
            return;
        }
        if let Some(tally) = net.tally() {
            tally.server.sent += sent;
        }
        if let Some(hour) = net.hour() {
            hour.server_peak = hour.server_peak.max(sent);
        }
    }

    fn session(&mut self, who: Who) -> Option<SessionId> {
        let end = self.line.ends.get(who)?;
        (end.session != 0).then_some(SessionId(end.session))
    }
}

fn server(world: &World, now: Instant) -> Server {
    let clients = world.houses.len();
    let mut limits = Limits::DEFAULT;
    limits.sessions = clients + 1024;
    limits.half_open = clients.max(512);
    limits.tracker.files = world.scenario.tracks.count as usize + 1;
    limits.tracker.latest = world.scenario.peers.latest.into();
    limits.reports.remembered = limits.reports.remembered.max(clients / 16);
    AccessPoint::new(Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey(world.seed(world.clients(), now.micros()).0),
        identity: PublicKey([8; 32]),
        date: (now, DATE.plus(now.since(Instant::START))),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits,
    })
}

fn entry(world: &World, file: Name) -> Option<Entry<Name>> {
    let mirrors = if world.scenario.cdn.on { vec![super::home::mirror(file.0)] } else { Vec::new() };
    Some(Entry {
        head: world.catalogue.facts(file.0).head(file)?,
        key: ContentKey::new([5; 32]),
        title: "A tune".into(),
        artist: "Somebody".into(),
        mirrors,
    })
}
