//! smol's own sockets and executor.

use crate::on::FuturesIo;
use async_io::Async;
use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, ready};
use futures_io::{AsyncRead, AsyncWrite};
use smol::Task;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};

/// The executor of the process, whose threads are as many as the variable `SMOL_THREADS` says (1 if it says nothing), and
/// async-io's sockets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parts;

impl FuturesIo for Parts {
    type Stream = Stream;
    type Port = Port;

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

    fn stream(connected: Async<TcpStream>) -> io::Result<Stream> {
        Ok(Stream { socket: connected, readable: true, writable: true })
    }

    fn port(listening: TcpListener) -> io::Result<Port> {
        Ok(Port { socket: Async::new_nonblocking(listening)?, filled: AtomicBool::new(true) })
    }

    async fn accept(port: &Port) -> io::Result<(Stream, SocketAddr)> {
        let (socket, from) = poll_fn(|cx| port.poll_accept(cx)).await?;
        socket.set_nonblocking(true)?;
        Ok((Self::stream(Async::new_nonblocking(socket)?)?, from))
    }
}

/// A TCP socket that listens, and remembers whether somebody may wait at it: who gives up waiting and waits again asks the
/// system nothing.
#[derive(Debug)]
pub struct Port {
    socket: Async<TcpListener>,
    filled: AtomicBool,
}

impl Port {
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            if !self.filled.load(Ordering::Relaxed) {
                ready!(self.socket.poll_readable(cx))?;
                self.filled.store(true, Ordering::Relaxed);
            }
            match self.socket.get_ref().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.filled.store(false, Ordering::Relaxed);
                }
                accepted => return Poll::Ready(accepted),
            }
        }
    }
}

/// A TCP connection that remembers whether there was more to read or room to write: async-io asks the system each time,
/// and after a short read or write the answer is known.
#[derive(Debug)]
pub struct Stream {
    socket: Async<TcpStream>,
    readable: bool,
    writable: bool,
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            if !this.readable {
                ready!(this.socket.poll_readable(cx))?;
                this.readable = true;
            }
            match this.socket.get_ref().read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => this.readable = false,
                read => {
                    this.readable = !matches!(read, Ok(count) if (1..into.len()).contains(&count));
                    return Poll::Ready(read);
                }
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        loop {
            if !this.writable {
                ready!(this.socket.poll_writable(cx))?;
                this.writable = true;
            }
            match this.socket.get_ref().write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => this.writable = false,
                written => {
                    this.writable = !matches!(written, Ok(count) if count < bytes.len());
                    return Poll::Ready(written);
                }
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.socket.get_ref().shutdown(Shutdown::Write))
    }
}

#[cfg(unix)]
impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Port {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.socket.as_socket()
    }
}

#[cfg(unix)]
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Stream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.socket.as_socket()
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
