//! The shape of every machine of the family, and the contract that drivers may lean on.

use crate::time::Instant;
use alloc::vec::Vec;
use bytes::BytesMut;

/// A protocol as a state machine: inputs and time go in, outputs and a deadline come out, nothing else happens.
///
/// # Contract
///
/// 1. `now` never goes back. A jump forward of any size (a suspended laptop) settles in a bounded number of
///    rounds.
/// 2. After `handle_timeout(t)` the deadline is later than `t`, or gone. Early and repeated calls change nothing.
/// 3. Outputs come in the order in which they must be carried out. The owner drains them before it sleeps; many
///    inputs before a drain are legal while [`wants_input`](Machine::wants_input) says so.
/// 4. `Err` means that this machine is finished; the error says whose fault it was. Later calls are harmless:
///    they return an error again or do nothing.
/// 5. Calling any method early, twice or in another order may cost time, never correctness.
///
/// [`crate::contract::check`] tries all of this on a machine and a list of operations.
pub trait Machine {
    /// What the owner tells the machine.
    type Input;
    /// What the machine asks of its owner: messages to send, effects to carry out, events to show.
    type Output;
    /// Why a machine ended.
    type Error;

    /// Takes one input.
    ///
    /// # Errors
    /// The machine is finished.
    fn handle_input(&mut self, now: Instant, input: Self::Input) -> Result<(), Self::Error>;

    /// Does what is due at `now`.
    ///
    /// # Errors
    /// The machine is finished.
    fn handle_timeout(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// The next thing to carry out, in order; `None` when there is nothing left for now.
    fn poll_output(&mut self) -> Option<Self::Output>;

    /// When [`handle_timeout`](Machine::handle_timeout) wants to be called next. Costs O(1).
    fn poll_timeout(&self) -> Option<Instant>;

    /// Whether there is room for more input; `false` means stop reading and drain, nothing is lost.
    fn wants_input(&self) -> bool {
        true
    }
}

/// The other half of a machine that sits on a byte stream.
///
/// Both wire buffers belong to the caller: the machine keeps neither what it could not use yet nor what the
/// line has not taken yet, so an idle machine holds no buffer.
pub trait ByteMachine: Machine {
    /// Takes whole units from the front of `wire`, in place, and returns how many bytes it is done with; what
    /// remains is incomplete (or the machine wants a drain first) and must be offered again with what follows.
    ///
    /// # Errors
    /// The machine is finished. It may still owe the line a last word: see
    /// [`poll_transmit`](ByteMachine::poll_transmit).
    fn handle_bytes(&mut self, now: Instant, wire: &mut [u8]) -> Result<usize, Self::Error>;

    /// The other side will send nothing more.
    ///
    /// # Errors
    /// The machine is finished.
    fn handle_eof(&mut self, now: Instant) -> Result<(), Self::Error>;

    /// Appends whole units to `wire` while it holds less than `limit` bytes; `false` when nothing was owed.
    ///
    /// What goes out is decided here, as late as possible, so that urgent requests overtake and cancelled
    /// answers vanish. Keep `limit` small (8 KiB) or the order is a lie. May be called after an error, once, for
    /// the last word to the other side.
    fn poll_transmit(&mut self, now: Instant, wire: &mut BytesMut, limit: usize) -> bool;
}

/// Rounds of due timers after which [`settle`] takes a machine to be in a loop.
pub const SETTLE_ROUNDS: usize = 64;

/// Drains a machine and fires what is due until nothing is left to do at `now`, handing outputs to `sink`.
///
/// # Errors
/// The machine's own.
///
/// # Panics
/// If the machine stays due for [`SETTLE_ROUNDS`] rounds: it broke point 2 of the contract, which no input may
/// bring about.
pub fn settle<M: Machine>(
    machine: &mut M,
    now: Instant,
    mut sink: impl FnMut(M::Output),
) -> Result<(), M::Error> {
    for _ in 0..SETTLE_ROUNDS {
        while let Some(output) = machine.poll_output() {
            sink(output);
        }
        if machine.poll_timeout().is_none_or(|at| at > now) {
            return Ok(());
        }
        machine.handle_timeout(now)?;
    }
    panic!("the machine stays due at {now:?}: contract, point 2");
}

/// [`settle`], collecting the outputs.
///
/// # Errors
/// The machine's own.
pub fn settled<M: Machine>(machine: &mut M, now: Instant) -> Result<Vec<M::Output>, M::Error> {
    let mut outputs = Vec::new();
    settle(machine, now, |output| outputs.push(output))?;
    Ok(outputs)
}
