//! A server of one sealed file in memory, and clients of it, over TCP on loopback.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of it")]

use alloc::sync::Arc;
use bytes::Bytes;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, ServerEvent, ServerOptions, SocketOptions, Store,
    entropy, listen, serve,
};
use spotp2p::access_point::{self, Entry};
use spotp2p::node::{Command, Config, Event, LogIn};
use spotproto::content::{
    BLOCK_LEN, ContentKey, FileId, Format, Geometry, Head, LeafRange, Leaves, PIECE_LEN, SeekTable,
};
use spotproto::crypto::{Aead, Crypto, KeyPair, RustCrypto, SecretKey};
use spotproto::message::{PieceRange, Refusal, Wanted};
use spotproto::{Gid, Instant, Limits, Seed, UnixTime};
use tokio::sync::oneshot;

pub const TRACK: Gid = Gid::from_bytes([7; 16]);
pub const PIECES: u32 = 200;

/// One sealed file in memory.
pub struct Shelf {
    pub entry: Entry<FileId>,
    leaves: Leaves,
    pub pieces: Vec<Bytes>,
    pub spoilt: AtomicBool,
    /// Pieces handed out so far.
    pub fetched: AtomicUsize,
}

impl Shelf {
    pub fn new() -> Self {
        let key = ContentKey::new([5; 32]);
        let cipher = <RustCrypto as Crypto>::Aead::new(key.secret());
        let pieces: Vec<Bytes> = (0..PIECES)
            .map(|index| {
                let mut piece = vec![index as u8; BLOCK_LEN];
                let tag = cipher.seal(&[0; 12], &[], &mut piece);
                piece.extend(tag);
                piece.into()
            })
            .collect();
        let hashes =
            pieces.iter().map(|piece| spotproto::content::Hash(RustCrypto::hash(&[piece]))).collect();
        let leaves = Leaves::new::<RustCrypto>(hashes).expect("leaves");
        let length = u64::from(PIECES) * BLOCK_LEN as u64;
        let head = Head {
            file: FileId(leaves.root().0),
            geometry: Geometry::of_plaintext(length).expect("a possible length"),
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms: 160_000,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: core::iter::once(0..4000).collect(),
            seek: SeekTable::even(160_000, 4000, length).expect("an even table"),
        };
        let entry = Entry { head, key, title: "Tune".into(), artist: "Nobody".into(), mirrors: Vec::new() };
        Self { entry, leaves, pieces, spoilt: AtomicBool::new(false), fetched: AtomicUsize::new(0) }
    }
}

impl Store for Shelf {
    fn find(&self, wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal> {
        match wanted {
            Wanted::Track(TRACK) => Ok(self.entry.clone()),
            Wanted::File(file) if *file == self.entry.head.file => Ok(self.entry.clone()),
            _ => Err(Refusal::NotFound),
        }
    }

    fn prove(&self, _file: &FileId, ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal> {
        ranges
            .iter()
            .map(|range| self.leaves.prove(range.start..range.end()).map_err(|_| Refusal::NotFound))
            .collect()
    }

    fn piece(&self, _file: &FileId, piece: u32) -> Result<Bytes, Refusal> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let good = self.pieces.get(piece as usize).cloned().ok_or(Refusal::NotFound)?;
        if self.spoilt.load(Ordering::Relaxed) { Ok(vec![0; good.len()].into()) } else { Ok(good) }
    }
}

pub fn keys(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

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
