//! Messages to frames to records, as late as possible.

use super::{Output, Session, UNCONFIRMED_BYTES};
use crate::crypto::Crypto;
use crate::error::{CloseCode, SessionError};
use crate::frame::{self, kind};
use crate::message::{self, Channel, Message, WireMessage};
use crate::mux::{Ending, Put};
use crate::record::{MAX_PLAINTEXT, OVERHEAD, Sealer};
use crate::time::Instant;
use bytes::{BufMut, BytesMut};

use super::liveness::Timer;

/// Smallest record body that is begun for the sake of a caller's limit; and the longest rest of a piece that goes out
/// beyond that limit, since a record of its own would cost more than its bytes.
const MIN_BODY: usize = 512;

/// Small messages for which an empty queue keeps its memory.
const KEPT_CONTROL: usize = 4;

/// Most plaintext of a record before the initiator is confirmed.
const FIRST_RECORDS: usize = 8 * 1024;

/// Data after which a record may end with a piece: below it, short pieces share one.
const FULL_ENOUGH: usize = 64;

/// Most bytes that are sent before the initiator is confirmed, of those that the replay rule allows: what TCP's first
/// window carries, ten segments (RFC 6928), of 1,428 bytes on Ethernet with IPv6 and time stamps. More could leave no
/// earlier than the first acknowledgement comes, and the confirmation comes right behind that; it would leave as a short
/// packet, and short packets cost a place in the next window.
const FIRST_FLIGHT: usize = 10 * 1428;

/// Room kept for a close record under the replay rule.
const LAST_WORD: usize = OVERHEAD + 8;

const _: () = assert!(FIRST_FLIGHT + LAST_WORD <= UNCONFIRMED_BYTES);

/// What is owed to the other side beside messages: state and not queue entries, so that ten pings cost one pong.
#[derive(Debug, Default)]
pub(super) struct Owed {
    /// The echo of the latest ping.
    pub(super) pong: Option<[u8; 8]>,
    /// A ping is due.
    pub(super) ping: bool,
    /// The ping that is under way, named by when it left.
    pub(super) ping_out: Option<Instant>,
    /// The application closed.
    pub(super) close: Option<CloseCode>,
    /// The session ended by an error that the other side has not been told.
    pub(super) last_word: bool,
    /// Since when the sending key is in use.
    pub(super) key_since: Option<Instant>,
}

impl<C: Crypto> Session<C> {
    pub(super) fn transmit(
        &mut self,
        now: Instant,
        wire: &mut BytesMut,
        limit: usize,
    ) -> Result<(), SessionError> {
        if self.ended.is_some() {
            return self.put_last_word(wire);
        }
        let before = wire.len();
        if self.holds_answer() {
            return Ok(());
        }
        // All that an unconfirmed initiator is sent goes out in one flush: there is nothing yet that could be more urgent,
        // and every short packet would cost a place in TCP's first window.
        let limit = if self.confirmed { limit } else { limit.max(FIRST_FLIGHT) };
        if self.shake.is_some() {
            self.timers.clear(Timer::Answer);
            self.shake_transmit(now, wire)?;
        }
        while wire.len() < limit && self.put_record(now, wire, limit)? {}
        if wire.len() > before {
            self.drained(now);
        }
        Ok(())
    }

    /// Whether the responder's first message waits a moment for the answer to an early request, to share its packets.
    fn holds_answer(&self) -> bool {
        self.timers.get(Timer::Answer).is_some() && self.answering.is_busy() && !self.answering.has_data()
    }

    /// Whether anything waits for the line.
    pub(super) fn has_data(&self) -> bool {
        !self.control.is_empty()
            || self.answering.has_data()
            || self.owed.ping
            || self.owed.pong.is_some()
            || self.owed.close.is_some()
    }

    /// Appends one record, or nothing.
    fn put_record(&mut self, now: Instant, wire: &mut BytesMut, limit: usize) -> Result<bool, SessionError> {
        if self.sealer.is_none() || !self.has_data() || self.timers.get(Timer::Closed).is_some() {
            return Ok(false);
        }
        let asked = limit.saturating_sub(wire.len() + OVERHEAD).clamp(MIN_BODY, MAX_PLAINTEXT);
        let allowed = if self.confirmed {
            asked
        } else {
            // Short records, so that what the first packets bring can be used before the last ones are here.
            asked.min(FIRST_RECORDS).min(FIRST_FLIGHT.saturating_sub(self.unconfirmed + OVERHEAD))
        };
        // Once a flush, for all of it: to grow with every record would copy what is sealed already. A ping alone takes
        // what it needs.
        let waiting = self.answering.queued() * (MAX_PLAINTEXT + OVERHEAD);
        wire.reserve(waiting.min(limit.saturating_sub(wire.len())));
        let start = Sealer::<C>::begin(wire);
        let rekey = self.put_frames(now, wire, start + allowed);
        if wire.len() == start {
            wire.truncate(start - 2);
            return Ok(false);
        }
        if let Some(sealer) = self.sealer.as_mut() {
            sealer.finish(wire, start)?;
            if rekey {
                sealer.rekey();
                self.owed.key_since = Some(now);
            }
        }
        self.stats.records_sent += 1;
        if !self.confirmed {
            self.unconfirmed += wire.len() - start + 2;
        }
        Ok(true)
    }

    /// Fills a record up to `end`: control, then data by urgency, then the close. `true` if the key changes after it.
    fn put_frames(&mut self, now: Instant, wire: &mut BytesMut, end: usize) -> bool {
        let start = wire.len();
        if end.saturating_sub(start) < 64 {
            return false;
        }
        // The caller's limit may be shorter than one message; the replay rule's may not be passed.
        let hard_end = if self.confirmed { start + MAX_PLAINTEXT } else { end };
        if let Some(echo) = self.owed.pong.take() {
            frame::put(wire, kind::PONG, 0, &echo);
        }
        if core::mem::take(&mut self.owed.ping) {
            frame::put(wire, kind::PING, 0, &now.micros().to_be_bytes());
            self.owed.ping_out = Some(now);
        }
        let rekey = self.owed.key_since.is_some_and(|since| now.since(since) >= self.limits.rekey_after);
        if rekey {
            frame::put(wire, kind::REKEY, 0, &[]);
        }
        self.put_control(wire, end, hard_end);
        if self.control.is_empty() {
            // What waits may be the header of the very answer whose pieces would overtake it.
            self.put_data(wire, end, hard_end);
        }
        let all_said = self.control.is_empty() && !self.answering.has_data();
        if let Some(code) = self.owed.close.filter(|_| all_said && wire.len() + 8 <= end) {
            frame::put(wire, kind::CLOSE, 0, &[code as u8]);
            self.timers.set(Timer::Closed, now);
        }
        rekey
    }

    /// Appends small messages in order, as many as fit below `end`, or one that fits below `hard_end`.
    pub(super) fn put_control(&mut self, wire: &mut BytesMut, end: usize, hard_end: usize) {
        let start = wire.len();
        while let Some(message) = self.control.front() {
            let before = wire.len();
            message::encode(message, wire);
            let fits = wire.len() <= end || (before == start && wire.len() <= hard_end);
            if !fits {
                wire.truncate(before);
                return;
            }
            self.control.pop_front();
        }
        self.control.shrink_to(KEPT_CONTROL);
    }

    /// Appends pieces and their proofs, as much as fits below `end`, or one proof that fits below `hard_end`.
    fn put_data(&mut self, wire: &mut BytesMut, end: usize, hard_end: usize) {
        let start = wire.len();
        loop {
            let tail = self.answering.tail(self.limits.frame).filter(|tail| *tail <= MIN_BODY);
            let tail_end = tail.map_or(0, |tail| wire.len() + tail);
            let end = if tail_end <= hard_end { end.max(tail_end) } else { end };
            let room = end.saturating_sub(wire.len());
            let most = if wire.len() == start { hard_end.saturating_sub(start) } else { room };
            match self.answering.put_part(wire, self.limits.frame, room, most) {
                Put::Nothing | Put::NoRoom => return,
                Put::Part => {}
                Put::Proof { channel, ending } => self.put_ending(wire, channel, ending, hard_end),
                Put::Whole { channel, index, ending } => {
                    self.stats.pieces_sent += 1;
                    self.outbox.push(Output::Sent { channel, index });
                    self.put_ending(wire, channel, ending, hard_end);
                    // A record opens when all of it is here: the end of a piece must not wait for the next one's
                    // beginning. Measured at 10 Mbit/s, that is 6 ms of every start.
                    if wire.len() - start >= FULL_ENOUGH {
                        return;
                    }
                }
            }
        }
    }

    /// The end of an answer goes with its last part, if there is room at all.
    fn put_ending(&mut self, wire: &mut BytesMut, channel: Channel, ending: Option<Ending>, hard_end: usize) {
        if let Some(ending) = ending {
            self.control.push_back(ending.message(channel));
            self.put_control(wire, hard_end, hard_end);
        }
    }

    /// Tells the other side why, once: in a record if there are keys, in one clear byte if there are none yet.
    fn put_last_word(&mut self, wire: &mut BytesMut) -> Result<(), SessionError> {
        let Some(error) = self.ended.filter(|_| core::mem::take(&mut self.owed.last_word)) else {
            return Ok(());
        };
        if let Some(sealer) = self.sealer.as_mut() {
            let start = Sealer::<C>::begin(wire);
            frame::put(wire, kind::CLOSE, 0, &[error.close_code() as u8]);
            sealer.finish(wire, start)?;
        } else if let SessionError::Refusing(why) = error {
            wire.put_u8(why as u8);
        }
        Ok(())
    }
}

impl Ending {
    const fn message(self, channel: u32) -> WireMessage {
        match self {
            Self::End => Message::End { channel },
            Self::Refuse(why) => Message::Refuse { channel, why },
        }
    }
}

/// How a message ends an answer, if it does.
pub(super) const fn ending_of(message: &WireMessage) -> Option<Ending> {
    match message {
        Message::End { .. } => Some(Ending::End),
        Message::Refuse { why, .. } => Some(Ending::Refuse(*why)),
        _ => None,
    }
}
