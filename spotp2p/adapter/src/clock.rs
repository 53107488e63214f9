//! The one clock of a program: it owns the epoch that machines count from.
//!
//! On Linux and macOS the monotonic clock stands still while a laptop sleeps. Deadlines then come late by that
//! span and nothing else goes wrong; that a neighbour is gone shows when the line is next used.

use crate::runtime::{LONGEST_SLEEP, Runtime};
use core::future::{Future, poll_fn};
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use spotproto::Instant;

/// Tells machines the time. All machines of a program must be told it by copies of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock<R: Runtime> {
    epoch: R::Moment,
}

impl<R: Runtime> Clock<R> {
    /// A clock that shows [`Instant::START`] now.
    #[must_use]
    pub fn start() -> Self {
        // The runtime's clock and not the system's, so that tests can pause it.
        Self { epoch: R::moment() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::after_start(R::elapsed(self.epoch))
    }

    /// Waits until the clock shows `at` or later, however far that is.
    pub async fn sleep_until(&self, at: Instant) {
        Alarm::new(*self).until(at).await;
    }
}

/// A timer for a deadline that keeps moving. Usually it moves back, and then the timer isn't touched: it goes
/// off early and is wound up again, once a period and not once a message.
#[derive(Debug)]
pub(crate) struct Alarm<R: Runtime> {
    clock: Clock<R>,
    timer: Option<R::Timer>,
    set_for: Option<Instant>,
}

impl<R: Runtime> Alarm<R> {
    pub(crate) const fn new(clock: Clock<R>) -> Self {
        Self { clock, timer: None, set_for: None }
    }

    /// Waits until `at`. May be dropped and called again.
    pub(crate) async fn until(&mut self, at: Instant) {
        poll_fn(|cx| self.poll(cx, Some(at))).await;
    }

    /// The same, or for ever.
    pub(crate) async fn until_some(&mut self, at: Option<Instant>) {
        poll_fn(|cx| self.poll(cx, at)).await;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> Poll<()> {
        let Some(at) = at else { return Poll::Pending };
        loop {
            // The clock is asked first: a task that ran out of its turn is told "not yet" by any timer.
            let now = self.clock.now();
            if now >= at {
                return Poll::Ready(());
            }
            if self.set_for.is_none_or(|set_for| at < set_for) {
                self.set(now, at);
            }
            if let Some(timer) = &mut self.timer {
                ready!(Pin::new(timer).poll(cx));
            }
            self.set_for = None;
        }
    }

    fn set(&mut self, now: Instant, at: Instant) {
        let span = at.since(now).min(LONGEST_SLEEP);
        match &mut self.timer {
            Some(timer) => R::reset(timer, span),
            None => self.timer = Some(R::timer(span)),
        }
        self.set_for = Some(now + span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretend::{Network, Pretend, run};
    use crate::task::timeout;
    use core::time::Duration;

    #[test]
    fn a_sleep_ends_at_its_deadline_and_a_past_one_at_once() {
        run(Network::LAN, async {
            let clock = Clock::<Pretend>::start();
            let at = clock.now() + Duration::from_secs(3);
            clock.sleep_until(at).await;
            assert_eq!(clock.now(), at);
            clock.sleep_until(Instant::START).await;
            assert_eq!(clock.now(), at);
        });
    }

    #[test]
    fn deadlines_at_the_end_of_time_can_be_waited_for() {
        run(Network::LAN, async {
            let clock = Clock::<Pretend>::start();
            let never = Instant::START + Duration::MAX;
            assert!(timeout::<Pretend, _>(LONGEST_SLEEP * 10, clock.sleep_until(never)).await.is_none());
            let far = clock.now() + LONGEST_SLEEP * 3;
            clock.sleep_until(far).await;
            assert_eq!(clock.now(), far);
        });
    }

    #[test]
    fn an_alarm_follows_its_deadline_both_ways() {
        run(Network::LAN, async {
            let clock = Clock::<Pretend>::start();
            let mut alarm = Alarm::new(clock);
            let later = clock.now() + Duration::from_secs(60);
            assert!(timeout::<Pretend, _>(Duration::from_secs(1), alarm.until(later)).await.is_none());
            let sooner = clock.now() + Duration::from_secs(2);
            alarm.until(sooner).await;
            assert_eq!(clock.now(), sooner);
            alarm.until(later).await;
            assert_eq!(clock.now(), later);
        });
    }
}
