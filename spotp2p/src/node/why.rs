//! Why each piece came from where it came, for people.

use super::{Event, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::planner::{Decision, Kind, Outcome, Source, Why};
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::Urgency;

/// Decisions that a plan may make before they are taken.
pub(super) const KEPT: usize = 1024;

/// The cache's number in what is explained: it is no source of the plan, since what it holds is here.
const SHELF: Source = Source(u32::MAX);

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Passes on what was decided for the track that plays.
    pub(super) fn explain(&mut self) {
        if !self.settings.explain {
            return;
        }
        let Self { tracks, out, .. } = self;
        let file = tracks[Urgency::Playing as usize].as_mut().and_then(|track| track.file.as_mut());
        let Some(file) = file else { return };
        while let Some(decision) = file.plan.next_decision() {
            out.push(Output::Event(Event::Decided(decision)));
        }
    }

    /// A piece was read from the cache.
    pub(super) fn explain_shelf(&mut self, now: Instant, class: Urgency, piece: u32, since: Instant) {
        let Some(file) = self.file(class).filter(|_| self.settings.explain && class == Urgency::Playing)
        else {
            return;
        };
        let decision = Decision {
            piece,
            source: SHELF,
            kind: Kind::Cache,
            why: Why::Cheapest,
            asked_at: since,
            due: file.plan.due(now, piece),
            predicted: since,
            outcome: Outcome::Arrived,
            ended_at: now,
        };
        self.out.push(Output::Event(Event::Decided(decision)));
    }
}
