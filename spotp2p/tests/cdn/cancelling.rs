//! Requests that are not wanted any more, one at a time, and the end of connections.

use super::line::{Came, LENGTH, Line, all, bytes_of, get, partial, target};
use spotp2p::RequestId;
use spotp2p::cdn::{CdnError, Get, Input, Limits, Refusal};

fn cancel(line: &mut Line, request: u64) {
    line.tell(Input::Cancel(RequestId(request)));
}

#[test]
fn one_request_is_asked_at_a_time() {
    let mut line = Line::new();
    line.tell(Input::Get(get(1, 0..1)));
    line.tell(Input::Get(get(2, 0..1)));
    let too_many = |request| Came::Refused(request, Refusal::OneAtATime);
    assert_eq!(line.take(), [too_many(2)]);
    assert_eq!(line.sent().matches("GET ").count(), 1);
    line.tell(Input::Get(get(3, 0..1)));
    assert_eq!(line.take(), [too_many(3)]);
    let answer = partial(0..1);
    line.come(&answer[..5000]);
    line.tell(Input::Get(get(4, 0..1)));
    assert_eq!(line.take(), [too_many(4)]);
    line.come(&answer[5000..]);
    assert_eq!((line.take(), line.connection.request()), (all(1, 0..1), None));
}

#[test]
fn what_makes_no_sense_is_refused_as_the_owners_fault() {
    let mut line = Line::new();
    let elsewhere = Get { target: target("http://other/file"), ..get(1, 0..1) };
    for (get, why) in [
        (get(1, 1..1), Refusal::NoSuchPieces),
        (get(1, 3..5), Refusal::NoSuchPieces),
        (elsewhere, Refusal::OtherHost),
    ] {
        assert_eq!(line.ask(get), "");
        assert_eq!(line.take(), [Came::Refused(1, why)]);
        assert!(!why.is_servers_fault());
    }
}

#[test]
fn a_request_that_is_cancelled_before_it_went_out_never_goes_out() {
    let mut line = Line::new();
    line.tell(Input::Get(get(1, 0..4)));
    cancel(&mut line, 1);
    assert_eq!((line.sent(), line.take()), (String::new(), vec![]));
    assert!(line.ask(get(2, 0..1)).starts_with("GET "));
}

#[test]
fn the_rest_of_a_cancelled_answer_is_read_if_it_is_small() {
    let mut line = Line::new();
    line.ask(get(1, 0..2));
    let answer = partial(0..2);
    line.come(&answer[..20_000]);
    assert_eq!(line.take(), all(1, 0..1)[..1]);
    cancel(&mut line, 1);
    // The next request waits for the line.
    assert_eq!(line.ask(get(2, 3..4)), "");
    line.come(&answer[20_000..]);
    assert!(line.sent().contains("Range: bytes=49152-"));
    line.come(&partial(3..4));
    assert_eq!((line.take(), line.ended), (all(2, 3..4), None));
}

#[test]
fn a_request_that_is_cancelled_before_its_head_came_is_read_past() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    cancel(&mut line, 1);
    cancel(&mut line, 1);
    line.tell(Input::Get(get(2, 0..1)));
    line.come(&partial(0..1));
    assert_eq!(line.take(), []);
    assert!(line.sent().starts_with("GET "));
    line.come(&partial(0..1));
    assert_eq!(line.take(), all(2, 0..1));
}

#[test]
fn a_long_rest_ends_the_connection() {
    let mut limits = Limits::DEFAULT;
    limits.drain = 20_000;
    let mut line = Line::with(limits);
    line.ask(get(1, 0..4));
    cancel(&mut line, 1);
    assert_eq!(line.ended, Some(CdnError::Abandoned));
    let mut line = Line::with(limits);
    line.ask(get(1, 0..4));
    line.come(&partial(0..4)[..10_000]);
    cancel(&mut line, 1);
    assert_eq!(line.ended, Some(CdnError::Abandoned));
    assert!(!CdnError::Abandoned.is_servers_fault());
}

#[test]
fn a_late_cancellation_means_nothing() {
    let mut line = Line::new();
    cancel(&mut line, 1);
    line.ask(get(1, 0..1));
    cancel(&mut line, 7);
    line.come(&partial(0..1));
    cancel(&mut line, 1);
    assert_eq!((line.take(), line.ended), (all(1, 0..1), None));
}

#[test]
fn how_a_connection_ended_tells_whose_fault_it_was() {
    // Nothing asked.
    let mut line = Line::new();
    line.eof();
    assert_eq!(line.ended, Some(CdnError::Closed));
    // A server that hangs up on the first request.
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.eof();
    assert_eq!(line.ended, Some(CdnError::Cut));
    // A kept connection that the server closed at the same moment.
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&partial(0..1));
    line.ask(get(2, 0..1));
    line.eof();
    assert_eq!(line.ended, Some(CdnError::Stale));
    assert!(!CdnError::Stale.is_servers_fault());
    // In the middle of a head, and of a body.
    for at in [10, 10_000] {
        let mut line = Line::new();
        line.ask(get(1, 0..1));
        line.come(&partial(0..1)[..at]);
        line.eof();
        assert_eq!(line.ended, Some(CdnError::Cut));
        assert!(CdnError::Cut.is_servers_fault());
    }
}

#[test]
fn an_owner_without_room_stops_the_reading_and_loses_nothing() {
    use spotproto::{ByteMachine, Machine};
    let mut limits = Limits::DEFAULT;
    limits.outputs = 1;
    let mut line = Line::with(limits);
    line.ask(get(1, 0..4));
    let mut wire = partial(0..4);
    let used = line.connection.handle_bytes(line.now, &mut wire).unwrap();
    assert_eq!(used, wire.len() - LENGTH + bytes_of(0..1).len());
    assert!(!line.connection.wants_input());
    assert_eq!(line.connection.handle_bytes(line.now, &mut wire[used..]), Ok(0));
    line.come(&wire[used..]);
    assert_eq!(line.take(), all(1, 0..4));
    // An input that was not wanted ends it.
    let mut line = Line::with(limits);
    let now = line.now;
    line.connection.handle_input(now, Input::Get(get(2, 1..1))).unwrap();
    let told = line.connection.handle_input(now, Input::Get(get(3, 1..1)));
    assert_eq!(told, Err(CdnError::Misuse));
}
