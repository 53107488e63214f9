//! Records to frames to messages.

use super::{Output, Session};
use crate::codec::{CodecError, Reader};
use crate::crypto::{Crypto, TAG_LEN};
use crate::error::{CloseCode, PeerFault, SessionError};
use crate::frame::{Frame, kind};
use crate::message::{self, Message};
use crate::time::Instant;
use core::time::Duration;

impl<C: Crypto> Session<C> {
    /// Takes whole units from the front of `wire` while there is room for what they say.
    pub(super) fn receive(&mut self, now: Instant, wire: &mut [u8]) -> Result<usize, SessionError> {
        let mut taken = 0;
        while self.outbox.has_room() {
            let rest = wire.get_mut(taken..).unwrap_or_default();
            let unit = if self.shake.is_some() {
                self.shake_receive(now, rest)?
            } else {
                self.receive_record(now, rest)?
            };
            match unit {
                Some(length) => taken += length,
                None => break,
            }
        }
        if taken > 0 {
            self.stats.bytes_received += taken as u64;
            self.heard(now);
            self.watch_for_trickle(now, false);
        }
        self.watch_for_trickle(now, taken < wire.len() && self.outbox.has_room());
        self.watch_for_stall(now);
        Ok(taken)
    }

    fn receive_record(&mut self, now: Instant, wire: &mut [u8]) -> Result<Option<usize>, SessionError> {
        let Some(opener) = self.opener.as_mut() else { return Ok(None) };
        let Some(plain) = opener.open(wire)? else { return Ok(None) };
        let length = plain.end + TAG_LEN;
        self.stats.records_received += 1;
        if !self.confirmed {
            self.confirmed = true;
            self.timers.clear(super::liveness::Timer::Handshake);
            self.outbox.push(Output::Confirmed);
        }
        let mut frames = Reader::new(wire.get(plain).unwrap_or_default());
        let mut rekey = false;
        while !frames.is_empty() {
            let frame = Frame::read(&mut frames)?;
            rekey |= frame.kind == kind::REKEY;
            self.receive_frame(now, &frame)?;
        }
        if let (true, Some(opener)) = (rekey, self.opener.as_mut()) {
            opener.rekey();
        }
        Ok(Some(length))
    }

    /// One frame, from a record or from the first handshake message.
    pub(super) fn receive_frame(&mut self, now: Instant, frame: &Frame<'_>) -> Result<(), SessionError> {
        match frame.kind {
            kind::PIECE | kind::REST => self.receive_fragment(frame),
            kind::PING => {
                self.owed.pong = Some(Reader::new(frame.body).array()?);
                Ok(())
            }
            kind::PONG => {
                let sent = Instant::from_micros(Reader::new(frame.body).u64()?);
                if sent <= now && self.owed.ping_out == Some(sent) {
                    self.owed.ping_out = None;
                    self.outbox.push(Output::RoundTrip(now.since(sent).max(Duration::from_micros(1))));
                }
                Ok(())
            }
            kind::REKEY => Ok(()),
            kind::CLOSE => {
                let code = CloseCode::from_number(Reader::new(frame.body).u8()?);
                Err(SessionError::Closed { code, by_peer: true })
            }
            _ => self.receive_message(frame),
        }
    }

    fn receive_message(&mut self, frame: &Frame<'_>) -> Result<(), SessionError> {
        let Some(message) = message::decode(frame)? else {
            if frame.kind & kind::OPTIONAL == 0 {
                return Err(PeerFault::UnknownFrame(frame.kind).into());
            }
            self.stats.frames_skipped += 1;
            return Ok(());
        };
        if let Some((urgency, pieces)) = message.request() {
            self.answering.begin(frame.channel, urgency, pieces, &self.limits)?;
        }
        let wanted = match &message {
            Message::End { channel } => {
                let expected = self.asking.expects(*channel)?;
                self.asking.complete(*channel)?;
                expected
            }
            Message::Refuse { channel, .. } => {
                let expected = self.asking.expects(*channel)?;
                self.asking.end(*channel);
                expected
            }
            Message::Abort { channel } => self.answering.abort(*channel),
            header if header.is_header() => self.asking.expects(frame.channel)?,
            _ => true,
        };
        if wanted {
            self.outbox.push(Output::Message(message));
        } else {
            self.stats.late_frames += 1;
        }
        Ok(())
    }

    fn receive_fragment(&mut self, frame: &Frame<'_>) -> Result<(), SessionError> {
        let channel = frame.channel;
        if !self.asking.expects(channel)? {
            self.stats.late_frames += 1;
            return Ok(());
        }
        let whole = if frame.kind == kind::PIECE {
            self.asking.first_fragment(channel, frame.body)?
        } else {
            if frame.body.is_empty() {
                return Err(PeerFault::Malformed(CodecError::Truncated).into());
            }
            self.asking.next_fragment(channel, frame.body)?
        };
        if let Some((index, data)) = whole {
            self.stats.pieces_received += 1;
            self.outbox.push(Output::Message(Message::Piece { channel, index, data }));
        }
        Ok(())
    }
}
