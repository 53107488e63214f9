//! TCP sockets that the reactor tells of edges.

use crate::reactor::{Direction, Registered};
use core::future::poll_fn;
use core::net::SocketAddr;
use core::task::{Context, Poll, ready};
use mio::net::{TcpListener, TcpStream};
use socket2::Socket;
use spotp2p_adapter::socket;
use std::io::{self, Read, Write};
use std::net::Shutdown;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
#[cfg(windows)]
use std::os::windows::io::{AsSocket, BorrowedSocket};

/// Whether less than was asked for means that there is no more: where the system tells of edges it does (epoll(7),
/// "Questions and answers"; tokio goes by the same), elsewhere it has to say so itself.
const SHORT_IS_ALL: bool = cfg!(any(target_os = "linux", target_os = "android", target_vendor = "apple"));

/// A TCP connection. One task reads and writes it.
#[derive(Debug)]
pub struct Stream(Registered<TcpStream>);

/// A TCP socket that listens. One task accepts.
#[derive(Debug)]
pub struct Port(Registered<TcpListener>);

impl Stream {
    pub(crate) async fn connect(socket: Socket, to: SocketAddr) -> io::Result<Self> {
        socket::begin_to_connect(&socket, to)?;
        let stream = Registered::new(TcpStream::from_std(socket.into()))?;
        loop {
            // It can be written to as soon as it stands, or has failed.
            poll_fn(|cx| stream.poll_news(Direction::Write, cx)).await;
            if let Some(error) = stream.io().take_error()? {
                return Err(error);
            }
            match stream.io().peer_addr() {
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                Err(error) => return Err(error),
                Ok(_) => {
                    stream.more(Direction::Write);
                    return Ok(Self(stream));
                }
            }
        }
    }

    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        let size = into.len();
        self.poll_transfer(Direction::Read, cx, size, |mut stream| stream.read(into))
    }

    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_transfer(Direction::Write, cx, bytes.len(), |mut stream| stream.write(bytes))
    }

    fn poll_transfer(
        &self,
        direction: Direction,
        cx: &mut Context<'_>,
        size: usize,
        mut transfer: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.0.poll_news(direction, cx));
            match transfer(self.0.io()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.0.nothing(direction),
                Ok(count) if SHORT_IS_ALL && (1..size).contains(&count) => {
                    self.0.nothing_yet(direction);
                    return Poll::Ready(Ok(count));
                }
                done => {
                    self.0.more(direction);
                    return Poll::Ready(done);
                }
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    pub(crate) fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().peer_addr()
    }

    pub(crate) fn shut_down(&self) -> io::Result<()> {
        self.0.io().shutdown(Shutdown::Write)
    }
}

impl Port {
    pub(crate) fn new(listening: std::net::TcpListener) -> io::Result<Self> {
        Ok(Self(Registered::new(TcpListener::from_std(listening))?))
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io().local_addr()
    }

    pub(crate) fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Stream, SocketAddr)>> {
        loop {
            ready!(self.0.poll_news(Direction::Read, cx));
            match self.0.io().accept() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.0.nothing(Direction::Read),
                accepted => {
                    self.0.more(Direction::Read);
                    let (stream, from) = accepted?;
                    let stream = Registered::new(stream)?;
                    // A new one has room. Whether anything came already, the reactor tells.
                    stream.more(Direction::Write);
                    return Poll::Ready(Ok((Stream(stream), from)));
                }
            }
        }
    }
}

#[cfg(unix)]
impl AsFd for Port {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.io().as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Port {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.io().as_socket()
    }
}

#[cfg(unix)]
impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.io().as_fd()
    }
}

#[cfg(windows)]
impl AsSocket for Stream {
    fn as_socket(&self) -> BorrowedSocket<'_> {
        self.0.io().as_socket()
    }
}
