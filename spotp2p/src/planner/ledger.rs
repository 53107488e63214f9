//! Which piece is asked of whom: of one source, and of a second while the first is likely to be late.

use super::source::Source;
use super::why::Why;
use crate::flow::Sample;
use alloc::collections::BTreeMap;
use spotproto::Instant;

/// A piece asked of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket {
    pub(super) source: Source,
    pub(super) why: Why,
    pub(super) sample: Sample,
    pub(super) asked_at: Instant,
    pub(super) predicted: Instant,
    pub(super) due: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    first: Ticket,
    second: Option<Ticket>,
}

/// All that is outstanding, by piece.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    entries: BTreeMap<u32, Entry>,
}

impl Ledger {
    /// Whether this source may be asked for it: a piece is asked of two at most, and of each once.
    pub(super) fn takes(&self, piece: u32, source: Source) -> bool {
        self.entries.get(&piece).is_none_or(|entry| entry.second.is_none() && entry.first.source != source)
    }

    /// Whether nothing is outstanding.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Notes a ticket, if its source may be asked.
    pub(super) fn add(&mut self, piece: u32, ticket: Ticket) {
        match self.entries.get_mut(&piece) {
            None => _ = self.entries.insert(piece, Entry { first: ticket, second: None }),
            Some(entry) if entry.second.is_none() && entry.first.source != ticket.source => {
                entry.second = Some(ticket);
            }
            Some(_) => {}
        }
    }

    pub(super) fn get(&self, piece: u32, source: Source) -> Option<&Ticket> {
        let entry = self.entries.get(&piece)?;
        [Some(&entry.first), entry.second.as_ref()]
            .into_iter()
            .flatten()
            .find(|ticket| ticket.source == source)
    }

    /// Forgets that the piece was asked of this source.
    pub(super) fn remove(&mut self, piece: u32, source: Source) -> Option<Ticket> {
        let entry = self.entries.get_mut(&piece)?;
        if entry.second.is_some_and(|second| second.source == source) {
            return entry.second.take();
        }
        if entry.first.source != source {
            return None;
        }
        match entry.second.take() {
            Some(second) => Some(core::mem::replace(&mut entry.first, second)),
            None => self.entries.remove(&piece).map(|entry| entry.first),
        }
    }

    /// Whether anybody was asked for it.
    pub(super) fn has(&self, piece: u32) -> bool {
        self.entries.contains_key(&piece)
    }

    /// One of those that were asked for it.
    pub(super) fn any_of(&self, piece: u32) -> Option<Source> {
        self.entries.get(&piece).map(|entry| entry.first.source)
    }

    /// Whether a second source was asked too.
    pub(super) fn is_doubled(&self, piece: u32) -> bool {
        self.entries.get(&piece).is_some_and(|entry| entry.second.is_some())
    }

    /// All pieces that somebody was asked for, in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = u32> + '_ {
        self.entries.keys().copied()
    }

    pub(super) fn tickets(&self) -> impl Iterator<Item = (u32, &Ticket)> + '_ {
        self.entries.iter().flat_map(|(piece, entry)| {
            [Some(&entry.first), entry.second.as_ref()].into_iter().flatten().map(|ticket| (*piece, ticket))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Flow;
    use alloc::vec::Vec;

    fn ticket(source: u32) -> Ticket {
        let now = Instant::START;
        let sample = Flow::new(now).asked(now);
        Ticket {
            source: Source(source),
            why: Why::Cheapest,
            sample,
            asked_at: now,
            predicted: now,
            due: None,
        }
    }

    fn told(ledger: &Ledger) -> Vec<(u32, u32)> {
        ledger.tickets().map(|(piece, ticket)| (piece, ticket.source.0)).collect()
    }

    #[test]
    fn a_piece_is_asked_of_two_at_most_and_of_each_once() {
        let mut ledger = Ledger::default();
        assert!(ledger.is_empty() && !ledger.has(3) && ledger.any_of(3).is_none());
        for (source, taken) in [(1, true), (1, false), (2, true), (1, false), (2, false), (3, false)] {
            assert_eq!(ledger.takes(3, Source(source)), taken, "{source}");
            assert_eq!(ledger.is_doubled(3), ledger.get(3, Source(2)).is_some());
            ledger.add(3, ticket(source));
        }
        ledger.add(9, ticket(1));
        assert_eq!(told(&ledger), [(3, 1), (3, 2), (9, 1)]);
        assert_eq!(ledger.pieces().collect::<Vec<_>>(), [3, 9]);
        assert!(!ledger.is_empty() && ledger.has(3) && ledger.is_doubled(3) && !ledger.is_doubled(9));
        assert_eq!([1, 2, 3].map(|source| ledger.get(3, Source(source)).is_some()), [true, true, false]);
        assert_eq!(ledger.get(4, Source(1)).map(|ticket| ticket.source), None);
    }

    #[test]
    fn whoever_is_left_comes_first() {
        let mut ledger = Ledger::default();
        [1, 2].into_iter().for_each(|source| ledger.add(3, ticket(source)));
        assert_eq!(ledger.remove(3, Source(7)).map(|ticket| ticket.source), None);
        assert_eq!(ledger.remove(3, Source(1)).map(|ticket| ticket.source), Some(Source(1)));
        assert_eq!((ledger.any_of(3), ledger.is_doubled(3)), (Some(Source(2)), false));
        ledger.add(3, ticket(5));
        assert_eq!(ledger.remove(3, Source(5)).map(|ticket| ticket.source), Some(Source(5)));
        assert_eq!(told(&ledger), [(3, 2)]);
        assert_eq!(ledger.remove(3, Source(2)).map(|ticket| ticket.source), Some(Source(2)));
        assert!(ledger.is_empty() && ledger.remove(3, Source(2)).is_none());
    }
}
