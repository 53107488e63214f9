//! Which threads a runtime has.

use core::future::Future;
use core::marker::PhantomData;
use core::net::SocketAddr;
use runtime_smol::{FuturesIo, On, Parts};
use runtime_tokio::Tokio;
use runtime_tokio::runtime::Runtime;
use smol::Executor;
use std::io;

/// smol, on the executor of the process.
pub(crate) type Smol = On<Parts>;

/// A runtime and its threads.
pub(crate) trait Arrangement {
    type On: Runtime;

    fn run<T>(main: impl Future<Output = T>) -> T;
}

/// All on the calling thread.
pub(crate) struct Alone<R>(PhantomData<R>);

/// The calling thread waits for what is measured, and so many others run tasks.
pub(crate) struct Beside<R, const THREADS: usize>(PhantomData<R>);

impl Arrangement for Alone<Tokio> {
    type On = Tokio;

    fn run<T>(main: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(main)
    }
}

impl Arrangement for Alone<Smol> {
    type On = On<Lonely>;

    fn run<T>(main: impl Future<Output = T>) -> T {
        smol::block_on(EXECUTOR.run(main))
    }
}

impl<const THREADS: usize> Arrangement for Beside<Tokio, THREADS> {
    type On = Tokio;

    fn run<T>(main: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(THREADS).enable_all().build().expect("a runtime").block_on(main)
    }
}

impl<const THREADS: usize> Arrangement for Beside<Smol, THREADS> {
    type On = Smol;

    /// `SMOL_THREADS` says how many there are.
    fn run<T>(main: impl Future<Output = T>) -> T {
        smol::future::block_on(main)
    }
}

static EXECUTOR: Executor<'static> = Executor::new();

/// smol with an executor that only the calling thread runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lonely;

impl FuturesIo for Lonely {
    type Stream = <Parts as FuturesIo>::Stream;
    type Port = <Parts as FuturesIo>::Port;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        EXECUTOR.spawn(task).detach();
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Parts::unblock(work)
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        Parts::look_up(name).await
    }

    fn stream(connected: async_io::Async<std::net::TcpStream>) -> io::Result<Self::Stream> {
        Parts::stream(connected)
    }

    fn port(listening: std::net::TcpListener) -> io::Result<Self::Port> {
        Parts::port(listening)
    }

    async fn accept(port: &Self::Port) -> io::Result<(Self::Stream, SocketAddr)> {
        Parts::accept(port).await
    }
}
