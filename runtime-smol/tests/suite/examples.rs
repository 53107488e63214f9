//! The examples, as listeners of a server on each runtime that has sockets.

use crate::Outcome;
use crate::async_std_listener;
use crate::blocking;
use crate::ends::Server;
use crate::music::{Shelf, TRACK};
use crate::runtimes::Bench;
use alloc::sync::Arc;
use core::net::SocketAddr;
use spotproto::message::Wanted;

/// A node in a plain loop, without any runtime.
pub(crate) async fn plain_loop<R: Bench>() -> Outcome {
    listener::<R>(|server| blocking::listen(server, Wanted::Track(TRACK)).expect("it comes")).await
}

/// A client on async-std.
pub(crate) async fn async_std<R: Bench>() -> Outcome {
    listener::<R>(|server| {
        let listening = async move { async_std_listener::listen(&server.to_string(), TRACK).await };
        async_std::task::block_on(listening).expect("it comes")
    })
    .await
}

/// How many pieces a listener on a thread of its own gets.
async fn listener<R: Bench>(listen: impl FnOnce(SocketAddr) -> u32 + Send + 'static) -> Outcome {
    if !R::HAS_SOCKETS {
        return Outcome::new();
    }
    let server = Server::start::<R>(Arc::new(Shelf::new()));
    let address = server.address;
    let pieces = R::unblock(move || listen(address)).await;
    server.stops().await;
    vec![format!("{pieces} pieces")]
}
