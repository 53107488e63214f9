//! A node whose access point, peers, web servers and disk know what they were asked, and answer it as they please: nothing
//! but the files' own pieces gets through it, to its program or to a neighbour, and it stays within what it was told.

use super::deeds::{Deed, News, step};
use super::disk::Disk;
use super::lies::Lie;
use super::shelf::{PIECES, SHELF};
use super::tunes::{NEXT, shelf_of};
use super::world::{DATE, log_in};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use bytes::Bytes;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use spotcache::cache::{self, Effect as Work};
use spotcache::sheet::CacheKeys;
use spotp2p::cdn::{Get, Target};
use spotp2p::node::{CacheSetup, Command, Config, Effect, Event, Input, Never, Node, Output};
use spotp2p::swarm::Mode;
use spotp2p::{RequestId, SessionId};
use spotproto::content::{FileId, Hash};
use spotproto::contract::{Ran, Step, check};
use spotproto::crypto::{PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Channel, Dial, Message, Open, PieceRange, Read, Refusal, Wanted};
use spotproto::ticket::{Pseudonym, Rights, SignedTicket, Ticket};
use spotproto::{Gid, Instant, Limits, Machine, Seed, UnixTime};
use std::sync::LazyLock;

type Text = Message<FileId, Bytes>;

/// Outputs that one call may cause: a whole window may be cancelled, asked for anew, and as much of a long track let go.
const BOUND: usize = 1024;

/// Peers that the company knows by name.
pub(crate) const NAMES: u8 = 12;

pub(super) const TICKETS: SecretKey = SecretKey([2; 32]);

/// The tickets of all names, and those that somebody else signed.
pub(super) static SIGNED: LazyLock<Vec<[SignedTicket; 2]>> = LazyLock::new(|| {
    let ticket = |n: u8| {
        let (pseudonym, link_key) = (Pseudonym([n; 16]), PublicKey([n; 32]));
        Ticket { pseudonym, link_key, rights: Rights::default(), not_after: UnixTime(1 << 40) }
    };
    let both = |n| [TICKETS, SecretKey([3; 32])].map(|key| ticket(n).sign::<RustCrypto>(&key));
    (0..=NAMES).map(both).collect()
});

/// A disk that holds the first tune whole, and some of the second.
static STOCKED: LazyLock<Disk> = LazyLock::new(|| {
    let mut company = Company::new(Some(Disk::default()));
    for (tune, rounds) in [(SHELF.file(), 800), (NEXT.file(), 100)] {
        company.command(Command::Open { wanted: Wanted::File(tune), at_ms: 0 });
        (0..rounds).for_each(|_| company.answers_truly());
    }
    company.command(Command::Leave);
    (0..200).for_each(|_| company.answers_truly());
    company.disk.take().expect("it has one").0
});

/// What the node asked of somebody, and what of it is still to come.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Open { wanted: Wanted<FileId>, credit: u32 },
    Pieces { file: FileId, left: VecDeque<u32>, leaves: Option<PieceRange> },
    Holders,
    Links(Vec<Pseudonym>),
    Slot,
}

/// A connection of the node, as its owner sees it.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Of a link, what the access point said of it.
    pub(super) dial: Option<Dial>,
    pub(super) stands: bool,
    /// Whether it is no replay.
    pub(super) confirmed: bool,
    /// Of a link, whether the peer has said who it is, truly or not.
    pub(super) greeted: bool,
    /// The node's requests without their end.
    pub(super) asked: BTreeMap<Channel, Asked>,
    pub(super) last_asked: Channel,
    /// What a peer asked the node for: pieces, in order.
    pub(super) reads: BTreeMap<Channel, (FileId, VecDeque<u32>)>,
    pub(super) last_read: Channel,
    pub(super) wants: BTreeSet<Channel>,
}

/// The node and what its owner knows.
pub(crate) struct Company {
    pub(super) now: Instant,
    pub(super) node: Node<FileId, Bytes>,
    pub(super) disk: Option<(Disk, VecDeque<Work<FileId, Bytes>>)>,
    pub(super) server: Option<SessionId>,
    pub(super) lines: BTreeMap<SessionId, Line>,
    pub(super) queries: Vec<(SessionId, u64)>,
    pub(super) fetches: Vec<(RequestId, VecDeque<u32>, Target)>,
    pub(super) going: Vec<(SessionId, Channel, u32)>,
    pub(super) links_made: u16,
    /// What plays, and what follows.
    pub(super) tunes: [Option<FileId>; 2],
    /// The most neighbours at a time, pieces that were given to them, and requests to web servers: what a run came to.
    neighbours: usize,
    gave: usize,
    fetched: usize,
    /// Outputs that nobody took yet: the owner knows them, and has carried them out.
    told: VecDeque<Output<FileId, Bytes>>,
}

impl Company {
    /// A node without a cache, or with one on this disk.
    pub(crate) fn new(disk: Option<Disk>) -> Self {
        let keys = CacheKeys::new::<RustCrypto>(&SecretKey([7; 32]));
        let cache = disk.is_some().then(|| CacheSetup { config: cache::Config::default(), keys });
        let config = Config::new(log_in(), "test", Seed([3; 32]), (Instant::START, DATE));
        let config = Config { cache, port: 4070, explain: true, ..config };
        let mut company = Self {
            now: Instant::START,
            node: Node::new(Instant::START, config),
            disk: disk.map(|disk| (disk, VecDeque::new())),
            server: None,
            lines: BTreeMap::new(),
            queries: Vec::new(),
            fetches: Vec::new(),
            going: Vec::new(),
            links_made: 0,
            tunes: [None; 2],
            neighbours: 0,
            gave: 0,
            fetched: 0,
            told: VecDeque::new(),
        };
        company.look();
        company
    }

    /// One that is logged in and has a few neighbours; if it has a cache, that holds what they may ask for.
    pub(crate) fn settled(cached: bool) -> Self {
        let mut company = Self::new(cached.then(|| STOCKED.clone()));
        company.command(Command::Connect);
        (0..9).for_each(|_| company.answers_truly());
        for name in 2..6 {
            company.happens(Deed::Dial { asked: None, name, again: false });
            company.happens(Deed::LinkStands(u16::from(name) - 2, true, name == 2));
            company.happens(Deed::Greet(u16::from(name) - 2, Lie::Truth));
        }
        company
    }

    /// Without peers no link is left.
    pub(crate) fn ends_alone(mut self) {
        self.command(Command::Peers(Mode::Alone));
        assert_eq!(self.node.swarm().neighbours(), 0);
        assert!(self.lines.keys().all(|session| Some(*session) == self.server), "{:?}", self.lines);
    }

    pub(super) fn command(&mut self, command: Command<FileId>) {
        self.tell(Input::Command(command));
    }

    /// Everybody does what was asked last, as well as can be.
    fn answers_truly(&mut self) {
        let deeds = [
            Deed::ServerStands,
            Deed::Welcome(Lie::Truth),
            Deed::Opened(0, Lie::Truth),
            Deed::Leaves(0, Lie::Truth),
            Deed::Piece(0, Lie::Truth),
            Deed::EndsDone,
            Deed::Disk(0, Lie::Truth),
            Deed::Disk(0, Lie::Truth),
        ];
        deeds.into_iter().for_each(|deed| self.happens(deed));
    }

    pub(super) fn tell(&mut self, input: Input<FileId, Bytes>) {
        let Ok(()) = self.node.handle_input(self.now, input);
        self.look();
    }

    /// Takes the outputs of one call, each checked against what is known.
    fn look(&mut self) {
        let mut count = 0;
        while let Some(output) = self.node.poll_output() {
            count += 1;
            match &output {
                Output::Send { to, message } => self.sent(*to, message),
                Output::Effect(effect) => self.carry_out(effect),
                Output::Event(event) => self.hear(event),
                _ => {}
            }
            self.told.push_back(output);
        }
        assert!(count <= BOUND, "{count} outputs of one call");
        for (session, line) in &self.lines {
            assert!(line.asked.len() <= Limits::DEFAULT.channels, "{session:?} has {line:?}");
        }
    }

    fn hear(&mut self, event: &Event<FileId, Bytes>) {
        let is_genuine = |tune: Option<FileId>, index: u32, data: &Bytes| {
            let file = tune.expect("a piece of something");
            assert_eq!(*data, shelf_of(&file).pieces[index as usize], "piece {index} is a lie");
        };
        match event {
            Event::Opened { opened, .. } => self.tunes = [Some(opened.head.file), None],
            Event::NextOpened { opened, .. } => self.tunes[1] = Some(opened.head.file),
            Event::NextDropped { .. } => self.tunes[1] = None,
            Event::Piece { index, data, .. } => is_genuine(self.tunes[0], *index, data),
            Event::NextPiece { index, data, .. } => is_genuine(self.tunes[1], *index, data),
            Event::Gave { .. } => self.gave += 1,
            Event::Neighbours(count) => self.neighbours = self.neighbours.max(*count),
            _ => {}
        }
    }

    fn carry_out(&mut self, effect: &Effect<FileId, Bytes>) {
        match effect {
            Effect::Connect { session, .. } => {
                assert_eq!(self.server.replace(*session), None, "two connections to the access point");
                assert!(self.lines.insert(*session, Line::default()).is_none());
            }
            Effect::Link { session, dial, .. } => {
                let line = Line { dial: Some(dial.as_ref().clone()), ..Line::default() };
                assert!(self.lines.insert(*session, line).is_none());
            }
            Effect::HangUp { session, .. } => {
                assert!(self.lines.contains_key(session), "{session:?} is gone already");
                self.forget(*session);
            }
            Effect::Fetch { get, .. } => self.fetch(get),
            Effect::FetchNoMore(request) => {
                self.fetches.retain(|(known, ..)| known != request);
            }
            Effect::Disk(work) => {
                let (_, works) = self.disk.as_mut().expect("there is no cache");
                works.push_back(work.clone());
            }
            _ => {}
        }
    }

    fn fetch(&mut self, get: &Get) {
        assert!(!get.pieces.is_empty() && get.pieces.end <= PIECES, "{get:?}");
        self.fetched += 1;
        self.fetches.push((get.request, get.pieces.clone().collect(), get.target.clone()));
    }

    pub(super) fn forget(&mut self, session: SessionId) {
        self.lines.remove(&session);
        self.queries.retain(|(of, _)| *of != session);
        self.going.retain(|(of, ..)| *of != session);
        self.server.take_if(|server| *server == session);
    }

    /// The node says something.
    fn sent(&mut self, to: SessionId, message: &Text) {
        let line = self.lines.get_mut(&to).unwrap_or_else(|| panic!("{message:?} to one that is gone"));
        let asked = match message {
            Message::Open { open, .. } => {
                let Open { wanted, credit, .. } = *open;
                Some(Asked::Open { wanted, credit: credit.into() })
            }
            Message::Read { read, .. } => {
                let Read { file, pieces, leaves, .. } = *read;
                assert!(pieces.end() <= PIECES, "{read:?}");
                Some(Asked::Pieces { file, left: (pieces.start..pieces.end()).collect(), leaves })
            }
            Message::FindPeers { .. } => Some(Asked::Holders),
            Message::Connect { connect, .. } => Some(Asked::Links(connect.peers.clone())),
            Message::Want { .. } => Some(Asked::Slot),
            _ => None,
        };
        if let (Some(asked), Some(channel)) = (asked, message.channel()) {
            assert!(channel > line.last_asked, "{channel} is not new");
            line.last_asked = channel;
            line.asked.insert(channel, asked);
        }
        match message {
            Message::Abort { channel } => drop(line.asked.remove(channel)),
            Message::Query(query) => self.queries.push((to, query.id)),
            Message::Piece { channel, index, data } => {
                let (file, left) = line.reads.get_mut(channel).expect("nobody asked for it");
                assert_eq!(left.pop_front(), Some(*index), "out of order");
                assert_eq!(*data, shelf_of(file).pieces[*index as usize], "a neighbour would be lied to");
                self.going.push((to, *channel, *index));
            }
            Message::End { channel } | Message::Refuse { channel, .. } => {
                let (read, want) = (line.reads.remove(channel), line.wants.remove(channel));
                assert!(read.is_some() || want, "{message:?} of what nobody asked");
                let whole = read.is_none_or(|(_, left)| left.is_empty());
                assert!(whole || matches!(message, Message::Refuse { .. }), "an end before it is whole");
            }
            Message::Slot { channel, .. } => assert!(line.wants.contains(channel)),
            Message::Leaves { channel, leaves } => {
                let (file, _) = &line.reads[channel];
                assert_eq!(leaves.verify::<RustCrypto>(&Hash(file.0), PIECES), Ok(()));
            }
            _ => {}
        }
    }
}

impl Machine for Company {
    type Input = Deed;
    type Output = Output<FileId, Bytes>;
    type Error = Never;

    fn handle_input(&mut self, now: Instant, deed: Deed) -> Result<(), Never> {
        self.now = now;
        self.happens(deed);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Never> {
        self.now = now;
        let Ok(()) = self.node.handle_timeout(now);
        self.look();
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Self::Output> {
        self.told.pop_front()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.node.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.node.wants_input() && self.told.len() < 64
    }
}

/// These steps of a node, which has a cache or none, and neighbours or not even a connection.
pub(crate) fn nothing_but_the_truth_gets_through(cached: bool, settled: bool, steps: Vec<Step<Deed>>) {
    let mut company =
        if settled { Company::settled(cached) } else { Company::new(cached.then(Disk::default)) };
    assert_eq!(check(&mut company, steps, usize::MAX), Ok(Ran::Whole));
    company.ends_alone();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_node_in_bad_company_keeps_the_contract_and_lets_nothing_but_the_truth_through(
        (cached, settled) in any::<(bool, bool)>(),
        steps in vec(step(), 0..250),
    ) {
        nothing_but_the_truth_gets_through(cached, settled, steps);
    }
}

/// Or the others would say nothing of links, of giving, of web servers.
#[test]
fn bad_company_finds_neighbours_is_given_pieces_and_is_asked_for_some() {
    let mut runner = TestRunner::deterministic();
    let mut reached = [0; 4];
    let company = Company::settled(true);
    assert_eq!(company.node.swarm().neighbours(), 4);
    let holding = |file: FileId| company.node.cache().and_then(|cache| cache.holding(&file));
    let complete = [SHELF.file(), NEXT.file()].map(|file| holding(file).map(|holding| holding.complete));
    assert_eq!(complete, [Some(true), Some(false)]);
    for settled in [false, true].repeat(100) {
        let steps = vec(step(), 250).new_tree(&mut runner).expect("steps").current();
        let mut company = if settled { Company::settled(true) } else { Company::new(None) };
        assert_eq!(check(&mut company, steps, usize::MAX), Ok(Ran::Whole));
        let these = [
            company.neighbours > 0 && !settled,
            company.neighbours > 4,
            company.gave > 0,
            company.fetched > 0,
        ];
        reached.iter_mut().zip(these).for_each(|(count, this)| *count += u32::from(this));
    }
    println!("first neighbours, more of them, given to, web servers: {reached:?} of 200");
    assert!(reached.iter().all(|count| *count > 9), "{reached:?}");
}

/// The track that it waits behind is given up with the last word of whoever was asked, and nobody says anything after that.
#[test]
fn what_is_to_be_kept_next_is_begun_at_once_when_what_was_before_it_is_given_up() {
    let (keep, wait) = (|| Deed::Command(Command::Keep { wanted: Wanted::File(NEXT.file()) }), Step::Wait);
    let mut steps: Vec<Step<Deed>> = Vec::new();
    let millis = Duration::from_millis;
    steps.extend(
        [keep(), Deed::Disk(0, Lie::Truth), Deed::ServerStands, Deed::Opened(0, Lie::Truth)].map(Step::Input),
    );
    steps.push(wait(millis(698)));
    steps.extend([keep(), Deed::ServerGone(None)].map(Step::Input));
    steps.extend([531, 148, 321, 886, 886].map(|ms| wait(millis(ms))));
    steps.push(Step::Input(Deed::Command(Command::Connect)));
    steps.push(wait(millis(551)));
    steps.push(Step::Input(Deed::ServerStands));
    steps.push(wait(millis(508)));
    steps.push(Step::Input(Deed::Renewed(false)));
    steps.push(wait(millis(471)));
    steps.push(Step::Input(Deed::Refuse(0, Refusal::NotFound)));
    steps.push(Step::Early);
    nothing_but_the_truth_gets_through(true, false, steps);
}

/// What it had sent was all that it was asked for: of the rest there is none.
#[test]
fn where_a_mirror_moved_to_nothing_is_asked_for_that_it_had_sent() {
    let mut company = Company::new(None);
    company.command(Command::Connect);
    company.answers_truly();
    company.command(Command::Open { wanted: Wanted::File(SHELF.file()), at_ms: 0 });
    company.happens(Deed::Opened(0, Lie::Truth));
    company.happens(Deed::Mirrors(0, 1));
    while company.fetches.is_empty() {
        company.now = company.node.poll_timeout().expect("a mirror is asked");
        let Ok(()) = company.node.handle_timeout(company.now);
        company.look();
    }
    let (request, pieces, _) = company.fetches[0].clone();
    pieces.iter().for_each(|_| company.happens(Deed::Mirror(0, News::Piece(Lie::Truth))));
    company.happens(Deed::Mirror(0, News::Moved));
    assert!(company.fetches.iter().all(|(other, ..)| *other != request));
}

/// While a start waits on elsewhere, uploads stop when they would have without that.
#[test]
fn an_early_call_while_the_sound_waits_elsewhere_does_nothing() {
    let (input, millis) = (Step::Input, Duration::from_millis);
    let wanted = Wanted::Track(Gid::from_bytes([7; 16]));
    let steps = vec![
        input(Deed::Command(Command::Open { wanted, at_ms: 103_006 })),
        input(Deed::Opened(6993, Lie::Truth)),
        Step::Wait(millis(512)),
        input(Deed::Piece(37154, Lie::Truth)),
        input(Deed::Command(Command::Silent { at_ms: 18_424 })),
        input(Deed::Piece(22322, Lie::Truth)),
        Step::Wait(millis(822)),
        Step::Early,
    ];
    nothing_but_the_truth_gets_through(false, true, steps);
}
