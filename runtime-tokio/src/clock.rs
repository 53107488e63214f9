//! The one clock of a program: it owns the epoch that machines count from.
//!
//! On Linux and macOS the monotonic clock stands still while a laptop sleeps. Deadlines then come late by that
//! span and nothing else goes wrong; that a neighbour is gone shows when the line is next used.

use core::pin::Pin;
use core::time::Duration;
use spotproto::Instant;
use tokio::time::Sleep;

/// Longest single wait: tokio's timers end some way before the end of time, machines' deadlines don't.
const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

/// Tells machines the time. All machines of a program must be told it by copies of one clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: tokio::time::Instant,
}

impl Clock {
    /// A clock that shows [`Instant::START`] now.
    #[must_use]
    pub fn start() -> Self {
        // Tokio's clock and not the system's, so that tests can pause it.
        Self { epoch: tokio::time::Instant::now() }
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::after_start(self.epoch.elapsed())
    }

    /// Waits until the clock shows `at` or later, however far that is.
    pub async fn sleep_until(&self, at: Instant) {
        Alarm::new(*self).until(at).await;
    }
}

/// A timer for a deadline that keeps moving. Usually it moves back, and then the timer isn't touched: it goes
/// off early and is wound up again, once a period and not once a message.
#[derive(Debug)]
pub(crate) struct Alarm {
    clock: Clock,
    sleep: Option<Pin<Box<Sleep>>>,
    set_for: Option<Instant>,
}

impl Alarm {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, sleep: None, set_for: None }
    }

    /// Waits until `at`. May be dropped and called again.
    pub(crate) async fn until(&mut self, at: Instant) {
        loop {
            // The clock is asked first: a task that ran out of its turn is told "not yet" by any timer.
            let now = self.clock.now();
            if now >= at {
                return;
            }
            if self.set_for.is_none_or(|set_for| at < set_for) {
                self.set(now, at);
            }
            if let Some(sleep) = &mut self.sleep {
                sleep.as_mut().await;
            }
            self.set_for = None;
        }
    }

    fn set(&mut self, now: Instant, at: Instant) {
        let span = at.since(now).min(LONGEST_SLEEP);
        let moment = tokio::time::Instant::now() + span;
        match &mut self.sleep {
            Some(sleep) => sleep.as_mut().reset(moment),
            None => self.sleep = Some(Box::pin(tokio::time::sleep_until(moment))),
        }
        self.set_for = Some(now + span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::timeout;

    #[tokio::test(start_paused = true)]
    async fn a_sleep_ends_at_its_deadline_and_a_past_one_at_once() {
        let clock = Clock::start();
        let at = clock.now() + Duration::from_secs(3);
        clock.sleep_until(at).await;
        assert!(clock.now() >= at && clock.now() < at + Duration::from_millis(5));
        clock.sleep_until(Instant::START).await;
        assert!(clock.now() < at + Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn deadlines_at_the_end_of_time_can_be_waited_for() {
        let clock = Clock::start();
        let never = Instant::START + Duration::MAX;
        assert!(timeout(LONGEST_SLEEP * 10, clock.sleep_until(never)).await.is_err());
        let far = clock.now() + LONGEST_SLEEP * 3;
        clock.sleep_until(far).await;
        assert!(clock.now() >= far);
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_follows_its_deadline_both_ways() {
        let clock = Clock::start();
        let mut alarm = Alarm::new(clock);
        let later = clock.now() + Duration::from_secs(60);
        assert!(timeout(Duration::from_secs(1), alarm.until(later)).await.is_err());
        let sooner = clock.now() + Duration::from_secs(2);
        alarm.until(sooner).await;
        assert!(clock.now() < sooner + Duration::from_millis(5));
        alarm.until(later).await;
        assert!(clock.now() >= later && clock.now() < later + Duration::from_millis(5));
    }
}
