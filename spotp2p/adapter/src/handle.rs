//! A connection that runs in a task of its own, held by its two ends.

use crate::clock::Clock;
use crate::connection::{Ended, drive};
use crate::runtime::Runtime;
use async_channel::{Receiver, Sender, TrySendError};
use core::error::Error;
use core::fmt;
use spotproto::machine::{ByteMachine, Machine};
use spotproto::pump::{BATCH, Pump};

/// The owner's side of a connection started by [`spawn`]. Dropping it ends the connection.
pub struct Handle<M: Machine> {
    commands: Sender<M::Input>,
    outputs: Receiver<M::Output>,
    end: Receiver<Ended<M>>,
}

/// The task of a connection panicked, or its runtime ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaskLost;

/// [`drive`]s `machine` in a task, with room for `queue` commands and as many outputs (at least one).
pub fn spawn<R, M>(stream: R::Stream, machine: M, clock: Clock<R>, queue: usize) -> Handle<M>
where
    R: Runtime,
    M: ByteMachine + Send + 'static,
    M::Input: Send,
    M::Output: Send,
    M::Error: Send,
{
    let (commands, commanded) = async_channel::bounded(queue.max(1));
    let (delivered, outputs) = async_channel::bounded(queue.max(1));
    let (ending, end) = async_channel::bounded(1);
    let pump = Pump::new(machine, BATCH);
    R::spawn(async move {
        let _ = ending.try_send(drive(stream, pump, clock, commanded, delivered).await);
    });
    Handle { commands, outputs, end }
}

impl<M: Machine> Handle<M> {
    /// Tells the machine something, if there is room. Never waits, so it can't be part of a deadlock.
    ///
    /// # Errors
    /// The queue is full, or the connection is over; the command comes back.
    pub fn try_tell(&self, command: M::Input) -> Result<(), TrySendError<M::Input>> {
        self.commands.try_send(command)
    }

    /// Tells the machine something as soon as there is room.
    ///
    /// # Errors
    /// The connection is over; the command comes back.
    pub async fn tell(&self, command: M::Input) -> Result<(), M::Input> {
        self.commands.send(command).await.map_err(|refused| refused.0)
    }

    /// The next output; `None` once the connection is over and all were taken. May be dropped and called again.
    pub async fn next(&mut self) -> Option<M::Output> {
        self.outputs.recv().await.ok()
    }

    /// Waits for the end, throwing away outputs that were not taken.
    ///
    /// # Errors
    /// The machine panicked, or the runtime is shutting down.
    pub async fn ended(self) -> Result<Ended<M>, TaskLost> {
        while self.outputs.recv().await.is_ok() {}
        self.end.recv().await.map_err(|_| TaskLost)
    }
}

impl<M: Machine> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("over", &self.commands.is_closed()).finish_non_exhaustive()
    }
}

impl fmt::Display for TaskLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task of the connection did not come to its end")
    }
}

impl Error for TaskLost {}
