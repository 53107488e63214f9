//! Tasks that can be ended, and waiting that has an end.

use crate::clock::Clock;
use crate::runtime::Runtime;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use core::fmt;
use core::future::{Future, poll_fn};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use futures_lite::future::or;
use futures_util::future::{AbortHandle, Abortable};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Starts a task that its handle ends.
pub(crate) fn spawn<R: Runtime>(task: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
    let (handle, registration) = AbortHandle::new_pair();
    R::spawn(async move {
        let _ = Abortable::new(task, registration).await;
    });
    handle
}

/// Waits for `future`, but not longer than `span`, which may be longer than a timer's.
pub(crate) async fn timeout<R: Runtime, T>(span: Duration, future: impl Future<Output = T>) -> Option<T> {
    let clock = Clock::<R>::start();
    let late = async {
        clock.sleep_until(clock.now() + span).await;
        None
    };
    or(async { Some(future.await) }, late).await
}

/// Rounds in a row after which other tasks get their turn: where something always comes, a loop never waits.
const ROUNDS: u8 = 32;

/// Rounds of a loop that may find something each time.
#[derive(Default)]
pub(crate) struct Rounds(u8);

impl Rounds {
    /// Begins another one. May be dropped and called again.
    pub(crate) async fn pass<R: Runtime>(&mut self) {
        self.0 = (self.0 + 1) % ROUNDS;
        if self.0 == 0 {
            R::yield_now().await;
        }
    }
}

/// Tasks under way, which end when this is dropped.
pub(crate) struct Tasks<T> {
    running: BTreeMap<u64, AbortHandle>,
    next: u64,
    over: Arc<Mutex<Over<T>>>,
}

/// Tasks of which the owner has not heard yet that they are over.
struct Over<T> {
    results: VecDeque<(u64, Option<T>)>,
    waiting: Option<Waker>,
}

/// Tells of the end of a task, whatever that is.
struct Ending<T> {
    number: u64,
    result: Option<T>,
    over: Arc<Mutex<Over<T>>>,
}

impl<T> Default for Tasks<T> {
    fn default() -> Self {
        let over = Over { results: VecDeque::new(), waiting: None };
        Self { running: BTreeMap::new(), next: 0, over: Arc::new(Mutex::new(over)) }
    }
}

impl<T: Send + 'static> Tasks<T> {
    pub(crate) fn spawn<R: Runtime>(
        &mut self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> AbortHandle {
        let number = self.next;
        self.next += 1;
        let ending = Ending { number, result: None, over: self.over.clone() };
        let handle = spawn::<R>(async move {
            ending.with(task.await);
        });
        self.running.insert(number, handle.clone());
        handle
    }

    /// How many there are, with those of which the owner has not heard yet that they are over.
    pub(crate) fn len(&self) -> usize {
        self.running.len()
    }

    /// What came of one, `None` in it if it was ended; `None` if there are no tasks. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Option<Option<T>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Forgets those that are over.
    pub(crate) fn tidy(&mut self) {
        for (number, _) in lock(&self.over).results.drain(..) {
            self.running.remove(&number);
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Option<T>>> {
        let mut over = lock(&self.over);
        if let Some((number, result)) = over.results.pop_front() {
            self.running.remove(&number);
            return Poll::Ready(Some(result));
        }
        if self.running.is_empty() {
            return Poll::Ready(None);
        }
        over.waiting = Some(cx.waker().clone());
        Poll::Pending
    }
}

fn lock<T>(over: &Mutex<Over<T>>) -> MutexGuard<'_, Over<T>> {
    // Nothing that is done under the lock can stop half way.
    over.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Ending<T> {
    fn with(mut self, result: T) {
        self.result = Some(result);
    }
}

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        let mut over = lock(&self.over);
        over.results.push_back((self.number, self.result.take()));
        let waiting = over.waiting.take();
        drop(over);
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

impl<T> Drop for Tasks<T> {
    fn drop(&mut self) {
        for handle in self.running.values() {
            handle.abort();
        }
    }
}

impl<T> fmt::Debug for Tasks<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("running", &self.running.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretend::{Network, Pretend, run};

    #[test]
    fn a_wait_has_an_end_that_may_be_as_far_off_as_can_be_said() {
        run(Network::LAN, async {
            let in_time = timeout::<Pretend, _>(Duration::MAX, Pretend::timer(Duration::from_secs(1))).await;
            assert!(in_time.is_some());
            let a_year = Duration::from_secs(365 * 86_400);
            let clock = Clock::<Pretend>::start();
            assert!(timeout::<Pretend, _>(a_year, core::future::pending::<()>()).await.is_none());
            assert_eq!(clock.now(), spotproto::Instant::START + a_year);
        });
    }
}
