//! One listener: a node, its disk, and somebody who plays.

use super::crooks::Crook;
use super::disk::Disk;
use super::shelf::{SHELF, Shelf};
use super::town::Text;
use alloc::collections::{BTreeMap, BTreeSet};
use bytes::Bytes;
use core::time::Duration;
use spotcache::cache::Quota;
use spotcache::sheet::CacheKeys;
use spotp2p::SessionId;
use spotp2p::node::{CacheSetup, Command, Config, Event, Input, LogIn, Node};
use spotp2p::planner::{self, Decision, Kind};
use spotp2p::playout::{Ahead, Pace, Summary, Throughput};
use spotp2p::swarm::{Mode, PeerId};
use spotproto::content::FileId;
use spotproto::crypto::{PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Misdeed, Wanted};
use spotproto::preamble::LinkId;
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Instant, Machine, Seed, UnixTime};

pub(crate) const TODAY: UnixTime = UnixTime(1_800_000_000);

/// How far an end of a link is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct End {
    pub(crate) listener: usize,
    pub(crate) session: SessionId,
    pub(crate) link: LinkId,
}

/// Who plays: sound begins when the node says so, and stops where a piece is missing.
#[derive(Debug, Default)]
pub(crate) struct Player {
    clicked: Option<Instant>,
    /// The moment at which the music's beginning would have sounded.
    began: Option<Instant>,
    pub(crate) start_delay: Option<Duration>,
    pub(crate) stutters: u32,
    piece: u32,
    /// The node said that the sound is to start.
    told: bool,
}

pub(crate) struct Listener {
    pub(crate) node: Node<FileId, Bytes>,
    /// Its program runs.
    pub(crate) at_home: bool,
    pub(crate) disk: Disk,
    number: u8,
    log_ins: u8,
    /// Bytes a second that its line takes from it.
    pub(crate) up: f64,
    pub(crate) free: Instant,
    /// The connection to the access point, and its number there.
    pub(crate) server: Option<(SessionId, SessionId)>,
    pub(crate) links: BTreeMap<SessionId, End>,
    /// Links by the number of the connection, even after their end.
    pub(crate) known_links: BTreeMap<SessionId, LinkId>,
    /// What was said before the other side was there.
    pub(crate) early: BTreeMap<SessionId, Vec<Text>>,
    /// Pieces that the player has.
    pieces: BTreeSet<u32>,
    /// Pieces of the next tune that the player has.
    ahead: BTreeSet<u32>,
    /// Who delivered each piece of this play.
    delivered: BTreeMap<u32, Kind>,
    pub(crate) player: Player,
    /// What plays.
    tune: &'static Shelf,
    /// The player looks again and again.
    pub(crate) looks: bool,
    pub(crate) events: Vec<Event<FileId, Bytes>>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) reported: Vec<Misdeed>,
    pub(crate) gave: usize,
    /// Who is at the other end of links that it ever had.
    pub(crate) met: BTreeMap<SessionId, (LinkId, usize)>,
    /// Links that it reported.
    pub(crate) blamed: Vec<SessionId>,
    /// Links that it ended, and what it said then.
    pub(crate) refused: Vec<(SessionId, CloseCode)>,
    /// What its log-in goes by.
    pub(crate) log_in: LogIn,
    /// What the access point calls it.
    name: Option<Pseudonym>,
    /// The keys and pseudonyms that peers saw of it.
    pub(crate) shown: Vec<(PublicKey, Pseudonym)>,
    pub(crate) crook: Crook,
}

impl Listener {
    pub(crate) fn new(now: Instant, number: u8, mode: Mode) -> Self {
        Self::with_log_in(now, number, mode, 0)
    }

    /// The program starts again: all that is left is what the disk has, and who owns it.
    pub(crate) fn starts_anew(&mut self, now: Instant) {
        let count = self.log_ins + 1;
        let anew = Self::with_log_in(now, self.number, Mode::Full, count);
        let before = core::mem::replace(self, anew);
        (self.disk, self.crook, self.up) = (before.disk, before.crook, before.up);
    }

    fn with_log_in(now: Instant, number: u8, mode: Mode, log_ins: u8) -> Self {
        let keys = CacheKeys::new::<RustCrypto>(&SecretKey([number; 32]));
        let config = spotcache::cache::Config { quota: Quota::Bytes(1 << 30), ..Default::default() };
        let cache = Some(CacheSetup { config, keys });
        let mut seed = [number; 32];
        seed[0] ^= 0x5a;
        let config = Config::new(log_in(number, log_ins), "test", Seed(seed), (now, TODAY));
        let planner = planner::Config::PLAYER.into();
        let config = Config { cache, mode, explain: true, link: link(), planner, ..config };
        Self {
            node: Node::new(now, config),
            at_home: true,
            disk: Disk::default(),
            number,
            log_ins,
            up: 1.25e6,
            free: now,
            server: None,
            links: BTreeMap::new(),
            known_links: BTreeMap::new(),
            early: BTreeMap::new(),
            pieces: BTreeSet::new(),
            ahead: BTreeSet::new(),
            delivered: BTreeMap::new(),
            player: Player::default(),
            tune: &SHELF,
            looks: false,
            events: Vec::new(),
            decisions: Vec::new(),
            reported: Vec::new(),
            gave: 0,
            met: BTreeMap::new(),
            blamed: Vec::new(),
            refused: Vec::new(),
            log_in: log_in(number, log_ins),
            name: None,
            shown: Vec::new(),
            crook: Crook::Honest,
        }
    }

    /// Nothing is known of its line any more.
    pub(crate) fn forgets_its_line(&mut self, now: Instant) {
        let config = Config::new(self.log_in, "test", Seed([self.number; 32]), (now, TODAY));
        self.node = Node::new(now, Config { explain: true, ..config });
    }

    /// The same, and asks peers for all that there is room for.
    pub(crate) fn asks_far_ahead(&mut self, now: Instant) {
        let config = Config::new(self.log_in, "test", Seed([self.number; 32]), (now, TODAY));
        let planner = planner::Config { free_ahead: Duration::MAX, ..planner::Config::PLAYER };
        self.node = Node::new(now, Config { explain: true, planner: planner.into(), ..config });
    }

    /// The same, and fetches the next track at other times.
    pub(crate) fn looks_ahead(&mut self, now: Instant, next: Ahead) {
        let config = Config::new(self.log_in, "test", Seed([self.number; 32]), (now, TODAY));
        let planner = planner::Config { next, ..planner::Config::PLAYER };
        self.node = Node::new(now, Config { explain: true, planner: planner.into(), ..config });
    }

    pub(crate) fn device(&self) -> PublicKey {
        PublicKey([self.number; 32])
    }

    /// What the access point calls it.
    pub(crate) fn name(&self) -> Pseudonym {
        self.name.expect("it is logged in")
    }

    /// A log-in is answered.
    pub(crate) fn is_called(&mut self, name: Pseudonym) {
        self.name = Some(name);
    }

    pub(crate) fn next_log_in(&mut self) -> LogIn {
        self.log_in = log_in(self.number, self.log_ins);
        self.log_ins += 1;
        log_in(self.number, self.log_ins)
    }

    pub(crate) fn hears(&mut self, event: Event<FileId, Bytes>) {
        match event {
            Event::Piece { index, data, from } => {
                assert!(data == self.tune.pieces[index as usize], "piece {index} is a lie");
                self.pieces.insert(index);
                self.delivered.entry(index).or_insert(from);
            }
            Event::Drop(range) => self.pieces.retain(|piece| !range.contains(*piece)),
            Event::Decided(decision) => self.decisions.push(decision),
            Event::Gave { bytes } => self.gave += bytes,
            event => {
                if let Event::Reported(what) = event {
                    self.reported.push(what);
                }
                match &event {
                    Event::Opened { .. } => self.pieces.append(&mut self.ahead),
                    Event::NextPiece { index, .. } => _ = self.ahead.insert(*index),
                    Event::NextDropped { .. } => self.ahead.clear(),
                    _ => {}
                }
                if let Event::Start(_) = event {
                    assert!(!core::mem::replace(&mut self.player.told, true), "it is said once");
                }
                self.events.push(event);
            }
        }
    }

    /// Clicks on the tune.
    pub(crate) fn click(&mut self, now: Instant) -> Input<FileId, Bytes> {
        self.click_on(now, &SHELF)
    }

    /// Will play this tune.
    pub(crate) fn listens_to(&mut self, tune: &'static Shelf) {
        self.tune = tune;
        self.player.told = false;
        self.pieces.clear();
    }

    /// Clicks on another tune. What of it was told before as the next is there.
    pub(crate) fn click_on(&mut self, now: Instant, tune: &'static Shelf) -> Input<FileId, Bytes> {
        self.listens_to(tune);
        self.delivered.clear();
        self.player = Player { clicked: Some(now), ..Player::default() };
        Input::Command(Command::Open { wanted: Wanted::File(tune.file()), at_ms: 0 })
    }

    /// Goes to another place of the tune.
    pub(crate) fn seek(&mut self, at_ms: u32) -> Command<FileId> {
        let head = &self.tune.entry.head;
        self.player.piece = head.piece_at(at_ms);
        (self.player.began, self.player.told) = (None, false);
        Command::Seek { at_ms }
    }

    /// Wants silence, and then to go on from there.
    pub(crate) fn pause(&mut self, at_ms: u32) -> Command<FileId> {
        self.player.piece = self.tune.entry.head.piece_at(at_ms);
        (self.player.began, self.player.told) = (None, false);
        Command::Silent { at_ms }
    }

    /// May be told to start once more.
    pub(crate) fn hushes(&mut self) {
        self.player.told = false;
    }

    /// Has enough of the tune.
    pub(crate) fn stop(&mut self) -> Command<FileId> {
        self.player = Player::default();
        Command::Stop
    }

    /// What the player does now, if anything: it looks ten times a second.
    pub(crate) fn plays(&mut self, now: Instant) -> Option<Command<FileId>> {
        let clicked = self.player.clicked?;
        let head = &self.tune.entry.head;
        let Some(began) = self.player.began else {
            if !self.player.told {
                return None;
            }
            self.player.start_delay.get_or_insert(now.since(clicked));
            let at_ms = head.due(self.player.piece);
            self.player.began = Some(now.before(Duration::from_millis(at_ms.into())));
            return Some(Command::Sounds { at_ms });
        };
        let at_ms = u32::try_from(now.since(began).as_millis()).expect("within a track");
        let piece = self.player.piece;
        if piece >= head.pieces() || head.due(piece) > at_ms {
            return None;
        }
        if !self.pieces.contains(&piece) {
            self.player.stutters += 1;
            (self.player.began, self.player.told) = (None, false);
            return Some(Command::Silent { at_ms: head.due(piece) });
        }
        self.player.piece += 1;
        Some(Command::Reading { piece: (piece + 1).min(head.pieces() - 1) })
    }

    /// When the tune's beginning sounded, or would have.
    pub(crate) const fn plays_since(&self) -> Option<Instant> {
        self.player.began
    }

    pub(crate) fn is_playing(&self) -> bool {
        self.player.clicked.is_some() && !self.has_played()
    }

    /// When its node is due, if it runs.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        self.node.poll_timeout().filter(|_| self.at_home)
    }

    /// Whether a link is open, in the eyes of its node.
    pub(crate) fn is_linked(&self, session: SessionId) -> bool {
        self.node.swarm().is_neighbour(PeerId(u32::try_from(session.0).expect("few sessions")))
    }

    pub(crate) fn has_played(&self) -> bool {
        self.player.piece >= self.tune.entry.head.pieces()
    }

    /// Bytes of the last play by who delivered them.
    pub(crate) fn share(&self, kind: Kind) -> f64 {
        self.delivered.values().filter(|from| **from == kind).count() as f64 / self.tune.pieces.len() as f64
    }
}

/// What earlier runs knew of a listener's line: 250 kB a second.
fn link() -> Summary {
    let mut link = Throughput::new(Summary::UNKNOWN);
    let arrivals = (0..1000).map(|n| Instant::after_start(Duration::from_millis(64) * n));
    arrivals.for_each(|at| link.arrived(at, 16_000, Pace::Free));
    link.summary()
}

fn log_in(number: u8, count: u8) -> LogIn {
    let mut key = [number; 32];
    key[1] = count;
    key[2] = 0x77;
    LogIn { link_key: PublicKey(key), seed: Seed(key) }
}
