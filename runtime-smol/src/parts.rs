//! smol's own sockets and executor.

use crate::on::FuturesIo;
use async_io::Async;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use smol::Task;
use std::io;
use std::net::{TcpListener, TcpStream};

/// The executor of the process, whose threads are as many as the variable `SMOL_THREADS` says (1 if it says nothing), and
/// async-io's sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts;

impl FuturesIo for Parts {
    type Stream = Async<TcpStream>;
    type Port = Async<TcpListener>;

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(task).detach();
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Work(Some(smol::unblock(work)))
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve(name).await
    }

    fn stream(connected: Async<TcpStream>) -> io::Result<Self::Stream> {
        Ok(connected)
    }

    fn port(listening: TcpListener) -> io::Result<Self::Port> {
        Async::new_nonblocking(listening)
    }

    async fn accept(port: &Self::Port) -> io::Result<(Self::Stream, SocketAddr)> {
        port.accept().await
    }
}

/// Work on another thread. It goes on when this is dropped.
struct Work<T>(Option<Task<T>>);

impl<T> Future for Work<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        match &mut self.0 {
            Some(task) => Pin::new(task).poll(cx),
            None => Poll::Pending,
        }
    }
}

impl<T> Drop for Work<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
