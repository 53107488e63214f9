//! The reactor and the tasks among many threads: what is waited for comes, whoever drives, and whoever leaves.

extern crate alloc;

#[path = "../../examples/async_std/parts.rs"]
mod parts;
mod stand_in;
mod threads;
mod timers;
mod workers;

use core::future::{Future, poll_fn};
use core::net::{Ipv4Addr, SocketAddr};
use futures_lite::future::zip;
use runtime_smol::runtime::Runtime;
use runtime_smol::{Smol, SocketOptions, Stream};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Who drives is a matter of the process: each test has it alone.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both ends of a connection.
async fn pair() -> (Stream, Stream) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let port = Smol::listen(address, &SocketOptions::default()).expect("a free port");
    let to = Smol::port_addr(&port).expect("an address");
    let connecting = Smol::connect(to, None, SocketOptions::default());
    let (there, here) = zip(connecting, Smol::accept(&port)).await;
    (there.expect("it is listened at"), here.expect("it comes").0)
}

/// Waits for something to read, and says how much it was.
fn read(stream: &mut Stream) -> impl Future<Output = usize> {
    poll_fn(|cx| {
        let mut into = [0; 64];
        Smol::poll_read(stream, cx, &mut into).map(|read| read.expect("the line stands"))
    })
}

/// Writes a byte.
fn write(stream: &mut Stream) -> impl Future<Output = usize> {
    poll_fn(|cx| Smol::poll_write(stream, cx, &[7]).map(|written| written.expect("the line stands")))
}
