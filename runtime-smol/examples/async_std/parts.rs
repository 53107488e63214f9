//! What async-std gives.

use async_std::net::{TcpListener, TcpStream, ToSocketAddrs};
use async_std::task;
use core::future::Future;
use core::net::SocketAddr;
use runtime_smol::FuturesIo;
use std::io;

/// async-std's executor and sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Parts;

impl FuturesIo for Parts {
    type Stream = TcpStream;
    type Port = TcpListener;

    fn spawn(work: impl Future<Output = ()> + Send + 'static) {
        drop(task::spawn(work));
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        task::spawn_blocking(work)
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        Ok(name.to_socket_addrs().await?.collect())
    }

    fn stream(connected: async_io::Async<std::net::TcpStream>) -> io::Result<TcpStream> {
        Ok(connected.into_inner()?.into())
    }

    fn port(listening: std::net::TcpListener) -> io::Result<TcpListener> {
        Ok(listening.into())
    }

    async fn accept(port: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        port.accept().await
    }
}
