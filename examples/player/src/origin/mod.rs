//! An origin for web caches: the ciphertext of files, by plain HTTP/1.1.
//!
//! `GET /<64 hexadecimal digits>` is the whole of what there is: the file of that id, whole or a range of it. What lies
//! under a name can never change, so caches may keep it for ever. Ciphertext is no secret; keys never leave here.
//!
//! The parsing of requests is hyper's, which is used, fuzzed and mended by many: the server is the side that strangers
//! write to. The answers are small enough to be written here.

mod answer;
mod body;
mod paced;
mod preconditions;
mod range;

use alloc::sync::Arc;
use core::convert::Infallible;
use core::future::Future;
use core::pin::pin;
use core::time::Duration;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use paced::Paced;
use runtime_tokio::Store;
use runtime_tokio::{AcceptError, Listener};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Bytes of a request's head, beyond which it is refused with 431.
const HEAD_MAX: usize = 16 << 10;

/// Header fields of a request, beyond which it is refused with 431.
const HEADERS_MAX: usize = 64;

/// Bytes that are kept of what comes, and of what the line has not taken.
const BUFFER_MAX: usize = 64 << 10;

/// The bounds of an origin.
///
/// Worst-case memory, in words: for each connection a request's head, two pieces under way, and hyper's buffers, 64 KiB
/// each way: some 200 KiB.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Connections that are served at a time; further ones wait in the kernel.
    pub connections: usize,
    /// How long a request's head may take, from the end of the request before it: also how long a connection may be
    /// idle.
    pub head: Duration,
    /// How long the line may take for the next 16 KiB of an answer.
    pub pace: Duration,
}

impl Default for Limits {
    /// 256 connections, 30 seconds each.
    fn default() -> Self {
        Self { connections: 256, head: Duration::from_secs(30), pace: Duration::from_secs(30) }
    }
}

/// Serves the files of `store` until `stop` is ready; connections are cut then.
///
/// `trouble` hears of what the operator may want to know; it must not block.
pub async fn serve<S: Store>(
    mut listener: Listener,
    store: Arc<S>,
    limits: Limits,
    stop: impl Future<Output = ()>,
    mut trouble: impl FnMut(AcceptError),
) {
    let room = Arc::new(Semaphore::new(limits.connections.max(1)));
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        let next = async {
            let place = room.clone().acquire_owned().await.ok()?;
            Some((place, listener.accept().await))
        };
        tokio::select! {
            () = &mut stop => return,
            Some(_) = connections.join_next() => {}
            next = next => match next {
                Some((place, Ok((stream, _)))) => {
                    let connection = converse(stream, store.clone(), limits);
                    connections.spawn(async move {
                        connection.await;
                        drop(place);
                    });
                }
                Some((_, Err(error))) => trouble(error),
                None => return,
            }
        }
    }
}

/// One connection, request after request.
async fn converse<S: Store>(stream: TcpStream, store: Arc<S>, limits: Limits) {
    let service = service_fn(move |request| {
        let store = store.clone();
        async move { Ok::<_, Infallible>(answer::answer(store, &request).await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_MAX)
        .max_buf_size(BUFFER_MAX)
        .serve_connection(TokioIo::new(Paced::new(stream, limits.pace)), service);
    // How it ended is the other side's business: hyper has answered what was wrong with a request.
    let _ = served.await;
}
