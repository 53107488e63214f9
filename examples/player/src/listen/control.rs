//! What a listener orders while the decoder works: a jump, an end, a pause.

use alloc::sync::Arc;
use core::time::Duration;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Something to do at once, whatever is being decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Go on from there; how many jumps were ordered, this one included.
    Jump(Duration, u32),
    /// Leave the track.
    Leave,
}

/// Between whoever listens to keys and the thread that decodes: the latest order counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    order: Option<Order>,
    paused: bool,
}

impl Control {
    /// An order; a pause ends with it.
    pub(super) fn order(&self, order: Order) {
        let mut state = self.lock();
        if state.order != Some(Order::Leave) {
            state.order = Some(order);
        }
        state.paused = false;
        self.0.changed.notify_all();
    }

    /// Silence until further notice, or no more.
    pub(super) fn pause(&self, paused: bool) {
        self.lock().paused = paused;
        self.0.changed.notify_all();
    }

    pub(super) fn is_paused(&self) -> bool {
        self.lock().paused
    }

    /// Whether there is an order.
    pub(super) fn is_ordered(&self) -> bool {
        self.lock().order.is_some()
    }

    /// The order, if there is one.
    pub(super) fn take(&self) -> Option<Order> {
        self.lock().order.take()
    }

    /// Blocks while there is a pause.
    pub(super) fn wait(&self) {
        let mut state = self.lock();
        while state.paused {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_order_counts_but_nothing_calls_back_an_end() {
        let control = Control::default();
        let [one, two] = [1, 2].map(|second| Order::Jump(Duration::from_secs(second.into()), second));
        control.pause(true);
        control.order(one);
        control.order(two);
        assert_eq!((control.is_paused(), control.take(), control.take()), (false, Some(two), None));
        control.order(Order::Leave);
        control.order(one);
        assert_eq!(control.take(), Some(Order::Leave));
    }
}
