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
