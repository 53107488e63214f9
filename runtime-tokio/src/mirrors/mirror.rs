//! The connections to one mirror.

use crate::handle::Handle;
use alloc::vec::Vec;
use core::time::Duration;
use spotp2p::RequestId;
use spotp2p::cdn::{Connection, Input, Url};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// Connections to one mirror: while one brings pieces the next request can be on its way.
const CONNECTIONS: usize = 2;

/// One mirror: who may use a connection to it, and those that nobody uses.
#[derive(Debug)]
pub(super) struct Mirror {
    turns: Semaphore,
    /// Never more than there are free turns.
    idle: Mutex<Vec<Line>>,
}

/// A connection to a web server.
#[derive(Debug)]
pub(super) struct Line {
    /// Where it leads; the path does not matter.
    pub(super) origin: Url,
    pub(super) handle: Handle<Connection>,
}

impl Default for Mirror {
    fn default() -> Self {
        Self { turns: Semaphore::new(CONNECTIONS), idle: Mutex::default() }
    }
}

impl Mirror {
    /// The right to use a connection, first come, first served.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// A connection that was kept, to the host of `url`. One that leads elsewhere is closed.
    pub(super) fn take(&self, url: &Url) -> Option<Line> {
        self.lock().pop().filter(|line| line.origin.is_beside(url))
    }

    /// Keeps a connection for the next request. It may turn out to be over by then.
    pub(super) fn keep(&self, line: Line) {
        self.lock().push(line);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    /// Takes a request back. What was delivered for it already is thrown away, so that nobody has to wait with more.
    pub(super) async fn withdraw(&mut self, request: RequestId) {
        let _ = self.handle.try_tell(Input::Cancel(request));
        while let Ok(Some(_)) = timeout(Duration::ZERO, self.handle.next()).await {}
    }
}
