//! Two sides that dialled each other at the same moment, and met in one connection.

use bytes::BytesMut;
use spotproto::noise::Role;
use spotproto::preamble::{LinkId, MAGIC, PREAMBLE_LEN, Preamble};
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Instant, Machine, SessionError};

/// A link's session over a connection that may be one of TCP's simultaneous open (RFC 9293 §3.5, figure 8; the rule is in
/// docs/protocol.md, section 2.1).
///
/// Then both sides dialled, and can't tell. Both send their preamble: the responder as a dialler always does, the initiator
/// with its first message behind it. What the initiator reads then begins with a preamble, which no verdict can be mistaken
/// for; it is looked at and passed over. A responder notices nothing.
#[derive(Debug)]
pub struct Crossing {
    session: Session,
    /// Of which link a preamble may come first.
    awaits: Option<LinkId>,
}

impl Crossing {
    /// `awaits` names the link if this side is the initiator and dialled.
    #[must_use]
    pub const fn new(session: Session, awaits: Option<LinkId>) -> Self {
        Self { session, awaits }
    }

    /// Bytes of a preamble to pass over; `None` if more have to come before that is known.
    fn passed_over(&mut self, wire: &[u8]) -> Option<usize> {
        let Some(link) = self.awaits else { return Some(0) };
        if *wire.first()? == MAGIC[0] {
            let theirs = Preamble::decode(wire.first_chunk::<PREAMBLE_LEN>()?);
            self.awaits = None;
            if theirs.is_ok_and(|theirs| theirs.link == link && theirs.role == Role::Responder) {
                return Some(PREAMBLE_LEN);
            }
        }
        // The session judges it.
        self.awaits = None;
        Some(0)
    }
}

impl Machine for Crossing {
    type Input = Input;
    type Output = Output;
    type Error = SessionError;

    fn handle_input(&mut self, now: Instant, input: Input) -> Result<(), SessionError> {
        self.session.handle_input(now, input)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.session.handle_timeout(now)
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.session.poll_output()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    fn wants_input(&self) -> bool {
        self.session.wants_input()
    }
}

impl ByteMachine for Crossing {
    fn handle_bytes(&mut self, now: Instant, wire: &mut [u8]) -> Result<usize, SessionError> {
        match self.passed_over(wire) {
            Some(0) => self.session.handle_bytes(now, wire),
            passed => Ok(passed.unwrap_or(0)),
        }
    }

    fn handle_eof(&mut self, now: Instant) -> Result<(), SessionError> {
        self.session.handle_eof(now)
    }

    fn poll_transmit(&mut self, now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
        self.session.poll_transmit(now, wire, limit)
    }
}
