//! A node whose server lies, in every way that a message can: nothing but the file's own pieces ever gets through.

use super::shelf::{PIECES, SHELF, Shelf};
use super::world::{DATE, HERE, log_in};
use alloc::collections::BTreeMap;
use bytes::Bytes;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use spotp2p::SessionId;
use spotp2p::node::{Command, Config, Effect, Event, Input, Node, Output};
use spotp2p::swarm::Mode;
use spotproto::content::{FileId, Hash, LeafRange};
use spotproto::message::{Message, Opened, PieceRange, Refusal, Wanted};
use spotproto::{Instant, Machine, Seed};

type Text = Message<FileId, Bytes>;

/// How a piece, a header or a proof is spoilt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Lie {
    /// It is not.
    Truth,
    Short,
    Altered,
    /// What belongs somewhere else.
    Another,
    /// Much more than was asked for.
    TooMuch,
    Nothing,
}

#[derive(Clone, Debug)]
enum Act {
    /// Answers one of the open requests, honestly or not; a read with some of its pieces.
    Answer(Index, Lie),
    /// The proof that a read asked for.
    Prove(Index, Lie),
    /// The next piece of a request.
    Piece(Index, Lie),
    End(Index),
    Refuse(Index),
    /// What was never asked.
    Stray(u32, u32),
    Seek(u32),
    Wait(u64),
}

/// The truth, mostly.
pub(crate) fn lie() -> impl Strategy<Value = Lie> {
    let lies = [Lie::Short, Lie::Altered, Lie::Another, Lie::TooMuch, Lie::Nothing];
    prop_oneof![8 => Just(Lie::Truth), 1 => proptest::sample::select(lies.to_vec())]
}

fn act() -> impl Strategy<Value = Act> {
    let pick = any::<Index>;
    prop_oneof![
        4 => (pick(), lie()).prop_map(|(which, lie)| Act::Answer(which, lie)),
        4 => (pick(), lie()).prop_map(|(which, lie)| Act::Prove(which, lie)),
        16 => (pick(), lie()).prop_map(|(which, lie)| Act::Piece(which, lie)),
        2 => pick().prop_map(Act::End),
        1 => pick().prop_map(Act::Refuse),
        2 => (0u32..20, 0..PIECES + 9).prop_map(|(channel, index)| Act::Stray(channel, index)),
        1 => (0u32..130_000).prop_map(Act::Seek),
        1 => (0u64..40_000).prop_map(Act::Wait),
    ]
}

/// What a node asked for.
#[derive(Clone, Debug)]
enum Asked {
    Open { credit: u32 },
    Read { pieces: Vec<u32>, leaves: Option<PieceRange> },
}

struct Liar {
    now: Instant,
    node: Node<FileId, Bytes>,
    live: Option<SessionId>,
    asked: BTreeMap<u32, Asked>,
    genuine: u32,
    hung_up: u32,
    refused: u32,
}

impl Liar {
    fn new() -> Self {
        let now = Instant::START;
        let config = Config::new(log_in(), "test", Seed([3; 32]), (now, DATE));
        let config = Config { mode: Mode::Alone, ..config };
        let node = Node::new(now, config);
        Self { now, node, live: None, asked: BTreeMap::new(), genuine: 0, hung_up: 0, refused: 0 }
    }

    fn tell(&mut self, input: Input<FileId, Bytes>) {
        let Ok(()) = self.node.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.node.poll_output() {
            match output {
                Output::Send { message, .. } => self.note(message),
                Output::Effect(Effect::Connect { session, .. }) => {
                    self.live = Some(session);
                    self.asked.clear();
                    let Ok(()) = self.node.handle_input(self.now, Input::LogIn(log_in()));
                    let Ok(()) = self
                        .node
                        .handle_input(self.now, Input::Connected { session, confirmed: true, address: HERE });
                }
                Output::Effect(Effect::HangUp { session, .. }) => {
                    assert_eq!(self.live.take(), Some(session));
                    self.asked.clear();
                    self.hung_up += 1;
                }
                Output::Event(Event::Piece { index, data, .. }) => {
                    assert_eq!(data, SHELF.pieces[index as usize], "piece {index} is a lie");
                    self.genuine += 1;
                }
                Output::Event(Event::Opened { opened, .. }) => assert_eq!(opened.head.file, SHELF.file()),
                Output::Event(Event::Refused(_)) => self.refused += 1,
                _ => {}
            }
        }
        // A line can't be so wide that more than this is asked for, whatever its server makes it seem; and as many more may
        // have been called back with a part of their request.
        let outstanding: u32 = self.asked.values().map(Asked::outstanding).sum();
        assert!(outstanding <= 512, "{outstanding} pieces outstanding");
    }

    fn note(&mut self, message: Text) {
        match message {
            Message::Open { channel, open } => {
                self.asked.insert(channel, Asked::Open { credit: open.credit.into() });
            }
            Message::Read { channel, read } => {
                assert!(read.pieces.end() <= PIECES);
                let pieces = (read.pieces.start..read.pieces.end()).collect();
                self.asked.insert(channel, Asked::Read { pieces, leaves: read.leaves });
            }
            Message::Abort { channel } => {
                self.asked.remove(&channel);
            }
            _ => {}
        }
    }

    fn say(&mut self, message: Text) {
        if let Some(from) = self.live {
            self.tell(Input::Message { from, message });
        }
    }

    fn pick(&self, which: Index) -> Option<(u32, Asked)> {
        let count = self.asked.len();
        let (channel, asked) = (count > 0).then(|| self.asked.iter().nth(which.index(count)))??;
        Some((*channel, asked.clone()))
    }

    fn act(&mut self, act: &Act) {
        match *act {
            Act::Answer(which, lie) => {
                if let Some((channel, Asked::Open { credit })) = self.pick(which) {
                    let opened = Box::new(opened(&SHELF, credit, lie));
                    let pieces = opened.first.iter().flat_map(|range| range.start..range.end());
                    let pieces = pieces.take(20).collect();
                    self.asked.insert(channel, Asked::Read { pieces, leaves: None });
                    self.say(Message::Opened { channel, opened });
                }
            }
            Act::Prove(which, lie) => {
                if let Some((channel, Asked::Read { leaves: Some(range), .. })) = self.pick(which) {
                    let leaves = Box::new(proof(&SHELF, range, lie));
                    self.say(Message::Leaves { channel, leaves });
                }
            }
            Act::Piece(which, lie) => self.give_piece(which, lie),
            Act::End(which) => {
                if let Some((channel, _)) = self.pick(which) {
                    self.asked.remove(&channel);
                    self.say(Message::End { channel });
                }
            }
            Act::Refuse(which) => {
                if let Some((channel, _)) = self.pick(which) {
                    self.asked.remove(&channel);
                    self.say(Message::Refuse { channel, why: Refusal::Busy });
                }
            }
            Act::Stray(channel, index) => {
                self.say(Message::Piece { channel, index, data: vec![9; 16_384].into() });
            }
            Act::Seek(at_ms) => self.tell(Input::Command(Command::Seek { at_ms })),
            Act::Wait(ms) => {
                self.now = self.now + Duration::from_millis(ms);
                let Ok(()) = self.node.handle_timeout(self.now);
                self.drain();
            }
        }
    }

    fn give_piece(&mut self, which: Index, lie: Lie) {
        let Some((channel, Asked::Read { pieces, leaves })) = self.pick(which) else { return };
        let Some((index, rest)) = pieces.split_first() else { return };
        self.asked.insert(channel, Asked::Read { pieces: rest.to_vec(), leaves });
        self.say(Message::Piece { channel, index: *index, data: piece(&SHELF, *index, lie) });
    }
}

impl Asked {
    fn outstanding(&self) -> u32 {
        match self {
            Self::Open { credit } => *credit,
            Self::Read { pieces, .. } => pieces.len() as u32,
        }
    }
}

/// A piece of this file.
pub(crate) fn piece(shelf: &Shelf, index: u32, lie: Lie) -> Bytes {
    let good = shelf.pieces.get(index as usize).cloned().unwrap_or_default();
    match lie {
        Lie::Truth => good,
        Lie::Short => good.slice(..good.len() / 2),
        Lie::Altered => good.iter().map(|byte| byte ^ 1).collect(),
        Lie::Another => shelf.pieces[(index as usize + 1) % PIECES as usize].clone(),
        Lie::TooMuch => good.iter().chain([&0]).copied().collect(),
        Lie::Nothing => Bytes::new(),
    }
}

/// The answer to an open of this file.
pub(crate) fn opened(shelf: &Shelf, credit: u32, lie: Lie) -> Opened<FileId> {
    let entry = shelf.entry.clone();
    let asked = PieceRange { start: 0, count: credit };
    let (mut first, mut proofs) = (Vec::new(), Vec::new());
    if credit > 0 {
        (first, proofs) = (vec![asked], vec![shelf.prove(asked)]);
    }
    let mut opened = Opened {
        head: entry.head,
        key: entry.key,
        lease_s: 0,
        title: entry.title,
        artist: entry.artist,
        first,
        proofs,
    };
    match lie {
        Lie::Truth => {}
        Lie::Short => opened.head.headers.clear(),
        Lie::Altered => opened.proofs.iter_mut().for_each(|proof| proof.leaves[0] = Hash([0; 32])),
        Lie::Another => opened.head.file = FileId([1; 32]),
        Lie::TooMuch => opened.first = vec![PieceRange { count: u32::MAX, ..asked }],
        Lie::Nothing => opened.proofs.clear(),
    }
    opened
}

/// The proof of these pieces.
pub(crate) fn proof(shelf: &Shelf, mut range: PieceRange, lie: Lie) -> LeafRange {
    if lie == Lie::Short {
        range.count = 1;
    }
    if lie == Lie::Another {
        range = PieceRange { start: 0, count: 3 };
    }
    let mut proof = shelf.prove(range);
    match lie {
        Lie::Altered => proof.leaves[0] = Hash([0; 32]),
        Lie::TooMuch => proof.uncles.push(Hash([0; 32])),
        Lie::Nothing => proof.leaves.clear(),
        _ => {}
    }
    proof
}

fn open() -> Input<FileId, Bytes> {
    Input::Command(Command::Open { wanted: Wanted::File(SHELF.file()), at_ms: 0 })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_lying_server_gets_no_byte_through(acts in vec(act(), 0..200)) {
        let mut liar = Liar::new();
        liar.tell(open());
        for act in &acts {
            liar.act(act);
            if liar.refused > 0 {
                liar.refused = 0;
                liar.tell(open());
            }
        }
    }
}

/// Answers the open of a node that was just made with this lie.
fn opened_with(lie: Lie) -> Liar {
    let mut liar = Liar::new();
    liar.tell(open());
    let channel = *liar.asked.first_key_value().expect("it asks").0;
    let credit = liar.asked[&channel].outstanding();
    liar.asked.clear();
    liar.say(Message::Opened { channel, opened: Box::new(opened(&SHELF, credit, lie)) });
    liar
}

#[test]
fn an_opened_that_brings_another_file_or_more_than_was_asked_for_ends_the_connection() {
    for lie in [Lie::Another, Lie::TooMuch, Lie::Altered] {
        let liar = opened_with(lie);
        assert_eq!((liar.hung_up, liar.genuine), (1, 0), "{lie:?}");
    }
    assert_eq!(opened_with(Lie::Truth).hung_up, 0);
}

#[test]
fn an_answer_that_ends_without_its_proof_is_a_lie() {
    let mut liar = opened_with(Lie::Nothing);
    for index in 0..5 {
        let data = SHELF.pieces[index as usize].clone();
        liar.say(Message::Piece { channel: 1, index, data });
    }
    assert_eq!(liar.genuine, 0, "without leaves nothing can be told");
    let asks_for_leaves = |asked: &Asked| matches!(asked, Asked::Read { leaves: Some(_), .. });
    let again = liar.asked.iter().find(|(_, asked)| asks_for_leaves(asked));
    let channel = *again.expect("it asks again, for leaves too").0;
    liar.asked.clear();
    liar.say(Message::End { channel });
    assert_eq!(liar.hung_up, 1);
}
