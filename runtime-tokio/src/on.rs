//! What tokio gives.

use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use socket2::SockRef;
use spotp2p_adapter::socket::{self, Step};
use spotp2p_adapter::{AttemptError, Runtime, SocketError, SocketOptions};
use std::io;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{Instant, Sleep};

/// Tokio: the runtime that the calling task is on.
///
/// Whatever takes a [`Clock`](crate::Clock) or makes a task panics outside a tokio runtime with I/O and time enabled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tokio;

impl Runtime for Tokio {
    type Moment = Instant;
    type Timer = Pin<Box<Sleep>>;
    type Stream = TcpStream;
    type Port = TcpListener;

    fn moment() -> Instant {
        // Tokio's clock and not the system's, so that tests can pause it.
        Instant::now()
    }

    fn elapsed(since: Instant) -> Duration {
        since.elapsed()
    }

    fn timer(span: Duration) -> Pin<Box<Sleep>> {
        Box::pin(tokio::time::sleep(span))
    }

    fn reset(timer: &mut Pin<Box<Sleep>>, span: Duration) {
        timer.as_mut().reset(Instant::now() + span);
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        // Not one that wakes itself: tokio would then not look at sockets for many turns.
        tokio::task::yield_now()
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        let working = tokio::task::spawn_blocking(work);
        async {
            match working.await {
                Ok(done) => done,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime ends, and this task with it.
                    Err(_) => core::future::pending().await,
                },
            }
        }
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host(name).await?.collect())
    }

    async fn connect(
        to: SocketAddr,
        port: Option<u16>,
        options: SocketOptions,
    ) -> Result<TcpStream, AttemptError> {
        let socket = socket::to_connect(to, port, &options).map_err(AttemptError::Socket)?;
        TcpSocket::from_std_stream(socket.into()).connect(to).await.map_err(AttemptError::Connect)
    }

    fn listen(address: SocketAddr, options: &SocketOptions) -> Result<TcpListener, SocketError> {
        let listener = socket::listening(address, options)?;
        TcpListener::from_std(listener).map_err(|cause| SocketError {
            step: Step::Listen,
            address: Some(address),
            cause,
        })
    }

    fn port_addr(port: &TcpListener) -> io::Result<SocketAddr> {
        port.local_addr()
    }

    async fn accept(port: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        port.accept().await
    }

    fn set_up(stream: &TcpStream, options: &SocketOptions) -> Result<(), SocketError> {
        socket::set_up(&SockRef::from(stream), options)
    }

    fn local_addr(stream: &TcpStream) -> io::Result<SocketAddr> {
        stream.local_addr()
    }

    fn peer_addr(stream: &TcpStream) -> io::Result<SocketAddr> {
        stream.peer_addr()
    }

    fn poll_read(stream: &mut TcpStream, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut into = ReadBuf::new(into);
        ready!(Pin::new(stream).poll_read(cx, &mut into))?;
        Poll::Ready(Ok(into.filled().len()))
    }

    fn poll_write(stream: &mut TcpStream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_close(stream: &mut TcpStream, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(stream).poll_shutdown(cx)
    }

    fn acknowledge_at_once(stream: &TcpStream) {
        socket::acknowledge_at_once(&SockRef::from(stream));
    }

    fn speak_after_pause(stream: &TcpStream) {
        socket::speak_after_pause(&SockRef::from(stream));
    }
}
