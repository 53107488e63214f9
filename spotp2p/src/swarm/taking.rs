//! Taking from neighbours: wants, the slots they give, and the pieces that come.

use super::interest::Heard;
use super::timer::Timer;
use super::{Fault, PeerId, Slot, Swarm};
use spotproto::Instant;
use spotproto::message::Urgency;

impl<K: Copy + Eq> Swarm<K> {
    /// Wants a file, or changes how soon: neighbours that are asked for it are told, and one new to us is searched for.
    /// `false` if too many files are wanted already.
    pub fn want(&mut self, now: Instant, file: K, urgency: Urgency) -> bool {
        let wanted = self.interest.want(file, urgency, &self.config.interest, &mut self.out);
        if wanted {
            self.search(now, file);
            self.dial(now);
        }
        wanted
    }

    /// Wants a file no more. Its sources are gone with that.
    pub fn unwant(&mut self, now: Instant, file: K) {
        self.interest.unwant(file, &mut self.out);
        self.candidates.forget_file(file);
        self.arm_interest(now);
        self.dial(now);
    }

    /// Pieces of a file were asked of a source.
    pub fn requested(&mut self, now: Instant, peer: PeerId, file: K, pieces: u32) {
        self.interest.requested(now, peer, &file, pieces, &self.config.interest);
        self.arm_interest(now);
    }

    /// A piece of `bytes` came from a source and is the one that was published.
    pub fn arrived(&mut self, now: Instant, peer: PeerId, file: K, bytes: usize) {
        self.neighbours.received(now, peer, bytes);
        self.interest.arrived(now, peer, &file, &self.config.interest);
        self.arm_interest(now);
    }

    /// Pieces that were asked of a source will not come: cancelled by us, or refused for now.
    pub fn withdrawn(&mut self, now: Instant, peer: PeerId, file: K, pieces: u32) {
        self.interest.withdrawn(peer, &file, pieces);
        self.arm_interest(now);
    }

    /// A source does not have what it said that it has. It is not asked for that file again for a while.
    pub fn missing(&mut self, now: Instant, peer: PeerId, file: K) {
        if self.interest.disappointed(now, peer, file, &self.config.interest, &mut self.out) {
            self.stats.promises_broken += 1;
        }
        self.arm_interest(now);
        self.dial(now);
    }

    /// A neighbour sent a piece that is not the one that was published: that link ends.
    pub fn forged(&mut self, now: Instant, peer: PeerId) {
        self.fault(now, peer, Fault::BadPiece);
    }

    /// Neighbours that serve a file, or were asked and have not answered yet.
    #[must_use]
    pub fn hopeful(&self, file: K) -> usize {
        self.interest.hopeful(&file)
    }

    /// Whether anybody is left to connect to for a file.
    #[must_use]
    pub fn has_candidates(&self, file: &K) -> bool {
        self.candidates.has_any(file)
    }

    /// A neighbour says what we get.
    pub(super) fn slot(&mut self, now: Instant, from: PeerId, slot: Slot<K>) {
        let heard =
            self.interest.heard(now, from, slot.file, slot.state, &self.config.interest, &mut self.out);
        match heard {
            Heard::HasIt => self.neighbours.has_track(now, from),
            Heard::Noted => {}
            Heard::Unasked => self.stats.slots_unasked += 1,
        }
        self.arm_interest(now);
        self.dial(now);
    }

    pub(super) fn ask(&mut self, now: Instant, peer: PeerId, file: K) {
        self.interest.ask(now, peer, file, &self.config.interest, &mut self.out);
        self.arm_interest(now);
    }

    pub(super) fn expire_interest(&mut self, now: Instant) {
        let broken = self.interest.expire(now, &self.config.interest, &mut self.out);
        self.stats.promises_broken += broken;
        self.arm_interest(now);
        self.dial(now);
    }

    pub(super) fn arm_interest(&mut self, now: Instant) {
        let deadline = self.interest.deadline();
        self.set_timer(Timer::Interest, now, deadline);
    }
}
