//! The way from a driver to one of its connections.

use async_channel::{Sender, TrySendError};
use futures_util::future::AbortHandle;
use spotproto::session::Input;

/// Where a connection's session takes its inputs, and the task to end if it takes none.
#[derive(Debug)]
pub(crate) struct Way {
    queue: Sender<Input>,
    task: AbortHandle,
}

impl Way {
    pub(crate) const fn new(queue: Sender<Input>, task: AbortHandle) -> Self {
        Self { queue, task }
    }

    /// Hands an input over. `false` if the queue is full, although a connection is never owed that much: nothing would
    /// come of waiting, so it is over at once, and can't tell of its end. (One that is over already does so itself.)
    pub(crate) fn send(&self, input: Input) -> bool {
        let full = matches!(self.queue.try_send(input), Err(TrySendError::Full(_)));
        if full {
            self.task.abort();
        }
        !full
    }

    /// Ends the connection at once, last words included.
    pub(crate) fn end(&self) {
        self.task.abort();
    }
}
