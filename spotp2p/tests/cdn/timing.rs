//! Servers that are slow, silent, or trickle.

use super::line::{Line, all, get, partial};
use core::time::Duration;
use spotp2p::cdn::{CdnError, Limits, Wait};
use spotproto::{ByteMachine, Machine};

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: Limits = Limits::DEFAULT;

#[test]
fn a_head_that_trickles_is_given_up_at_its_deadline() {
    let mut line = Line::new();
    line.wait(5 * SECOND);
    line.ask(get(1, 0..1));
    for byte in &partial(0..1)[..14] {
        line.wait(SECOND);
        line.come(&[*byte]);
    }
    assert_eq!(line.ended, None);
    line.wait(SECOND);
    assert_eq!(line.ended, Some(CdnError::TimedOut(Wait::Answer)));
    assert!(CdnError::TimedOut(Wait::Answer).is_servers_fault());
}

#[test]
fn a_silent_body_is_given_up() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&partial(0..1)[..1000]);
    line.wait(LIMITS.silence - SECOND);
    line.come(&partial(0..1)[1000..1001]);
    line.wait(LIMITS.silence - SECOND);
    assert_eq!(line.ended, None);
    line.wait(SECOND);
    assert_eq!(line.ended, Some(CdnError::TimedOut(Wait::Silence)));
}

#[test]
fn a_body_that_trickles_is_given_up_however_often_a_byte_comes() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    let answer = partial(0..1);
    line.come(&answer[..200]);
    for byte in &answer[200..219] {
        line.wait(SECOND);
        line.come(&[*byte]);
    }
    assert_eq!(line.ended, None);
    line.wait(SECOND);
    assert_eq!(line.ended, Some(CdnError::TimedOut(Wait::Trickle)));
}

#[test]
fn a_slow_body_that_moves_is_waited_for() {
    let mut line = Line::new();
    line.ask(get(1, 0..4));
    for part in partial(0..4).chunks(10_000) {
        line.come(part);
        line.wait(9 * SECOND);
    }
    assert_eq!((line.take(), line.ended), (all(1, 0..4), None));
}

#[test]
fn an_owner_that_takes_nothing_is_not_the_servers_fault() {
    let mut line = Line::new();
    line.ask(get(1, 0..2));
    let mut wire = partial(0..2);
    wire.truncate(20_000);
    assert_eq!(line.connection.handle_bytes(line.now, &mut wire), Ok(20_000));
    for _ in 0..10 {
        line.now = line.now + LIMITS.trickle;
        line.connection.handle_timeout(line.now).unwrap();
        assert!(line.connection.poll_timeout() > Some(line.now));
    }
    assert_eq!(line.connection.poll_output().map(Into::into), all(1, 0..1).into_iter().next());
}

#[test]
fn an_idle_connection_is_ended() {
    let mut line = Line::new();
    line.wait(LIMITS.idle - SECOND);
    assert_eq!(line.ended, None);
    line.ask(get(1, 0..1));
    line.wait(SECOND);
    line.come(&partial(0..1));
    line.wait(LIMITS.idle - SECOND);
    assert_eq!(line.ended, None);
    line.wait(SECOND);
    assert_eq!((line.ended, line.take()), (Some(CdnError::Idle), all(1, 0..1)));
    assert!(!CdnError::Idle.is_servers_fault());
}

#[test]
fn a_jump_of_any_length_settles() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&partial(0..1)[..1000]);
    line.wait(Duration::from_secs(1 << 40));
    assert_eq!(line.ended, Some(CdnError::TimedOut(Wait::Silence)));
}
