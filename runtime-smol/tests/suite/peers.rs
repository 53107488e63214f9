//! Scenarios of links between peers.

use crate::Outcome;
use crate::music::keys;
use crate::runtimes::Bench;
use alloc::collections::BTreeSet;
use bytes::Bytes;
use core::net::{Ipv4Addr, SocketAddr};
use runtime_smol::channel::{Receiver, bounded};
use spotp2p::SessionId;
use spotp2p::node::Input;
use spotp2p_adapter::{Clock, LinkOptions, Links, SocketOptions, listen};
use spotproto::content::FileId;
use spotproto::message::{Dial, Hit, Message};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session;
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Limits};

const WAVES: u8 = 8;
const LINKS: u8 = 5;

struct Peer<R: Bench> {
    links: Links<R>,
    inbox: Receiver<Input<FileId, Bytes>>,
    key: u8,
}

impl<R: Bench> Peer<R> {
    fn new(key: u8) -> Self {
        let shared = SocketOptions { share_port: true, ..SocketOptions::default() };
        let listener = listen::<R>((Ipv4Addr::LOCALHOST, 0).into(), &shared).expect("a free port");
        let options = LinkOptions { sockets: SocketOptions::default(), limits: Limits::DEFAULT };
        let (told, inbox) = bounded(64);
        let links = Links::new(Some(listener), options, Clock::start(), told).expect("it knows its port");
        Self { links, inbox, key }
    }

    fn make(&mut self, link: u8, role: Role, other: u8, address: SocketAddr) {
        let dial = Dial {
            link: LinkId([link; 16]),
            role,
            pseudonym: Pseudonym([other; 16]),
            link_key: keys(other).public,
            addresses: vec![address],
        };
        let session = SessionId(link.into());
        self.links.make(session, dial, keys(self.key));
        let word = Message::Hit(Hit { id: link.into(), peers: vec![Pseudonym([self.key; 16])] });
        assert!(self.links.send(session, session::Input::Send(word)));
    }

    fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.links.port()).into()
    }

    /// Which links stand now, were connected before anything was heard, and brought the other side's word.
    async fn stand(&self, count: u8) -> BTreeSet<u64> {
        let (mut connected, mut heard) = (BTreeSet::new(), BTreeSet::new());
        while heard.len() < count.into() {
            match self.inbox.recv().await.expect("it has a sender") {
                Input::Connected { session, .. } => assert!(connected.insert(session.0), "twice"),
                Input::Message { from, message: Message::Hit(hit) } => {
                    assert!(connected.contains(&from.0) && hit.id == from.0, "out of order");
                    heard.insert(from.0);
                }
                Input::Confirmed { .. } | Input::RoundTrip { .. } | Input::Sent { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        heard
    }

    async fn end(&mut self, count: u8) -> usize {
        let mut over = BTreeSet::new();
        while over.len() < count.into() {
            match self.inbox.recv().await.expect("it has a sender") {
                Input::Disconnected { session, .. } => {
                    self.links.forget(session);
                    assert!(over.insert(session.0), "twice");
                }
                Input::Confirmed { .. } | Input::RoundTrip { .. } | Input::Sent { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        over.len()
    }
}

/// Links come and go in waves; both sides dial, and either hangs up. One is linked with many, since a broker has no two links
/// of the same two made at once: dials of two could meet in one connection.
pub(crate) async fn churn<R: Bench>() -> Outcome {
    let mut one = Peer::<R>::new(0);
    let mut others: Vec<Peer<R>> = (1..=LINKS).map(Peer::new).collect();
    let mut over = 0;
    for wave in 0..WAVES {
        let numbers = wave * LINKS..(wave + 1) * LINKS;
        for (link, other) in numbers.clone().zip(&mut others) {
            let (here, there) = (one.address(), other.address());
            one.make(link, Role::Initiator, other.key, there);
            other.make(link, Role::Responder, one.key, here);
        }
        assert_eq!(one.stand(LINKS).await, numbers.clone().map(u64::from).collect());
        for (link, other) in numbers.clone().zip(&others) {
            assert_eq!(other.stand(1).await, BTreeSet::from([link.into()]));
        }
        for (link, other) in numbers.zip(&mut others) {
            let leaver = if link % 2 == 0 { &mut one } else { other };
            leaver.links.hang_up(SessionId(link.into()), CloseCode::Done);
        }
        over += one.end(LINKS).await;
        for other in &mut others {
            assert_eq!(other.end(1).await, 1);
        }
    }
    vec![format!("{over} links stood and were over")]
}
