//! A runtime whose sockets speak futures-io.

use crate::reactor::Timer;
use async_io::Async;
use core::fmt;
use core::future::Future;
use core::marker::PhantomData;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use futures_io::{AsyncRead, AsyncWrite};
use socket2::SockRef;
use spotp2p_adapter::socket::{self, Step};
use spotp2p_adapter::{AttemptError, Runtime, SocketError, SocketOptions};
use std::io;
use std::net::{TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::AsFd as AsSystem;
#[cfg(windows)]
use std::os::windows::io::AsSocket as AsSystem;
use std::time::Instant;

/// What such a runtime has of its own: sockets and an executor. Timers are those of [`Smol`](crate::Smol), which a thread of this
/// crate sees to; waiting for a connection to come about is async-io's.
///
/// Errors are the system's.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
pub trait FuturesIo: Copy + fmt::Debug + Send + Sync + 'static {
    /// A TCP connection. One task reads and writes it.
    type Stream: AsyncRead + AsyncWrite + AsSystem + fmt::Debug + Send + Sync + Unpin + 'static;
    /// A TCP socket that listens.
    type Port: AsSystem + fmt::Debug + Send + Sync + 'static;

    /// Has a task run until it is done, whatever becomes of the caller.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Does work on a thread that may block. The work is done even if nobody waits for its result.
    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// What a `host:port` stands for, by the system's resolver.
    fn look_up(name: String) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Takes a connection over.
    fn stream(connected: Async<TcpStream>) -> io::Result<Self::Stream>;

    /// Takes a socket over that listens and does not block.
    fn port(listening: TcpListener) -> io::Result<Self::Port>;

    /// The next connection that comes, and where it comes from. May be dropped and called again.
    fn accept(port: &Self::Port) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;
}

/// The [`Runtime`] that a [`FuturesIo`] makes.
pub struct On<F>(PhantomData<F>);

impl<F: FuturesIo> Runtime for On<F> {
    type Moment = Instant;
    type Timer = Timer;
    type Stream = F::Stream;
    type Port = F::Port;

    fn moment() -> Instant {
        Instant::now()
    }

    fn elapsed(since: Instant) -> Duration {
        since.elapsed()
    }

    fn timer(span: Duration) -> Timer {
        Timer::after(span)
    }

    fn reset(timer: &mut Timer, span: Duration) {
        timer.reset(span);
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        F::spawn(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        F::unblock(work)
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        F::look_up(name).await
    }

    async fn connect(
        to: SocketAddr,
        port: Option<u16>,
        options: SocketOptions,
    ) -> Result<F::Stream, AttemptError> {
        let socket = socket::to_connect(to, port, &options).map_err(AttemptError::Socket)?;
        let connecting = async {
            socket::begin_to_connect(&socket, to)?;
            let stream = Async::new_nonblocking(TcpStream::from(socket))?;
            // It can be written to as soon as it stands, or has failed.
            stream.writable().await?;
            match stream.get_ref().take_error()? {
                Some(error) => Err(error),
                None => F::stream(stream),
            }
        };
        connecting.await.map_err(AttemptError::Connect)
    }

    fn listen(address: SocketAddr, options: &SocketOptions) -> Result<F::Port, SocketError> {
        let fail = |cause| SocketError { step: Step::Listen, address: Some(address), cause };
        F::port(socket::listening(address, options)?).map_err(fail)
    }

    fn port_addr(port: &F::Port) -> io::Result<SocketAddr> {
        of_internet(SockRef::from(port).local_addr()?)
    }

    async fn accept(port: &F::Port) -> io::Result<(F::Stream, SocketAddr)> {
        F::accept(port).await
    }

    fn set_up(stream: &F::Stream, options: &SocketOptions) -> Result<(), SocketError> {
        socket::set_up(&SockRef::from(stream), options)
    }

    fn local_addr(stream: &F::Stream) -> io::Result<SocketAddr> {
        of_internet(SockRef::from(stream).local_addr()?)
    }

    fn peer_addr(stream: &F::Stream) -> io::Result<SocketAddr> {
        of_internet(SockRef::from(stream).peer_addr()?)
    }

    fn poll_read(stream: &mut F::Stream, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_read(cx, into)
    }

    fn poll_write(stream: &mut F::Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_close(stream: &mut F::Stream, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Not by futures-io's own: some sockets take it for a flush.
        Poll::Ready(SockRef::from(&*stream).shutdown(std::net::Shutdown::Write))
    }

    fn acknowledge_at_once(stream: &F::Stream) {
        socket::acknowledge_at_once(&SockRef::from(stream));
    }

    fn speak_after_pause(stream: &F::Stream) {
        socket::speak_after_pause(&SockRef::from(stream));
    }
}

fn of_internet(address: socket2::SockAddr) -> io::Result<SocketAddr> {
    address.as_socket().ok_or_else(|| io::ErrorKind::Unsupported.into())
}

impl<F> Clone for On<F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for On<F> {}

impl<F> fmt::Debug for On<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("On")
    }
}
