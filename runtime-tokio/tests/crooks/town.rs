//! A server, listeners that hold its tune, and crooks among them.

use crate::crook::{Crook, Deed, Manner};
use crate::line::{Line, LogIn};
use crate::listener::{Listener, SOON};
use crate::shelf::{self, Server, Shelf, keys, start_bounded};
use alloc::sync::Arc;
use core::net::Ipv4Addr;
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{SocketOptions, entropy, listen_everywhere};
use spotp2p::access_point::Event;
use spotp2p::swarm::Mode;
use spotproto::SessionError;
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto};
use spotproto::message::{MAX_PEERS, Message};
use spotproto::ticket::Pseudonym;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// The server's key.
pub(crate) const SERVER: u8 = 1;

/// Where crooks come from. Who reports a neighbour of its own network is not heard.
pub(crate) const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 9, 1);

pub(crate) struct Town {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) server: Server,
    /// Where the doors of those are that hold the tune.
    pub(crate) holders: Vec<u16>,
}

/// A crook that goes about its business beside the test.
pub(crate) struct Suspect {
    pub(crate) device: PublicKey,
    pub(crate) deeds: channel::Receiver<Deed>,
}

impl Town {
    /// So many hold the tune.
    pub(crate) async fn new(holders: usize) -> Self {
        let shelf = Arc::new(Shelf::new());
        let mut bounds = shelf::DEFAULT;
        // One report is enough, so that it can be seen that it came.
        bounds.1.reports.networks = 1;
        bounds.1.reports.weight = 1;
        let server = start_bounded(shelf.clone(), SERVER, "127.0.0.1:0", bounds);
        let mut town = Self { shelf, server, holders: Vec::new() };
        for _ in 0..holders {
            town.holders.push(Listener::holder(&town.server.address).await.goes_on());
        }
        town.offered_by(holders).await;
        town
    }

    pub(crate) fn file(&self) -> FileId {
        self.shelf.entry.head.file
    }

    /// A listener who has nothing yet.
    pub(crate) fn listener(&self) -> Listener {
        Listener::new(&self.server.address, Mode::Full, false)
    }

    /// A connection to the server from this address of the machine.
    pub(crate) async fn dial(&self, from: Ipv4Addr) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.bind((from, 0).into()).expect("an address of this machine");
        socket.connect(self.server.address.parse().expect("an address")).await.expect("it listens")
    }

    /// A device logs in that is nobody's client.
    pub(crate) async fn log_in(&self, device: KeyPair) -> Line {
        let log_in = LogIn { device, link_key: fresh().public, port: 0 };
        let stream = self.dial(ELSEWHERE).await;
        let line = Line::log_in(stream, keys(SERVER).public, log_in);
        timeout(SOON, line).await.expect("an answer in time").expect("it is let in")
    }

    /// A crook logs in.
    pub(crate) async fn crook(&self, device: KeyPair) -> (Crook, Suspect) {
        let shared = SocketOptions { share_port: true, ..SocketOptions::default() };
        let door = listen_everywhere(0, &shared).expect("a free port");
        let (tell, deeds) = channel::bounded(1024);
        let public = device.public;
        let stream = self.dial(ELSEWHERE).await;
        let crook = Crook::log_in(stream, keys(SERVER).public, device, Some(door), self.file(), tell);
        let crook = timeout(SOON, crook).await.expect("an answer in time").expect("it is let in");
        (crook, Suspect { device: public, deeds })
    }

    /// A crook of this manner goes about its business, and is named to those who ask.
    pub(crate) async fn suspect(&self, manner: Manner) -> Suspect {
        let (crook, suspect) = self.crook(fresh()).await;
        let (name, _) = crook.name();
        tokio::spawn(crook.run(manner));
        self.named(|names| names.contains(&name)).await;
        suspect
    }

    /// So many are named to those who ask for the tune.
    pub(crate) async fn offered_by(&self, holders: usize) {
        self.named(|names| names.len() == holders).await;
    }

    /// Asks who has the tune until the answer is as it should be.
    pub(crate) async fn named(&self, wanted: impl Fn(&[Pseudonym]) -> bool) -> Vec<Pseudonym> {
        let mut asker = self.log_in(fresh()).await;
        let file = self.file();
        let search = async {
            loop {
                asker.ask(|channel| Message::FindPeers { channel, file, most: MAX_PEERS as u8 }).await;
                let names =
                    |message| if let Message::Peers { peers, .. } = message { Some(peers) } else { None };
                let named = asker.find(names).await.expect("the line holds");
                if wanted(&named) {
                    return named;
                }
                // What was said of holdings is under way.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        timeout(SOON, search).await.expect("it is known in time")
    }

    /// The access point shuns this device.
    pub(crate) async fn shuns(&mut self, device: PublicKey) {
        let search = async {
            while let Ok(event) = self.server.events.recv().await {
                if let Event::Shunned { device: shunned } = event {
                    assert_eq!(shunned, device, "somebody else is to blame");
                    return;
                }
            }
            panic!("the server is gone");
        };
        timeout(SOON, search).await.expect("a report in time");
    }

    /// The access point has shunned nobody so far.
    pub(crate) fn shuns_nobody(&mut self) {
        while let Ok(event) = self.server.events.try_recv() {
            assert!(!matches!(event, Event::Shunned { .. }), "{event:?}");
        }
    }
}

impl Suspect {
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Deed) -> bool) -> Deed {
        let search = async {
            loop {
                let deed = self.deeds.recv().await.expect("it goes on");
                if wanted(&deed) {
                    return deed;
                }
            }
        };
        timeout(SOON, search).await.expect("it happens in time")
    }

    /// One of its links, which stood, is ended.
    pub(crate) async fn is_dropped(&mut self) -> Option<SessionError> {
        match self.until(|deed| matches!(deed, Deed::Ended(_))).await {
            Deed::Ended(why) => why,
            _ => None,
        }
    }

    /// None of its links was ended so far. How often it was asked for pieces.
    pub(crate) fn is_borne(&mut self) -> usize {
        let mut asked = 0;
        while let Ok(deed) = self.deeds.try_recv() {
            assert!(!matches!(deed, Deed::Ended(_)), "{deed:?}");
            asked += usize::from(matches!(deed, Deed::Asked(_)));
        }
        asked
    }
}

pub(crate) fn fresh() -> KeyPair {
    KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy"))
}
