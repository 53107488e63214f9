//! Preamble and Noise messages, until both sides hold keys.

use super::liveness::Timer;
use super::{Output, Session, Setup, pattern_of};
use crate::crypto::{Crypto, KeyPair, PublicKey, SecretKey};
use crate::error::{PeerFault, Refused, SessionError};
use crate::frame::Frame;
use crate::noise::{Handshake, Misuse as NoiseMisuse, NoiseError, Pattern, Role};
use crate::preamble::{LinkId, PREAMBLE_LEN, Preamble};
use crate::record::{Opener, Sealer};
use crate::time::Instant;
use bytes::{BufMut, BytesMut};
use core::ops::Range;

/// Most bytes of early payload in the first message; what doesn't fit follows in the first record.
const MAX_EARLY: usize = 4 * 1024;

/// Most bytes of a handshake message.
const MAX_MESSAGE: usize = MAX_EARLY + 256;

/// First byte of the responder's answer when it goes on; otherwise it is a [`Refused`].
const ACCEPTED: u8 = 0;

/// A handshake in progress. Boxed by the session and dropped when it is over.
#[derive(Debug)]
pub(super) struct Shake<C: Crypto> {
    role: Role,
    link: LinkId,
    remote: Option<PublicKey>,
    identity: KeyPair,
    /// Taken when the handshake begins.
    ephemeral: Option<SecretKey>,
    noise: Option<Handshake<C>>,
    pattern: Pattern,
    step: Step,
    /// Whether this side's preamble is still to be sent.
    owes_preamble: bool,
    /// When the initiator's first message went out.
    sent_at: Option<Instant>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    /// Wait for the other side's preamble.
    AwaitPreamble,
    /// This side's next message is due.
    Write,
    /// Wait for the responder's byte.
    AwaitVerdict,
    /// Wait for the other side's next message.
    Read,
}

impl<C: Crypto> Shake<C> {
    pub(super) fn new(setup: Setup) -> Result<Self, NoiseError> {
        let mut shake = Self {
            role: setup.role,
            link: setup.link,
            remote: setup.remote,
            identity: setup.identity,
            ephemeral: Some(setup.ephemeral),
            noise: None,
            pattern: pattern_of(setup.remote),
            step: Step::AwaitPreamble,
            owes_preamble: setup.dialled,
            sent_at: None,
        };
        if shake.role == Role::Initiator && setup.dialled {
            shake.begin(shake.pattern)?;
            shake.step = Step::Write;
        }
        Ok(shake)
    }

    fn preamble(&self, pattern: Pattern) -> Preamble {
        Preamble { pattern, role: self.role, link: self.link }
    }

    /// Both preambles are known as far as they matter: the initiator's is the prologue.
    fn begin(&mut self, pattern: Pattern) -> Result<(), NoiseError> {
        let prologue = Preamble { role: Role::Initiator, ..self.preamble(pattern) }.encode_in(C::SUITE);
        let ephemeral = self.ephemeral.take().ok_or(NoiseError::Misuse(NoiseMisuse::OutOfTurn))?;
        let remote = match self.role {
            Role::Initiator => self.remote.as_ref(),
            Role::Responder => None,
        };
        self.pattern = pattern;
        self.noise = Some(Handshake::new(pattern, self.role, &prologue, &self.identity, ephemeral, remote)?);
        Ok(())
    }

    fn take_preamble(&mut self, bytes: &[u8; PREAMBLE_LEN]) -> Result<(), SessionError> {
        let theirs = Preamble::decode_in(C::SUITE, bytes)?;
        if theirs.role == self.role {
            return Err(PeerFault::WrongLink.into());
        }
        if theirs.link != self.link {
            return Err(SessionError::Refusing(Refused::UnknownLink));
        }
        match self.role {
            Role::Responder => {
                self.begin(theirs.pattern).map_err(PeerFault::Handshake)?;
                self.step = Step::Read;
            }
            Role::Initiator => {
                self.begin(self.pattern).map_err(PeerFault::Handshake)?;
                self.owes_preamble = true;
                self.step = Step::Write;
            }
        }
        Ok(())
    }

    /// Opens the next message of the other side: where its payload lies.
    fn open_message(&mut self, message: &mut [u8]) -> Result<Range<usize>, SessionError> {
        let noise = self.noise.as_mut().ok_or(PeerFault::BadPreamble)?;
        noise.read_message(message).map_err(|error| match (self.role, error) {
            (Role::Responder, NoiseError::Decrypt) if self.remote.is_none() && self.is_ik() => {
                SessionError::Refusing(Refused::WrongKey)
            }
            (_, error) => PeerFault::Handshake(error).into(),
        })
    }

    fn is_ik(&self) -> bool {
        self.pattern == Pattern::Ik
    }
}

impl<C: Crypto> Session<C> {
    /// Whether this side is a responder that has said nothing yet but its preamble, if it owed one: the next byte from it
    /// is the verdict.
    pub(super) fn can_refuse(&self) -> bool {
        let waits = |shake: &Shake<C>| shake.role == Role::Responder && !shake.owes_preamble;
        self.unconfirmed == 0 && self.shake.as_deref().is_some_and(waits)
    }

    /// Takes one unit of the handshake from the front of `wire`; `None` if it is incomplete.
    pub(super) fn shake_receive(
        &mut self,
        now: Instant,
        wire: &mut [u8],
    ) -> Result<Option<usize>, SessionError> {
        let Some(shake) = self.shake.as_mut() else { return Ok(None) };
        match shake.step {
            Step::AwaitPreamble => {
                let Some(bytes) = wire.first_chunk::<PREAMBLE_LEN>() else { return Ok(None) };
                shake.take_preamble(bytes)?;
                Ok(Some(PREAMBLE_LEN))
            }
            Step::AwaitVerdict => {
                let Some(verdict) = wire.first() else { return Ok(None) };
                if *verdict != ACCEPTED {
                    let refused = Refused::from_number(*verdict).ok_or(PeerFault::BadPreamble)?;
                    return Err(SessionError::Refused(refused));
                }
                shake.step = Step::Read;
                Ok(Some(1))
            }
            Step::Read => self.shake_read(now, wire),
            // Nothing is due from the other side before this side has spoken: leave it for later.
            Step::Write => Ok(None),
        }
    }

    fn shake_read(&mut self, now: Instant, wire: &mut [u8]) -> Result<Option<usize>, SessionError> {
        let Some(shake) = self.shake.as_mut() else { return Ok(None) };
        let Some((length, rest)) = wire.split_first_chunk_mut::<2>() else { return Ok(None) };
        let length = usize::from(u16::from_be_bytes(*length));
        if length > MAX_MESSAGE {
            return Err(PeerFault::OversizedRecord.into());
        }
        let Some(message) = rest.get_mut(..length) else { return Ok(None) };
        let payload = shake.open_message(message)?;
        let Some(noise) = shake.noise.as_ref() else { return Ok(None) };
        let finished = noise.is_finished();
        let early = shake.role == Role::Responder && shake.is_ik();
        // Known from the start to an IK initiator, which reads one message; learnt from the message just read otherwise.
        if let Some(peer) = noise.remote_static() {
            if shake.remote.is_some_and(|expected| expected != peer) {
                return Err(PeerFault::WrongLink.into());
            }
            self.confirmed = !early;
            self.outbox.push(Output::Established { peer, confirmed: !early });
        }
        if let (Some(sent_at), Role::Initiator) = (shake.sent_at, shake.role) {
            self.outbox.push(Output::RoundTrip(now.since(sent_at)));
        }
        shake.step = Step::Write;
        if finished {
            self.finish_shake(now)?;
        }
        self.receive_early(now, message.get(payload).unwrap_or_default(), early)?;
        if early && self.answering.is_busy() {
            self.timers.set(Timer::Answer, now + self.limits.first_answer);
        }
        Ok(Some(2 + length))
    }

    /// Payloads are for early requests; anywhere else they must be empty.
    fn receive_early(&mut self, now: Instant, payload: &[u8], early: bool) -> Result<(), SessionError> {
        if !early && !payload.is_empty() {
            return Err(PeerFault::Handshake(NoiseError::Malformed).into());
        }
        let mut frames = crate::codec::Reader::new(payload);
        while !frames.is_empty() {
            let frame = Frame::read(&mut frames)?;
            self.receive_frame(now, &frame)?;
        }
        Ok(())
    }

    /// Appends this side's next unit of the handshake, if one is due.
    pub(super) fn shake_transmit(&mut self, now: Instant, wire: &mut BytesMut) -> Result<(), SessionError> {
        let Some(shake) = self.shake.as_mut() else { return Ok(()) };
        if core::mem::take(&mut shake.owes_preamble) {
            wire.put_slice(&shake.preamble(shake.pattern).encode_in(C::SUITE));
        }
        if shake.step != Step::Write {
            return Ok(());
        }
        let first = shake.role == Role::Initiator && shake.sent_at.is_none();
        let ik = shake.is_ik();
        let mut payload = BytesMut::new();
        if first && ik {
            self.put_control(&mut payload, MAX_EARLY, MAX_EARLY);
        }
        let Some(shake) = self.shake.as_mut() else { return Ok(()) };
        let Some(noise) = shake.noise.as_mut() else { return Ok(()) };
        let start = wire.len();
        if shake.role == Role::Responder {
            wire.put_u8(ACCEPTED);
        }
        wire.put_u16((payload.len() + noise.message_overhead()) as u16);
        noise.write_message(&payload, wire).map_err(PeerFault::Handshake)?;
        debug_assert!(wire.len() - start <= MAX_MESSAGE + 3);
        shake.step = if first { Step::AwaitVerdict } else { Step::Read };
        shake.sent_at = first.then_some(now);
        if shake.role == Role::Responder {
            self.unconfirmed += wire.len() - start;
        }
        if self.shake.as_ref().is_some_and(|s| s.noise.as_ref().is_some_and(Handshake::is_finished)) {
            self.finish_shake(now)?;
        }
        Ok(())
    }

    fn finish_shake(&mut self, now: Instant) -> Result<(), SessionError> {
        let Some(shake) = self.shake.take() else { return Ok(()) };
        let Some(noise) = shake.noise else { return Ok(()) };
        let (send, receive) = noise.split().map_err(PeerFault::Handshake)?;
        self.sealer = Some(Sealer::new(send));
        self.opener = Some(Opener::new(receive));
        // The responder is waiting to see that this is no replay: an initiator's first record is owed even if there is
        // nothing to say.
        self.owed.ping |= shake.role == Role::Initiator;
        self.owed.key_since = Some(now);
        self.begin_liveness(now);
        Ok(())
    }
}
