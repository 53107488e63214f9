//! What a node's owner and its company may do, mostly as they were asked to.

use super::company::NAMES;
use super::lies::{Lie, lie};
use super::shelf::{PIECES, SHELF};
use super::tunes::NEXT;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use spotp2p::node::Command;
use spotp2p::swarm::Mode;
use spotproto::content::FileId;
use spotproto::contract::Step;
use spotproto::error::{PeerFault, Refused};
use spotproto::message::{PieceRange, Refusal, Urgency, Wanted};
use spotproto::{CloseCode, Gid, SessionError};

/// What happens; a `u16` picks one of the things that it could happen to.
#[derive(Clone, Debug)]
pub(crate) enum Deed {
    Command(Command<FileId>),
    ServerStands,
    ServerGone(Option<SessionError>),
    Welcome(Lie),
    Renewed(bool),
    Opened(u16, Lie),
    Leaves(u16, Lie),
    Piece(u16, Lie),
    /// What brought all that was asked for ends, as it should.
    EndsDone,
    End(u16),
    Refuse(u16, Refusal),
    Named(u16, Vec<u8>),
    Mirrors(u16, u8),
    /// A link that was asked for, or one that was not.
    Dial {
        asked: Option<u16>,
        name: u8,
        /// Under the id of the one before.
        again: bool,
    },
    LinkStands(u16, bool, bool),
    Confirmed(u16),
    Greet(u16, Lie),
    LinkGone(u16, Option<SessionError>),
    RoundTrip(u16, Duration),
    Slot(u16, u16),
    Query {
        by: u16,
        id: u64,
        file: Tune,
        hops: u8,
    },
    Hit {
        query: u16,
        names: Vec<u8>,
        stray: bool,
    },
    Want(u16, Tune, Urgency),
    Read {
        by: u16,
        file: Tune,
        pieces: PieceRange,
        leaves: Option<PieceRange>,
    },
    /// A neighbour asks for the first tune, and as soon as it is served for some of it.
    Served,
    /// Of the peer's own request, so many before its latest.
    Abort(u16, u8),
    /// The line of a neighbour took a piece.
    Took(u16),
    /// What no peer says to another.
    Rude(u16),
    Mirror(u16, News),
    Disk(u16, Lie),
}

/// A file by name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tune {
    First,
    Second,
    Unknown,
}

/// What a web server says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum News {
    Piece(Lie),
    Finished,
    Moved,
    Refused,
    Failed,
}

impl Tune {
    pub(crate) fn file(self) -> FileId {
        match self {
            Self::First => SHELF.file(),
            Self::Second => NEXT.file(),
            Self::Unknown => FileId([9; 32]),
        }
    }
}

/// Deeds, and time that passes: seconds mostly, or no link would live to see what comes of it.
pub(crate) fn step() -> impl Strategy<Value = Step<Deed>> {
    prop_oneof![
        40 => deed().prop_map(Step::Input),
        4 => (0u64..1_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => (0u64..40).prop_map(|s| Step::Wait(Duration::from_secs(s))),
        1 => Just(Step::Early),
        1 => Just(Step::Poll),
    ]
}

/// Whatever may happen.
fn deed() -> impl Strategy<Value = Deed> {
    let pick = any::<u16>;
    prop_oneof![
        7 => command().prop_map(Deed::Command),
        4 => Just(Deed::ServerStands),
        4 => lie().prop_map(Deed::Welcome),
        1 => why().prop_map(Deed::ServerGone),
        1 => any::<bool>().prop_map(Deed::Renewed),
        6 => (pick(), lie()).prop_map(|(which, lie)| Deed::Opened(which, lie)),
        4 => (pick(), lie()).prop_map(|(which, lie)| Deed::Leaves(which, lie)),
        10 => (pick(), lie()).prop_map(|(which, lie)| Deed::Piece(which, lie)),
        4 => Just(Deed::EndsDone),
        1 => pick().prop_map(Deed::End),
        1 => (pick(), (1u8..5).prop_map(Refusal::from_number)).prop_map(|(which, why)| Deed::Refuse(which, why)),
        3 => (pick(), vec(0..NAMES, 0..12)).prop_map(|(which, names)| Deed::Named(which, names)),
        2 => (pick(), 0u8..4).prop_map(|(which, count)| Deed::Mirrors(which, count)),
        5 => (pick(), lie()).prop_map(|(which, lie)| Deed::Disk(which, lie)),
        5 => (pick(), news()).prop_map(|(which, news)| Deed::Mirror(which, news)),
        24 => of_peers(),
        50 => in_order(),
    ]
}

/// What peers do that become neighbours.
fn of_peers() -> impl Strategy<Value = Deed> {
    let pick = any::<u16>;
    let tune = || select(vec![Tune::First, Tune::First, Tune::Second, Tune::Unknown]);
    let range = || (0..PIECES + 9, 0u32..12).prop_map(|(start, count)| PieceRange { start, count });
    let urgency = || select(Urgency::ALL.to_vec());
    let link = (proptest::option::of(pick()), 0..NAMES, proptest::bool::weighted(0.1));
    prop_oneof![
        4 => link.prop_map(|(asked, name, again)| Deed::Dial { asked, name, again }),
        4 => (pick(), any::<bool>(), any::<bool>())
            .prop_map(|(which, confirmed, near)| Deed::LinkStands(which, confirmed, near)),
        4 => pick().prop_map(Deed::Confirmed),
        4 => (pick(), lie()).prop_map(|(which, lie)| Deed::Greet(which, lie)),
        1 => (pick(), why()).prop_map(|(which, why)| Deed::LinkGone(which, why)),
        1 => (pick(), 0u64..60_000).prop_map(|(which, ms)| Deed::RoundTrip(which, Duration::from_millis(ms))),
        3 => (pick(), 0u16..4).prop_map(|(which, place)| Deed::Slot(which, place)),
        3 => (pick(), 0u64..9, tune(), 0u8..3).prop_map(|(by, id, file, hops)| Deed::Query { by, id, file, hops }),
        2 => (pick(), vec(0..NAMES, 0..9), proptest::bool::weighted(0.2))
            .prop_map(|(query, names, stray)| Deed::Hit { query, names, stray }),
        4 => (pick(), tune(), urgency()).prop_map(|(by, file, urgency)| Deed::Want(by, file, urgency)),
        6 => (pick(), tune(), range(), proptest::option::of(range()))
            .prop_map(|(by, file, pieces, leaves)| Deed::Read { by, file, pieces, leaves }),
        2 => (pick(), 0u8..3).prop_map(|(by, back)| Deed::Abort(by, back)),
        4 => pick().prop_map(Deed::Took),
        1 => pick().prop_map(Deed::Rude),
    ]
}

/// What leads on, whatever has come about: the disk works, lines stand, those who were asked answer truly.
fn in_order() -> impl Strategy<Value = Deed> {
    let pick = any::<u16>;
    let truth = Lie::Truth;
    prop_oneof![
        8 => Just(Deed::Disk(0, truth)),
        4 => Just(Deed::Served),
        1 => (0..NAMES).prop_map(|name| Deed::Dial { asked: None, name, again: false }),
        1 => Just(Deed::ServerStands),
        1 => Just(Deed::Welcome(truth)),
        1 => pick().prop_map(|which| Deed::LinkStands(which, true, false)),
        1 => pick().prop_map(move |which| Deed::Greet(which, truth)),
        1 => pick().prop_map(|which| Deed::Slot(which, 0)),
        1 => pick().prop_map(move |which| Deed::Opened(which, truth)),
        1 => pick().prop_map(move |which| Deed::Leaves(which, truth)),
        4 => pick().prop_map(move |which| Deed::Piece(which, truth)),
        1 => pick().prop_map(Deed::Took),
    ]
}

fn command() -> impl Strategy<Value = Command<FileId>> {
    let wanted = || {
        let tune = select(vec![Tune::First, Tune::Second, Tune::Unknown]);
        prop_oneof![
            1 => Just(Wanted::Track(Gid::from_bytes([7; 16]))),
            4 => tune.prop_map(|tune| Wanted::File(tune.file())),
        ]
    };
    let at = || prop_oneof![6 => 0u32..130_000, 1 => any::<u32>()];
    prop_oneof![
        6 => Just(Command::Connect),
        9 => (wanted(), at()).prop_map(|(wanted, at_ms)| Command::Open { wanted, at_ms }),
        3 => (proptest::option::weighted(0.8, wanted()), at())
            .prop_map(|(wanted, at_ms)| Command::Next { wanted, at_ms }),
        3 => wanted().prop_map(|wanted| Command::Keep { wanted }),
        2 => at().prop_map(|at_ms| Command::Seek { at_ms }),
        3 => (0..PIECES + 5).prop_map(|piece| Command::Reading { piece }),
        2 => at().prop_map(|at_ms| Command::Sounds { at_ms }),
        1 => at().prop_map(|at_ms| Command::Silent { at_ms }),
        1 => select(vec![Mode::Full, Mode::Full, Mode::Full, Mode::TakeOnly, Mode::Alone]).prop_map(Command::Peers),
        1 => Just(Command::Stop),
        1 => Just(Command::Leave),
    ]
}

fn why() -> impl Strategy<Value = Option<SessionError>> {
    select(vec![
        None,
        Some(SessionError::Lost),
        Some(SessionError::Lost),
        Some(SessionError::Peer(PeerFault::BadRecord)),
        Some(SessionError::Refused(Refused::WrongKey)),
        Some(SessionError::Closed { code: CloseCode::ShuttingDown, by_peer: true }),
    ])
}

fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        8 => lie().prop_map(News::Piece),
        2 => Just(News::Finished),
        1 => Just(News::Moved),
        1 => Just(News::Refused),
        1 => Just(News::Failed),
    ]
}
