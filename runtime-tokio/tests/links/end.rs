//! One end of links: what a client has, without its node.

use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{Clock, LinkOptions, Links, SocketOptions, listen};
use spotp2p::SessionId;
use spotp2p::node::Input;
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::{Dial, Hit, Message, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Limits, SessionError, session};
use tokio::time::timeout;

/// What a loaded machine may take for anything.
pub(crate) const SOON: Duration = Duration::from_secs(10);

pub(crate) fn keys(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

/// A message that no session answers.
pub(crate) fn word(id: u64) -> WireMessage {
    Message::Hit(Hit { id, peers: vec![Pseudonym([3; 16])] })
}

/// What an access point says to the side in this role, of which the other shows `keys(other)`.
pub(crate) fn dial(link: u8, role: Role, other: u8, addresses: &[SocketAddr]) -> Dial {
    Dial {
        link: LinkId([link; 16]),
        role,
        pseudonym: Pseudonym([other; 16]),
        link_key: keys(other).public,
        addresses: addresses.to_vec(),
    }
}

pub(crate) struct End {
    pub(crate) links: Links,
    pub(crate) inbox: channel::Receiver<Input<FileId, Bytes>>,
    key: u8,
}

impl End {
    /// An end that shows `keys(key)`, with a door or without.
    pub(crate) fn new(key: u8, has_door: bool) -> Self {
        let shared = SocketOptions { share_port: true, ..SocketOptions::default() };
        let listener = has_door.then(|| listen((Ipv4Addr::LOCALHOST, 0).into(), &shared).expect("a port"));
        let options = LinkOptions { sockets: SocketOptions::default(), limits: Limits::DEFAULT };
        let (told, inbox) = channel::bounded(64);
        let links = Links::new(listener, options, Clock::start(), told).expect("it knows its port");
        Self { links, inbox, key }
    }

    /// Where its door is, if it has one.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        let port = self.links.port();
        if port == 0 { Vec::new() } else { vec![(Ipv4Addr::LOCALHOST, port).into()] }
    }

    /// Makes a link, which it calls by its first byte, and says something over it at once.
    pub(crate) fn make(&mut self, dial: Dial) {
        let session = SessionId(dial.link.0[0].into());
        self.links.make(session, dial, keys(self.key));
        self.say(session.0, self.key.into());
    }

    pub(crate) fn say(&mut self, session: u64, id: u64) {
        assert!(self.links.send(SessionId(session), session::Input::Send(word(id))));
    }

    pub(crate) fn hang_up(&mut self, session: u64) {
        self.links.hang_up(SessionId(session), CloseCode::Done);
    }

    /// The next input that is no measured round trip.
    pub(crate) async fn next(&mut self) -> Input<FileId, Bytes> {
        loop {
            let input = timeout(SOON, self.inbox.recv()).await.expect("it goes on").expect("it has a sender");
            if !matches!(input, Input::RoundTrip { .. }) {
                return input;
            }
        }
    }

    /// A link comes about, is confirmed, and brings the word of the other side.
    pub(crate) async fn stands(&mut self, session: u64, other: u8) {
        let session = SessionId(session);
        let (mut connected, mut live, mut heard) = (false, false, false);
        while !(connected && live && heard) {
            match self.next().await {
                Input::Connected { session: of, confirmed, address } => {
                    assert!(of == session && address.ip().is_loopback() && !connected);
                    (connected, live) = (true, confirmed);
                }
                Input::Confirmed { session: of } => {
                    assert!(of == session && connected && !live);
                    live = true;
                }
                Input::Message { from, message } => {
                    assert_eq!((from, message), (session, word(other.into())));
                    heard = true;
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// A link is over, and there is nothing else to tell.
    pub(crate) async fn ends(&mut self, session: u64) -> Option<SessionError> {
        match self.next().await {
            Input::Disconnected { session: of, why } => {
                assert_eq!(of, SessionId(session));
                why
            }
            other => panic!("{other:?}"),
        }
    }

    /// Nothing more is told for a moment.
    pub(crate) async fn is_quiet(&mut self) {
        let told = timeout(Duration::from_millis(100), self.next()).await;
        assert!(told.is_err(), "{told:?}");
    }
}

/// Both sides of a link make it, the initiator first half of the time.
pub(crate) fn meet(link: u8, initiator: &mut End, responder: &mut End) {
    let (first, second) = (initiator.addresses(), responder.addresses());
    let (one, other) = (initiator.key, responder.key);
    if link.is_multiple_of(2) {
        initiator.make(dial(link, Role::Initiator, other, &second));
        responder.make(dial(link, Role::Responder, one, &first));
    } else {
        responder.make(dial(link, Role::Responder, one, &first));
        initiator.make(dial(link, Role::Initiator, other, &second));
    }
}

/// A link between these two stands on both sides, once, and what was said before came both ways.
pub(crate) async fn stand(link: u8, initiator: &mut End, responder: &mut End) {
    let (one, other) = (initiator.key, responder.key);
    tokio::join!(initiator.stands(link.into(), other), responder.stands(link.into(), one));
}
