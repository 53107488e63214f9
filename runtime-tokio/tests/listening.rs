//! A client and a server over TCP on loopback: real sessions, real machines, sealed music made on the spot.

use bytes::Bytes;
use core::time::Duration;
use runtime_tokio::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, ServerOptions, SocketOptions, Store, entropy,
    listen, serve,
};
use spotp2p::access_point::{self, Entry};
use spotp2p::node::{Command, Config, Event};
use spotproto::content::{
    BLOCK_LEN, ContentKey, FileId, Format, Geometry, Head, LeafRange, Leaves, PIECE_LEN, SeekTable,
};
use spotproto::crypto::{Aead, Crypto, KeyPair, RustCrypto, SecretKey};
use spotproto::error::Refused;
use spotproto::message::{PieceRange, Refusal, Wanted};
use spotproto::{Gid, Instant, Limits, Seed, SessionError, UnixTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::oneshot;

const TRACK: Gid = Gid::from_bytes([7; 16]);
const PIECES: u32 = 200;

/// One sealed file in memory.
struct Shelf {
    entry: Entry<FileId>,
    leaves: Leaves,
    pieces: Vec<Bytes>,
    spoilt: AtomicBool,
}

impl Shelf {
    fn new() -> Self {
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
        let entry = Entry { head, key, title: "Tune".into(), artist: "Nobody".into() };
        Self { entry, leaves, pieces, spoilt: AtomicBool::new(false) }
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
        let good = self.pieces.get(piece as usize).cloned().ok_or(Refusal::NotFound)?;
        if self.spoilt.load(Ordering::Relaxed) { Ok(vec![0; good.len()].into()) } else { Ok(good) }
    }
}

fn keys(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}

struct Server {
    address: String,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<()>,
}

fn start_server(shelf: Arc<Shelf>, identity: u8, address: &str) -> Server {
    let listener =
        listen(address.parse().expect("an address"), &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("an address").to_string();
    let (stop, stopped) = oneshot::channel();
    let config = access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        limits: access_point::Limits::DEFAULT,
    };
    let options = ServerOptions { identity: keys(identity), limits: Limits::DEFAULT };
    let task = tokio::spawn(async move {
        let stop = async {
            let _ = stopped.await;
        };
        serve(listener, shelf, options, Clock::start(), config, stop, |_| {}).await;
    });
    Server { address, stop, task }
}

fn start_client(server: &str, server_key: Option<u8>) -> Client {
    let options = ClientOptions {
        server: server.into(),
        server_key: server_key.map(|byte| keys(byte).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
    };
    Client::start(options, Config::new(keys(9).public, "test", Seed([1; 32])))
}

/// Events until `wanted` answers with something, within ten seconds.
async fn until<T>(client: &mut Client, mut wanted: impl FnMut(&ClientEvent) -> Option<T>) -> T {
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

async fn whole_track(client: &mut Client, shelf: &Shelf) {
    let mut held = vec![false; PIECES as usize];
    until(client, |event| {
        if let ClientEvent::Node(Event::Piece { index, data }) = event {
            assert_eq!(*data, shelf.pieces[*index as usize]);
            assert_eq!(data.len(), PIECE_LEN);
            assert!(!core::mem::replace(&mut held[*index as usize], true), "piece {index} came twice");
        }
        held.iter().all(|piece| *piece).then_some(())
    })
    .await;
}

const OPEN: Command<FileId> = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };

#[tokio::test]
async fn a_track_comes_whole_over_tcp_with_the_key_known() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    whole_track(&mut client, &shelf).await;
}

#[tokio::test]
async fn first_contact_shows_the_key() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, None);
    client.tell(OPEN).await.expect("the client lives");
    let shown = until(&mut client, |event| match event {
        ClientEvent::ServerKey(key) => Some(*key),
        _ => None,
    })
    .await;
    assert_eq!(shown, keys(1).public);
    whole_track(&mut client, &shelf).await;
}

#[tokio::test]
async fn a_changed_key_is_refused_for_good() {
    let server = start_server(Arc::new(Shelf::new()), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(2));
    client.tell(OPEN).await.expect("the client lives");
    let why = until(&mut client, |event| match event {
        ClientEvent::Node(Event::GaveUp { why }) => Some(*why),
        _ => None,
    })
    .await;
    assert_eq!(why, SessionError::Refused(Refused::WrongKey));
}

#[tokio::test]
async fn a_restarted_server_goes_on_where_the_old_one_stopped() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let address = server.address.clone();
    let mut client = start_client(&address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    let mut held = vec![false; PIECES as usize];
    until(&mut client, |event| {
        if let ClientEvent::Node(Event::Piece { index, .. }) = event {
            held[*index as usize] = true;
        }
        (held.iter().filter(|piece| **piece).count() > 20).then_some(())
    })
    .await;
    server.task.abort();
    let _ = server.task.await;
    drop(server.stop);
    let server = start_server(shelf.clone(), 1, &address);
    until(&mut client, |event| {
        if let ClientEvent::Node(Event::Piece { index, .. }) = event {
            assert!(!core::mem::replace(&mut held[*index as usize], true), "piece {index} came twice");
        }
        held.iter().all(|piece| *piece).then_some(())
    })
    .await;
    drop(server);
}

#[tokio::test]
async fn spoilt_pieces_never_reach_the_program() {
    let shelf = Arc::new(Shelf::new());
    shelf.spoilt.store(true, Ordering::Relaxed);
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    let refused = until(&mut client, |event| match event {
        ClientEvent::Node(Event::Piece { index, .. }) => panic!("piece {index} is spoilt"),
        ClientEvent::Node(Event::Refused(why)) => Some(*why),
        _ => None,
    })
    .await;
    assert_eq!(refused, Refusal::Unavailable);
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let server = start_server(Arc::new(Shelf::new()), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(Command::Connect).await.expect("the client lives");
    until(&mut client, |event| matches!(event, ClientEvent::Node(Event::LoggedIn)).then_some(())).await;
    server.stop.send(()).expect("the server lives");
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("in time").expect("without panic");
    let why = until(&mut client, |event| match event {
        ClientEvent::Node(Event::Offline { why, .. }) => Some(*why),
        _ => None,
    })
    .await;
    assert!(matches!(why, Some(SessionError::Closed { by_peer: true, .. })), "{why:?}");
}

#[tokio::test]
async fn a_thousand_connections_that_never_shake_hands_keep_nobody_out() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(tokio::net::TcpStream::connect(&server.address).await.expect("the kernel takes it"));
    }
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    whole_track(&mut client, &shelf).await;
}
