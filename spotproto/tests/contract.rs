//! The contract of machines, for sessions: misuse, silence and long waits end in typed errors, never in a spin or a panic.

mod forger;
mod pair;

use bytes::Bytes;
use core::time::Duration;
use forger::Forger;
use pair::{FILE, keys, read, setup};
use proptest::prelude::*;
use spotproto::contract::{Ran, Step, check};
use spotproto::error::{Refused, SessionError};
use spotproto::message::{
    Connect, Hit, Holding, Message, Open, PieceRange, Query, Refusal, Slot, Urgency, Want, Wanted,
    WireMessage,
};
use spotproto::noise::Role;
use spotproto::session::{Input, Session};
use spotproto::ticket::Pseudonym;
use spotproto::{CloseCode, Instant, Machine};

/// Outputs that one step without bytes may cause.
const BOUND: usize = 4;

/// [`Input`] that can be printed and repeated.
#[derive(Clone, Debug)]
enum Act {
    Send(WireMessage),
    Close(u8),
}

/// Messages of every kind on few channels: right ones and misuse.
fn message() -> impl Strategy<Value = WireMessage> {
    let channel = 0u32..12;
    prop_oneof![
        4 => (channel.clone(), any::<u32>(), 1u32..300)
            .prop_map(|(channel, start, count)| read(channel, start, count, Urgency::Next)),
        1 => (channel.clone(), any::<u16>()).prop_map(|(channel, credit)| {
            let open = Open { wanted: Wanted::File(FILE), at_ms: 0, credit, urgency: Urgency::Playing };
            Message::Open { channel, open }
        }),
        2 => channel.clone().prop_map(|channel| Message::Abort { channel }),
        1 => channel.clone().prop_map(|channel| Message::End { channel }),
        1 => channel.clone().prop_map(|channel| Message::Refuse { channel, why: Refusal::Busy }),
        1 => (channel, 0usize..20_000).prop_map(|(channel, length)| {
            Message::Piece { channel, index: 0, data: Bytes::from(vec![1; length]) }
        }),
        3 => any::<u32>().prop_map(|port| Message::Hello(Box::new(forger::hello(port)))),
        1 => Just(Message::Playing { file: FILE }),
        4 => of_peers(),
    ]
}

/// Of peers: requests, answers and notices, right ones and too long ones.
fn of_peers() -> impl Strategy<Value = WireMessage> {
    let channel = 0u32..12;
    let peers = |least| proptest::collection::vec(any::<[u8; 16]>().prop_map(Pseudonym), least..12);
    let held = (0u32..40, 1u32..9).prop_map(|(start, count)| PieceRange { start, count });
    prop_oneof![
        (channel.clone(), 0u8..3).prop_map(|(channel, urgency)| {
            let urgency = Urgency::from_number(urgency).expect("a class");
            Message::Want { channel, want: Want { file: FILE, urgency } }
        }),
        (channel.clone(), any::<u16>(), proptest::collection::vec(held, 0..20))
            .prop_map(|(channel, place, held)| Message::Slot { channel, slot: Slot { place, held } }),
        (channel.clone(), 0u8..12).prop_map(|(channel, most)| Message::FindPeers {
            channel,
            file: FILE,
            most
        }),
        (channel.clone(), peers(0)).prop_map(|(channel, peers)| Message::Peers { channel, peers }),
        (channel, peers(0)).prop_map(|(channel, peers)| {
            Message::Connect { channel, connect: Box::new(Connect { file: FILE, peers }) }
        }),
        any::<u16>().prop_map(|port| Message::Renew { port }),
        (0usize..200).prop_map(|files| {
            let holding = Holding { joined: vec![FILE; files], left: Vec::new() };
            Message::Holding(Box::new(holding))
        }),
        (any::<u64>(), 0u8..3).prop_map(|(id, hops)| Message::Query(Query { id, file: FILE, hops })),
        (any::<u64>(), peers(0)).prop_map(|(id, peers)| Message::Hit(Hit { id, peers })),
    ]
}

fn step() -> impl Strategy<Value = Step<Act>> {
    prop_oneof![
        6 => message().prop_map(|message| Step::Input(Act::Send(message))),
        1 => (0u8..9).prop_map(|code| Step::Input(Act::Close(code))),
        3 => (0u64..40_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        1 => (0u64..10_000).prop_map(|s| Step::Wait(Duration::from_secs(s))),
        2 => Just(Step::Early),
        2 => Just(Step::Poll),
    ]
}

fn run(session: &mut Session, steps: Vec<Step<Act>>) -> Ran<SessionError> {
    let steps = steps.into_iter().map(|step| match step {
        Step::Input(Act::Send(message)) => Step::Input(Input::Send(message)),
        Step::Input(Act::Close(code)) => Step::Input(Input::Close(CloseCode::from_number(code))),
        Step::Wait(span) => Step::Wait(span),
        Step::Early => Step::Early,
        Step::Poll => Step::Poll,
    });
    check(session, steps, BOUND).expect("the contract")
}

/// Nobody else is there: whatever ends a session is this side's doing, or the silence.
fn is_own_doing(ran: Ran<SessionError>) -> bool {
    match ran {
        Ran::Whole => true,
        Ran::Finished(error) => matches!(
            error,
            SessionError::Misuse(_)
                | SessionError::TimedOut(_)
                | SessionError::Refusing(Refused::Busy)
                | SessionError::Closed { by_peer: false, .. }
        ),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_session_in_its_handshake_keeps_the_contract(
        initiator: bool, known: bool, steps in proptest::collection::vec(step(), 0..40)
    ) {
        let role = if initiator { Role::Initiator } else { Role::Responder };
        let remote = (known && initiator).then(|| keys(2).public);
        let mut session: Session = Session::new(Instant::START, setup(role, 1, 11, remote)).unwrap();
        let ran = run(&mut session, steps);
        prop_assert!(is_own_doing(ran), "{:?}", ran);
    }

    #[test]
    fn an_established_session_keeps_the_contract(steps in proptest::collection::vec(step(), 0..60)) {
        let mut session: Session =
            Session::new(Instant::START, setup(Role::Responder, 2, 12, None)).unwrap();
        let mut forger = Forger::dial(&mut session, Instant::START);
        // A few requests of the other side, so that answers can be right.
        let asked: Vec<u8> = (1..7).flat_map(|channel| forger::read_frame(channel, 0, 3)).collect();
        forger.give(&mut session, Instant::START, &asked);
        while session.poll_output().is_some() {}
        let ran = run(&mut session, steps);
        prop_assert!(is_own_doing(ran), "{:?}", ran);
    }
}
