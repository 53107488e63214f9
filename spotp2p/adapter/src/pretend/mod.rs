//! A runtime in which time and network are pretended: a run of minutes takes milliseconds, and goes the same way each
//! time.
//!
//! One thread runs all tasks, each when it is woken, in the order in which they were. When none is ready the clock jumps
//! to whatever comes next. Connections lead from one task to another through a [`Network`]; nothing of the system's is
//! used but its entropy, where a [`Client`](crate::Client) draws its keys. Work that may block is done at once.
//!
//! ```
//! use spotp2p_adapter::pretend::{Network, Pretend, run};
//! use spotp2p_adapter::{DialOptions, connect, listen};
//!
//! run(Network::LAN, async {
//!     let mut listener = listen::<Pretend>("127.0.0.1:80".parse().unwrap(), &Default::default()).unwrap();
//!     let (_stream, from) = connect::<Pretend>("127.0.0.1:80", &DialOptions::default()).await.unwrap();
//!     assert_eq!(from.port(), 80);
//!     listener.accept().await.unwrap();
//! });
//! ```
//!
//! # Panics
//! All here panics outside of [`run`], which itself does when every task waits for another one.

mod network;
mod pipe;
mod world;

pub use network::{Port, Stream};
pub use world::{Timer, run, skip};

use crate::dial::AttemptError;
use crate::runtime::{LONGEST_SLEEP, Runtime};
use crate::socket::{SocketError, SocketOptions, Step};
use core::future::{Future, ready};
use core::net::{Ipv4Addr, SocketAddr};
use core::task::{Context, Poll};
use core::time::Duration;
use futures_lite::future::yield_now;
use std::io;

/// What lies between any two ends of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Network {
    /// How long a byte takes.
    pub delay: Duration,
    /// Bytes a second, each way.
    pub rate: u64,
    /// Bytes that may be under way or unread, each way; at least one.
    pub window: usize,
}

impl Network {
    /// A quick one: a tenth of a millisecond, a gigabit a second.
    pub const LAN: Self = Self { delay: Duration::from_micros(100), rate: 125_000_000, window: 256 << 10 };
}

/// The runtime.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pretend;

impl Runtime for Pretend {
    type Moment = Duration;
    type Timer = Timer;
    type Stream = Stream;
    type Port = Port;

    fn moment() -> Duration {
        world::now()
    }

    fn elapsed(since: Duration) -> Duration {
        world::now().saturating_sub(since)
    }

    fn timer(span: Duration) -> Timer {
        Timer::after(span.min(LONGEST_SLEEP))
    }

    fn reset(timer: &mut Timer, span: Duration) {
        *timer = Timer::after(span.min(LONGEST_SLEEP));
    }

    fn spawn(task: impl Future<Output = ()> + Send + 'static) {
        world::spawn(Box::pin(task));
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        yield_now()
    }

    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static {
        ready(work())
    }

    async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
        let port = name.strip_prefix("localhost:").and_then(|port| port.parse().ok());
        let address = match port {
            Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            None => name.parse().map_err(|_| io::ErrorKind::NotFound)?,
        };
        Ok(vec![address])
    }

    async fn connect(
        to: SocketAddr,
        port: Option<u16>,
        _options: SocketOptions,
    ) -> Result<Stream, AttemptError> {
        network::connect(to, port).await.map_err(AttemptError::Connect)
    }

    fn listen(address: SocketAddr, options: &SocketOptions) -> Result<Port, SocketError> {
        let fail = |cause| SocketError { step: Step::Bind, address: Some(address), cause };
        Port::open(address, options.share_port).map_err(fail)
    }

    fn port_addr(port: &Port) -> io::Result<SocketAddr> {
        Ok(port.address())
    }

    async fn accept(port: &Port) -> io::Result<(Stream, SocketAddr)> {
        Ok(port.accept().await)
    }

    fn set_up(_stream: &Stream, _options: &SocketOptions) -> Result<(), SocketError> {
        Ok(())
    }

    fn local_addr(stream: &Stream) -> io::Result<SocketAddr> {
        Ok(stream.here)
    }

    fn peer_addr(stream: &Stream) -> io::Result<SocketAddr> {
        Ok(stream.there)
    }

    fn poll_read(stream: &mut Stream, cx: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        stream.poll_read(cx, into)
    }

    fn poll_write(stream: &mut Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        stream.poll_write(cx, bytes)
    }

    fn poll_close(stream: &mut Stream, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        stream.close();
        Poll::Ready(Ok(()))
    }

    fn acknowledge_at_once(_stream: &Stream) {}

    fn speak_after_pause(_stream: &Stream) {}
}
