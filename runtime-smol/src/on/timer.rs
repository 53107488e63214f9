//! Timers that cost the system nothing unless they are the next to be due.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::task::Wake;
use core::fmt;
use core::future::Future;
use core::pin::Pin;
use core::sync::atomic::{AtomicU64, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Ready when a span has passed.
///
/// async-io wakes its reactor for each timer that somebody waits for. Most timers of a connection guard against what does
/// not happen, and are dropped long before: so all wait in one list, and async-io is told of the first one in it, when that
/// is sooner than what it knows.
///
/// Memory, in words: an entry of the list for each timer that somebody waits for.
pub struct Timer {
    at: Instant,
    number: u64,
    /// Whether it is in the list.
    waits: bool,
}

/// Those that are waited for.
struct List {
    waiting: BTreeMap<(Instant, u64), Waker>,
    /// Is ready when the first of them is, or sooner.
    first: Option<async_io::Timer>,
    /// When that will be; `None` if nobody waits for it.
    told: Option<Instant>,
}

static LIST: Mutex<List> = Mutex::new(List { waiting: BTreeMap::new(), first: None, told: None });

static BELL: LazyLock<Waker> = LazyLock::new(|| Waker::from(Arc::new(Bell)));

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
            list().waiting.remove(&(self.at, self.number));
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
        let due = {
            let mut list = list();
            list.waiting.insert((self.at, self.number), cx.waker().clone());
            if list.told.is_none_or(|told| self.at < told) { list.turn() } else { Vec::new() }
        };
        wake(due);
        Poll::Pending
    }
}

/// What async-io wakes when the first timer is due.
struct Bell;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let due = list().turn();
        wake(due);
    }
}

impl List {
    /// Takes out those that are due, and waits for the next one.
    fn turn(&mut self) -> Vec<Waker> {
        let mut due = Vec::new();
        loop {
            let later = self.waiting.split_off(&(Instant::now(), u64::MAX));
            due.extend(core::mem::replace(&mut self.waiting, later).into_values());
            self.told = self.waiting.first_key_value().map(|((at, _), _)| *at);
            let Some(at) = self.told else { return due };
            let first = self.first.get_or_insert_with(async_io::Timer::never);
            first.set_at(at);
            if Pin::new(first).poll(&mut Context::from_waker(&BELL)).is_pending() {
                return due;
            }
        }
    }
}

fn wake(due: Vec<Waker>) {
    for waker in due {
        waker.wake();
    }
}

fn list() -> MutexGuard<'static, List> {
    // Nothing that is done under the lock can stop half way.
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;
    use futures_lite::future::{block_on, or, zip};

    fn after(millis: u64) -> Timer {
        Timer::at(Instant::now() + Duration::from_millis(millis))
    }

    #[test]
    fn each_is_ready_in_its_turn_whichever_was_waited_for_first() {
        let began = Instant::now();
        let times = |millis| async move {
            after(millis).await;
            began.elapsed()
        };
        let ((long, short), past) = block_on(zip(zip(times(60), times(20)), times(0)));
        assert!(past <= short && short < long);
        assert!(short >= Duration::from_millis(20) && long >= Duration::from_millis(60));
    }

    #[test]
    fn one_that_is_dropped_or_put_off_leaves_the_others_alone() {
        let mut moved = after(10);
        let given_up = async {
            or(after(5), after(10_000)).await;
            drop(after(1));
        };
        block_on(given_up);
        moved.reset(Instant::now() + Duration::from_millis(30));
        let began = Instant::now();
        block_on(zip(&mut moved, after(15)));
        assert!(began.elapsed() >= Duration::from_millis(29));
        assert!(!moved.waits);
    }
}
