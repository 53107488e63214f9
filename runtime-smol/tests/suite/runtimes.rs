//! The runtimes that are compared.

use crate::async_std_listener;
use core::future::Future;
use core::time::Duration;
use runtime_smol::{On, Smol, channel};
use runtime_tokio::Tokio;
use socket2::SockRef;
use spotp2p_adapter::disk::Folder;
use spotp2p_adapter::pretend::{self, Network, Pretend};
use spotp2p_adapter::{Clock, Disk, Runtime};
use spotproto::Instant;
use std::path::Path;

pub(crate) type AsyncStd = On<async_std_listener::parts::Parts>;

/// Bytes of a socket's buffers where there should be little room.
const NARROW: usize = 16 << 10;

/// The longest that real time is let pass with nothing done.
const REAL_JUMP: Duration = Duration::from_millis(300);

/// A runtime, and what else scenarios need.
pub(crate) trait Bench: Runtime {
    /// How it is called.
    const NAME: &'static str;

    /// Whether its sockets are the system's.
    const HAS_SOCKETS: bool = true;

    /// How long a scenario may take, by its clock.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// Runs `main` on it.
    fn run<T>(main: impl Future<Output = T>) -> T;

    /// Gives a connection little room.
    fn narrow(stream: &Self::Stream);

    /// A cache's disk in this folder.
    fn disk(folder: &Path) -> Disk {
        Disk::open(folder).expect("a folder of its own")
    }

    /// Lets a span pass in which no task is run, as when a computer sleeps; real ones are cut short, and stop the one thread
    /// that runs tasks. When it began and when it was over.
    async fn jump(clock: Clock<Self>, span: Duration) -> (Instant, Instant) {
        let (tell, told) = channel::bounded(1);
        Self::spawn(async move {
            let began = clock.now();
            std::thread::sleep(span.min(REAL_JUMP));
            let _ = tell.send((began, clock.now())).await;
        });
        told.recv().await.expect("it passes")
    }
}

impl Bench for Tokio {
    const NAME: &'static str = "tokio";

    fn run<T>(main: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(1).enable_all().build().expect("a runtime").block_on(main)
    }

    fn narrow(stream: &Self::Stream) {
        narrow(&SockRef::from(stream));
    }
}

impl Bench for Smol {
    const NAME: &'static str = "smol";

    fn run<T>(main: impl Future<Output = T>) -> T {
        // Not async-io's, which would take the sockets away from the thread that runs their tasks.
        smol::future::block_on(main)
    }

    fn narrow(stream: &Self::Stream) {
        narrow(&SockRef::from(stream));
    }
}

impl Bench for AsyncStd {
    const NAME: &'static str = "async-std";

    fn run<T>(main: impl Future<Output = T>) -> T {
        async_std::task::block_on(main)
    }

    fn narrow(stream: &Self::Stream) {
        narrow(&SockRef::from(stream));
    }
}

impl Bench for Pretend {
    const NAME: &'static str = "virtual time";
    const HAS_SOCKETS: bool = false;
    // Longer than it jumps.
    const PATIENCE: Duration = Duration::from_secs(86_400);

    fn run<T>(main: impl Future<Output = T>) -> T {
        pretend::run(Network::LAN, main)
    }

    fn narrow(stream: &Self::Stream) {
        stream.narrow(NARROW / 16);
    }

    fn disk(folder: &Path) -> Disk {
        Disk::at_once(Folder::open(folder).expect("a folder of its own"))
    }

    async fn jump(clock: Clock<Self>, span: Duration) -> (Instant, Instant) {
        let began = clock.now();
        pretend::skip(span);
        (began, clock.now())
    }
}

fn narrow(socket: &SockRef<'_>) {
    socket.set_send_buffer_size(NARROW).expect("it can be set");
    socket.set_recv_buffer_size(NARROW).expect("it can be set");
}
