//! Timers that cost the system nothing unless they are the next to be due.

use crate::reactor::wake_all;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::task::Wake;
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
#[derive(Debug)]
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
        wake_all(due);
        Poll::Pending
    }
}

/// What async-io wakes when the first timer is due.
struct Bell;

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let due = list().turn();
        wake_all(due);
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

fn list() -> MutexGuard<'static, List> {
    // Nothing that is done under the lock can stop half way.
    LIST.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.leave();
    }
}
