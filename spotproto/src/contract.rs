//! The shared check of the [`Machine`] contract, for every machine's tests and fuzz targets.

use crate::machine::{Machine, SETTLE_ROUNDS};
use crate::time::Instant;
use core::fmt;
use core::time::Duration;

/// One step of a run that [`check`] drives.
#[derive(Clone, Debug)]
pub enum Step<I> {
    /// Give the machine an input (skipped while it does not want any).
    Input(I),
    /// Let this much time pass, then fire what is due.
    Wait(Duration),
    /// Call `handle_timeout` although nothing may be due.
    Early,
    /// Take one output instead of all.
    Poll,
}

/// Which point of the contract a machine broke.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Violation {
    /// The deadline was not later than the time just handled.
    StaysDue,
    /// An early `handle_timeout` produced output or moved a deadline into the past.
    EarlyCallActed,
    /// A drained machine still refuses input.
    RefusesWhenDrained,
    /// More outputs than the steps that caused them may.
    OutputUnbounded,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StaysDue => "after handle_timeout(t) the deadline is not later than t",
            Self::EarlyCallActed => "handle_timeout before the deadline did something",
            Self::RefusesWhenDrained => "a drained machine refuses input",
            Self::OutputUnbounded => "the steps caused more outputs than the bound",
        })
    }
}

impl core::error::Error for Violation {}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ran<E> {
    /// All steps were taken.
    Whole,
    /// The machine finished with an error, as it may.
    Finished(E),
}

/// Drives `machine` through `steps` from [`Instant::START`] and reports the first broken point of the contract.
///
/// `bound` is the number of outputs that a single step may cause: of what waits when it drains, so many for each step since
/// it drained last.
///
/// # Errors
/// The point that was broken.
pub fn check<M: Machine>(
    machine: &mut M,
    steps: impl IntoIterator<Item = Step<M::Input>>,
    bound: usize,
) -> Result<Ran<M::Error>, Violation> {
    let mut run = Run { machine, now: Instant::START, bound, allowed: bound };
    for step in steps {
        if let Err(error) = run.take(step)? {
            run.drain()?;
            return Ok(Ran::Finished(error));
        }
        if !run.machine.wants_input() {
            run.drain()?;
            if !run.machine.wants_input() {
                return Err(Violation::RefusesWhenDrained);
            }
        }
    }
    Ok(Ran::Whole)
}

/// A machine that is driven.
struct Run<'a, M> {
    machine: &'a mut M,
    now: Instant,
    bound: usize,
    /// Outputs that may wait: what it was made with, or what the steps since it was drained may have caused.
    allowed: usize,
}

impl<M: Machine> Run<'_, M> {
    fn take(&mut self, step: Step<M::Input>) -> Result<Result<(), M::Error>, Violation> {
        match step {
            Step::Input(input) if self.machine.wants_input() => {
                self.causes();
                Ok(self.machine.handle_input(self.now, input))
            }
            Step::Input(_) => Ok(Ok(())),
            Step::Wait(span) => {
                self.now = self.now + span;
                self.fire()
            }
            Step::Early => self.early(),
            Step::Poll if self.machine.poll_output().is_some() => self.took().map(Ok),
            Step::Poll => Ok(Ok(())),
        }
    }

    fn fire(&mut self) -> Result<Result<(), M::Error>, Violation> {
        for _ in 0..SETTLE_ROUNDS {
            self.drain()?;
            if self.machine.poll_timeout().is_none_or(|at| at > self.now) {
                return Ok(Ok(()));
            }
            self.causes();
            if let Err(error) = self.machine.handle_timeout(self.now) {
                return Ok(Err(error));
            }
        }
        Err(Violation::StaysDue)
    }

    fn early(&mut self) -> Result<Result<(), M::Error>, Violation> {
        self.drain()?;
        let before = self.machine.poll_timeout();
        if before.is_some_and(|at| at <= self.now) {
            self.causes();
            return Ok(self.machine.handle_timeout(self.now));
        }
        if let Err(error) = self.machine.handle_timeout(self.now) {
            return Ok(Err(error));
        }
        if self.machine.poll_output().is_some() || self.machine.poll_timeout() != before {
            return Err(Violation::EarlyCallActed);
        }
        Ok(Ok(()))
    }

    fn drain(&mut self) -> Result<(), Violation> {
        while self.machine.poll_output().is_some() {
            self.took()?;
        }
        self.allowed = 0;
        Ok(())
    }

    /// A step may cause as many outputs more.
    const fn causes(&mut self) {
        self.allowed = self.allowed.saturating_add(self.bound);
    }

    fn took(&mut self) -> Result<(), Violation> {
        self.allowed = self.allowed.checked_sub(1).ok_or(Violation::OutputUnbounded)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// A machine that breaks the contract as it is told.
    #[derive(Default)]
    struct Toy {
        outputs: usize,
        due: Option<Instant>,
        again: bool,
        talks: bool,
        deaf: bool,
        ended: bool,
    }

    enum Order {
        Say(usize),
        /// Due in a second, and then for ever if so told.
        Wake {
            again: bool,
        },
        TalkWhenEarly,
        BeDeaf,
        End,
    }

    impl Machine for Toy {
        type Input = Order;
        type Output = ();
        type Error = &'static str;

        fn handle_input(&mut self, now: Instant, order: Order) -> Result<(), Self::Error> {
            match order {
                Order::Say(count) => self.outputs += count,
                Order::Wake { again } => {
                    (self.due, self.again) = (Some(now + Duration::from_secs(1)), again);
                }
                Order::TalkWhenEarly => self.talks = true,
                Order::BeDeaf => self.deaf = true,
                Order::End => self.ended = true,
            }
            if self.ended { Err("ended") } else { Ok(()) }
        }

        fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error> {
            if self.due.is_some_and(|due| due <= now) {
                self.outputs += 3;
                self.due = self.due.filter(|_| self.again);
            } else if self.talks {
                self.outputs += 1;
            }
            Ok(())
        }

        fn poll_output(&mut self) -> Option<()> {
            self.outputs = self.outputs.checked_sub(1)?;
            Some(())
        }

        fn poll_timeout(&self) -> Option<Instant> {
            self.due
        }

        fn wants_input(&self) -> bool {
            !self.deaf
        }
    }

    fn run(
        steps: impl IntoIterator<Item = Step<Order>>,
        bound: usize,
    ) -> Result<Ran<&'static str>, Violation> {
        check(&mut Toy::default(), steps, bound)
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_step_may_cause_the_bound_however_many_come_before_a_drain() {
        let say = |count| Step::Input(Order::Say(count));
        let wake = || Step::Input(Order::Wake { again: false });
        let each =
            || vec![say(3), say(3), Step::Poll, say(3), wake(), Step::Wait(SECOND), say(3), Step::Early];
        assert_eq!(run(each(), 3), Ok(Ran::Whole));
        assert_eq!(run(each(), 2), Err(Violation::OutputUnbounded));
        // What was drained does not count for what comes later.
        let drained = [say(0), say(0), Step::Early, say(7), Step::Early];
        assert_eq!(run(drained, 3), Err(Violation::OutputUnbounded));
        assert_eq!(run([say(10), Step::Input(Order::End)], 3), Err(Violation::OutputUnbounded));
        assert_eq!(run([say(7), Step::Poll, Step::Poll, Step::Early], 3), Err(Violation::OutputUnbounded));
    }

    #[test]
    fn a_machine_that_stays_due_talks_early_or_hears_nothing_is_found_out() {
        let wake = Step::Input(Order::Wake { again: true });
        assert_eq!(run([wake, Step::Wait(SECOND)], 3), Err(Violation::StaysDue));
        assert_eq!(run([Step::Input(Order::TalkWhenEarly), Step::Early], 3), Err(Violation::EarlyCallActed));
        assert_eq!(run([Step::Input(Order::BeDeaf)], 3), Err(Violation::RefusesWhenDrained));
    }

    #[test]
    fn a_machine_may_end() {
        assert_eq!(run([Step::Input(Order::End), Step::Early], 3), Ok(Ran::Finished("ended")));
    }
}
