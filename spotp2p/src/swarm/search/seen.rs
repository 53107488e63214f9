//! The last queries of others: to know one that comes again, and the way that its hits go back.

use crate::swarm::neighbours::{Seat, Seats};
use crate::swarm::words::QueryId;
use alloc::collections::VecDeque;
use core::time::Duration;
use spotproto::Instant;

/// The last queries of others, oldest first; 24 bytes each.
#[derive(Debug)]
pub(super) struct Seen {
    queries: VecDeque<SeenQuery>,
}

#[derive(Debug)]
pub(super) struct SeenQuery {
    id: QueryId,
    /// Who of those to whom it was passed on may still answer.
    pub(super) asked: Seats,
    /// Milliseconds since the start, wrapping; good for telling ages below weeks.
    at: u32,
    /// Where hits go; `None` when that link is closed.
    pub(super) from: Option<Seat>,
    /// Hits passed back, and our own.
    pub(super) hits: u8,
}

impl Seen {
    pub(super) const fn new() -> Self {
        Self { queries: VecDeque::new() }
    }

    /// Remembers a query, forgetting the oldest beyond `most`; `None` if it is known already.
    pub(super) fn add(
        &mut self,
        now: Instant,
        id: QueryId,
        from: Seat,
        most: usize,
    ) -> Option<&mut SeenQuery> {
        if self.get(id).is_some() {
            return None;
        }
        while self.queries.len() >= most.max(1) {
            self.queries.pop_front();
        }
        self.queries.push_back(SeenQuery {
            id,
            asked: Seats::default(),
            at: millis(now),
            from: Some(from),
            hits: 0,
        });
        self.queries.back_mut()
    }

    pub(super) fn get(&mut self, id: QueryId) -> Option<&mut SeenQuery> {
        self.queries.iter_mut().find(|query| query.id == id)
    }

    /// Forgets what is older than `age`, and gives back the memory when nothing is left. When to come again.
    pub(super) fn expire(&mut self, now: Instant, age: Duration) -> Option<Instant> {
        while let Some(query) = self.queries.front() {
            let left = age.saturating_sub(query.age(now));
            if !left.is_zero() {
                return Some(now + left);
            }
            self.queries.pop_front();
        }
        self.clear();
        None
    }

    /// A link closed: nothing goes back over it, and its seat may become another's.
    pub(super) fn forget(&mut self, seat: Seat) {
        for query in &mut self.queries {
            query.asked.remove(seat);
            query.from = query.from.filter(|from| *from != seat);
        }
    }

    pub(super) fn clear(&mut self) {
        self.queries = VecDeque::new();
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.queries.len()
    }
}

impl SeenQuery {
    fn age(&self, now: Instant) -> Duration {
        Duration::from_millis(u64::from(millis(now).wrapping_sub(self.at)))
    }
}

fn millis(now: Instant) -> u32 {
    (now.micros() / 1000) as u32
}
