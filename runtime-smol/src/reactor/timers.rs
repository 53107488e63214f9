//! Timers: a list of those that somebody waits for.

use super::{lock, reactor};
use alloc::collections::BTreeMap;
use alloc::collections::btree_map::Entry;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use spotp2p_adapter::runtime::LONGEST_SLEEP;
use std::time::Instant;

/// Ready when a span has passed, to the millisecond. Waiting for it costs the system nothing unless it is the next to be due.
///
/// Memory, in words: an entry of a list, while somebody waits for it.
#[derive(Debug)]
pub struct Timer {
    at: Instant,
    number: u64,
    /// Whether it is in the list.
    waits: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Timer {
    pub(crate) fn after(span: Duration) -> Self {
        Self { at: due(span), number: NEXT.fetch_add(1, Ordering::Relaxed), waits: false }
    }

    pub(crate) fn reset(&mut self, span: Duration) {
        self.leave();
        self.at = due(span);
    }

    fn leave(&mut self) {
        if self.waits {
            self.waits = false;
            let waker = lock(&reactor().timers).waiting.remove(&(self.at, self.number));
            // Not under the lock: a task may go with it, and that task's timers.
            drop(waker);
        }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.at {
            self.leave();
            return Poll::Ready(());
        }
        self.waits = true;
        let (sooner, before) = lock(&reactor().timers).add((self.at, self.number), cx.waker());
        if sooner {
            reactor().ring();
        }
        reactor().seats.attend();
        // Not under the lock, as above.
        drop(before);
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.leave();
    }
}

fn due(span: Duration) -> Instant {
    Instant::now() + span.min(LONGEST_SLEEP)
}

/// Those that are waited for.
pub(super) struct Timers {
    waiting: BTreeMap<(Instant, u64), Waker>,
    /// Until when the thread at the wheel sleeps.
    asleep: Asleep,
}

#[derive(Clone, Copy)]
enum Asleep {
    No,
    Until(Instant),
    ForEver,
}

impl Timers {
    pub(super) const fn new() -> Self {
        Self { waiting: BTreeMap::new(), asleep: Asleep::No }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Adds one, or who waits for it. Answers whether it is due before the thread at the wheel would look again, and who
    /// waited for it before.
    fn add(&mut self, timer: (Instant, u64), waker: &Waker) -> (bool, Option<Waker>) {
        let before = match self.waiting.entry(timer) {
            Entry::Occupied(waits) if waits.get().will_wake(waker) => None,
            Entry::Occupied(mut waits) => Some(waits.insert(waker.clone())),
            Entry::Vacant(free) => {
                free.insert(waker.clone());
                None
            }
        };
        let sooner = match self.asleep {
            Asleep::No => false,
            Asleep::Until(until) => timer.0 < until,
            Asleep::ForEver => true,
        };
        if sooner {
            self.asleep = Asleep::Until(timer.0);
        }
        (sooner, before)
    }

    /// How long the thread at the wheel may sleep; `None` if no timer minds.
    pub(super) fn fall_asleep(&mut self) -> Option<Duration> {
        let first = self.waiting.first_key_value().map(|((at, _), _)| *at);
        self.asleep = first.map_or(Asleep::ForEver, Asleep::Until);
        first.map(|at| at.saturating_duration_since(Instant::now()))
    }

    /// Takes those out that are due.
    pub(super) fn wake_up(&mut self, due: &mut Vec<Waker>) {
        self.asleep = Asleep::No;
        if self.waiting.is_empty() {
            return;
        }
        let now = Instant::now();
        while let Some(first) = self.waiting.first_entry()
            && first.key().0 <= now
        {
            due.push(first.remove());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::sync::Arc;
    use alloc::task::Wake;
    use core::pin::pin;

    #[test]
    fn the_first_to_be_due_is_the_first_to_be_taken_out() {
        let mut timers = Timers::new();
        let now = Instant::now();
        for number in 0..100 {
            // 37 and 100 have no divisor in common, so every millisecond is there, in no order.
            let at = now + Duration::from_secs(3600) + Duration::from_millis(number * 37 % 100);
            timers.add((at, number), Waker::noop());
        }
        timers.add((now, 100), Waker::noop());
        assert_eq!(timers.fall_asleep(), Some(Duration::ZERO));
        let mut due = Vec::new();
        timers.wake_up(&mut due);
        assert_eq!((due.len(), timers.waiting.len()), (1, 100));
        let sleep = timers.fall_asleep().expect("some are left");
        assert!(sleep > Duration::from_secs(3590) && sleep <= Duration::from_secs(3600));
    }

    #[test]
    fn a_sleeper_is_called_for_a_timer_that_is_sooner_and_for_no_other() {
        let mut timers = Timers::new();
        let at = |secs| Instant::now() + Duration::from_secs(secs);
        assert!(!timers.add((at(50), 0), Waker::noop()).0, "nobody sleeps");
        timers.fall_asleep();
        assert!(!timers.add((at(60), 1), Waker::noop()).0);
        assert!(timers.add((at(40), 2), Waker::noop()).0);
        assert!(!timers.add((at(45), 3), Waker::noop()).0, "it was called already");
        timers.wake_up(&mut Vec::new());
        assert!(!timers.add((at(1), 4), Waker::noop()).0);
    }

    #[test]
    fn a_waker_that_was_replaced_is_not_kept() {
        let mut timer = pin!(Timer::after(Duration::from_secs(60)));
        let (first, second) = (Arc::new(Nothing), Arc::new(Nothing));
        for waker in [&first, &second] {
            let waker = Waker::from(waker.clone());
            assert!(timer.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        }
        assert_eq!([&first, &second].map(Arc::strong_count), [1, 2]);
        timer.leave();
        assert_eq!(Arc::strong_count(&second), 1);
    }

    struct Nothing;

    impl Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
}
