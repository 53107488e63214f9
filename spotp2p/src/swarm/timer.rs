//! The named timers of a swarm.

use spotproto::timers::TimerName;

#[derive(Clone, Copy)]
pub(super) enum Timer {
    /// Too many neighbours: drop the least useful.
    Prune,
    /// The oldest query is to be forgotten.
    Queries,
    /// A dial is overdue, or somebody may be dialled again.
    Dial,
    /// A neighbour owes an answer, a slot or a piece.
    Interest,
    /// A slot may change hands.
    Slots,
    /// The upload rate allows another piece.
    Rate,
    /// Places in the queue changed: tell those who wait.
    Places,
}

impl Timer {
    pub(super) const COUNT: usize = Self::Places as usize + 1;
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}
