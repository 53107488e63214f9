//! Inputs of every kind in any order, as no sane owner would give them: only the shared contract is asked for.

use super::heard::Heard;
use super::world::{DATE, HERE, Key, Piece, head, log_in};
use core::fmt::Debug;
use core::net::{Ipv4Addr, SocketAddr};
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use spotp2p::access_point::{self, AccessPoint, Done, Entry, Limits};
use spotp2p::node::{self, Command, MirrorNews, Node};
use spotp2p::swarm::Mode;
use spotp2p::{RequestId, SessionId};
use spotproto::content::{ContentKey, LeafRange};
use spotproto::contract::{Ran, Step, check};
use spotproto::crypto::{Crypto, PublicKey, RustCrypto, SecretKey};
use spotproto::error::Refused;
use spotproto::message::{
    Connect, Dial, Hello, Hit, Holding, Message, Misdeed, Open, Opened, PieceRange, Query, Read, Refusal,
    Slot, Urgency, Want, Wanted, Welcome,
};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::ticket::{Pseudonym, Rights, Ticket};
use spotproto::{CloseCode, Gid, Instant, Seed, SessionError, UnixTime};

type Text = Message<Key, Piece>;

/// Outputs that one input of an access point may cause: as many fetches as it looks ahead, an answer, a goodbye; or a word
/// to both sides of as many links as may be asked for at a time, and the end of it.
const SERVER_BOUND: usize = 2 * 12 + 1;

/// The same for a node: a whole window may be cancelled, asked for anew, and as much of a long track let go.
const NODE_BOUND: usize = 1024;

pub(crate) fn step<I: Debug + Clone + 'static>(
    input: impl Strategy<Value = I> + 'static,
) -> impl Strategy<Value = Step<I>> {
    prop_oneof![
        12 => input.prop_map(Step::Input),
        2 => (0u64..3_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => (0u64..300_000).prop_map(|s| Step::Wait(Duration::from_secs(s))),
        1 => Just(Step::Early),
        1 => Just(Step::Poll),
    ]
}

fn number() -> impl Strategy<Value = u32> {
    prop_oneof![6 => 0u32..300, 1 => Just(u32::MAX), 1 => any::<u32>()]
}

fn range() -> impl Strategy<Value = PieceRange> {
    (number(), prop_oneof![4 => 0u32..9, 1 => number()])
        .prop_map(|(start, count)| PieceRange { start, count })
}

fn refusal() -> impl Strategy<Value = Refusal> {
    (1u8..5).prop_map(Refusal::from_number)
}

fn wanted() -> impl Strategy<Value = Wanted<Key>> {
    prop_oneof![
        Just(Wanted::Track(Gid::from_bytes([7; 16]))),
        (0u32..3).prop_map(|file| Wanted::File(Key(file)))
    ]
}

fn leaves() -> impl Strategy<Value = LeafRange> {
    number().prop_map(|start| LeafRange { start, leaves: Vec::new(), uncles: Vec::new() })
}

fn urgency() -> impl Strategy<Value = Urgency> {
    select(Urgency::ALL.to_vec())
}

fn welcome() -> Text {
    let secret = SecretKey([2; 32]);
    let ticket = Ticket {
        pseudonym: Pseudonym([1; 16]),
        link_key: PublicKey([1; 32]),
        rights: Rights::default(),
        not_after: UnixTime(1),
    };
    let issuer = RustCrypto::verifying_key(&secret);
    let ticket = ticket.sign::<RustCrypto>(&secret);
    Message::Welcome(Box::new(Welcome { pseudonym: Pseudonym([1; 16]), ticket, issuer, now: UnixTime(0) }))
}

fn opened() -> impl Strategy<Value = Opened<Key>> {
    (0u32..3, any::<bool>(), vec(range(), 0..6)).prop_map(|(file, wrong, first)| {
        let mut head = head();
        head.file = Key(file);
        head.channels = if wrong { 0 } else { 2 };
        let key = ContentKey::new([5; 32]);
        Opened { head, key, lease_s: 0, title: "".into(), artist: "".into(), first, proofs: Vec::new() }
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    let size = prop_oneof![4 => Just(16_384usize), 1 => any::<usize>()];
    (size, proptest::bool::weighted(0.8)).prop_map(|(size, genuine)| Piece { size, genuine })
}

fn message() -> impl Strategy<Value = Text> {
    let channel = || prop_oneof![9 => 0u32..6, 1 => any::<u32>()];
    let open = (wanted(), any::<u32>(), any::<u16>(), urgency());
    let read = (0u32..3, range(), urgency(), proptest::option::of(range()));
    prop_oneof![
        1 => (any::<u16>()).prop_map(|port| {
            Message::Hello(Box::new(Hello { link_key: PublicKey([1; 32]), port, agent: "x".into() }))
        }),
        1 => Just(()).prop_map(|()| welcome()),
        4 => (channel(), open).prop_map(|(channel, (wanted, at_ms, credit, urgency))| {
            Message::Open { channel, open: Open { wanted, at_ms, credit, urgency } }
        }),
        4 => (channel(), read).prop_map(|(channel, (file, pieces, urgency, leaves))| {
            Message::Read { channel, read: Read { file: Key(file), pieces, urgency, leaves } }
        }),
        4 => (channel(), opened()).prop_map(|(channel, opened)| {
            Message::Opened { channel, opened: Box::new(opened) }
        }),
        1 => (channel(), leaves()).prop_map(|(channel, leaves)| {
            Message::Leaves { channel, leaves: Box::new(leaves) }
        }),
        6 => (channel(), number(), piece()).prop_map(|(channel, index, data)| {
            Message::Piece { channel, index, data }
        }),
        2 => channel().prop_map(|channel| Message::End { channel }),
        1 => (channel(), refusal()).prop_map(|(channel, why)| Message::Refuse { channel, why }),
        3 => channel().prop_map(|channel| Message::Abort { channel }),
        1 => (0u32..3).prop_map(|file| Message::Playing { file: Key(file) }),
        6 => of_peers(),
    ]
}

/// Of peers, by names that some of them have.
fn of_peers() -> impl Strategy<Value = Text> {
    let file = || (0u32..3).prop_map(Key);
    let files = move || vec(file(), 0..5);
    let link = || prop_oneof![3 => Just(LinkId([7; 16])), 1 => any::<[u8; 16]>().prop_map(LinkId)];
    let name = || (0u8..4).prop_map(|n| Pseudonym([n; 16]));
    let peers = move || vec(name(), 0..12);
    prop_oneof![
        any::<u16>().prop_map(|port| Message::Renew { port }),
        (files(), files()).prop_map(|(joined, left)| Message::Holding(Box::new(Holding { joined, left }))),
        (0u32..6, file(), any::<u8>()).prop_map(|(channel, file, most)| Message::FindPeers {
            channel,
            file,
            most
        }),
        (0u32..6, file(), peers()).prop_map(|(channel, file, peers)| {
            Message::Connect { channel, connect: Box::new(Connect { file, peers }) }
        }),
        (link(), any::<bool>()).prop_map(|(link, stands)| Message::Dialled { link, stands }),
        (link(), any::<u8>())
            .prop_map(|(link, what)| Message::Report { link, what: Misdeed::from_number(what) }),
        (0u32..6, file()).prop_map(|(channel, file)| {
            Message::Want { channel, want: Want { file, urgency: Urgency::Next } }
        }),
        (0u32..6, peers()).prop_map(|(channel, peers)| Message::Peers { channel, peers }),
        (0u32..6).prop_map(|channel| Message::Mirrors { channel, mirrors: vec!["http://a/1".into()] }),
        (link(), name()).prop_map(|(link, pseudonym)| {
            let (role, link_key, addresses) = (Role::Initiator, PublicKey([1; 32]), Vec::new());
            Message::Dial(Box::new(Dial { link, role, pseudonym, link_key, addresses }))
        }),
        (0u64..4, file(), any::<u8>()).prop_map(|(id, file, hops)| Message::Query(Query { id, file, hops })),
        (0u64..4, peers()).prop_map(|(id, peers)| Message::Hit(Hit { id, peers })),
        (0u32..6).prop_map(|channel| Message::Slot { channel, slot: Slot { place: 0, held: Vec::new() } }),
    ]
}

/// Of an access point's own kind: answers to what it asks, or might have asked.
fn done() -> impl Strategy<Value = Done<Key, Piece>> {
    let entry = (0u32..3).prop_map(|file| {
        let mut head = head();
        head.file = Key(file);
        Box::new(Entry {
            head,
            key: ContentKey::new([5; 32]),
            title: "".into(),
            artist: "".into(),
            mirrors: core::iter::once("http://a.example/1".into()).collect(),
        })
    });
    prop_oneof![
        3 => entry.prop_map(|entry| Done::Found(Ok(entry))),
        3 => vec(leaves(), 0..4).prop_map(|proofs| Done::Proofs(Ok(proofs))),
        5 => piece().prop_map(|piece| Done::Piece(Ok(piece))),
        2 => vec(any::<bool>(), 0..5).prop_map(Done::Indexed),
        1 => any::<bool>().prop_map(Done::Probed),
        1 => refusal().prop_map(|why| Done::Found(Err(why))),
        1 => refusal().prop_map(|why| Done::Proofs(Err(why))),
        1 => refusal().prop_map(|why| Done::Piece(Err(why))),
    ]
}

fn session() -> impl Strategy<Value = SessionId> {
    (0u64..5).prop_map(SessionId)
}

pub(crate) fn server_input() -> impl Strategy<Value = access_point::Input<Key, Piece>> {
    use access_point::Input;
    let address =
        (1u8..4, 1u8..4).prop_map(|(net, host)| SocketAddr::from((Ipv4Addr::new(11, 0, net, host), 4070)));
    prop_oneof![
        2 => (session(), address).prop_map(|(session, from)| Input::Accepted { session, from }),
        3 => (session(), any::<bool>()).prop_map(|(session, confirmed)| {
            Input::Established { session, device: PublicKey([9; 32]), confirmed }
        }),
        2 => session().prop_map(|session| Input::Confirmed { session }),
        9 => (session(), message()).prop_map(|(from, message)| Input::Message { from, message }),
        4 => (session(), 0u32..6).prop_map(|(session, channel)| Input::Sent { session, channel }),
        1 => session().prop_map(|session| Input::Disconnected { session }),
        1 => (session(), any::<u64>()).prop_map(|(session, us)| {
            Input::RoundTrip { session, span: Duration::from_micros(us) }
        }),
        9 => (0u64..30, done()).prop_map(|(request, done)| Input::Done(RequestId(request), done)),
    ]
}

pub(crate) fn node_input() -> impl Strategy<Value = node::Input<Key, Piece>> {
    use node::Input;
    let whys = [
        None,
        Some(SessionError::Lost),
        Some(SessionError::Refused(Refused::WrongKey)),
        Some(SessionError::Closed { code: CloseCode::ShuttingDown, by_peer: true }),
    ];
    let command = prop_oneof![
        Just(Command::Connect),
        (wanted(), any::<u32>()).prop_map(|(wanted, at_ms)| Command::Open { wanted, at_ms }),
        (proptest::option::weighted(0.8, wanted()), any::<u32>())
            .prop_map(|(wanted, at_ms)| Command::Next { wanted, at_ms }),
        any::<u32>().prop_map(|at_ms| Command::Seek { at_ms }),
        number().prop_map(|piece| Command::Reading { piece }),
        any::<u32>().prop_map(|at_ms| Command::Sounds { at_ms }),
        any::<u32>().prop_map(|at_ms| Command::Silent { at_ms }),
        select(vec![Mode::Full, Mode::TakeOnly, Mode::Alone]).prop_map(Command::Peers),
        wanted().prop_map(|wanted| Command::Keep { wanted }),
        Just(Command::Stop),
        Just(Command::Leave),
    ];
    prop_oneof![
        4 => command.prop_map(Input::Command),
        1 => Just(Input::LogIn(log_in())),
        2 => (session(), any::<bool>())
            .prop_map(|(session, confirmed)| Input::Connected { session, confirmed, address: HERE }),
        1 => session().prop_map(|session| Input::Confirmed { session }),
        1 => (session(), 0u32..6, number())
            .prop_map(|(session, channel, index)| Input::Sent { session, channel, index }),
        1 => (session(), select(whys.to_vec())).prop_map(|(session, why)| Input::Disconnected { session, why }),
        2 => (session(), 0u64..60_000_000).prop_map(|(session, us)| {
            Input::RoundTrip { session, span: Duration::from_micros(us) }
        }),
        1 => (0u64..5, number(), piece()).prop_map(|(request, index, data)| {
            Input::Mirror { request: RequestId(request), news: MirrorNews::Piece { index, data } }
        }),
        1 => (0u64..5).prop_map(|request| {
            Input::Mirror { request: RequestId(request), news: MirrorNews::Failed }
        }),
        12 => (session(), message()).prop_map(|(from, message)| Input::Message { from, message }),
    ]
}

pub(crate) fn access_point_config(limits: Limits) -> access_point::Config {
    access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        identity: PublicKey([8; 32]),
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits,
    }
}

/// These steps of an access point with little room.
pub(crate) fn server_keeps_the_contract(steps: Vec<Step<access_point::Input<Key, Piece>>>) {
    let mut limits = Limits::DEFAULT;
    (limits.sessions, limits.half_open, limits.half_open_per_prefix) = (4, 3, 2);
    let mut access_point: AccessPoint<Key, Piece> = AccessPoint::new(access_point_config(limits));
    assert_eq!(check(&mut access_point, steps, SERVER_BOUND), Ok(Ran::Whole));
    assert!(access_point.sessions() <= 4);
}

/// These steps of a node.
pub(crate) fn node_keeps_the_contract(steps: Vec<Step<node::Input<Key, Piece>>>) {
    let config = node::Config::new(log_in(), "test", Seed([3; 32]), (Instant::START, DATE));
    let mut node = Heard::new(Node::new(Instant::START, config));
    assert_eq!(check(&mut node, steps, NODE_BOUND), Ok(Ran::Whole));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn an_access_point_keeps_the_contract(steps in vec(step(server_input()), 0..150)) {
        server_keeps_the_contract(steps);
    }

    #[test]
    fn a_node_keeps_the_contract(steps in vec(step(node_input()), 0..150)) {
        node_keeps_the_contract(steps);
    }
}
