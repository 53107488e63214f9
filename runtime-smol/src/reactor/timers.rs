//! Timers: a list of those that somebody waits for.

use super::{REACTOR, lock};
use alloc::collections::BTreeMap;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::time::Instant;

/// Ready when a span has passed, to the millisecond. Waiting for it costs the system nothing unless it is the next to be due.
///
/// Memory, in words: an entry of a list, while somebody waits for it.
pub struct Timer {
    at: Instant,
    number: u64,
    /// Whether it is in the list.
    waits: bool,
}

static NEXT: AtomicU64 = AtomicU64::new(0);

impl Timer {
    pub(crate) fn at(at: Instant) -> Self {
        Self { at, number: NEXT.fetch_add(1, Ordering::Relaxed), waits: false }
    }

    pub(crate) fn reset(&mut self, at: Instant) {
        self.leave();
        self.at = at;
    }

    fn leave(&mut self) {
        if self.waits {
            self.waits = false;
            lock(&REACTOR.timers).waiting.remove(&(self.at, self.number));
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
        if lock(&REACTOR.timers).add((self.at, self.number), cx.waker()) {
            REACTOR.ring();
        }
        REACTOR.seats.attend();
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").field("at", &self.at).finish_non_exhaustive()
    }
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

    /// Adds one, or who waits for it. Answers whether it is due before the thread at the wheel would look again.
    fn add(&mut self, timer: (Instant, u64), waker: &Waker) -> bool {
        self.waiting
            .entry(timer)
            .and_modify(|waiting| waiting.clone_from(waker))
            .or_insert_with(|| waker.clone());
        let sooner = match self.asleep {
            Asleep::No => false,
            Asleep::Until(until) => timer.0 < until,
            Asleep::ForEver => true,
        };
        if sooner {
            self.asleep = Asleep::Until(timer.0);
        }
        sooner
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
