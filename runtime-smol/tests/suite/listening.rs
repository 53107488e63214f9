//! Scenarios of a client and a server.

use crate::music::{PIECES, Shelf, TRACK, keys};
use crate::runtimes::Bench;
use crate::{LOOPBACK, Outcome};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use futures_lite::future::or;
use runtime_smol::channel::{Receiver, Sender, bounded};
use spotp2p::access_point;
use spotp2p::node::{Command, Config, Event, LogIn};
use spotp2p_adapter::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, ServerOptions, SocketOptions, entropy, listen,
    serve,
};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, Seed, UnixTime};

const OPEN: Command<FileId> = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };

/// A server under way, which stops when its program says so, or dies.
struct Server {
    address: SocketAddr,
    stop: Sender<()>,
    die: Sender<()>,
    over: Receiver<()>,
}

impl Server {
    fn start<R: Bench>(shelf: Arc<Shelf>, address: SocketAddr) -> Self {
        let listener = listen::<R>(address, &SocketOptions::default()).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let config = access_point::Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: keys(1).public,
            date: (Instant::START, UnixTime(1_800_000_000)),
            ticket_lasts: Duration::from_secs(36_000),
            lease: access_point::LEASE,
            limits: access_point::Limits::DEFAULT,
        };
        let options = ServerOptions { identity: keys(1), limits: Limits::DEFAULT };
        let ((stop, stopping), (die, dying), (ending, over)) = (bounded(1), bounded(1), bounded::<()>(1));
        R::spawn(async move {
            let stop = async {
                let _ = stopping.recv().await;
            };
            let die = async {
                let _ = dying.recv().await;
            };
            or(serve(listener, shelf, options, Clock::<R>::start(), config, stop, |_| {}), die).await;
            drop(ending);
        });
        Self { address, stop, die, over }
    }

    async fn dies(self) {
        let _ = self.die.send(()).await;
        let _ = self.over.recv().await;
    }

    async fn stops(self) {
        let _ = self.stop.send(()).await;
        let _ = self.over.recv().await;
    }
}

fn client<R: Bench>(server: &Server) -> Client {
    let options = ClientOptions {
        server: server.address.to_string(),
        server_key: Some(keys(1).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let clock = Clock::<R>::start();
    let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
    let config = Config::new(log_in, "suite", Seed([1; 32]), (clock.now(), UnixTime(1_800_000_000)));
    Client::start(options, clock, config, None).expect("nothing is in its way")
}

/// What a client hears.
struct Hearing {
    shelf: Arc<Shelf>,
    held: Vec<bool>,
    /// Events of which the order is promised, in that order. A log-in is answered beside what was asked with it, and
    /// pieces of several requests come as they come.
    told: Outcome,
    log_ins: usize,
}

impl Hearing {
    fn new(shelf: Arc<Shelf>) -> Self {
        Self { shelf, held: vec![false; PIECES as usize], told: Vec::new(), log_ins: 0 }
    }

    /// Listens until all pieces from `first` on are here.
    async fn until_held(&mut self, client: &mut Client, first: usize) {
        self.until(client, |held, _| held[first..].iter().all(|held| *held)).await;
    }

    fn all(mut self) -> Outcome {
        self.told.push(format!("log-ins: {}", self.log_ins));
        self.told
    }

    async fn until(&mut self, client: &mut Client, done: impl Fn(&[bool], &str) -> bool) {
        loop {
            let ClientEvent::Node(event) = client.next().await.expect("the client lives") else { continue };
            let name = self.heed(&event);
            if done(&self.held, name) {
                return;
            }
        }
    }

    fn heed(&mut self, event: &Event<FileId, bytes::Bytes>) -> &'static str {
        let name = match event {
            Event::Piece { index, data, .. } => {
                assert_eq!(*data, self.shelf.pieces[*index as usize], "piece {index}");
                self.held[*index as usize] = true;
                "pieces"
            }
            Event::LoggedIn => {
                self.log_ins += 1;
                return "logged in";
            }
            Event::Opened { .. } => "opened",
            Event::Offline { .. } => "offline",
            Event::Drop(_) | Event::Decided(_) | Event::Neighbours(_) => return "",
            other => panic!("{other:?}"),
        };
        if self.told.last().is_none_or(|last| last != name) {
            self.told.push(name.into());
        }
        name
    }
}

/// A click, and the whole track, each piece of it right.
pub(crate) async fn start<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone(), LOOPBACK);
    let mut client = client::<R>(&server);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until_held(&mut client, 0).await;
    client.leave().await;
    server.stops().await;
    hearing.all()
}

/// A listener who can't decide where to listen.
pub(crate) async fn seek_storm<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone(), LOOPBACK);
    let mut client = client::<R>(&server);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until(&mut client, |_, name| name == "opened").await;
    for jump in 0..120u32 {
        client.tell(Command::Seek { at_ms: jump * 7919 % 160_000 }).await.expect("the client lives");
        if jump % 5 == 0 {
            hearing.until(&mut client, |_, _| true).await;
        }
    }
    client.tell(Command::Seek { at_ms: 80_000 }).await.expect("the client lives");
    hearing.until_held(&mut client, 102).await;
    let fetched = hearing.shelf.fetched.load(core::sync::atomic::Ordering::Relaxed);
    assert!(fetched < 12 * PIECES as usize, "{fetched} pieces were fetched");
    vec!["all from the last seek on".into()]
}

/// The server dies in mid-track and is started again.
pub(crate) async fn restart<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone(), LOOPBACK);
    let address = server.address;
    let mut client = client::<R>(&server);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf.clone());
    hearing.until(&mut client, |held, _| held.iter().filter(|held| **held).count() > 20).await;
    server.dies().await;
    let server = Server::start::<R>(shelf, address);
    hearing.until_held(&mut client, 0).await;
    server.stops().await;
    hearing.until(&mut client, |_, name| name == "offline").await;
    hearing.all()
}
