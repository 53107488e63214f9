//! Listeners, their access point, and the lines between them, on virtual time.

use crate::listener::{End, Listener, TODAY};
use crate::shelf::SHELF;
use alloc::collections::BTreeMap;
use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{self, AccessPoint, Done};
use spotp2p::node::{Command, Effect, Input, Output};
use spotp2p::swarm::Mode;
use spotproto::content::FileId;
use spotproto::crypto::{PublicKey, SecretKey};
use spotproto::message::{Dial, Message};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::{Instant, Machine, SessionError};

pub(crate) type Text = Message<FileId, Bytes>;

/// What happens at a moment.
enum News {
    ToServer {
        from: SessionId,
        text: Text,
    },
    ToListener {
        to: usize,
        input: Input<FileId, Bytes>,
    },
    Taken {
        session: SessionId,
        channel: u32,
    },
    Server(access_point::Input<FileId, Bytes>),
    /// Somebody's player looks.
    Look(usize),
}

pub(crate) struct Town {
    pub(crate) now: Instant,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) server: AccessPoint<FileId, Bytes>,
    /// From any house to any other.
    pub(crate) delay: Duration,
    /// Bytes a second that the access point's line takes.
    pub(crate) server_up: f64,
    server_free: Instant,
    pub(crate) up: bool,
    next_session: u64,
    houses: BTreeMap<SessionId, (usize, SessionId)>,
    /// Links of which one side wants to dial.
    half_links: BTreeMap<LinkId, (usize, SessionId, Box<Dial>)>,
    /// The access point's own.
    probes: BTreeMap<LinkId, spotp2p::RequestId>,
    news: BTreeMap<(Instant, u64), News>,
    count: u64,
    /// Bytes of pieces that the access point sent.
    pub(crate) served: usize,
    pub(crate) shunned: Vec<PublicKey>,
}

impl Town {
    /// An access point and so many listeners, none of whom is logged in.
    pub(crate) fn new(listeners: usize) -> Self {
        let now = Instant::START;
        let server = AccessPoint::new(access_point::Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: PublicKey([8; 32]),
            date: (now, TODAY),
            ticket_lasts: Duration::from_secs(3600),
            lease: access_point::LEASE,
            limits: access_point::Limits::DEFAULT,
        });
        let mut town = Self {
            now,
            listeners: Vec::new(),
            server,
            delay: Duration::from_millis(25),
            server_up: 250_000.0,
            server_free: now,
            up: true,
            next_session: 0,
            houses: BTreeMap::new(),
            half_links: BTreeMap::new(),
            probes: BTreeMap::new(),
            news: BTreeMap::new(),
            count: 0,
            served: 0,
            shunned: Vec::new(),
        };
        for _ in 0..listeners {
            town.moves_in(Mode::Full);
        }
        town
    }

    pub(crate) fn moves_in(&mut self, mode: Mode) -> usize {
        let number = self.listeners.len();
        self.listeners.push(Listener::new(self.now, u8::try_from(number + 10).expect("a small town"), mode));
        self.drain(number);
        number
    }

    pub(crate) fn tell(&mut self, who: usize, command: Command<FileId>) {
        self.hear(who, Input::Command(command));
    }

    /// Everybody logs in.
    pub(crate) fn wakes_up(&mut self) {
        for who in 0..self.listeners.len() {
            self.tell(who, Command::Connect);
        }
        self.run(Duration::from_secs(1));
    }

    /// These listeners have heard the tune before, without peers.
    pub(crate) fn heard_before(&mut self, who: &[usize]) {
        let (rate, served) = (self.server_up, self.served);
        self.server_up = 1e9;
        for who in who {
            self.tell(*who, Command::Peers(Mode::Alone));
            self.tell(
                *who,
                Command::Open { wanted: spotproto::message::Wanted::File(SHELF.file()), at_ms: 0 },
            );
            self.run(Duration::from_secs(5));
            self.tell(*who, Command::Stop);
            self.tell(*who, Command::Peers(Mode::Full));
            let held = self.listeners[*who].node.cache().and_then(|cache| cache.holding(&SHELF.file()));
            assert!(held.is_some_and(|held| held.complete), "{who} has it");
        }
        (self.server_up, self.served) = (rate, served);
        self.run(Duration::from_secs(1));
    }

    pub(crate) fn clicks(&mut self, who: usize) {
        let now = self.now;
        let input = self.listeners[who].click(now);
        self.hear(who, input);
        self.put(now, News::Look(who));
    }

    /// Until this listener has heard the tune, or so long.
    pub(crate) fn until_heard(&mut self, who: usize, most: Duration) {
        let until = self.now + most;
        while !self.listeners[who].has_played() && self.now < until {
            self.run(Duration::from_secs(1));
        }
    }

    pub(crate) fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            let news = self.news.keys().next().map(|(at, _)| *at);
            let timer = self.listeners.iter().filter_map(|it| it.node.poll_timeout()).min();
            let Some(at) = news.into_iter().chain(timer).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            for who in 0..self.listeners.len() {
                if self.listeners[who].node.poll_timeout().is_some_and(|at| at <= self.now) {
                    let Ok(()) = self.listeners[who].node.handle_timeout(self.now);
                    self.drain(who);
                }
            }
            while let Some(entry) = self.news.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let news = entry.remove();
                self.happens(news);
            }
        }
        self.now = until;
    }

    /// The access point dies; or it comes back, with nothing remembered.
    pub(crate) fn server_dies(&mut self) {
        self.up = false;
        self.houses.clear();
        for who in 0..self.listeners.len() {
            if let Some((session, there)) = self.listeners[who].server.take() {
                self.serve(access_point::Input::Disconnected { session: there });
                self.hear(who, Input::Disconnected { session, why: Some(SessionError::Lost) });
            }
        }
    }

    /// The link of one listener to another, at both ends.
    pub(crate) fn link_between(&self, one: usize, other: usize) -> (SessionId, SessionId) {
        let mut links = self.listeners[one].links.iter();
        let (session, end) = links.find(|(_, end)| end.listener == other).expect("they are linked");
        (*session, end.session)
    }

    pub(crate) fn links_of(&self, who: usize) -> Vec<(LinkId, usize)> {
        self.listeners[who].links.values().map(|end| (end.link, end.listener)).collect()
    }

    /// A listener says what its node did not.
    pub(crate) fn says(&mut self, who: usize, session: SessionId, text: Text) {
        self.send(who, session, text);
    }

    pub(crate) fn tells_server(&mut self, who: usize, text: Text) {
        let (session, _) = self.listeners[who].server.expect("it is connected");
        self.send(who, session, text);
    }

    fn happens(&mut self, news: News) {
        match news {
            News::ToServer { from, text } if self.houses.contains_key(&from) => {
                self.serve(access_point::Input::Message { from, message: text });
            }
            News::ToServer { .. } => {}
            News::ToListener { to, input } => self.hear(to, input),
            News::Taken { session, channel } => self.serve(access_point::Input::Sent { session, channel }),
            News::Server(input) => self.serve(input),
            News::Look(who) => {
                while let Some(command) = self.listeners[who].plays(self.now) {
                    self.hear(who, Input::Command(command));
                }
                if !self.listeners[who].has_played() {
                    self.put(self.now + Duration::from_millis(10), News::Look(who));
                }
            }
        }
    }

    fn put(&mut self, at: Instant, news: News) {
        self.count += 1;
        self.news.insert((at, self.count), news);
    }

    pub(crate) fn hear(&mut self, who: usize, input: Input<FileId, Bytes>) {
        let Ok(()) = self.listeners[who].node.handle_input(self.now, input);
        self.drain(who);
    }

    fn drain(&mut self, who: usize) {
        while let Some(output) = self.listeners[who].node.poll_output() {
            match output {
                Output::Send { to, message } => self.send(who, to, message),
                Output::Effect(effect) => self.carry_out(who, effect),
                Output::Event(event) => self.listeners[who].hears(event),
                _ => {}
            }
        }
    }

    fn carry_out(&mut self, who: usize, effect: Effect<FileId, Bytes>) {
        match effect {
            Effect::Connect { session, .. } => self.connect(who, session),
            Effect::Link { session, dial, .. } => self.link(who, session, dial),
            Effect::HangUp { session, code } => {
                self.listeners[who].refused.push((session, code));
                self.hang_up(who, session);
            }
            Effect::Report { session, what } => {
                let link = self.listeners[who].known_links[&session];
                self.listeners[who].blamed.push(session);
                if let Some((_, there)) = self.listeners[who].server {
                    let text = Message::Report { link, what };
                    self.put(self.now + self.delay, News::ToServer { from: there, text });
                }
            }
            Effect::Disk(work) => {
                let (request, done) = self.listeners[who].disk.carry_out(work);
                let to = who;
                self.put(self.now, News::ToListener { to, input: Input::Disk(request, done) });
            }
            _ => {}
        }
    }

    fn connect(&mut self, who: usize, session: SessionId) {
        let log_in = self.listeners[who].next_log_in();
        self.put(self.now, News::ToListener { to: who, input: Input::LogIn(log_in) });
        if !self.up {
            let input = Input::Disconnected { session, why: None };
            return self.put(self.now + self.delay * 2, News::ToListener { to: who, input });
        }
        let there = SessionId(self.next_session);
        self.next_session += 1;
        self.listeners[who].server = Some((session, there));
        self.houses.insert(there, (who, session));
        let (device, from) = (self.listeners[who].device(), address(who));
        self.put(self.now, News::Server(access_point::Input::Accepted { session: there, from }));
        let established = access_point::Input::Established { session: there, device, confirmed: true };
        self.put(self.now, News::Server(established));
        let input =
            Input::Connected { session, confirmed: true, address: (Ipv4Addr::new(11, 0, 0, 1), 4070).into() };
        self.put(self.now + self.delay * 2, News::ToListener { to: who, input });
        let input = Input::RoundTrip { session, span: self.delay * 2 };
        self.put(self.now + self.delay * 2, News::ToListener { to: who, input });
    }

    /// Both sides dial; whoever comes second finds the other waiting.
    fn link(&mut self, who: usize, session: SessionId, dial: Box<Dial>) {
        let link = dial.link;
        self.listeners[who].known_links.insert(session, link);
        if let Some(request) = self.probes.remove(&link) {
            let input = access_point::Input::Done(request, Done::Probed(true));
            self.put(self.now + self.delay * 4, News::Server(input));
            let input = Input::Disconnected { session, why: Some(SessionError::Lost) };
            return self.put(self.now + self.delay * 4, News::ToListener { to: who, input });
        }
        let Some((other, its, its_dial)) = self.half_links.remove(&link) else {
            self.half_links.insert(link, (who, session, dial));
            return;
        };
        assert!(dial.role != its_dial.role && dial.link_key != its_dial.link_key);
        // What each is told of the other is what the other shows.
        self.listeners[other].shown.push((dial.link_key, dial.pseudonym));
        self.listeners[who].shown.push((its_dial.link_key, its_dial.pseudonym));
        self.listeners[who].links.insert(session, End { listener: other, session: its, link });
        self.listeners[who].met.insert(session, (link, other));
        self.listeners[other].met.insert(its, (link, who));
        self.listeners[other].links.insert(its, End { listener: who, session, link });
        for (to, session, role, peer) in [(who, session, dial.role, other), (other, its, its_dial.role, who)]
        {
            // TCP, then a handshake of one round trip; the responder is sure half a round trip later.
            let address = address(peer);
            let input = Input::Connected { session, confirmed: role == Role::Initiator, address };
            self.put(self.now + self.delay * 4, News::ToListener { to, input });
            let input = Input::RoundTrip { session, span: self.delay * 2 };
            self.put(self.now + self.delay * 4, News::ToListener { to, input });
            if role == Role::Responder {
                self.put(
                    self.now + self.delay * 5,
                    News::ToListener { to, input: Input::Confirmed { session } },
                );
            }
        }
        for (who, session) in [(who, session), (other, its)] {
            let end = self.listeners[who].links[&session];
            for text in self.listeners[who].early.remove(&session).unwrap_or_default() {
                self.say(who, session, end, text);
            }
        }
    }

    pub(crate) fn hang_up(&mut self, who: usize, session: SessionId) {
        if self.listeners[who].server.is_some_and(|(here, _)| here == session) {
            let (_, there) = self.listeners[who].server.take().expect("it is there");
            self.houses.remove(&there);
            let input = access_point::Input::Disconnected { session: there };
            return self.put(self.now + self.delay, News::Server(input));
        }
        if let Some(end) = self.listeners[who].links.remove(&session) {
            self.listeners[end.listener].links.remove(&end.session);
            let input = Input::Disconnected { session: end.session, why: Some(SessionError::Lost) };
            self.put(self.now + self.delay, News::ToListener { to: end.listener, input });
        }
    }

    fn send(&mut self, who: usize, to: SessionId, text: Text) {
        let listener = &mut self.listeners[who];
        match (listener.server, listener.links.get(&to).copied()) {
            (Some((here, there)), _) if here == to => {
                self.put(self.now + self.delay, News::ToServer { from: there, text });
            }
            (_, Some(end)) => self.say(who, to, end, text),
            // The other side has not dialled yet: it waits.
            (_, None) if listener.known_links.contains_key(&to) => {
                listener.early.entry(to).or_default().push(text);
            }
            _ => {}
        }
    }

    fn say(&mut self, who: usize, to: SessionId, end: End, text: Text) {
        let stands = self.stands_at(who, to);
        let listener = &mut self.listeners[who];
        let Some((text, late)) = listener.crook.says(text) else { return };
        let free = taken_at(self.now, &mut listener.free, listener.up, &text);
        if let Message::Piece { channel, index, .. } = &text {
            let input = Input::Sent { session: to, channel: *channel, index: *index };
            self.put(free, News::ToListener { to: who, input });
        }
        // Nothing arrives before the link stands.
        let input = Input::Message { from: end.session, message: text };
        self.put((free + self.delay).max(stands) + late, News::ToListener { to: end.listener, input });
    }

    fn stands_at(&self, who: usize, session: SessionId) -> Instant {
        let of = |news: &&News| matches!(news, News::ToListener { to, input: Input::Connected { session: it, .. } } if *to == who && *it == session);
        let at = self.news.iter().find(|(_, news)| of(news)).map(|((at, _), _)| *at);
        at.unwrap_or(self.now)
    }

    pub(crate) fn serve(&mut self, input: access_point::Input<FileId, Bytes>) {
        let Ok(()) = self.server.handle_input(self.now, input);
        while let Some(output) = self.server.poll_output() {
            match output {
                access_point::Output::Send { to, message } => self.server_says(to, message),
                access_point::Output::Effect(effect) => self.look_up(effect),
                access_point::Output::Event(access_point::Event::Shunned { device }) => {
                    self.shunned.push(device)
                }
                _ => {}
            }
        }
    }

    fn server_says(&mut self, there: SessionId, message: Text) {
        let Some((to, from)) = self.houses.get(&there).copied() else { return };
        if let Message::Welcome(welcome) = &message {
            self.listeners[to].is_called(welcome.pseudonym);
        }
        let free = taken_at(self.now, &mut self.server_free, self.server_up, &message);
        if let Message::Piece { channel, data, .. } = &message {
            self.served += data.len();
            self.put(free, News::Taken { session: there, channel: *channel });
        }
        let input = Input::Message { from, message };
        self.put(free + self.delay, News::ToListener { to, input });
    }

    fn look_up(&mut self, effect: access_point::Effect<FileId>) {
        use access_point::Effect;
        let (request, done) = match effect {
            Effect::Find { request, .. } => (request, Done::Found(Ok(Box::new(SHELF.entry.clone())))),
            Effect::Prove { request, ranges, .. } => {
                (request, Done::Proofs(Ok(ranges.iter().map(|range| SHELF.prove(*range)).collect())))
            }
            Effect::Fetch { request, piece, .. } => {
                (request, Done::Piece(Ok(SHELF.pieces[piece as usize].clone())))
            }
            Effect::Index { request, files } => {
                (request, Done::Indexed(files.iter().map(|file| *file == SHELF.file()).collect()))
            }
            Effect::Probe { request, link, .. } => {
                self.probes.insert(link, request);
                return;
            }
            Effect::HangUp { session, .. } => {
                if let Some((who, session)) = self.houses.remove(&session) {
                    self.listeners[who].server = None;
                    let input = Input::Disconnected { session, why: Some(SessionError::Lost) };
                    self.put(self.now + self.delay, News::ToListener { to: who, input });
                }
                return;
            }
            _ => return,
        };
        self.put(self.now, News::Server(access_point::Input::Done(request, done)));
    }
}

/// Everybody lives in a street of their own.
fn address(who: usize) -> SocketAddr {
    (Ipv4Addr::new(11, 1, u8::try_from(who).expect("a small town"), 1), 4070).into()
}

/// When a line has taken a message. Pieces and what has to come behind them wait for their turn, all else goes first.
fn taken_at(now: Instant, free: &mut Instant, rate: f64, text: &Text) -> Instant {
    let size = match text {
        Message::Piece { data, .. } => data.len(),
        Message::End { .. } | Message::Leaves { .. } => 100,
        _ => return now,
    };
    *free = now.max(*free) + Duration::from_secs_f64(size as f64 / rate);
    *free
}
