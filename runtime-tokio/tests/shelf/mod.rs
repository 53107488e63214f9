//! A server of one sealed file in memory, and clients of it, over TCP on loopback.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of it")]

mod music;

pub use music::{PIECES, Shelf, TRACK, keys};

use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, ServerEvent, ServerOptions, SocketOptions,
    entropy, listen, serve,
};
use spotp2p::access_point;
use spotp2p::node::{Command, Config, Event, LogIn};
use spotproto::content::{FileId, PIECE_LEN};
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, Seed, UnixTime};
use tokio::sync::oneshot;

pub struct Server {
    pub address: String,
    pub stop: oneshot::Sender<()>,
    pub task: tokio::task::JoinHandle<()>,
    /// Devices that logged in so far.
    pub logins: Arc<AtomicUsize>,
    /// What the access point told, as far as there was room.
    pub events: channel::Receiver<access_point::Event<FileId>>,
}

/// The bounds of a server: of its sessions, and of the access point.
pub type Bounds = (Limits, access_point::Limits);

pub const DEFAULT: Bounds = (Limits::DEFAULT, access_point::Limits::DEFAULT);

pub fn start_server(shelf: Arc<Shelf>, identity: u8, address: &str) -> Server {
    start_bounded(shelf, identity, address, DEFAULT)
}

pub fn start_bounded(shelf: Arc<Shelf>, identity: u8, address: &str, bounds: Bounds) -> Server {
    let listener =
        listen(address.parse().expect("an address"), &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = oneshot::channel();
    let config = access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        identity: keys(identity).public,
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits: bounds.1,
    };
    let options = ServerOptions { identity: keys(identity), limits: bounds.0 };
    let logins = Arc::new(AtomicUsize::new(0));
    let counted = logins.clone();
    let (tell, events) = channel::bounded(4096);
    let task = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        let count = |event| {
            let ServerEvent::AccessPoint(event) = event else { return };
            if let access_point::Event::LoggedIn { .. } = event {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            let _ = tell.try_send(event);
        };
        serve(listener, shelf, options, Clock::start(), config, stop, count).await;
    });
    Server { address, stop, task, logins, events }
}

pub fn start_client(server: &str, server_key: Option<u8>) -> Client {
    let options = ClientOptions {
        server: server.into(),
        server_key: server_key.map(|byte| keys(byte).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let clock = Clock::start();
    let date = (clock.now(), UnixTime(1_800_000_000));
    let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
    let config = Config::new(log_in, "test", Seed([1; 32]), date);
    Client::start(options, clock, config, None).expect("nothing is in its way")
}

/// The first command of most tests.
pub const OPEN: Command<FileId> = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };

/// Events until `wanted` answers with something, within ten seconds.
pub async fn until<T>(client: &mut Client, mut wanted: impl FnMut(&ClientEvent) -> Option<T>) -> T {
    let search = async {
        loop {
            let event = client.next().await.expect("the client lives");
            if let Some(found) = wanted(&event) {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), search).await.expect("it happens in time")
}

pub async fn whole_track(client: &mut Client, shelf: &Shelf) {
    let mut held = vec![false; PIECES as usize];
    until(client, |event| {
        if let ClientEvent::Node(Event::Piece { index, data, .. }) = event {
            assert_eq!(*data, shelf.pieces[*index as usize]);
            assert_eq!(data.len(), PIECE_LEN);
            assert!(!core::mem::replace(&mut held[*index as usize], true), "piece {index} came twice");
        }
        held.iter().all(|piece| *piece).then_some(())
    })
    .await;
}
