//! How safe the rest of the music is while it sounds.

use super::{BLIND, LOOK, MARGIN, Playing, START, Sound, earlier, sources};
use crate::node::next::Rest;
use crate::node::track::File;
use crate::payload::{FileKey, Payload};
use crate::playout::{Ahead, Basis, Demand, Level, Sources, Start, Thresholds, Verdict, Why};
use core::time::Duration;
use spotproto::Instant;

/// Where there is more: after this part of what is ahead was heard, since nothing is urgent before that...
const PART: u32 = 4;

/// ...but no less often than this, unless all of it is here: nothing makes that worse but the loss of a piece.
const LONG_LOOK: Duration = Duration::from_secs(5);

/// Below this part of a start's budget the rest is so safe that it needs no more than is here.
const CALM: f32 = 0.1;

/// A forecast, and what it was made from.
#[derive(Debug)]
pub(super) struct Foreseen {
    /// Samples of the link; of what is here whole, none.
    samples: Option<u64>,
    sources: Sources,
    why: Why,
}

impl Foreseen {
    /// Whether all of the rest was here.
    const fn is_of_whole(&self) -> bool {
        self.samples.is_none()
    }
}

impl Playing {
    /// Looks at the rest of the music while it runs.
    pub(super) fn look_at_rest<K: FileKey, B: Payload>(
        &mut self,
        now: Instant,
        file: &mut File<K, B>,
        ahead: Ahead,
    ) {
        let Sound::Runs { at, at_ms } = self.sound else { return };
        let was_whole = self.foreseen.as_ref().is_some_and(Foreseen::is_of_whole);
        let lost = was_whole && !file.plan.is_complete();
        if !core::mem::take(&mut self.due) && !lost {
            return;
        }
        let why = self.foresee(now, file, at, at_ms);
        let _ = self.gauge.look(&why);
        let calm = self.gauge.level() == Level::Fine;
        let is_whole = self.foreseen.as_ref().is_some_and(Foreseen::is_of_whole);
        let longest = if is_whole { Duration::MAX } else { LONG_LOOK };
        self.next = now + if calm { (why.buffered / PART).clamp(LOOK, longest) } else { LOOK };
        let left = file.head.duration_ms.saturating_sub(at_ms);
        let ends = at + Duration::from_millis(left.into());
        let next = Rest::next_look(ends, now, ahead);
        self.next = earlier(next.into_iter().fold(self.next, Instant::min), self.presses_from, now);
        self.rest = Some(Rest { ends, why });
    }

    /// The chance that the rest stutters, from where the sound is.
    fn foresee<K: FileKey, B: Payload>(
        &mut self,
        now: Instant,
        file: &mut File<K, B>,
        at: Instant,
        at_ms: u32,
    ) -> Why {
        let near = file.plan.due(now, file.plan.gap()).map(|due| due.since(now));
        // With no less music ahead, of no more that is left, and from the same samples, nothing can look worse: there is
        // no need of another forecast.
        let (samples, whole) = (self.link.at_rest(), file.plan.is_complete());
        let sources = sources(&self.link, file);
        if let (Some(then), Some(buffered)) = (&self.foreseen, near) {
            let stands = samples.is_some()
                && samples == then.samples
                && buffered >= then.why.buffered
                && sources.promise_as_much_as(&then.sources);
            if (whole && then.is_of_whole()) || (!whole && stands) {
                return Why { buffered, ..then.why };
            }
        }
        let gone = u32::try_from(now.since(at).as_millis()).unwrap_or(u32::MAX);
        let demand = Demand::new(&file.head, at_ms.saturating_add(gone), |piece| file.plan.has(piece));
        let mut start = Start::new(START, demand).spanning(self.span);
        let mut why = start.look(now, &self.link, &sources, 0);
        self.span = start.span();
        if let Some(near) = near {
            // Steps of a forecast are too coarse for what is near.
            why.buffered = near;
        }
        match (why.basis, why.verdict) {
            // What is wanted counts from what is here: where that is enough already, it says nothing.
            (Basis::Forecast, Verdict::Start) if why.risk < CALM * why.budget => {
                file.plan.set_ahead(now, Duration::ZERO);
            }
            (Basis::Forecast, Verdict::Wait) => file.plan.set_ahead(now, why.wanted.saturating_add(MARGIN)),
            _ => {}
        }
        if why.basis == Basis::Blind && why.buffered >= BLIND && file.plan.is_held_back(now) {
            // Nothing is known of the link since nothing had to be waited for.
            (why.risk, why.buffered) = (0.0, Thresholds::DEFAULT.low.music.1.max(why.buffered));
        }
        let known = match why.basis {
            Basis::AllHere => whole.then_some(None),
            Basis::Forecast => samples.map(Some),
            Basis::Blind => None,
        };
        self.foreseen = known.map(|samples| Foreseen { samples, sources, why });
        why
    }
}
