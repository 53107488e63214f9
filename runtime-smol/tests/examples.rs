//! The examples, against a server.

extern crate alloc;

#[allow(dead_code, reason = "it is a program of its own")]
#[path = "../examples/async_std/main.rs"]
mod async_std_client;
#[allow(dead_code, reason = "it is a program of its own")]
#[path = "../examples/blocking.rs"]
mod blocking;
#[path = "../../runtime-tokio/tests/shelf/music.rs"]
mod music;

use alloc::sync::Arc;
use core::future::pending;
use core::net::SocketAddr;
use core::time::Duration;
use music::{PIECES, Shelf, TRACK, keys};
use runtime_smol::{Clock, ServerOptions, SocketOptions, listen, serve};
use spotp2p::access_point;
use spotproto::crypto::SecretKey;
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, UnixTime};

/// A server until the process ends.
fn server() -> SocketAddr {
    let listener = listen("127.0.0.1:0".parse().unwrap(), &SocketOptions::default()).unwrap();
    let address = listener.local_addr().unwrap();
    let config = access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        identity: keys(1).public,
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits: access_point::Limits::DEFAULT,
    };
    let options = ServerOptions { identity: keys(1), limits: Limits::DEFAULT };
    let shelf = Arc::new(Shelf::new());
    smol::spawn(serve(listener, shelf, options, Clock::start(), config, pending(), |_| {})).detach();
    address
}

#[test]
fn a_plain_loop_gets_the_whole_track() {
    assert_eq!(blocking::listen(server(), Wanted::Track(TRACK)).unwrap(), PIECES);
}

#[test]
fn async_std_gets_the_whole_track() {
    let server = server().to_string();
    let listening = async_std_client::listen(&server, TRACK);
    assert_eq!(async_std::task::block_on(listening).unwrap(), PIECES);
}
