//! What scenarios of a client and a server are made of: a server, a client of it, and what that hears.

use crate::music::{PIECES, Shelf, TRACK, keys};
use crate::runtimes::Bench;
use crate::{LOOPBACK, Outcome};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use futures_lite::future::or;
use runtime_smol::channel::{Receiver, Sender, bounded};
use spotcache::cache::{DiskError, Quota, Trouble};
use spotcache::sheet::CacheKeys;
use spotp2p::access_point;
use spotp2p::node::{CacheSetup, Command, Config, Event, LogIn, NotKept};
use spotp2p::planner::Kind;
use spotp2p_adapter::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, Disk, ServerOptions, SocketOptions, entropy,
    listen, serve,
};
use spotproto::content::FileId;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, Seed, UnixTime};

pub(crate) const OPEN: Command<FileId> = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };

/// A server under way, which stops when its program says so, or dies.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Sender<()>,
    die: Sender<()>,
    over: Receiver<()>,
}

impl Server {
    pub(crate) fn start<R: Bench>(shelf: Arc<Shelf>) -> Self {
        Self::start_at::<R>(shelf, LOOPBACK)
    }

    pub(crate) fn start_at<R: Bench>(shelf: Arc<Shelf>, address: SocketAddr) -> Self {
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

    pub(crate) async fn dies(self) {
        let _ = self.die.send(()).await;
        let _ = self.over.recv().await;
    }

    pub(crate) async fn stops(self) {
        let _ = self.stop.send(()).await;
        let _ = self.over.recv().await;
    }
}

pub(crate) fn client<R: Bench>(server: SocketAddr) -> Client {
    start::<R>(server, None)
}

/// One with a cache.
pub(crate) fn keeper<R: Bench>(server: SocketAddr, disk: Disk) -> Client {
    start::<R>(server, Some(disk))
}

fn start<R: Bench>(server: SocketAddr, disk: Option<Disk>) -> Client {
    let options = ClientOptions {
        server: server.to_string(),
        server_key: Some(keys(1).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let clock = Clock::<R>::start();
    let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
    let mut config = Config::new(log_in, "suite", Seed([1; 32]), (clock.now(), UnixTime(1_800_000_000)));
    config.cache = disk.is_some().then(|| CacheSetup {
        config: spotcache::cache::Config { quota: Quota::Bytes(1 << 30), ..Default::default() },
        keys: CacheKeys::new::<RustCrypto>(&SecretKey([7; 32])),
    });
    Client::start(options, clock, config, disk).expect("nothing is in its way")
}

/// What a client hears.
pub(crate) struct Hearing {
    pub(crate) shelf: Arc<Shelf>,
    held: Vec<bool>,
    /// Events of which the order is promised, in that order. A log-in is answered beside what was asked with it, and
    /// pieces of several requests come as they come.
    told: Outcome,
    log_ins: usize,
    /// How often the sound was to start.
    starts: usize,
    /// Pieces from each kind of source.
    pub(crate) from: [usize; Kind::COUNT],
}

impl Hearing {
    pub(crate) fn new(shelf: Arc<Shelf>) -> Self {
        let held = vec![false; PIECES as usize];
        Self { shelf, held, told: Vec::new(), log_ins: 0, starts: 0, from: [0; Kind::COUNT] }
    }

    /// Listens until all pieces from `first` on are here.
    pub(crate) async fn until_held(&mut self, client: &mut Client, first: usize) {
        self.until(client, |held, _| held[first..].iter().all(|held| *held)).await;
    }

    /// Listens until it is told this.
    pub(crate) async fn until_told(&mut self, client: &mut Client, wanted: &str) {
        self.until(client, |_, name| name == wanted).await;
    }

    pub(crate) fn all(mut self) -> Outcome {
        self.told.push(format!("log-ins: {}, starts: {}", self.log_ins, self.starts));
        self.told
    }

    /// Listens until that is so. What was told last.
    pub(crate) async fn until(
        &mut self,
        client: &mut Client,
        done: impl Fn(&[bool], &str) -> bool,
    ) -> &'static str {
        loop {
            let ClientEvent::Node(event) = client.next().await.expect("the client lives") else { continue };
            let name = self.heed(&event);
            if done(&self.held, name) {
                return name;
            }
        }
    }

    fn heed(&mut self, event: &Event<FileId, bytes::Bytes>) -> &'static str {
        let name = match event {
            Event::Piece { index, data, from } => {
                assert_eq!(*data, self.shelf.pieces[*index as usize], "piece {index}");
                self.held[*index as usize] = true;
                self.from[*from as usize] += 1;
                "pieces"
            }
            Event::LoggedIn => {
                self.log_ins += 1;
                return "logged in";
            }
            Event::Start(_) => {
                self.starts += 1;
                return "start";
            }
            Event::Opened { .. } => "opened",
            Event::Offline { .. } => "offline",
            Event::Keeping { .. } => "keeping",
            Event::Kept { .. } => "kept",
            // The disk is slower than the line.
            Event::NotKept { why: NotKept::Trouble(Trouble::Disk(DiskError::Busy)), .. } => {
                return "not kept yet";
            }
            // How fast it went.
            Event::Buffering(_)
            | Event::Drop(_)
            | Event::Decided(_)
            | Event::Neighbours(_)
            | Event::Link(_) => {
                return "";
            }
            other => panic!("{other:?}"),
        };
        if self.told.last().is_none_or(|last| last != name) {
            self.told.push(name.into());
        }
        name
    }
}
