//! Who comes first, and who may take whose slot.
//!
//! Peers are served by urgency, then by the speed measured to them (Kreitz and Niemelä 2010): who is fast is through
//! sooner, and the slot free again. Of those with the same urgency, one whose speed nobody knows comes first, so that it
//! is found out, as a new peer does in BitTorrent's optimistic unchoking (Cohen 2003). It takes nobody's slot for that.

use super::serving::Serving;
use super::{Uploads, Waiting};
use crate::swarm::config::UploadConfig;
use crate::swarm::words::PeerId;
use core::cmp::Reverse;
use spotproto::Instant;
use spotproto::message::Urgency;

/// Of equal urgency, only one who is so many times as fast takes another's slot.
const CLEARLY_FASTER: u32 = 2;

impl<K: Copy + Eq> Uploads<K> {
    /// Puts those who wait in order, the next one first.
    pub(super) fn sort(&mut self) {
        let speeds = &self.speeds;
        self.waiting.sort_by_key(|one| {
            let speed = speeds.of(one.wish.peer).unwrap_or(u32::MAX);
            (one.wish.urgency, Reverse(speed), one.since)
        });
    }

    /// The first who waits and whose peer has no slot.
    pub(super) fn first_without_slot(&self) -> Option<usize> {
        self.waiting.iter().position(|one| !self.is_served(one.wish.peer))
    }

    /// The first who waits that may take somebody's slot, and whose.
    pub(super) fn contest(&self, now: Instant, config: &UploadConfig) -> Option<(usize, usize)> {
        self.waiting.iter().enumerate().find_map(|(next, one)| {
            let slots = self.served.iter().enumerate();
            let loses = slots.filter(|(_, slot)| self.may_take(now, one, slot, config));
            let worth =
                |slot: &Serving<K>| (slot.is_wasted(now, config), slot.wish.urgency, Reverse(slot.speed()));
            loses.max_by_key(|(_, slot)| worth(slot)).map(|(slot, _)| (next, slot))
        })
    }

    /// When a contest may come out otherwise than now.
    pub(in crate::swarm) fn contest_deadline(&self, now: Instant, config: &UploadConfig) -> Option<Instant> {
        if self.waiting.is_empty() {
            return None;
        }
        let ends =
            self.served.iter().flat_map(|slot| [Some(slot.since + config.least_slot), slot.idle_at(config)]);
        ends.flatten().filter(|end| *end > now).min()
    }

    fn may_take(&self, now: Instant, one: &Waiting<K>, slot: &Serving<K>, config: &UploadConfig) -> bool {
        let same_peer = slot.peer() == one.wish.peer;
        if now.since(slot.since) < config.least_slot || (!same_peer && self.is_served(one.wish.peer)) {
            return false;
        }
        slot.is_wasted(now, config)
            || one.wish.urgency < slot.wish.urgency
            || (!same_peer && one.wish.urgency == slot.wish.urgency && self.is_faster(one.wish.peer, slot))
    }

    fn is_faster(&self, peer: PeerId, slot: &Serving<K>) -> bool {
        let (Some(speed), Some(other)) = (self.speeds.of(peer), slot.speed()) else { return false };
        speed > other.saturating_mul(CLEARLY_FASTER)
    }

    fn is_served(&self, peer: PeerId) -> bool {
        self.served.iter().any(|slot| slot.peer() == peer)
    }
}

impl<K: Copy> Serving<K> {
    fn is_wasted(&self, now: Instant, config: &UploadConfig) -> bool {
        self.idle_at(config).is_some_and(|at| at <= now)
    }

    /// What the peer that loses the slot goes on waiting with. One that wasted it comes last until it asks anew, or its
    /// urgency would soon bring it back.
    pub(super) fn urgency_after(&self, now: Instant, config: &UploadConfig) -> Urgency {
        if self.is_wasted(now, config) { Urgency::Offline } else { self.wish.urgency }
    }
}
