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
    /// More outputs from one input than the bound given.
    OutputUnbounded,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StaysDue => "after handle_timeout(t) the deadline is not later than t",
            Self::EarlyCallActed => "handle_timeout before the deadline did something",
            Self::RefusesWhenDrained => "a drained machine refuses input",
            Self::OutputUnbounded => "one step caused more outputs than the bound",
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
/// `bound` is the number of outputs that a single step may cause.
///
/// # Errors
/// The point that was broken.
pub fn check<M: Machine>(
    machine: &mut M,
    steps: impl IntoIterator<Item = Step<M::Input>>,
    bound: usize,
) -> Result<Ran<M::Error>, Violation> {
    let mut now = Instant::START;
    for step in steps {
        let ended = match step {
            Step::Input(input) if machine.wants_input() => machine.handle_input(now, input),
            Step::Input(_) => Ok(()),
            Step::Wait(span) => {
                now = now + span;
                fire(machine, now, bound)?
            }
            Step::Early => early(machine, now)?,
            Step::Poll => {
                machine.poll_output();
                continue;
            }
        };
        if let Err(error) = ended {
            drain(machine, bound)?;
            return Ok(Ran::Finished(error));
        }
        if !machine.wants_input() {
            drain(machine, usize::MAX)?;
            if !machine.wants_input() {
                return Err(Violation::RefusesWhenDrained);
            }
        }
    }
    Ok(Ran::Whole)
}

fn fire<M: Machine>(machine: &mut M, now: Instant, bound: usize) -> Result<Result<(), M::Error>, Violation> {
    for _ in 0..SETTLE_ROUNDS {
        drain(machine, bound)?;
        if machine.poll_timeout().is_none_or(|at| at > now) {
            return Ok(Ok(()));
        }
        if let Err(error) = machine.handle_timeout(now) {
            return Ok(Err(error));
        }
    }
    Err(Violation::StaysDue)
}

fn early<M: Machine>(machine: &mut M, now: Instant) -> Result<Result<(), M::Error>, Violation> {
    drain(machine, usize::MAX)?;
    let before = machine.poll_timeout();
    if before.is_some_and(|at| at <= now) {
        return Ok(machine.handle_timeout(now));
    }
    if let Err(error) = machine.handle_timeout(now) {
        return Ok(Err(error));
    }
    if machine.poll_output().is_some() || machine.poll_timeout() != before {
        return Err(Violation::EarlyCallActed);
    }
    Ok(Ok(()))
}

fn drain<M: Machine>(machine: &mut M, bound: usize) -> Result<(), Violation> {
    let mut taken = 0usize;
    while machine.poll_output().is_some() {
        taken += 1;
        if taken > bound {
            return Err(Violation::OutputUnbounded);
        }
    }
    Ok(())
}
