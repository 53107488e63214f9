//! The one connection to the access point: its number, its flow, and when to try it again.

use crate::SessionId;
use crate::flow::Flow;
use core::time::Duration;
use spotproto::error::Refused;
use spotproto::message::Channel;
use spotproto::{CloseCode, Dice, Instant, SessionError};

/// First wait before a connection is tried again.
const FIRST_RETRY: Duration = Duration::from_millis(500);

/// Longest wait.
const LAST_RETRY: Duration = Duration::from_secs(30);

/// A connection that stood for this long was a good one: the next failure is the first again.
const GOOD: Duration = Duration::from_secs(10);

/// The connection to the access point.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) session: Option<SessionId>,
    pub(super) flow: Flow,
    next_channel: Channel,
    stands_since: Option<Instant>,
    failures: u32,
    /// When the latest open went out.
    pub(super) open_sent: Instant,
}

impl Server {
    pub(super) fn new(now: Instant) -> Self {
        Self { session: None, flow: Flow::new(now), next_channel: 0, stands_since: None, failures: 0, open_sent: now }
    }

    pub(super) fn is(&self, session: SessionId) -> bool {
        self.session == Some(session)
    }

    /// A new connection: nothing is known of its line, channels count from the start.
    pub(super) fn begin(&mut self, now: Instant, session: SessionId) {
        self.session = Some(session);
        self.flow = Flow::new(now);
        self.next_channel = 0;
        self.stands_since = None;
    }

    pub(super) const fn stands(&mut self, now: Instant) {
        self.stands_since = Some(now);
    }

    /// The connection is over; whether it had been a good one.
    pub(super) fn end(&mut self, now: Instant) -> bool {
        self.session = None;
        self.stands_since.take().is_some_and(|since| now.since(since) >= GOOD)
    }

    /// How long to wait: doubles with each failure, spread so that a restarted server is not met by all at once.
    pub(super) fn retry_in(&mut self, dice: &mut Dice, was_good: bool) -> Duration {
        self.failures = if was_good { 0 } else { self.failures.saturating_add(1) };
        let doubled = FIRST_RETRY.saturating_mul(1 << self.failures.min(8));
        dice.jitter(doubled.min(LAST_RETRY))
    }

    /// A log-in succeeded.
    pub(super) const fn logged_in(&mut self) {
        self.failures = 0;
    }

    /// A number for a new request.
    pub(super) const fn channel(&mut self) -> Channel {
        self.next_channel += 1;
        self.next_channel
    }
}

/// Whether trying again would only meet the same answer.
pub(super) const fn is_final(why: &SessionError) -> bool {
    matches!(
        why,
        SessionError::Refused(Refused::WrongKey | Refused::Version | Refused::Suite)
            | SessionError::Closed {
                code: CloseCode::NotAdmitted | CloseCode::Replaced | CloseCode::Protocol,
                by_peer: true
            }
    )
}
