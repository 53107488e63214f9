//! Listeners, their access point, and the lines between them, on virtual time.

use crate::listener::{Listener, TODAY};
use crate::next::shelf_of;
use crate::shelf::{SHELF, Shelf};
use crate::streets::{address, taken_at};
use crate::wire::Wire;
use alloc::collections::BTreeMap;
use bytes::Bytes;
use core::net::Ipv4Addr;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::access_point::{self, AccessPoint, Done};
use spotp2p::node::{Command, Effect, Input, Output};
use spotp2p::swarm::Mode;
use spotproto::content::FileId;
use spotproto::crypto::{PublicKey, SecretKey};
use spotproto::message::{Dial, Message, Wanted};
use spotproto::preamble::LinkId;
use spotproto::{CloseCode, Instant, Machine, SessionError};

pub(crate) type Text = Message<FileId, Bytes>;

/// What happens at a moment.
pub(crate) enum News {
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
    pub(crate) houses: BTreeMap<SessionId, (usize, SessionId)>,
    /// Links of which one side wants to dial.
    pub(crate) half_links: BTreeMap<LinkId, (usize, SessionId, Box<Dial>)>,
    /// The access point's own.
    pub(crate) probes: BTreeMap<LinkId, spotp2p::RequestId>,
    pub(crate) news: BTreeMap<(Instant, u64), News>,
    count: u64,
    /// Bytes of pieces that the access point sent.
    pub(crate) served: usize,
    pub(crate) shunned: Vec<PublicKey>,
    /// Who was reported, or shown the door, by whom.
    pub(crate) accusations: Vec<(usize, usize)>,
    pub(crate) wire: Wire,
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
            accusations: Vec::new(),
            wire: Wire::default(),
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
        self.heard_all_of(who, &SHELF);
    }

    pub(crate) fn heard_all_of(&mut self, who: &[usize], tune: &'static Shelf) {
        let (rate, served) = (self.server_up, self.served);
        self.server_up = 1e9;
        for who in who {
            self.tell(*who, Command::Peers(Mode::Alone));
            self.listeners[*who].listens_to(tune);
            self.tell(*who, Command::Open { wanted: Wanted::File(tune.file()), at_ms: 0 });
            self.run(Duration::from_secs(5));
            self.tell(*who, Command::Stop);
            self.tell(*who, Command::Peers(Mode::Full));
            let held = self.listeners[*who].node.cache().and_then(|cache| cache.holding(&tune.file()));
            assert!(held.is_some_and(|held| held.complete), "{who} has it");
        }
        (self.server_up, self.served) = (rate, served);
        self.run(Duration::from_secs(1));
    }

    pub(crate) fn clicks(&mut self, who: usize) {
        let now = self.now;
        let input = self.listeners[who].click(now);
        self.hear(who, input);
        if !core::mem::replace(&mut self.listeners[who].looks, true) {
            self.put(now, News::Look(who));
        }
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
            let timer = self.listeners.iter().filter_map(Listener::wakes_at).min();
            let Some(at) = news.into_iter().chain(timer).min().filter(|at| *at <= until) else { break };
            self.now = self.now.max(at);
            for who in 0..self.listeners.len() {
                self.wakes(who);
            }
            while let Some(entry) = self.news.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let news = entry.remove();
                self.happens(news);
            }
        }
        self.now = until;
    }

    /// Does what is due at a listener's, which must not stay due.
    fn wakes(&mut self, who: usize) {
        let mut idle = 0;
        while self.listeners[who].wakes_at().is_some_and(|at| at <= self.now) {
            let Ok(()) = self.listeners[who].node.handle_timeout(self.now);
            idle = if self.drain(who) > 0 { 0 } else { idle + 1 };
            assert!(idle <= 3, "{who} is woken for nothing at {:?}", self.now);
        }
    }

    /// The access point dies; or it comes back, with nothing remembered.
    pub(crate) fn server_dies(&mut self) {
        self.up = false;
        self.houses.clear();
        for who in 0..self.listeners.len() {
            if let Some((session, there)) = self.listeners[who].server.take() {
                self.wire.ends(who, session);
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
                self.listeners[who].looks = self.listeners[who].is_playing();
                if self.listeners[who].looks {
                    self.put(self.now + Duration::from_millis(10), News::Look(who));
                }
            }
        }
    }

    pub(crate) fn put(&mut self, at: Instant, news: News) {
        self.count += 1;
        self.news.insert((at, self.count), news);
    }

    pub(crate) fn hear(&mut self, who: usize, input: Input<FileId, Bytes>) {
        let from = match &input {
            Input::Message { from, message } => {
                self.wire.hears(who, *from, message);
                Some(*from)
            }
            _ => None,
        };
        let Ok(()) = self.listeners[who].node.handle_input(self.now, input);
        self.drain(who);
        if let Some(from) = from.filter(|from| self.listeners[who].is_linked(*from)) {
            self.wire.owes_nothing(who, from);
        }
    }

    /// Carries out what a listener's node wants done; how much that was.
    pub(crate) fn drain(&mut self, who: usize) -> usize {
        let mut outputs = 0;
        while let Some(output) = self.listeners[who].node.poll_output() {
            outputs += 1;
            match output {
                Output::Send { to, message } => {
                    self.wire.says(who, to, &message);
                    self.send(who, to, message);
                }
                Output::Effect(effect) => self.carry_out(who, effect),
                Output::Event(event) => self.listeners[who].hears(event),
                _ => {}
            }
        }
        outputs
    }

    fn carry_out(&mut self, who: usize, effect: Effect<FileId, Bytes>) {
        match effect {
            Effect::Connect { session, .. } => self.connect(who, session),
            Effect::Link { session, dial, .. } => self.link(who, session, dial),
            Effect::HangUp { session, code } => {
                self.listeners[who].refused.push((session, code));
                let met = self.listeners[who].met.get(&session);
                if let (CloseCode::Protocol | CloseCode::NotAdmitted, Some((_, other))) = (code, met) {
                    self.accusations.push((who, *other));
                }
                self.hang_up(who, session);
            }
            Effect::Report { session, what } => {
                let link = self.listeners[who].known_links[&session];
                self.listeners[who].blamed.push(session);
                self.accusations.push((who, self.listeners[who].met[&session].1));
                if let Some((here, there)) = self.listeners[who].server {
                    let text = Message::Report { link, what };
                    self.wire.says(who, here, &text);
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
            Effect::Find { request, wanted } => {
                let Wanted::File(file) = wanted else { return };
                (request, Done::Found(Ok(Box::new(shelf_of(&file).entry.clone()))))
            }
            Effect::Prove { request, file, ranges } => {
                let shelf = shelf_of(&file);
                (request, Done::Proofs(Ok(ranges.iter().map(|range| shelf.prove(*range)).collect())))
            }
            Effect::Fetch { request, file, piece } => {
                (request, Done::Piece(Ok(shelf_of(&file).pieces[piece as usize].clone())))
            }
            Effect::Index { request, files } => {
                (request, Done::Indexed(files.iter().map(|file| *file == shelf_of(file).file()).collect()))
            }
            Effect::Probe { request, link, .. } => {
                self.probes.insert(link, request);
                return;
            }
            Effect::HangUp { session, .. } => {
                if let Some((who, session)) = self.houses.remove(&session) {
                    self.listeners[who].server = None;
                    self.wire.ends(who, session);
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
