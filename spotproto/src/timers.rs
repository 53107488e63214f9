//! A fixed table of named timers with a cached minimum.

use crate::time::Instant;

/// Names one slot of a [`Timers`] table: a field-less enum whose discriminants are `0..N`.
pub trait TimerName: Copy {
    /// The slot, below the table's `N`.
    fn slot(self) -> usize;
}

/// `N` timers, one per name; the earliest is cached, so an idle poll costs one load.
#[derive(Clone, Debug)]
pub struct Timers<const N: usize> {
    slots: [Option<Instant>; N],
    next: Option<Instant>,
}

impl<const N: usize> Timers<N> {
    /// A table in which nothing is due.
    #[must_use]
    pub const fn new() -> Self {
        Self { slots: [None; N], next: None }
    }

    /// Arms or re-arms a timer.
    pub fn set(&mut self, name: impl TimerName, at: Instant) {
        self.put(name.slot(), Some(at));
    }

    /// Arms a timer unless it is armed for an earlier moment already.
    pub fn set_earlier(&mut self, name: impl TimerName, at: Instant) {
        if self.get(name).is_none_or(|armed| at < armed) {
            self.set(name, at);
        }
    }

    /// Disarms a timer.
    pub fn clear(&mut self, name: impl TimerName) {
        self.put(name.slot(), None);
    }

    /// Disarms all.
    pub fn clear_all(&mut self) {
        *self = Self::new();
    }

    /// When a timer is due, if it is armed.
    #[must_use]
    pub fn get(&self, name: impl TimerName) -> Option<Instant> {
        self.slots.get(name.slot()).copied().flatten()
    }

    /// The earliest armed moment.
    #[must_use]
    pub const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Whether the named timer is due; if so it is forgotten before the caller acts on it, so that a failing
    /// action can't leave a deadline in the past (and the driver spinning on it).
    pub fn take_due(&mut self, name: impl TimerName, now: Instant) -> bool {
        let due = self.get(name).is_some_and(|at| at <= now);
        if due {
            self.clear(name);
        }
        due
    }

    fn put(&mut self, slot: usize, at: Option<Instant>) {
        if let Some(place) = self.slots.get_mut(slot) {
            *place = at;
            self.next = self.slots.iter().flatten().min().copied();
        }
    }
}

impl<const N: usize> Default for Timers<N> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Name {
        Ping,
        Idle,
    }

    impl TimerName for Name {
        fn slot(self) -> usize {
            self as usize
        }
    }

    #[test]
    fn the_cached_minimum_follows_every_change() {
        let mut timers = Timers::<2>::new();
        assert_eq!(timers.next(), None);
        timers.set(Name::Ping, Instant::from_micros(5));
        timers.set(Name::Idle, Instant::from_micros(3));
        assert_eq!(timers.next(), Some(Instant::from_micros(3)));
        timers.clear(Name::Idle);
        assert_eq!(timers.next(), Some(Instant::from_micros(5)));
        timers.set_earlier(Name::Ping, Instant::from_micros(9));
        assert_eq!(timers.next(), Some(Instant::from_micros(5)));
    }

    #[test]
    fn a_due_timer_is_forgotten_before_it_is_acted_on() {
        let mut timers = Timers::<2>::new();
        timers.set(Name::Ping, Instant::from_micros(5));
        assert!(!timers.take_due(Name::Ping, Instant::from_micros(4)));
        assert!(timers.take_due(Name::Ping, Instant::from_micros(5)));
        assert!(!timers.take_due(Name::Ping, Instant::from_micros(5)));
        assert_eq!(timers.next(), None);
    }
}
