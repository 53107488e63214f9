//! All sources of a file, and those with room in the order in which they would deliver.

use super::line::{Line, Trust};
use super::source::{Kind, Source};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;

/// The sources. One that has nothing to do is in no order and costs nothing but its place here.
#[derive(Debug, Default)]
pub(super) struct Lines {
    by_id: BTreeMap<Source, Line>,
    /// Those with room: by kind, then by how soon a piece would be here as of their last change.
    ready: BTreeSet<(Kind, u32, Source)>,
    /// Those with room that have none of the pieces that are lacking.
    parked: BTreeSet<Source>,
    /// When each is looked at next.
    checks: BTreeSet<(Instant, Source)>,
    paid: Vec<Source>,
    peers: u32,
}

impl Lines {
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(super) fn has(&self, source: Source) -> bool {
        self.by_id.contains_key(&source)
    }

    pub(super) fn get(&self, source: Source) -> Option<&Line> {
        self.by_id.get(&source)
    }

    pub(super) fn get_mut(&mut self, source: Source) -> Option<&mut Line> {
        self.by_id.get_mut(&source)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Source, &Line)> {
        self.by_id.iter().map(|(source, line)| (*source, line))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (Source, &mut Line)> {
        self.by_id.iter_mut().map(|(source, line)| (*source, line))
    }

    /// Other listeners, near and far, that are not excluded.
    pub(super) const fn peers(&self) -> u32 {
        self.peers
    }

    /// Sources whose bytes are paid for.
    pub(super) fn paid(&self) -> impl Iterator<Item = (Source, &Line)> {
        self.paid.iter().filter_map(|source| Some((*source, self.by_id.get(source)?)))
    }

    pub(super) fn add(&mut self, source: Source, line: Line) {
        if line.kind.is_paid() {
            self.paid.push(source);
        }
        self.peers += u32::from(is_peer(line.kind));
        self.by_id.insert(source, line);
    }

    pub(super) fn remove(&mut self, source: Source) {
        self.leave_orders(source);
        let Some(line) = self.by_id.remove(&source) else { return };
        self.paid.retain(|other| *other != source);
        self.peers -= u32::from(is_peer(line.kind) && line.trust != Trust::Excluded);
    }

    /// Never asks it again.
    pub(super) fn exclude(&mut self, source: Source) {
        self.leave_orders(source);
        let Some(line) = self.by_id.get_mut(&source) else { return };
        if line.trust != Trust::Excluded {
            line.trust = Trust::Excluded;
            self.peers -= u32::from(is_peer(line.kind));
        }
    }

    /// Sources with room, cheapest first, and of one kind the soonest first.
    pub(super) fn ready(&self) -> impl Iterator<Item = (Source, &Line)> {
        self.ready.iter().filter_map(|(_, _, source)| Some((*source, self.by_id.get(source)?)))
    }

    /// Those of them whose bytes are paid for.
    pub(super) fn ready_paid(&self) -> impl Iterator<Item = (Source, &Line)> {
        let paid = self.ready.range((Kind::Cdn, 0, Source(0))..);
        paid.filter_map(|(_, _, source)| Some((*source, self.by_id.get(source)?)))
    }

    pub(super) fn cheapest_ready(&self) -> Option<Kind> {
        self.ready.first().map(|(kind, _, _)| *kind)
    }

    /// Puts a source where it belongs after it changed.
    pub(super) fn place(&mut self, now: Instant, source: Source) {
        let Some(line) = self.by_id.get_mut(&source) else { return };
        self.parked.remove(&source);
        let place = (line.room() > 0).then(|| {
            let millis = line.arrival(now).since(now).as_millis();
            u32::try_from(millis).unwrap_or(u32::MAX)
        });
        if place == line.place {
            return;
        }
        if let Some(old) = core::mem::replace(&mut line.place, place) {
            self.ready.remove(&(line.kind, old, source));
        }
        if let Some(new) = place {
            self.ready.insert((line.kind, new, source));
        }
    }

    /// Takes a source out of the order until something is lacking again.
    pub(super) fn park(&mut self, source: Source) {
        let Some(line) = self.by_id.get_mut(&source) else { return };
        if let Some(old) = line.place.take() {
            self.ready.remove(&(line.kind, old, source));
            self.parked.insert(source);
        }
    }

    /// Something is lacking that was not: those with room may have it.
    pub(super) fn unpark(&mut self, now: Instant) {
        while let Some(source) = self.parked.pop_first() {
            self.place(now, source);
        }
    }

    /// Looks at a source at `at`, or earlier if that is settled already.
    pub(super) fn check_by(&mut self, source: Source, at: Instant) {
        let Some(line) = self.by_id.get_mut(&source) else { return };
        // Nothing is later than the end of time, so nothing could be armed then that is not due at once.
        let never = at + Duration::from_micros(1) == at;
        if never || line.check_at.is_some_and(|armed| armed <= at) {
            return;
        }
        if let Some(old) = line.check_at.replace(at) {
            self.checks.remove(&(old, source));
        }
        self.checks.insert((at, source));
    }

    /// When a source is to be looked at next.
    pub(super) fn next_check(&self) -> Option<Instant> {
        self.checks.first().map(|(at, _)| *at)
    }

    /// A source that is to be looked at now; forgotten before it is.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Source> {
        let (at, source) = *self.checks.first()?;
        if at > now {
            return None;
        }
        self.checks.pop_first();
        if let Some(line) = self.by_id.get_mut(&source) {
            line.check_at = None;
        }
        Some(source)
    }

    fn leave_orders(&mut self, source: Source) {
        self.parked.remove(&source);
        let Some(line) = self.by_id.get_mut(&source) else { return };
        if let Some(old) = line.place.take() {
            self.ready.remove(&(line.kind, old, source));
        }
        if let Some(old) = line.check_at.take() {
            self.checks.remove(&(old, source));
        }
    }
}

const fn is_peer(kind: Kind) -> bool {
    matches!(kind, Kind::Lan | Kind::Peer)
}
