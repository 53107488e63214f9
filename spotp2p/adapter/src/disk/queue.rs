//! What waits for a thread.

use alloc::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A queue between whoever must not wait and a thread that may.
#[derive(Debug)]
pub(super) struct Queue<T> {
    state: Mutex<State<T>>,
    woken: Condvar,
}

#[derive(Debug)]
struct State<T> {
    waiting: VecDeque<T>,
    /// How many of those that wait are counted against a limit.
    counted: usize,
    ended: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = State { waiting: VecDeque::new(), counted: 0, ended: false };
        Self { state: Mutex::new(state), woken: Condvar::new() }
    }

    /// Takes an item, whatever waits already.
    pub(super) fn push(&self, item: T) {
        self.state().waiting.push_back(item);
        self.woken.notify_one();
    }

    /// Takes an item if fewer than `limit` of its sort wait; else nothing is taken, and the answer is false.
    pub(super) fn push_within(&self, limit: usize, item: T) -> bool {
        let mut state = self.state();
        let room = state.counted < limit;
        if room {
            state.counted += 1;
            state.waiting.push_back(item);
            drop(state);
            self.woken.notify_one();
        }
        room
    }

    /// Waits for the next item; `None` once the queue has ended and nothing waits. `counted` tells whether an item
    /// came by [`Queue::push_within`].
    pub(super) fn pop(&self, counted: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self
            .woken
            .wait_while(self.state(), |state| state.waiting.is_empty() && !state.ended)
            .unwrap_or_else(PoisonError::into_inner);
        let item = state.waiting.pop_front()?;
        state.counted -= usize::from(counted(&item));
        Some(item)
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.state().waiting.is_empty()
    }

    /// No more will come; what waits is still handed out.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.woken.notify_all();
    }

    /// No more will come, and what waits is dropped.
    pub(super) fn clear(&self) {
        let mut state = self.state();
        state.waiting.clear();
        state.counted = 0;
        state.ended = true;
        drop(state);
        self.woken.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        // No code that could panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
