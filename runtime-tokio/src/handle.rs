//! A connection that runs in a task of its own, held by its two ends.

use crate::clock::Clock;
use crate::connection::{Ended, drive};
use core::fmt;
use spotproto::machine::{ByteMachine, Machine};
use spotproto::pump::Pump;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::task::{JoinError, JoinHandle};

/// The owner's side of a connection started by [`spawn`]. Dropping it ends the connection.
pub struct Handle<M: Machine> {
    commands: mpsc::Sender<M::Input>,
    outputs: mpsc::Receiver<M::Output>,
    task: JoinHandle<Ended<M>>,
}

/// [`drive`]s `machine` in a task, with room for `queue` commands and as many outputs (at least one).
///
/// # Panics
/// Outside a tokio runtime with I/O and time enabled.
pub fn spawn<M>(stream: TcpStream, machine: M, clock: Clock, queue: usize) -> Handle<M>
where
    M: ByteMachine + Send + 'static,
    M::Input: Send,
    M::Output: Send,
    M::Error: Send,
{
    let (commands, commanded) = mpsc::channel(queue.max(1));
    let (delivered, outputs) = mpsc::channel(queue.max(1));
    let pump = Pump::new(machine, spotproto::pump::BATCH);
    let task = tokio::spawn(drive(stream, pump, clock, commanded, delivered));
    Handle { commands, outputs, task }
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
        self.outputs.recv().await
    }

    /// Waits for the end, throwing away outputs that were not taken.
    ///
    /// # Errors
    /// The machine panicked, or the runtime is shutting down.
    pub async fn ended(mut self) -> Result<Ended<M>, JoinError> {
        while self.outputs.recv().await.is_some() {}
        self.task.await
    }
}

impl<M: Machine> fmt::Debug for Handle<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("over", &self.task.is_finished()).finish_non_exhaustive()
    }
}
