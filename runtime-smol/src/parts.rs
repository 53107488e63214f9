//! What smol gives, and the reactor.

use crate::reactor::Timer;
use crate::tasks;
use crate::tcp::{Port, Stream};
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;
use smol::Task;
use socket2::SockRef;
use spotp2p_adapter::socket::{self, Step};
use spotp2p_adapter::{AttemptError, Runtime, SocketError, SocketOptions};
use std::io;
use std::time::Instant;

/// smol: one line of tasks for the process, which as many threads run as the variable `SMOL_THREADS` says (1 if it says nothing),
/// and a reactor that these threads see to themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Smol;

impl Runtime for Smol {
    type Moment = Instant;
    type Timer = Timer;
    type Stream = Stream;
    type Port = Port;

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
        tasks::spawn(task);
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        smol::future::yield_now()
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        Work(Some(smol::unblock(work)))
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        smol::net::resolve(name).await
    }

    async fn connect(
        to: SocketAddr,
        port: Option<u16>,
        options: SocketOptions,
    ) -> Result<Stream, AttemptError> {
        let socket = socket::to_connect(to, port, &options).map_err(AttemptError::Socket)?;
        Stream::connect(socket, to).await.map_err(AttemptError::Connect)
    }

    fn listen(address: SocketAddr, options: &SocketOptions) -> Result<Port, SocketError> {
        let fail = |cause| SocketError { step: Step::Listen, address: Some(address), cause };
        Port::new(socket::listening(address, options)?).map_err(fail)
    }

    fn port_addr(port: &Port) -> io::Result<SocketAddr> {
        port.local_addr()
    }

    async fn accept(port: &Port) -> io::Result<(Stream, SocketAddr)> {
        poll_fn(|cx| port.poll_accept(cx)).await
    }

    fn set_up(stream: &Stream, options: &SocketOptions) -> Result<(), SocketError> {
        socket::set_up(&SockRef::from(stream), options)
    }

    fn local_addr(stream: &Stream) -> io::Result<SocketAddr> {
        stream.local_addr()
    }

    fn peer_addr(stream: &Stream) -> io::Result<SocketAddr> {
        stream.peer_addr()
    }

    fn poll_read(stream: &mut Stream, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        stream.poll_read(cx, into)
    }

    fn poll_write(stream: &mut Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        stream.poll_write(cx, bytes)
    }

    fn poll_close(stream: &mut Stream, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(stream.shut_down())
    }

    fn acknowledge_at_once(stream: &Stream) {
        socket::acknowledge_at_once(&SockRef::from(stream));
    }

    fn speak_after_pause(stream: &Stream) {
        socket::speak_after_pause(&SockRef::from(stream));
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
