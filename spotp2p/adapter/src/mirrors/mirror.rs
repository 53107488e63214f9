//! The connections to one mirror.

use crate::handle::Handle;
use alloc::vec::Vec;
use async_channel::{Receiver, Sender};
use futures_lite::future::poll_once;
use spotp2p::RequestId;
use spotp2p::cdn::{Connection, Input, Url};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Connections to one mirror: while one brings pieces the next request can be on its way.
const CONNECTIONS: usize = 2;

/// One mirror: who may use a connection to it, and those that nobody uses.
#[derive(Debug)]
pub(super) struct Mirror {
    /// One for each connection that nobody uses.
    turns: (Sender<()>, Receiver<()>),
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

/// The right to use a connection, for as long as this is held.
#[derive(Debug)]
pub(super) struct Turn<'a>(&'a Sender<()>);

impl Default for Mirror {
    fn default() -> Self {
        let turns = async_channel::bounded(CONNECTIONS);
        for _ in 0..CONNECTIONS {
            let _ = turns.0.try_send(());
        }
        Self { turns, idle: Mutex::default() }
    }
}

impl Mirror {
    /// The right to use a connection.
    pub(super) async fn turn(&self) -> Turn<'_> {
        let _ = self.turns.1.recv().await;
        Turn(&self.turns.0)
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

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let _ = self.0.try_send(());
    }
}

impl Line {
    /// Takes a request back. What was delivered for it already is thrown away, so that nobody has to wait with more.
    pub(super) async fn withdraw(&mut self, request: RequestId) {
        let _ = self.handle.try_tell(Input::Cancel(request));
        while let Some(Some(_)) = poll_once(self.handle.next()).await {}
    }
}
