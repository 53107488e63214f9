//! One connection as one machine: handshake, records, frames, requests, keep-alive, close.

mod handshake;
mod liveness;
mod receive;
mod transmit;

use crate::crypto::{Crypto, KeyPair, PublicKey, RustCrypto, SecretKey};
use crate::error::{CloseCode, Misuse, Refused, SessionError};
use crate::machine::{ByteMachine, Machine};
use crate::message::{self, Channel, Message, WireMessage};
use crate::mux::{Answering, Asking};
use crate::noise::{NoiseError, Pattern, Role};
use crate::preamble::LinkId;
use crate::record::{Opener, Sealer};
use crate::stats::Stats;
use crate::time::Instant;
use crate::timers::Timers;
use crate::{Limits, Outbox};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use bytes::BytesMut;
use core::time::Duration;
use handshake::Shake;
use liveness::Timer;
use transmit::Owed;

/// Most bytes that a responder sends before the initiator's first record opens: until then, all that it has may be a
/// replay (docs/protocol.md, "Replay rule"), and the answer to a replay is wasted on whoever sent it.
pub const UNCONFIRMED_BYTES: usize = 16 * 1024;

/// What a session is made of. Keys are inputs: machines have no entropy.
#[derive(Debug)]
pub struct Setup {
    /// Given by the caller (for brokered links, by the broker) and never taken from who dialled.
    pub role: Role,
    /// Whether this side opened the connection: then its preamble goes first.
    pub dialled: bool,
    /// Which link this is.
    pub link: LinkId,
    /// This side's static key.
    pub identity: KeyPair,
    /// A fresh secret, used for this one session.
    pub ephemeral: SecretKey,
    /// The other side's static key, if it is known: then the pattern is IK and the first message may carry requests;
    /// without it the pattern is XX. For a responder it is the only key admitted.
    pub remote: Option<PublicKey>,
    /// The bounds.
    pub limits: Limits,
}

/// What the owner tells a session.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// Send this. Messages given to an initiator before its first flush ride in the first handshake message, where a
    /// replay is possible: the responder answers them without changing any state.
    Send(WireMessage),
    /// Send what is queued, say why, and end. A responder that has said nothing yet refuses with [`Refused::Busy`] instead
    /// of [`CloseCode::Limit`], for which it has no keys.
    Close(CloseCode),
}

/// What a session tells its owner. A closed list, so that no owner forgets one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// The handshake tells who the other side is.
    Established {
        /// Its static key.
        peer: PublicKey,
        /// `false` while all that came may be a replay: change no state until [`Output::Confirmed`].
        confirmed: bool,
    },
    /// The other side is live: the first record under the fresh keys opened.
    Confirmed,
    /// A message came.
    Message(WireMessage),
    /// The last byte of a piece went out: there is room for another.
    Sent {
        /// The request's channel.
        channel: Channel,
        /// The piece.
        index: u32,
    },
    /// A round trip was measured.
    RoundTrip(Duration),
}

/// One connection between a client and an access point, or between two peers.
///
/// A [`ByteMachine`]: bytes in and out, messages in and out, time told. See the crate's front page for the loop.
#[derive(Debug)]
pub struct Session<C: Crypto = RustCrypto> {
    limits: Limits,
    timers: Timers<{ Timer::COUNT }>,
    /// Present until the handshake is over.
    shake: Option<Box<Shake<C>>>,
    sealer: Option<Sealer<C>>,
    opener: Option<Opener<C>>,
    /// Whether the other side is known to be live; see [`UNCONFIRMED_BYTES`].
    confirmed: bool,
    /// Bytes sent while unconfirmed.
    unconfirmed: usize,
    asking: Asking,
    answering: Answering,
    /// Small messages to send, in order.
    control: VecDeque<WireMessage>,
    owed: Owed,
    outbox: Outbox<Output>,
    ended: Option<SessionError>,
    stats: Stats,
}

impl<C: Crypto> Session<C> {
    /// A session over a connection that was opened at `now`.
    ///
    /// # Errors
    /// If the setup's keys can't be used.
    pub fn new(now: Instant, setup: Setup) -> Result<Self, NoiseError> {
        let limits = setup.limits;
        let mut timers = Timers::new();
        timers.set(Timer::Handshake, now + limits.handshake);
        Ok(Self {
            limits,
            timers,
            shake: Some(Box::new(Shake::new(setup)?)),
            sealer: None,
            opener: None,
            confirmed: false,
            unconfirmed: 0,
            asking: Asking::default(),
            answering: Answering::default(),
            control: VecDeque::new(),
            owed: Owed::default(),
            outbox: Outbox::new(limits.outputs),
            ended: None,
            stats: Stats::default(),
        })
    }

    /// Counters since the beginning.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Pieces asked for and not here yet.
    #[must_use]
    pub const fn outstanding(&self) -> u64 {
        self.asking.outstanding()
    }

    fn send(&mut self, message: WireMessage) -> Result<(), SessionError> {
        if self.owed.close.is_some() {
            return Ok(());
        }
        if !message::fits_a_frame(&message) {
            return Err(Misuse::TooLarge.into());
        }
        let limits = &self.limits;
        if let (Some(channel), Some((_, pieces))) = (message.channel(), message.request()) {
            self.asking.begin(channel, pieces, limits)?;
        }
        match message {
            Message::Piece { channel, index, data } => {
                self.answering.queue(channel, index, data, limits)?;
                Ok(())
            }
            Message::End { .. } | Message::Refuse { .. } => self.send_ending(message),
            Message::Leaves { channel, .. } => {
                self.check_room()?;
                Ok(self.answering.queue_proof(channel, message)?)
            }
            Message::Abort { channel } => self.send_abort(channel),
            _ => match message.channel().filter(|_| message.is_header()) {
                Some(channel) if !self.answering.is_open(channel)? => Ok(()),
                _ => self.queue_control(message),
            },
        }
    }

    fn send_ending(&mut self, message: WireMessage) -> Result<(), SessionError> {
        let (Some(channel), Some(ending)) = (message.channel(), transmit::ending_of(&message)) else {
            return Ok(());
        };
        match self.answering.end(channel, ending)? {
            Some(_) => self.queue_control(message),
            None => Ok(()),
        }
    }

    /// A request that has not gone out yet is withdrawn without a trace; one that has is aborted.
    fn send_abort(&mut self, channel: Channel) -> Result<(), SessionError> {
        if !self.asking.end(channel) {
            return Ok(());
        }
        let queued = self.control.iter().position(|m| m.request().is_some() && m.channel() == Some(channel));
        match queued {
            Some(place) => {
                self.control.remove(place);
                Ok(())
            }
            None => self.queue_control(Message::Abort { channel }),
        }
    }

    fn queue_control(&mut self, message: WireMessage) -> Result<(), SessionError> {
        self.check_room()?;
        self.control.push_back(message);
        Ok(())
    }

    /// Whether one more small message may be queued, wherever it has its place.
    fn check_room(&self) -> Result<(), Misuse> {
        let queued = self.control.len() + self.answering.proofs();
        if queued < self.limits.control { Ok(()) } else { Err(Misuse::NoRoom) }
    }

    /// Remembers why the session ended; every later call answers the same.
    fn end(&mut self, error: SessionError) -> SessionError {
        if self.ended.is_none() {
            self.ended = Some(error);
            self.owed.last_word =
                !matches!(error, SessionError::Lost | SessionError::Refused(_) | SessionError::Closed { .. });
            self.timers.clear_all();
            self.asking.end_all();
            self.control = VecDeque::new();
        }
        error
    }

    /// What every call but those for output begins with; who is told that it is over need not be woken to hear it.
    fn check(&mut self) -> Result<(), SessionError> {
        let Some(error) = self.ended else { return Ok(()) };
        self.timers.clear_all();
        Err(error)
    }
}

impl<C: Crypto> Machine for Session<C> {
    type Input = Input;
    type Output = Output;
    type Error = SessionError;

    fn handle_input(&mut self, now: Instant, input: Input) -> Result<(), SessionError> {
        self.check()?;
        match input {
            Input::Send(message) => self.send(message),
            // Whom there is no room for may know it before the handshake, in the clear.
            Input::Close(CloseCode::Limit) if self.can_refuse() => Err(SessionError::Refusing(Refused::Busy)),
            Input::Close(code) => {
                self.owed.close.get_or_insert(code);
                if self.sealer.is_none() {
                    // Without keys there is no way to say goodbye.
                    self.timers.set(Timer::Closed, now);
                }
                Ok(())
            }
        }
        .map_err(|error| self.end(error))?;
        self.watch_for_stall(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), SessionError> {
        self.check()?;
        self.fire(now).map_err(|error| self.end(error))
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outbox.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn wants_input(&self) -> bool {
        self.outbox.has_room()
    }
}

impl<C: Crypto> ByteMachine for Session<C> {
    fn handle_bytes(&mut self, now: Instant, wire: &mut [u8]) -> Result<usize, SessionError> {
        self.check()?;
        self.receive(now, wire).map_err(|error| self.end(error))
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), SessionError> {
        self.check()?;
        Err(self.end(SessionError::Lost))
    }

    fn poll_transmit(&mut self, now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
        let before = wire.len();
        if let Err(error) = self.transmit(now, wire, limit) {
            wire.truncate(before);
            self.end(error);
            // This call has no way to say so: the next timeout does, at once.
            self.timers.set(Timer::Closed, now);
        }
        self.stats.bytes_sent += (wire.len() - before) as u64;
        wire.len() > before
    }
}

/// The pattern that a setup leads to.
fn pattern_of(remote: Option<PublicKey>) -> Pattern {
    if remote.is_some() { Pattern::Ik } else { Pattern::Xx }
}
