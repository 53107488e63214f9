//! What whoever decides about the sound asks of a plan, and has a say in.

use super::Planner;
use super::demand::Want;
use super::line::Line;
use super::source::Kind;
use core::time::Duration;
use spotproto::Instant;

impl Planner {
    /// Whether less is asked for than the sources would take: all that is wanted for now is here or outstanding, or some
    /// of those with room are spared. While there are peers only they count, since paid sources are spared then anyway.
    #[must_use]
    pub fn is_held_back(&self, now: Instant) -> bool {
        let Some(want) = self.demand.next(&self.lacking, Want::FIRST) else { return true };
        let alone = self.lines.peers() == 0;
        let spared = || {
            self.lines
                .ready()
                .any(|(_, line)| if alone { self.may_ask(line.kind) } else { !line.kind.is_paid() })
        };
        (!alone && !self.is_within(now, want)) || spared()
    }

    /// Whether nothing is outstanding, and nothing will be asked for as long as nothing changes.
    #[must_use]
    pub fn is_at_rest(&self) -> bool {
        let nobody = || self.lines.ready().next().is_none();
        self.ledger.is_empty()
            && self.unplanned.is_none()
            && (self.demand.next(&self.lacking, Want::FIRST).is_none() || !nobody())
    }

    /// Whether there are sources whose bytes cost nothing.
    #[must_use]
    pub const fn has_peers(&self) -> bool {
        self.lines.peers() > 0
    }

    /// Bytes a second that those who may be asked deliver together, and the standard deviation of that, as far as each has
    /// shown it; nothing as long as a paid source has not, or nobody has. A peer that has shown nothing yet may never. The
    /// cache is no line.
    #[must_use]
    pub fn pace(&self) -> Option<(f64, f64)> {
        let able = |line: &Line| line.kind != Kind::Cache && line.serves() && self.may_ask(line.kind);
        let (mut mean, mut variance) = (0.0, 0.0);
        for (_, line) in self.lines.iter().filter(|(_, line)| able(line)) {
            match line.estimate.pace() {
                Some((rate, deviation)) => {
                    mean += rate;
                    variance += deviation * deviation;
                }
                None if line.kind.is_paid() => return None,
                None => {}
            }
        }
        (mean > 0.0).then(|| (mean, libm::sqrt(variance)))
    }

    /// Paid sources may be asked this far ahead of the play point, even where they would be asked for less: a start waits
    /// for that much music, or playing may stutter with less.
    pub fn set_ahead(&mut self, now: Instant, ahead: Duration) {
        if ahead != self.ahead {
            self.ahead = ahead;
            self.settle(now);
        }
    }
}
