//! What an adapter waits for.

#[cfg(doc)]
use crate::pump::Pump;
use crate::time::Instant;

/// What the adapter waits for before the next turn: any of these, all at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wants {
    /// The line has bytes: call [`Pump::receive`].
    pub read: bool,
    /// The line takes bytes: offer it [`Pump::unsent`], then call [`Pump::sent`].
    pub write: bool,
    /// The owner has a command: call [`Pump::command`].
    pub command: bool,
    /// The owner has room for an output: hand it [`Pump::take_held`].
    pub room: bool,
    /// It is this late.
    pub wake: Option<Instant>,
    /// Wait for nothing, but let others run first: a fair share of work was done, and more may be left.
    pub pause: bool,
    /// Nothing is left to do: call [`Pump::into_end`].
    pub done: bool,
}
