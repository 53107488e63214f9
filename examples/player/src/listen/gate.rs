//! Where the decoder waits for the word to start.

use super::control::Control;
use alloc::sync::Arc;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// A gate between the decoder and an output that keeps time. It stands closed until the node says that the sound may
/// start, and is closed again when the sound stops.
#[derive(Clone, Debug, Default)]
pub(super) struct Gate(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// Nothing will open it any more: whoever waits goes on, to find out why.
    given_up: bool,
    /// Since when the decoder has been waiting here.
    waiting: Option<Instant>,
}

impl Gate {
    /// The sound may start.
    pub(super) fn open(&self) {
        self.lock().open = true;
        self.0.changed.notify_all();
    }

    /// The sound stands still until the next word.
    pub(super) fn close(&self) {
        self.lock().open = false;
    }

    /// Nobody is to wait any more.
    pub(super) fn give_up(&self) {
        self.lock().given_up = true;
        self.0.changed.notify_all();
    }

    /// Whoever waits looks whether there is an order.
    pub(super) fn wake(&self) {
        drop(self.lock());
        self.0.changed.notify_all();
    }

    /// Since when the decoder waits.
    pub(super) fn waiting(&self) -> Option<Instant> {
        self.lock().waiting
    }

    /// Blocks until the gate is open, or something is ordered.
    pub(super) fn pass(&self, control: &Control) {
        let mut state = self.lock();
        while !state.open && !state.given_up && !control.is_ordered() {
            state.waiting.get_or_insert_with(Instant::now);
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::control::Order;
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn nobody_passes_until_it_is_opened_and_again_after_it_was_closed() {
        let gate = Gate::default();
        let (passed, passes) = mpsc::sync_channel(1);
        let (go, next) = mpsc::sync_channel::<()>(1);
        let (decoder, control) = (gate.clone(), Control::default());
        let orders = control.clone();
        let thread = std::thread::spawn(move || {
            for _ in next {
                decoder.pass(&orders);
                let _ = passed.send(());
            }
        });
        let waits = || {
            while gate.waiting().is_none() {
                std::thread::yield_now();
            }
        };
        go.send(()).expect("it runs");
        waits();
        assert!(passes.try_recv().is_err());
        gate.open();
        assert!(passes.recv().is_ok() && gate.waiting().is_none());
        gate.close();
        go.send(()).expect("it runs");
        waits();
        assert!(passes.try_recv().is_err());
        control.order(Order::Leave);
        gate.wake();
        assert!(passes.recv().is_ok());
        assert_eq!(control.take(), Some(Order::Leave));
        go.send(()).expect("it runs");
        waits();
        assert!(passes.try_recv().is_err(), "the order was taken");
        gate.give_up();
        assert!(passes.recv().is_ok());
        drop(go);
        thread.join().expect("no panic");
    }
}
