//! The contract of machines, on random inputs and waits.

use super::line::{get, partial};
use bytes::BytesMut;
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::RequestId;
use spotp2p::cdn::{Connection, Input, Limits};
use spotproto::contract::{Step, check};
use spotproto::{ByteMachine, Instant, Machine};

/// Outputs that may have gathered: as many as there is room for, and the one of the input that filled it.
const BOUND: usize = 10;

fn step() -> impl Strategy<Value = Step<Input>> {
    prop_oneof![
        4 => (0u64..6, 0u32..5, 0u32..5).prop_map(|(request, a, b)| Step::Input(Input::Get(get(request, a..b)))),
        2 => (0u64..6).prop_map(|request| Step::Input(Input::Cancel(RequestId(request)))),
        2 => (0u64..40_000).prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
        2 => Just(Step::Early),
        2 => Just(Step::Poll),
    ]
}

fn limits(outputs: usize, millis: u64) -> Limits {
    let mut limits = Limits::DEFAULT;
    limits.outputs = outputs;
    (limits.silence, limits.trickle) = (Duration::from_millis(millis), Duration::from_millis(2 * millis));
    limits
}

/// A connection in the middle of an answer, or at rest.
fn connection(limits: Limits, came: usize) -> Connection {
    let mut connection = Connection::new(Instant::START, "http://h/".parse().unwrap(), limits);
    if came > 0 {
        connection.handle_input(Instant::START, Input::Get(get(1, 0..4))).unwrap();
        connection.poll_transmit(Instant::START, &mut BytesMut::new(), 8192);
        let mut wire = partial(0..4);
        let came = came.min(wire.len());
        let _ = connection.handle_bytes(Instant::START, &mut wire[..came]);
        while connection.poll_output().is_some() {}
    }
    connection
}

proptest! {
    #[test]
    fn the_contract_holds(
        steps in prop::collection::vec(step(), 0..60),
        came in prop_oneof![Just(0usize), 0..60_000usize],
        outputs in 0..9usize,
        millis in 0..20_000u64,
    ) {
        let mut connection = connection(limits(outputs, millis), came);
        prop_assert!(check(&mut connection, steps, BOUND).is_ok());
    }
}
