//! Why a pump ended its machine.

use core::error::Error;
use core::fmt;

/// Why a machine on a byte stream ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault<E> {
    /// The machine said so.
    Machine(E),
    /// The machine broke its contract: a fault of this program, not of the other side.
    Broken(Broken),
}

/// How a [`ByteMachine`](crate::ByteMachine) broke its contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Broken {
    /// It stays due however often its timeout is handled.
    StaysDue,
    /// It took more bytes than it was given.
    TookTooMuch,
    /// It waits for a unit longer than the adapter's scratch.
    UnitTooLong,
    /// It said that it owed the line something and appended nothing, or took away.
    AppendedNothing,
    /// It appended far more than the limit.
    AppendedTooMuch,
    /// Drained, with nothing owed and no deadline, it refuses input.
    RefusesWhenDrained,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::StaysDue => "after handle_timeout(t) the deadline is not later than t",
            Self::TookTooMuch => "handle_bytes took more than it was given",
            Self::UnitTooLong => "handle_bytes waits for a unit longer than the scratch",
            Self::AppendedNothing => "poll_transmit promised bytes and appended none",
            Self::AppendedTooMuch => "poll_transmit went far beyond its limit",
            Self::RefusesWhenDrained => "a drained machine refuses input",
        })
    }
}

impl Error for Broken {}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Machine(error) => error.fmt(f),
            Self::Broken(broken) => broken.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for Fault<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Machine(error) => error.source(),
            Self::Broken(_) => None,
        }
    }
}
