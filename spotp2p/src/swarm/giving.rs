//! Giving to neighbours: what they want, the slots they get, and the pieces that go.

use super::timer::Timer;
use super::uploads::refuse;
use super::{Holds, Output, PeerId, PieceRequest, SlotRefusal, Swarm};
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::{Channel, Refusal, Urgency};

impl<K: Copy + Eq> Swarm<K> {
    /// A neighbour asks for pieces on a channel. Each is answered by [`Output::Read`] as the line and the rate allow, or
    /// all by [`Output::Refuse`].
    pub fn request(&mut self, now: Instant, peer: PeerId, request: PieceRequest<K>) {
        if !self.neighbours.contains(peer) {
            return;
        }
        if self.uploads.request(now, peer, request, &self.config.uploads, &mut self.out) {
            self.pump(now);
            self.arm_slots(now);
        } else {
            self.stats.requests_refused += 1;
            self.tire(now, peer);
        }
    }

    /// A neighbour asked for no piece, but perhaps for proofs. It was answered at once: no slot and no rate bounds that, so it
    /// counts as a message.
    pub fn proved(&mut self, now: Instant, peer: PeerId) {
        self.tire(now, peer);
    }

    /// Whether a neighbour has a slot for a file, so that a request of it would be answered.
    #[must_use]
    pub fn serves(&self, peer: PeerId, file: &K) -> bool {
        self.uploads.serves(peer, file)
    }

    /// A neighbour wants no more of a request.
    pub fn cancelled(&mut self, now: Instant, peer: PeerId, channel: Channel) {
        self.uploads.cancel(peer, channel);
        self.pump(now);
        self.arm_slots(now);
    }

    /// A piece of `bytes` that was read went out on its channel.
    pub fn sent(&mut self, now: Instant, peer: PeerId, channel: Channel, bytes: usize) {
        self.neighbours.sent(now, peer, bytes);
        self.uploads.sent(now, peer, channel, bytes);
        self.pump(now);
        self.arm_slots(now);
    }

    /// A piece can't be read. The request is refused, with what is left of it.
    pub fn unreadable(&mut self, now: Instant, peer: PeerId, channel: Channel, why: Refusal) {
        if self.neighbours.contains(peer) {
            self.uploads.cancel(peer, channel);
            self.out.push(Output::Refuse { to: peer, channel, why });
            self.pump(now);
            self.arm_slots(now);
        }
    }

    /// A file is not here any more, or not whole: those who want it are told.
    pub fn lost(&mut self, now: Instant, file: K) {
        self.uploads.lost(now, file, &self.config.uploads, &mut self.out);
        self.arm_uploads(now);
    }

    /// A round trip to a neighbour was measured.
    pub fn round_trip(&mut self, now: Instant, peer: PeerId, span: Duration) {
        self.neighbours.measured(peer, span);
        self.uploads.round_trip(now, peer, span);
    }

    /// A neighbour wants a file. It is told at once what it gets.
    pub(super) fn peer_wants(
        &mut self,
        now: Instant,
        from: PeerId,
        file: K,
        urgency: Urgency,
        holds: &impl Holds<K>,
    ) {
        let config = &self.config.uploads;
        let taken = if self.is_servable(holds.holding(&file)) {
            self.uploads.want(now, from, file, urgency, config, &mut self.out)
        } else {
            refuse(&mut self.out, from, file, SlotRefusal::NotHere);
            // It may have been here when it was asked for first: only then is a slot free for somebody else.
            self.uploads.unwant(now, from, file, config, &mut self.out);
            false
        };
        self.stats.wants_refused += u32::from(!taken);
        self.arm_uploads(now);
    }

    /// A neighbour said too much in this minute to be heard. It is told that it gets nothing, or it would wait for an answer.
    pub(super) fn refuse_unheard(&mut self, now: Instant, from: PeerId, file: K) {
        if self.neighbours.contains(from) {
            refuse(&mut self.out, from, file, SlotRefusal::Busy);
            self.uploads.unwant(now, from, file, &self.config.uploads, &mut self.out);
            self.stats.wants_refused += 1;
            self.arm_uploads(now);
        }
    }

    pub(super) fn peer_wants_no_more(&mut self, now: Instant, from: PeerId, file: K) {
        if self.uploads.unwant(now, from, file, &self.config.uploads, &mut self.out) {
            self.arm_uploads(now);
        } else {
            self.tire(now, from);
        }
    }

    /// Gives slots away anew.
    pub(super) fn settle(&mut self, now: Instant) {
        self.uploads.settle(now, &self.config.uploads, &mut self.out);
        self.arm_uploads(now);
    }

    /// Reads what may be read.
    pub(super) fn pump(&mut self, now: Instant) {
        let next = self.uploads.pump(now, &mut self.out);
        self.set_timer(Timer::Rate, now, next);
    }

    /// Sees to the deadlines after slots or wants changed.
    pub(super) fn arm_uploads(&mut self, now: Instant) {
        self.arm_slots(now);
        if !self.uploads.places_moved() {
            self.timers.clear(Timer::Places);
        } else if self.timers.get(Timer::Places).is_none() {
            self.timers.set(Timer::Places, now + self.config.uploads.places_every);
        }
    }

    fn arm_slots(&mut self, now: Instant) {
        let deadline = self.uploads.contest_deadline(now, &self.config.uploads);
        self.set_timer(Timer::Slots, now, deadline);
    }
}
