//! Connects to a web server and drives the [`Connection`] that asks it for pieces.

use crate::clock::Clock;
use crate::dial::{DialError, DialOptions, connect};
use crate::handle::{Handle, spawn};
use crate::runtime::Runtime;
use spotp2p::cdn::{Connection, Limits, Url};

/// Commands that may wait for a connection, and outputs that may wait for its owner: at most so many pieces.
const QUEUE: usize = 16;

/// Connects to the host of `url` and has a task of its own drive the connection. It is over when a
/// [`CdnError`](spotp2p::cdn::CdnError) says so, or when the handle is dropped.
///
/// Which redirects to follow, and when to dial again, is for the owner to decide.
///
/// # Errors
/// Nobody could be reached.
pub async fn open<R: Runtime>(
    url: &Url,
    dial: &DialOptions,
    clock: Clock<R>,
    limits: Limits,
) -> Result<Handle<Connection>, DialError> {
    let (stream, _) = connect::<R>(&url.authority(), dial).await?;
    Ok(spawn(stream, Connection::new(clock.now(), url.clone(), limits), clock, QUEUE))
}
