//! A line of limited speed to a server, which counts what goes through it.

use alloc::sync::Arc;
use core::net::SocketAddr;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

/// How long a slice of the line's time is.
const SLICE: Duration = Duration::from_millis(10);

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    /// Bytes that came from the server so far, over all connections.
    came: Arc<AtomicU64>,
}

impl Proxy {
    /// A line to this port of 127.0.0.1 that brings this many bytes a second. Its threads end with the test.
    pub(crate) fn start(port: u16, rate: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let came = Arc::new(AtomicU64::new(0));
        let counter = came.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let counter = counter.clone();
                // While nobody listens there, the connection is dropped: as a dead server's line is.
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let (Ok(up), Ok(down)) = (client.try_clone(), server.try_clone()) else { continue };
                thread::spawn(move || pass(up, server, u64::MAX, &AtomicU64::new(0)));
                thread::spawn(move || pass(down, client, rate, &counter));
            }
        });
        Self { address, came }
    }

    /// Waits until this many bytes came through.
    pub(crate) fn wait_for(&self, bytes: u64) {
        let begun = Instant::now();
        while self.came.load(Ordering::Relaxed) < bytes {
            assert!(begun.elapsed() < crate::spot::SOON, "nothing comes any more");
            thread::sleep(SLICE);
        }
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, rate: u64, count: &AtomicU64) {
    let slice = usize::try_from(rate / 100).unwrap_or(usize::MAX).clamp(1, 1 << 16);
    let mut bytes = vec![0; slice];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
        count.fetch_add(length as u64, Ordering::Relaxed);
        if rate < u64::MAX {
            thread::sleep(SLICE.mul_f64(length as f64 / slice as f64));
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}
