//! A listener with a disk, and a server that is a call away: no line between them, so all that counts is who is asked.

use super::disk::Disk;
use crate::shelf::SHELF;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use spotcache::cache::{Content, Effect as Work, Place, Quota};
use spotcache::sheet::{CacheKeys, LeafGroup};
use spotp2p::SessionId;
use spotp2p::access_point::{self, AccessPoint, Done};
use spotp2p::node::{CacheSetup, Command, Config, Effect, Event, Input, LogIn, Node, Output};
use spotp2p::planner::Kind;
use spotp2p::swarm::Mode;
use spotproto::content::FileId;
use spotproto::crypto::{PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Message, Wanted};
use spotproto::{Gid, Instant, Machine, Seed, UnixTime};

pub(crate) const TRACK: Gid = Gid::from_bytes([7; 16]);

pub(crate) const LEASE: Duration = Duration::from_secs(86_400);

const HERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 4070);

fn log_in() -> LogIn {
    LogIn { link_key: PublicKey([1; 32]), seed: Seed([4; 32]) }
}

pub(crate) struct House {
    pub(crate) now: Instant,
    pub(crate) node: Node<FileId, Bytes>,
    pub(crate) disk: Disk,
    server: AccessPoint<FileId, Bytes>,
    pub(crate) up: bool,
    /// Reading pieces and leaves takes longer than the server does.
    pub(crate) slow: bool,
    late: Vec<Work<FileId, Bytes>>,
    live: Option<SessionId>,
    /// How often the node was woken.
    pub(crate) wakes: usize,
    /// What the server was sent since it was last looked at, but for hellos.
    pub(crate) heard: Vec<Message<FileId, Bytes>>,
    pub(crate) events: Vec<Event<FileId, Bytes>>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Disk::default(), UnixTime(1_800_000_000), Quota::Bytes(1 << 30))
    }

    /// A program that starts with this disk, on this day.
    pub(crate) fn with(disk: Disk, date: UnixTime, quota: Quota) -> Self {
        Self::of(disk, date, spotcache::cache::Config { quota, ..Default::default() })
    }

    /// A program whose cache has these numbers.
    pub(crate) fn of(disk: Disk, date: UnixTime, config: spotcache::cache::Config) -> Self {
        let now = Instant::START;
        let keys = keys();
        let cache = CacheSetup { config, keys };
        let config = Config::new(log_in(), "test", Seed([3; 32]), (now, date));
        let config = Config { cache: Some(cache), mode: Mode::Alone, ..config };
        let server = AccessPoint::new(access_point::Config {
            ticket_key: SecretKey([2; 32]),
            pseudonym_key: SecretKey([3; 32]),
            identity: PublicKey([8; 32]),
            date: (now, date),
            ticket_lasts: Duration::from_secs(3600),
            lease: LEASE,
            limits: access_point::Limits::DEFAULT,
        });
        let node = Node::new(now, config);
        let (heard, events) = (Vec::new(), Vec::new());
        let mut house = Self {
            now,
            node,
            disk,
            server,
            up: true,
            slow: false,
            late: Vec::new(),
            live: None,
            wakes: 0,
            heard,
            events,
        };
        house.settle();
        house
    }

    /// The program ends well, and starts again on `date`.
    pub(crate) fn restarted(mut self, date: UnixTime) -> Self {
        self.tell(Command::Leave);
        assert!(self.events.contains(&Event::Gone));
        Self::with(self.disk, date, Quota::Bytes(1 << 30))
    }

    pub(crate) fn tell(&mut self, command: Command<FileId>) {
        let Ok(()) = self.node.handle_input(self.now, Input::Command(command));
        self.settle();
    }

    /// Plays the track from `at_ms` to its end, as fast as a decoder can.
    pub(crate) fn play(&mut self, at_ms: u32) {
        self.events.clear();
        self.heard.clear();
        self.tell(Command::Open { wanted: Wanted::Track(TRACK), at_ms });
        let Some(opened) = self.opened() else { return };
        let first = opened.head.piece_at(at_ms);
        for piece in first..opened.head.pieces() {
            self.tell(Command::Reading { piece });
        }
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.node.poll_timeout().filter(|at| *at <= until) {
            self.now = at.max(self.now);
            self.wakes += 1;
            let Ok(()) = self.node.handle_timeout(self.now);
            self.settle();
        }
        self.now = until;
    }

    /// The disk answers what it was asked while it was slow.
    pub(crate) fn catch_up(&mut self) {
        self.slow = false;
        for effect in core::mem::take(&mut self.late) {
            let (request, done) = self.disk.carry_out(effect);
            let Ok(()) = self.node.handle_input(self.now, Input::Disk(request, done));
        }
        self.settle();
    }

    /// The pieces of a group that what is on disk can prove.
    pub(crate) fn leaves(&self, group: u32) -> Vec<u32> {
        let file = SHELF.file();
        let Some(Content::Sealed(bytes)) = self.disk.parts.get(&(file, Place::Leaves(group))) else {
            return Vec::new();
        };
        let group =
            LeafGroup::decode::<RustCrypto>(&keys(), &file, group, bytes).expect("it was sealed here");
        group.leaves().map(|(piece, _)| piece).collect()
    }

    /// The server dies.
    pub(crate) fn cut(&mut self) {
        self.up = false;
        if let Some(session) = self.live.take() {
            let Ok(()) = self.node.handle_input(self.now, Input::Disconnected { session, why: None });
        }
        self.settle();
    }

    pub(crate) fn opened(&self) -> Option<&spotproto::message::Opened<FileId>> {
        self.events.iter().find_map(|event| match event {
            Event::Opened { opened, .. } => Some(&**opened),
            _ => None,
        })
    }

    /// The pieces that the program got from there, each of which must be right.
    pub(crate) fn pieces(&self, source: Kind) -> Vec<u32> {
        let of = |event: &Event<FileId, Bytes>| match event {
            Event::Piece { index, data, from } => {
                assert_eq!(*data, SHELF.pieces[*index as usize], "piece {index}");
                (*from == source).then_some(*index)
            }
            _ => None,
        };
        self.events.iter().filter_map(of).collect()
    }

    fn settle(&mut self) {
        loop {
            if let Some(output) = self.node.poll_output() {
                self.node_says(output);
            } else if let Some(output) = self.server.poll_output() {
                self.server_says(output);
            } else {
                return;
            }
        }
    }

    fn node_says(&mut self, output: Output<FileId, Bytes>) {
        match output {
            Output::Send { to, message } if self.live == Some(to) => {
                if !matches!(message, Message::Hello(_)) {
                    self.heard.push(message.clone());
                }
                let Ok(()) =
                    self.server.handle_input(self.now, access_point::Input::Message { from: to, message });
            }
            Output::Effect(Effect::Connect { session, .. }) if self.up => {
                self.live = Some(session);
                for input in [
                    access_point::Input::Accepted { session, from: HERE },
                    access_point::Input::Established { session, device: PublicKey([9; 32]), confirmed: true },
                ] {
                    let Ok(()) = self.server.handle_input(self.now, input);
                }
                let Ok(()) = self.node.handle_input(self.now, Input::LogIn(log_in()));
                let Ok(()) = self
                    .node
                    .handle_input(self.now, Input::Connected { session, confirmed: true, address: HERE });
            }
            Output::Effect(Effect::Connect { session, .. }) => {
                let Ok(()) = self.node.handle_input(self.now, Input::LogIn(log_in()));
                let Ok(()) = self.node.handle_input(self.now, Input::Disconnected { session, why: None });
            }
            Output::Effect(Effect::Disk(effect)) if self.slow && is_late(&effect) => self.late.push(effect),
            Output::Effect(Effect::Disk(effect)) => {
                let (request, done) = self.disk.carry_out(effect);
                let Ok(()) = self.node.handle_input(self.now, Input::Disk(request, done));
            }
            Output::Event(event) => self.events.push(event),
            _ => {}
        }
    }

    fn server_says(&mut self, output: access_point::Output<FileId, Bytes>) {
        use access_point::{Effect, Input as Told, Output};
        let told = match output {
            Output::Send { to: from, message } => {
                let piece = match &message {
                    Message::Piece { channel, .. } => Some(*channel),
                    _ => None,
                };
                let Ok(()) = self.node.handle_input(self.now, Input::Message { from, message });
                match piece {
                    Some(channel) => Told::Sent { session: from, channel },
                    None => return,
                }
            }
            Output::Effect(Effect::Find { request, .. }) => {
                Told::Done(request, Done::Found(Ok(Box::new(SHELF.entry.clone()))))
            }
            Output::Effect(Effect::Prove { request, ranges, .. }) => {
                let proofs = ranges.iter().map(|range| SHELF.prove(*range)).collect();
                Told::Done(request, Done::Proofs(Ok(proofs)))
            }
            Output::Effect(Effect::Fetch { request, piece, .. }) => {
                Told::Done(request, Done::Piece(Ok(SHELF.pieces[piece as usize].clone())))
            }
            _ => return,
        };
        let Ok(()) = self.server.handle_input(self.now, told);
    }
}

/// What the device seals its cache with.
pub(crate) fn keys() -> CacheKeys {
    CacheKeys::new::<RustCrypto>(&SecretKey([8; 32]))
}

fn is_late(effect: &Work<FileId, Bytes>) -> bool {
    matches!(effect, Work::Read { place: Place::Leaves(_) | Place::Piece(_), .. })
}
