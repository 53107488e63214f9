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

    /// Forgets what is older than `age`, and gives back the memory when nothing is left. When to come again: what is old by
    /// then goes with the next query, too, so that nobody has to be woken for each.
    pub(super) fn expire(&mut self, now: Instant, age: Duration) -> Option<Instant> {
        while self.queries.front().is_some_and(|query| query.age(now) >= age) {
            self.queries.pop_front();
        }
        let Some(latest) = self.queries.back() else {
            self.clear();
            return None;
        };
        Some(now + age.saturating_sub(latest.age(now)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::neighbours::Neighbours;
    use crate::swarm::words::PeerId;
    use spotproto::ticket::Pseudonym;

    #[test]
    fn one_wake_forgets_all_that_came_within_a_minute() {
        const AGE: Duration = Duration::from_secs(60);
        let at = |seconds| Instant::START + Duration::from_secs(seconds);
        let seat = Neighbours::default().insert(at(0), PeerId(1), &Pseudonym([1; 16])).unwrap();
        let mut seen = Seen::new();
        for second in 0..50 {
            assert!(seen.add(at(second), QueryId(second), seat, 50).is_some());
        }
        assert_eq!(seen.expire(at(60), AGE), Some(at(109)));
        assert_eq!(seen.len(), 49);
        assert_eq!((seen.expire(at(109), AGE), seen.len()), (None, 0));
    }
}
