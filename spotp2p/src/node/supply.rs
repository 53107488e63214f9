//! How much music lies ahead of the sound, and what follows from it for others.

use super::{Node, Timer};
use crate::payload::{FileKey, Payload};
use crate::swarm::Pressure;
use core::time::Duration;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::Urgency;

/// With less music than the first it is low, until there is as much as the second.
const LOW: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(10));

/// The same for very low: 3 s are the original's.
const VERY_LOW: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(5));

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Looks how much music lies ahead, and tells the swarm when that is another level than before. As long as no sound
    /// runs nothing is short.
    pub(super) fn look_at_supply(&mut self, now: Instant) {
        let ahead = self.file(Urgency::Playing).filter(|file| file.plan.is_running()).and_then(|file| {
            let gap = file.plan.gap();
            if gap >= file.head.pieces() { None } else { file.plan.due(now, gap) }
        });
        let Some(ahead) = ahead.map(|due| due.since(now)) else {
            self.timers.clear(Timer::Supply);
            return self.press(now, Pressure::Fine);
        };
        let below = |(enter, leave): (Duration, Duration), is: bool| ahead < if is { leave } else { enter };
        let pressure = if below(VERY_LOW, self.pressure >= Pressure::VeryLow) {
            Pressure::VeryLow
        } else if below(LOW, self.pressure >= Pressure::Low) {
            Pressure::Low
        } else {
            Pressure::Fine
        };
        self.press(now, pressure);
        // Nothing may happen meanwhile, which is just when it gets less.
        let next = [LOW.0, VERY_LOW.0].into_iter().filter(|mark| *mark < ahead).max();
        match next {
            Some(mark) => self.timers.set(Timer::Supply, now + (ahead - mark) + Duration::from_millis(1)),
            None => self.timers.clear(Timer::Supply),
        }
    }

    fn press(&mut self, now: Instant, pressure: Pressure) {
        if pressure != self.pressure {
            self.pressure = pressure;
            self.swarm.set_pressure(now, pressure);
        }
    }
}
