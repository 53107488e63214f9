//! The bounded queue of a machine's outputs.

use alloc::collections::VecDeque;

/// Entries for which an empty queue keeps its memory, so that a steady trickle of outputs allocates nothing.
const KEPT: usize = 4;

/// Outputs in the order in which they must be carried out, with a bound that the machine keeps by refusing
/// input ([`crate::Machine::wants_input`]) while the queue is long, and not by dropping.
#[derive(Debug)]
pub struct Outbox<T> {
    queue: VecDeque<T>,
    bound: usize,
}

impl<T> Outbox<T> {
    /// A queue that asks for a drain from `bound` entries on. Holds no memory while it is empty and new.
    #[must_use]
    pub const fn new(bound: usize) -> Self {
        Self { queue: VecDeque::new(), bound }
    }

    /// Queues an output.
    pub fn push(&mut self, output: T) {
        self.queue.push_back(output);
    }

    /// Takes the oldest output. When it was the last of a long queue most of the memory goes too.
    pub fn pop(&mut self) -> Option<T> {
        let output = self.queue.pop_front();
        if self.queue.is_empty() {
            self.queue.shrink_to(KEPT);
        }
        output
    }

    /// Gives back what a queue keeps that is empty, where nothing is likely to follow soon.
    pub fn give_back(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }

    /// Whether the machine may take more input before it is drained.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.queue.len() < self.bound
    }

    /// Outputs queued.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is queued.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_ends_at_the_bound_and_returns_with_a_drain() {
        let mut outbox = Outbox::new(2);
        outbox.push(1);
        assert!(outbox.has_room());
        outbox.push(2);
        assert!(!outbox.has_room());
        assert_eq!(outbox.pop(), Some(1));
        assert!(outbox.has_room());
    }

    #[test]
    fn a_drained_long_queue_gives_its_memory_back() {
        let mut outbox = Outbox::new(1000);
        (0..1000).for_each(|n| outbox.push(n));
        while outbox.pop().is_some() {}
        assert!(outbox.queue.capacity() <= KEPT);
        outbox.give_back();
        assert_eq!(outbox.queue.capacity(), 0);
    }
}
