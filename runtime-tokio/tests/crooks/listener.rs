//! Listeners that mean well: whole clients, with a cache or without.

use crate::shelf::{OPEN, PIECES, Shelf, TRACK, keys};
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent, ClientOptions, Clock, DialOptions, Disk, entropy};
use spotcache::cache::Quota;
use spotcache::sheet::CacheKeys;
use spotp2p::node::{CacheSetup, Command, Config, Event, LogIn};
use spotp2p::planner::Kind;
use spotp2p::swarm::Mode;
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::{Misdeed, Wanted};
use spotproto::{Limits, Seed, UnixTime};
use tempfile::TempDir;
use tokio::time::timeout;

/// What a loaded machine may take for anything.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Bytes a second that a holder gives: slow enough that nobody fetches everything before the others are there.
const RATE: u32 = 2_000_000;

/// Pieces that are fetched before the company is complete.
const FIRST: u32 = 48;

/// Neighbours that a client has at most.
pub(crate) const MOST_NEIGHBOURS: u8 = 6;

/// A client, and what it told so far.
pub(crate) struct Listener {
    pub(crate) client: Client,
    held: Vec<Option<Kind>>,
    pub(crate) neighbours: usize,
    pub(crate) reported: Vec<Misdeed>,
    pub(crate) forged: usize,
    pub(crate) log_ins: usize,
    pub(crate) offline: usize,
    _cache: Option<TempDir>,
}

impl Listener {
    pub(crate) fn new(server: &str, mode: Mode, has_cache: bool) -> Self {
        let clock = Clock::start();
        let date = (clock.now(), UnixTime(1_800_000_000));
        let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
        let config = Config::new(log_in, "test", entropy::seed().expect("entropy"), date);
        let mut config = Config { keep: FIRST, mode, ..config };
        let mut swarm = spotp2p::swarm::Config::default();
        swarm.uploads.rate = RATE;
        swarm.neighbours.hard = MOST_NEIGHBOURS;
        config.swarm = swarm.into();
        let folder = has_cache.then(|| tempfile::tempdir().expect("a folder"));
        let disk = folder.as_ref().map(|folder| Disk::open(folder.path()).expect("a folder of its own"));
        config.cache = has_cache.then(|| CacheSetup {
            config: spotcache::cache::Config { quota: Quota::Bytes(1 << 30), ..Default::default() },
            keys: CacheKeys::new::<RustCrypto>(&SecretKey([7; 32])),
        });
        let options = ClientOptions {
            server: server.into(),
            server_key: Some(keys(crate::town::SERVER).public),
            identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
            dial: DialOptions::default(),
            limits: Limits::DEFAULT,
            listen: Some(0),
        };
        let client = Client::start(options, clock, config, disk).expect("nothing is in its way");
        Self {
            client,
            held: vec![None; PIECES as usize],
            neighbours: 0,
            reported: Vec::new(),
            forged: 0,
            log_ins: 0,
            offline: 0,
            _cache: folder,
        }
    }

    /// One that has kept the tune, and gives it to others.
    pub(crate) async fn holder(server: &str) -> Self {
        let mut holder = Self::new(server, Mode::Alone, true);
        holder.tell(Command::Keep { wanted: Wanted::Track(TRACK) }).await;
        holder.until(|event| matches!(event, Event::Kept { .. })).await;
        holder.tell(Command::Peers(Mode::Full)).await;
        holder
    }

    /// Goes on beside the test. Where its door is.
    pub(crate) fn goes_on(mut self) -> u16 {
        let port = self.client.port();
        tokio::spawn(async move {
            loop {
                self.next().await;
            }
        });
        port
    }

    pub(crate) async fn tell(&self, command: Command<spotproto::content::FileId>) {
        self.client.tell(command).await.expect("the client lives");
    }

    /// Takes note of the next event.
    pub(crate) async fn next(&mut self) -> Event<spotproto::content::FileId, bytes::Bytes> {
        loop {
            let ClientEvent::Node(event) = self.client.next().await.expect("the client lives") else {
                continue;
            };
            match &event {
                Event::Neighbours(count) => {
                    assert!(*count <= MOST_NEIGHBOURS.into());
                    self.neighbours = *count;
                }
                Event::Reported(what) => self.reported.push(*what),
                Event::Forged { .. } => self.forged += 1,
                Event::LoggedIn => self.log_ins += 1,
                Event::Offline { .. } => self.offline += 1,
                _ => {}
            }
            return event;
        }
    }

    pub(crate) async fn until(
        &mut self,
        wanted: impl Fn(&Event<spotproto::content::FileId, bytes::Bytes>) -> bool,
    ) {
        let search = async { while !wanted(&self.next().await) {} };
        timeout(SOON, search).await.expect("it happens in time");
    }

    /// Opens the tune, and waits for the first sound and for so many neighbours.
    pub(crate) async fn begins(&mut self, shelf: &Shelf, neighbours: usize) {
        self.tell(OPEN).await;
        let begun = async {
            while self.held[0].is_none() || self.neighbours < neighbours {
                let event = self.next().await;
                self.take(shelf, &event);
            }
        };
        timeout(SOON, begun).await.expect("company in time");
        self.tell(Command::Sounds { at_ms: 0 }).await;
    }

    /// Reads on to the end of the tune. All of it has come then, and is the right one.
    pub(crate) async fn hears_it(&mut self, shelf: &Shelf) {
        let rest = async {
            let mut read = 0;
            while let Some(front) = self.held.iter().position(Option::is_none) {
                // As a decoder would that is as quick as the line.
                if front as u32 > read {
                    read = front as u32;
                    self.tell(Command::Reading { piece: read }).await;
                }
                let event = self.next().await;
                self.take(shelf, &event);
            }
        };
        if timeout(SOON, rest).await.is_err() {
            let held = self.held.iter().filter(|piece| piece.is_some()).count();
            panic!("{held} pieces of {PIECES} came, and {} neighbours are left", self.neighbours);
        }
    }

    fn take(&mut self, shelf: &Shelf, event: &Event<spotproto::content::FileId, bytes::Bytes>) {
        if let Event::Piece { index, data, from } = event {
            assert_eq!(*data, shelf.pieces[*index as usize]);
            self.held[*index as usize] = Some(*from);
        }
    }

    /// Pieces that came from sources of this kind.
    pub(crate) fn from(&self, kind: Kind) -> usize {
        self.held.iter().filter(|from| **from == Some(kind)).count()
    }
}
