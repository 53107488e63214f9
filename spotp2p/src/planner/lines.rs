//! All sources of a file, and those with room in the order in which they would deliver.

use super::line::{Line, Trust};
use super::source::{Kind, Source};
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;
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

    /// Looks at a source at `at`, or earlier if that is settled already, whatever changes until then.
    pub(super) fn check_by(&mut self, source: Source, at: Instant) {
        self.check(source, |line| line.check_by = Some(line.check_by.map_or(at, |by| by.min(at))));
    }

    /// Looks at a source at `at`, as things stand: what was said before of that does not hold any more.
    pub(super) fn check_at(&mut self, source: Source, at: Option<Instant>) {
        self.check(source, |line| line.check_at = at);
    }

    fn check(&mut self, source: Source, settle: impl FnOnce(&mut Line)) {
        let Some(line) = self.by_id.get_mut(&source) else { return };
        let before = line.next_check();
        settle(line);
        let now = line.next_check();
        if now == before {
            return;
        }
        if let Some(at) = before {
            self.checks.remove(&(at, source));
        }
        if let Some(at) = now {
            self.checks.insert((at, source));
        }
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
            (line.check_at, line.check_by) = (None, None);
        }
        Some(source)
    }

    fn leave_orders(&mut self, source: Source) {
        self.parked.remove(&source);
        let Some(line) = self.by_id.get_mut(&source) else { return };
        if let Some(old) = line.place.take() {
            self.ready.remove(&(line.kind, old, source));
        }
        if let Some(at) = line.next_check() {
            self.checks.remove(&(at, source));
        }
        (line.check_at, line.check_by) = (None, None);
    }
}

const fn is_peer(kind: Kind) -> bool {
    matches!(kind, Kind::Lan | Kind::Peer)
}

#[cfg(test)]
mod tests {
    use super::super::config::Config;
    use super::super::source::{Holds, Slot};
    use super::*;
    use core::time::Duration;

    fn at(ms: u64) -> Instant {
        Instant::after_start(Duration::from_millis(ms))
    }

    /// One of each kind, all with room.
    fn lines() -> Lines {
        let mut lines = Lines::default();
        for (number, kind) in (1..).zip(Kind::ALL) {
            lines.add(Source(number), Line::new(at(0), kind, Holds::All, Slot::Served, &Config::DEFAULT));
            lines.place(at(0), Source(number));
        }
        lines
    }

    fn ready(lines: &Lines) -> Vec<u32> {
        lines.ready().map(|(source, _)| source.0).collect()
    }

    #[test]
    fn sources_are_counted_by_what_they_are() {
        let mut lines = lines();
        assert_eq!((lines.len(), lines.peers()), (5, 2));
        assert_eq!(lines.iter().map(|(source, _)| source.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(lines.iter_mut().map(|(source, _)| source.0).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        assert_eq!(lines.paid().map(|(source, _)| source.0).collect::<Vec<_>>(), [4, 5]);
        lines.exclude(Source(2));
        lines.exclude(Source(2));
        lines.exclude(Source(5));
        assert_eq!((lines.len(), lines.peers(), ready(&lines)), (5, 1, alloc::vec![1, 3, 4]));
        [1, 2, 3, 4, 9].into_iter().for_each(|number| lines.remove(Source(number)));
        assert_eq!((lines.len(), lines.peers()), (1, 0));
        assert!(lines.has(Source(5)) && !lines.has(Source(4)) && lines.get(Source(4)).is_none());
        assert_eq!(lines.paid().map(|(source, _)| source.0).collect::<Vec<_>>(), [5]);
    }

    #[test]
    fn those_with_room_are_in_order_of_their_price_and_then_of_how_soon_they_deliver() {
        let mut lines = lines();
        assert_eq!((ready(&lines), lines.cheapest_ready()), (alloc::vec![1, 2, 3, 4, 5], Some(Kind::Cache)));
        assert_eq!(lines.ready_paid().map(|(source, _)| source.0).collect::<Vec<_>>(), [4, 5]);
        lines.add(Source(0), Line::new(at(0), Kind::Peer, Holds::All, Slot::Served, &Config::DEFAULT));
        lines.place(at(0), Source(0));
        assert_eq!(ready(&lines), [1, 2, 0, 3, 4, 5]);
        // A slower one comes behind, one without room not at all, and there is one of each.
        lines.get_mut(Source(0)).unwrap().estimate.round_trip(Duration::from_secs(2));
        lines.place(at(0), Source(0));
        assert_eq!(ready(&lines), [1, 2, 3, 0, 4, 5]);
        lines.get_mut(Source(1)).unwrap().credit = 0;
        lines.place(at(0), Source(1));
        assert_eq!((ready(&lines), lines.cheapest_ready()), (alloc::vec![2, 3, 0, 4, 5], Some(Kind::Lan)));
        lines.get_mut(Source(1)).unwrap().credit = 1;
        lines.place(at(0), Source(1));
        assert_eq!(ready(&lines), [1, 2, 3, 0, 4, 5]);
    }

    #[test]
    fn who_has_nothing_that_is_lacking_is_parked_until_something_is() {
        let mut lines = lines();
        lines.park(Source(2));
        lines.park(Source(4));
        assert_eq!(ready(&lines), [1, 3, 5]);
        // Whoever changes is back in the order at once.
        lines.place(at(0), Source(4));
        assert_eq!(ready(&lines), [1, 3, 4, 5]);
        lines.exclude(Source(4));
        lines.unpark(at(0));
        assert_eq!(ready(&lines), [1, 2, 3, 5]);
        lines.park(Source(2));
        lines.remove(Source(2));
        lines.unpark(at(0));
        assert_eq!((ready(&lines), lines.parked.len()), (alloc::vec![1, 3, 5], 0));
    }

    #[test]
    fn each_is_looked_at_at_the_earliest_time_that_was_asked_for_and_once() {
        let mut lines = lines();
        assert_eq!((lines.next_check(), lines.take_due(at(1_000))), (None, None));
        for (source, ms) in [(1, 50), (1, 40), (1, 60), (2, 30), (3, 70), (4, 20)] {
            lines.check_by(Source(source), at(ms));
        }
        lines.check_by(Source(5), Instant::START + Duration::MAX);
        assert_eq!(lines.checks.len(), 4, "nobody is looked at when time ends");
        lines.exclude(Source(4));
        assert_eq!((lines.next_check(), lines.take_due(at(29))), (Some(at(30)), None));
        assert_eq!(
            [30, 100, 100, 100].map(|ms| lines.take_due(at(ms)).map(|source| source.0)),
            [Some(2), Some(1), Some(3), None]
        );
        lines.check_by(Source(1), at(200));
        assert_eq!(lines.next_check(), Some(at(200)), "it may be looked at again");
    }

    #[test]
    fn when_a_source_is_looked_at_follows_what_changes_but_for_what_was_settled_for_good() {
        let mut lines = lines();
        lines.check_at(Source(1), Some(at(50)));
        lines.check_at(Source(1), Some(at(90)));
        assert_eq!((lines.next_check(), lines.checks.len()), (Some(at(90)), 1));
        lines.check_by(Source(1), at(70));
        lines.check_at(Source(1), None);
        assert_eq!((lines.next_check(), lines.checks.len()), (Some(at(70)), 1));
        assert_eq!((lines.take_due(at(70)), lines.take_due(at(1_000))), (Some(Source(1)), None));
        lines.check_at(Source(2), Some(at(80)));
        lines.check_at(Source(2), None);
        assert_eq!((lines.next_check(), lines.checks.len()), (None, 0));
    }
}
