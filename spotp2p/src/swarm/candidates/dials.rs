//! Links being made, and whom to leave alone for a while.

use crate::swarm::config::NeighbourConfig;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::ticket::Pseudonym;
use spotproto::{Dice, Instant};

/// Peers remembered because they could not be reached. Pseudonyms last for one log-in, so more would be of no use.
const MOST: usize = 64;

/// Failures after which a peer is no candidate any more until somebody names it again.
const HOPELESS: u8 = 3;

/// Links being made, and peers that could not be reached; at most [`MOST`] and the configured number of links being made.
#[derive(Debug, Default)]
pub(super) struct Dials {
    list: Vec<Dial>,
}

#[derive(Debug)]
struct Dial {
    holder: Pseudonym,
    under_way: bool,
    /// The end of the attempt, or of the wait after it.
    until: Instant,
    failures: u8,
}

impl Dials {
    pub(super) fn under_way(&self) -> usize {
        self.list.iter().filter(|dial| dial.under_way).count()
    }

    /// Whether the peer may be dialled.
    pub(super) fn may(&self, now: Instant, holder: &Pseudonym) -> bool {
        self.find(holder).is_none_or(|dial| !dial.under_way && dial.until <= now)
    }

    pub(super) fn begin(&mut self, now: Instant, holder: Pseudonym, config: &NeighbourConfig) {
        let until = now + config.dial_time;
        if let Some(dial) = self.list.iter_mut().find(|dial| dial.holder == holder) {
            (dial.under_way, dial.until) = (true, until);
            return;
        }
        self.list.push(Dial { holder, under_way: true, until, failures: 0 });
    }

    /// The link is there.
    pub(super) fn succeeded(&mut self, holder: &Pseudonym) {
        self.list.retain(|dial| dial.holder != *holder || !dial.under_way);
    }

    /// The link could not be made.
    pub(super) fn failed(
        &mut self,
        now: Instant,
        holder: &Pseudonym,
        config: &NeighbourConfig,
        dice: &mut Dice,
    ) {
        if let Some(dial) = self.list.iter_mut().find(|dial| dial.holder == *holder && dial.under_way) {
            dial.fail(now, config, dice);
        }
        self.forget_some();
    }

    pub(super) fn is_under_way(&self, holder: &Pseudonym) -> bool {
        self.find(holder).is_some_and(|dial| dial.under_way)
    }

    /// Whether the peer failed so often that it should be named anew before it is dialled again.
    pub(super) fn is_hopeless(&self, holder: &Pseudonym) -> bool {
        self.find(holder).is_some_and(|dial| !dial.under_way && dial.failures >= HOPELESS)
    }

    /// Gives up what takes too long.
    pub(super) fn expire(&mut self, now: Instant, config: &NeighbourConfig, dice: &mut Dice) {
        for dial in self.list.iter_mut().filter(|dial| dial.under_way && dial.until <= now) {
            dial.fail(now, config, dice);
        }
        self.list.retain(|dial| dial.forgotten_at(config) > now);
        if self.list.is_empty() {
            self.list = Vec::new();
        }
        self.forget_some();
    }

    /// When an attempt or a wait ends next, or somebody is to be forgotten.
    pub(super) fn next(&self, now: Instant, config: &NeighbourConfig) -> Option<Instant> {
        let ends = self.list.iter().flat_map(|dial| [dial.until, dial.forgotten_at(config)]);
        ends.filter(|end| *end > now).min()
    }

    #[cfg(test)]
    pub(super) const fn remembered(&self) -> usize {
        self.list.len()
    }

    fn find(&self, holder: &Pseudonym) -> Option<&Dial> {
        self.list.iter().find(|dial| dial.holder == *holder)
    }

    /// Forgets whose wait ended, or ends, first.
    fn forget_some(&mut self) {
        while self.list.len() - self.under_way() > MOST {
            let waiting = self.list.iter().enumerate().filter(|(_, dial)| !dial.under_way);
            let Some((first, _)) = waiting.min_by_key(|(_, dial)| dial.until) else { return };
            self.list.swap_remove(first);
        }
    }
}

impl Dial {
    /// After the longest wait once more, a peer that failed is like any other.
    fn forgotten_at(&self, config: &NeighbourConfig) -> Instant {
        self.until + config.redial_cap.max(Duration::from_millis(1))
    }

    fn fail(&mut self, now: Instant, config: &NeighbourConfig, dice: &mut Dice) {
        let wait = config.redial.saturating_mul(1 << self.failures.min(16)).min(config.redial_cap);
        self.under_way = false;
        self.until = now + dice.jitter(wait).max(Duration::from_millis(1));
        self.failures = self.failures.saturating_add(1);
    }
}
