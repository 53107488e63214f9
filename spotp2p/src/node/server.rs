//! The one connection to the access point: its number, what is known of its line, and when to try it again.

use crate::SessionId;
use crate::flow::Flow;
use crate::reach::{Backoff, BackoffConfig, BackoffInput};
use core::time::Duration;
use spotproto::error::Refused;
use spotproto::message::Channel;
use spotproto::{CloseCode, Instant, Machine, Seed, SessionError};

/// The connection to the access point.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) session: Option<SessionId>,
    /// Whether it stands.
    pub(super) connected: bool,
    /// What the plan that asked it last has learnt of its line.
    pub(super) flow: Flow,
    backoff: Backoff,
    next_channel: Channel,
    /// It is to be dialled as soon as it is known what the log-in goes by.
    pub(super) owes_dial: bool,
    /// Whether the access point answered the log-in.
    pub(super) logged_in: bool,
    /// It was busy: nothing is asked until then.
    pub(super) busy_until: Option<Instant>,
}

impl Server {
    pub(super) fn new(now: Instant, seed: &Seed) -> Self {
        Self {
            session: None,
            connected: false,
            flow: Flow::new(now),
            backoff: Backoff::new(BackoffConfig::default(), seed),
            next_channel: 0,
            owes_dial: false,
            logged_in: false,
            busy_until: None,
        }
    }

    pub(super) fn is(&self, session: SessionId) -> bool {
        self.session == Some(session)
    }

    /// A new connection: nothing is known of its line, channels count from the start.
    pub(super) fn begin(&mut self, now: Instant, session: SessionId) {
        self.session = Some(session);
        self.connected = false;
        self.flow = Flow::new(now);
        self.next_channel = 0;
        self.logged_in = false;
        self.busy_until = None;
    }

    /// It is gone.
    pub(super) const fn end(&mut self) -> Option<SessionId> {
        self.connected = false;
        self.logged_in = false;
        self.busy_until = None;
        self.session.take()
    }

    /// Tells the backoff; whether it says to dial now.
    pub(super) fn tell(&mut self, now: Instant, input: BackoffInput) -> bool {
        let Ok(()) = self.backoff.handle_input(now, input);
        self.backoff.poll_output().is_some()
    }

    /// Fires the backoff; whether it says to dial now.
    pub(super) fn fire(&mut self, now: Instant) -> bool {
        let Ok(()) = self.backoff.handle_timeout(now);
        self.backoff.poll_output().is_some()
    }

    /// When the connection is tried again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.backoff.poll_timeout()
    }

    /// Whether it was busy, and may be asked again from now on.
    pub(super) fn may_be_asked_again(&mut self, now: Instant) -> bool {
        self.busy_until.take_if(|until| *until <= now).is_some()
    }

    /// How long until then.
    pub(super) fn retry_in(&self, now: Instant) -> Duration {
        self.retry_at().map_or(Duration::ZERO, |at| at.since(now))
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
