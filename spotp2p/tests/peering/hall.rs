//! An access point and any number of clients of which only messages are seen.

use crate::world::{Key, Piece};
use alloc::collections::{BTreeMap, BTreeSet};
use core::net::SocketAddr;
use core::time::Duration;
use spotp2p::access_point::{self, AccessPoint, Config, Done, Effect, Event, Input, LEASE, Limits, Output};
use spotp2p::{RequestId, SessionId};
use spotproto::crypto::{PublicKey, SecretKey};
use spotproto::message::{Connect, Dial, Hello, Holding, Message, Misdeed};
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Instant, Machine, UnixTime};

pub(crate) type Text = Message<Key, Piece>;

pub(crate) const TICKET_LASTS: Duration = Duration::from_secs(3600);

pub(crate) const DATE: UnixTime = UnixTime(1_800_000_000);

/// The key that tickets are signed with.
pub(crate) const TICKET_KEY: SecretKey = SecretKey([2; 32]);

/// A port that is to be tried out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Probe {
    pub(crate) request: RequestId,
    pub(crate) address: SocketAddr,
    pub(crate) link: LinkId,
    pub(crate) link_key: PublicKey,
}

pub(crate) struct Hall {
    access_point: AccessPoint<Key, Piece>,
    pub(crate) now: Instant,
    /// What is published.
    pub(crate) catalogue: BTreeSet<Key>,
    /// Whether the catalogue answers at once; otherwise its questions wait in `questions`.
    pub(crate) answers: bool,
    pub(crate) questions: Vec<(RequestId, Vec<Key>)>,
    mail: BTreeMap<SessionId, Vec<Text>>,
    pub(crate) hung_up: BTreeMap<SessionId, CloseCode>,
    pub(crate) events: Vec<Event<Key>>,
    pub(crate) probes: Vec<Probe>,
    names: BTreeMap<SessionId, Pseudonym>,
    next: u64,
    channel: u32,
}

impl Hall {
    pub(crate) fn new() -> Self {
        let config = Config {
            ticket_key: TICKET_KEY,
            pseudonym_key: SecretKey([3; 32]),
            identity: PublicKey([8; 32]),
            date: (Instant::START, DATE),
            ticket_lasts: TICKET_LASTS,
            lease: LEASE,
            limits: Limits::DEFAULT,
        };
        Self {
            access_point: AccessPoint::new(config),
            now: Instant::START,
            catalogue: (0..100).map(Key).collect(),
            answers: true,
            questions: Vec::new(),
            mail: BTreeMap::new(),
            hung_up: BTreeMap::new(),
            events: Vec::new(),
            probes: Vec::new(),
            names: BTreeMap::new(),
            next: 0,
            channel: 0,
        }
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    pub(crate) fn tell(&mut self, input: Input<Key, Piece>) {
        let Ok(()) = self.access_point.handle_input(self.now, input);
        while let Some(output) = self.access_point.poll_output() {
            match output {
                Output::Send { to, message } => {
                    if let Message::Welcome(welcome) = &message {
                        self.names.insert(to, welcome.pseudonym);
                    }
                    self.mail.entry(to).or_default().push(message);
                }
                Output::Event(event) => self.events.push(event),
                Output::Effect(Effect::HangUp { session, code }) => drop(self.hung_up.insert(session, code)),
                Output::Effect(Effect::Index { request, files }) if self.answers => {
                    self.index(request, &files)
                }
                Output::Effect(Effect::Index { request, files }) => self.questions.push((request, files)),
                Output::Effect(Effect::Probe { request, address, link, link_key }) => {
                    self.probes.push(Probe { request, address, link, link_key });
                }
                other => panic!("nobody asked for {other:?}"),
            }
        }
    }

    pub(crate) fn index(&mut self, request: RequestId, files: &[Key]) {
        let there = files.iter().map(|file| self.catalogue.contains(file)).collect();
        self.tell(Input::Done(request, Done::Indexed(there)));
    }

    /// A connection of a device, on which nothing was said yet.
    pub(crate) fn connects(&mut self, device: u32, from: &str, confirmed: bool) -> SessionId {
        let session = SessionId(self.next);
        self.next += 1;
        self.tell(Input::Accepted { session, from: from.parse().expect("an address") });
        self.tell(Input::Established { session, device: device_key(device), confirmed });
        session
    }

    /// A device logs in.
    pub(crate) fn enters(&mut self, device: u32, from: &str) -> SessionId {
        self.enters_with_port(device, from, 0)
    }

    pub(crate) fn enters_with_port(&mut self, device: u32, from: &str, port: u16) -> SessionId {
        let session = self.connects(device, from, true);
        self.says(session, hello(session, port));
        session
    }

    /// A device of its own network logs in, and says that it holds a file.
    pub(crate) fn holder(&mut self, device: u32, file: Key) -> SessionId {
        let session = self.enters(device, &street(device));
        self.holds(session, &[file], &[]);
        session
    }

    pub(crate) fn leaves(&mut self, session: SessionId) {
        self.tell(Input::Disconnected { session });
    }

    /// What is said to a client since it was last looked at, what it says now included.
    pub(crate) fn says(&mut self, from: SessionId, message: Text) -> Vec<Text> {
        self.tell(Input::Message { from, message });
        self.hears(from)
    }

    pub(crate) fn hears(&mut self, session: SessionId) -> Vec<Text> {
        self.mail.remove(&session).unwrap_or_default()
    }

    pub(crate) fn holds(&mut self, from: SessionId, joined: &[Key], left: &[Key]) {
        let holding = Holding { joined: joined.to_vec(), left: left.to_vec() };
        self.says(from, Message::Holding(Box::new(holding)));
    }

    pub(crate) fn name(&self, session: SessionId) -> Pseudonym {
        self.names[&session]
    }

    /// The answer to a question who holds a file.
    pub(crate) fn finds(&mut self, from: SessionId, file: Key) -> Vec<Pseudonym> {
        self.channel += 1;
        let channel = self.channel;
        match &self.says(from, Message::FindPeers { channel, file, most: 10 })[..] {
            [Message::Peers { peers, .. }, Message::End { .. }] => peers.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Asks for a link; the one to dial, if there is one, and what ended the request.
    pub(crate) fn asks(&mut self, from: SessionId, peer: Pseudonym, file: Key) -> (Option<Dial>, Text) {
        self.channel += 1;
        let connect = Box::new(Connect { file, peers: vec![peer] });
        match &self.says(from, Message::Connect { channel: self.channel, connect })[..] {
            [Message::Dial(dial), end] => (Some((**dial).clone()), end.clone()),
            [end] => (None, end.clone()),
            other => panic!("{other:?}"),
        }
    }

    /// A link between the two.
    pub(crate) fn links(&mut self, from: SessionId, to: SessionId, file: Key) -> Option<LinkId> {
        let dial = self.asks(from, self.name(to), file).0?;
        let call = self.call(to).expect("both sides are told");
        assert_eq!(dial.link, call.link);
        for side in [from, to] {
            self.says(side, Message::Dialled { link: dial.link, stands: true });
        }
        Some(dial.link)
    }

    /// The word to dial that came to a client.
    pub(crate) fn call(&mut self, to: SessionId) -> Option<Dial> {
        self.hears(to).into_iter().find_map(|message| match message {
            Message::Dial(dial) => Some(*dial),
            _ => None,
        })
    }

    pub(crate) fn reports(&mut self, from: SessionId, link: LinkId, what: Misdeed) {
        self.says(from, Message::Report { link, what });
    }

    pub(crate) fn is_shunned(&self, device: u32) -> bool {
        let device = device_key(device);
        self.events.contains(&access_point::Event::Shunned { device })
    }
}

pub(crate) fn hello(session: SessionId, port: u16) -> Text {
    let link_key = link_key(session);
    Message::Hello(Box::new(Hello { link_key, port, agent: "x".into() }))
}

pub(crate) fn link_key(session: SessionId) -> PublicKey {
    let mut key = [1; 32];
    key[..8].copy_from_slice(&session.0.to_be_bytes());
    PublicKey(key)
}

pub(crate) fn device_key(device: u32) -> PublicKey {
    let mut key = [9; 32];
    key[..4].copy_from_slice(&device.to_be_bytes());
    PublicKey(key)
}

/// An address in a network of its own.
pub(crate) fn street(device: u32) -> String {
    format!("{}.{}.{}.7:50000", 20 + device / 65_536, device / 256 % 256, device % 256)
}
