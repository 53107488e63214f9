//! The one connection to the access point: its number, its flow, and when to try it again.

use crate::SessionId;
use crate::flow::Flow;
use crate::reach::{Backoff, BackoffConfig, BackoffInput};
use alloc::collections::BTreeMap;
use core::time::Duration;
use spotproto::error::Refused;
use spotproto::message::{Channel, Urgency};
use spotproto::{CloseCode, Instant, Machine, Seed, SessionError};

/// The connection to the access point.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) session: Option<SessionId>,
    pub(super) flow: Flow,
    backoff: Backoff,
    next_channel: Channel,
    /// What each open request is for.
    channels: BTreeMap<Channel, Urgency>,
    /// Whether the access point answered the log-in.
    pub(super) logged_in: bool,
    /// It was busy: nothing is asked until then.
    pub(super) busy_until: Option<Instant>,
}

impl Server {
    pub(super) fn new(now: Instant, seed: &Seed) -> Self {
        Self {
            session: None,
            flow: Flow::new(now),
            backoff: Backoff::new(BackoffConfig::default(), seed),
            next_channel: 0,
            channels: BTreeMap::new(),
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
        self.flow = Flow::new(now);
        self.next_channel = 0;
        self.channels.clear();
        self.logged_in = false;
        self.busy_until = None;
    }

    /// Pieces that may be asked for now.
    pub(super) fn room(&self) -> u32 {
        self.flow.window().saturating_sub(self.flow.in_flight())
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
    pub(super) fn channel(&mut self, class: Urgency) -> Channel {
        self.next_channel += 1;
        self.channels.insert(self.next_channel, class);
        self.next_channel
    }

    /// What a request is for, while it is open.
    pub(super) fn class(&self, channel: Channel) -> Option<Urgency> {
        self.channels.get(&channel).copied()
    }

    /// A request is over; what it was for.
    pub(super) fn closed(&mut self, channel: Channel) -> Option<Urgency> {
        self.channels.remove(&channel)
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
