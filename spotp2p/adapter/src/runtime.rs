//! What an async runtime has to give: sockets, timers, tasks, threads that may block.

use crate::dial::AttemptError;
use crate::socket::{SocketError, SocketOptions};
use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::task::{Context, Poll};
use core::time::Duration;
use std::io;

/// Longest single wait: timers of runtimes end some way before the end of time, machines' deadlines don't.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(86_400);

/// A runtime. All else in this crate waits and carries out by these few calls, so that it does so alike on every one.
///
/// A type that implements this stands for the runtime of the task that calls, or for the one of the process. Errors are the
/// system's.
#[allow(clippy::missing_errors_doc, reason = "said once, above")]
pub trait Runtime: Copy + fmt::Debug + Send + Sync + 'static {
    /// A reading of its clock, which never goes back.
    type Moment: Copy + fmt::Debug + Send + Sync + 'static;
    /// Is ready when a span has passed.
    type Timer: Future<Output = ()> + fmt::Debug + Send + Unpin;
    /// A TCP connection. One task reads and writes it.
    type Stream: fmt::Debug + Send + Sync + 'static;
    /// A TCP socket that listens.
    type Port: fmt::Debug + Send + Sync + 'static;

    /// The time.
    fn moment() -> Self::Moment;

    /// What has passed since then.
    fn elapsed(since: Self::Moment) -> Duration;

    /// A timer that is ready after `span`. One longer than a day may be cut to that ([`LONGEST_SLEEP`]).
    fn timer(span: Duration) -> Self::Timer;

    /// Has a timer wait anew, for `span` from now on, cut likewise.
    fn reset(timer: &mut Self::Timer, span: Duration);

    /// Has a task run until it is done, whatever becomes of the caller. If the runtime ends, the task is dropped.
    fn spawn(task: impl Future<Output = ()> + Send + 'static);

    /// Lets all others run first whose turn has come, and news of sockets come in.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Does work on a thread that may block. The work is done even if nobody waits for its result.
    fn unblock<T: Send + 'static>(
        work: impl FnOnce() -> T + Send + 'static,
    ) -> impl Future<Output = T> + Send + 'static;

    /// What a `host:port` stands for, by the system's resolver.
    fn look_up(name: String) -> impl Future<Output = io::Result<Vec<SocketAddr>>> + Send;

    /// Connects, from `port` if one is named (which is shared then), and does not set the connection up yet. To drop the
    /// future is to give up.
    fn connect(
        to: SocketAddr,
        port: Option<u16>,
        options: SocketOptions,
    ) -> impl Future<Output = Result<Self::Stream, AttemptError>> + Send;

    /// Listens.
    fn listen(address: SocketAddr, options: &SocketOptions) -> Result<Self::Port, SocketError>;

    /// The address that a socket listens at.
    fn port_addr(port: &Self::Port) -> io::Result<SocketAddr>;

    /// The next connection that comes, not set up yet, and where it comes from. May be dropped and called again.
    fn accept(port: &Self::Port) -> impl Future<Output = io::Result<(Self::Stream, SocketAddr)>> + Send;

    /// Sets a connection up, as [`set_up`](crate::socket::set_up) does.
    fn set_up(stream: &Self::Stream, options: &SocketOptions) -> Result<(), SocketError>;

    /// The own address of a connection.
    fn local_addr(stream: &Self::Stream) -> io::Result<SocketAddr>;

    /// The other side's.
    fn peer_addr(stream: &Self::Stream) -> io::Result<SocketAddr>;

    /// Reads what is there; 0 if nothing more will come.
    fn poll_read(stream: &mut Self::Stream, cx: &mut Context<'_>, into: &mut [u8])
    -> Poll<io::Result<usize>>;

    /// Writes what there is room for, at least a byte.
    fn poll_write(stream: &mut Self::Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>>;

    /// Tells the other side that nothing more comes.
    fn poll_close(stream: &mut Self::Stream, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Has the kernel acknowledge what comes next at once, as
    /// [`acknowledge_at_once`](crate::socket::acknowledge_at_once) does.
    fn acknowledge_at_once(stream: &Self::Stream);

    /// Prepares a connection for the first word after a pause, as
    /// [`speak_after_pause`](crate::socket::speak_after_pause) does.
    fn speak_after_pause(stream: &Self::Stream);
}
