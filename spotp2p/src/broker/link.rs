//! What is remembered of a link that was brokered.

use super::Origin;
use crate::SessionId;
use spotproto::Instant;

/// A link between two clients.
#[derive(Debug)]
pub(super) struct Link<K> {
    /// What it was brokered for.
    pub(super) file: K,
    /// When both sides were told to dial.
    pub(super) at: Instant,
    /// The one who asked for it first.
    pub(super) sides: [Side; 2],
}

/// One side of it. Who that is stays known when its session is gone: leaving is no way out of a report.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) session: SessionId,
    pub(super) origin: Origin,
    /// Whether it said what came of dialling.
    pub(super) dialled: bool,
    /// Whether it reported the other.
    pub(super) reported: bool,
    /// Whether it can still say anything about the link.
    pub(super) here: bool,
    /// Links that had been brokered for it when it no longer could.
    pub(super) links: u32,
}

impl Side {
    pub(super) const fn new(session: SessionId, origin: Origin) -> Self {
        Self { session, origin, dialled: false, reported: false, here: true, links: 0 }
    }
}

impl<K> Link<K> {
    /// The side of `session`, if it can say anything, and the other.
    pub(super) fn seen_from(&mut self, session: SessionId) -> Option<(&mut Side, &Side)> {
        let [first, second] = &mut self.sides;
        let (own, other) = if first.session == session { (first, second) } else { (second, first) };
        (own.session == session && own.here).then_some((own, other))
    }
}
