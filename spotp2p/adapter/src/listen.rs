//! Accepts connections.

use crate::clock::Clock;
use crate::runtime::Runtime;
use crate::socket::{SocketError, SocketOptions};
use crate::task::Rounds;
use async_channel::Sender;
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::time::Duration;
use futures_lite::future::or;
use spotproto::Instant;
use std::io;

/// The first pause after the system refused to hand out a connection.
const SHORT_PAUSE: Duration = Duration::from_millis(10);

/// Errors of single connections in a row after which they are taken for the listener's: one that does not pass would keep the
/// thread busy.
const PASSING: u8 = 8;

/// What the pauses grow to.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// Takes the connections that come to one port.
#[derive(Debug)]
pub struct Listener<R: Runtime> {
    port: R::Port,
    options: SocketOptions,
    clock: Clock<R>,
    pause: Duration,
    resume: Option<Instant>,
    /// Connections in a row that were gone before they were accepted.
    passed: u8,
}

/// The system could not hand out a connection, most likely because this process has no file descriptor left.
/// The connection waits in the kernel, and the next [`Listener::accept`] waits for `pause` first.
#[derive(Debug)]
pub struct AcceptError {
    /// What the system says.
    pub cause: io::Error,
    /// How long nothing will be accepted.
    pub pause: Duration,
}

/// Listens at `address`. Port 0 lets the system choose one; `[::]` takes IPv4 too where the system can do both.
///
/// # Errors
/// The step that failed.
pub fn listen<R: Runtime>(address: SocketAddr, options: &SocketOptions) -> Result<Listener<R>, SocketError> {
    let port = R::listen(address, options)?;
    Ok(Listener {
        port,
        options: *options,
        clock: Clock::start(),
        pause: SHORT_PAUSE,
        resume: None,
        passed: 0,
    })
}

/// Listens at `port` of every address, by IPv6 and IPv4, or by IPv4 alone where there is no IPv6.
///
/// # Errors
/// The step that failed.
pub fn listen_everywhere<R: Runtime>(port: u16, options: &SocketOptions) -> Result<Listener<R>, SocketError> {
    match listen((Ipv6Addr::UNSPECIFIED, port).into(), options) {
        // Taken by someone else means taken: half a port is no use.
        Err(error) if error.cause.kind() != io::ErrorKind::AddrInUse => {
            listen((Ipv4Addr::UNSPECIFIED, port).into(), options)
        }
        other => other,
    }
}

impl<R: Runtime> Listener<R> {
    /// The address listened at.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        R::port_addr(&self.port)
    }

    /// The next connection, set up, and where it comes from: an IPv4 address as such, even if the socket is an
    /// IPv6 one. May be dropped and called again.
    ///
    /// # Errors
    /// The system refuses for the moment. Call again: it waits, so a loop doesn't spin.
    pub async fn accept(&mut self) -> Result<(R::Stream, SocketAddr), AcceptError> {
        if let Some(at) = self.resume {
            self.clock.sleep_until(at).await;
            self.resume = None;
        }
        let mut rounds = Rounds::default();
        loop {
            rounds.pass::<R>().await;
            match R::accept(&self.port).await {
                Ok((stream, from)) => {
                    (self.pause, self.passed) = (SHORT_PAUSE, 0);
                    // It fails if the connection is dead already.
                    if R::set_up(&stream, &self.options).is_ok() {
                        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                        return Ok((stream, from));
                    }
                }
                Err(cause) => self.refused(cause)?,
            }
        }
    }

    /// Passes over a connection that is gone, unless there were too many of them.
    fn refused(&mut self, cause: io::Error) -> Result<(), AcceptError> {
        if is_of_one_connection(&cause) && self.passed < PASSING {
            self.passed += 1;
            return Ok(());
        }
        let pause = self.pause;
        self.pause = LONG_PAUSE.min(pause * 2);
        self.resume = Some(self.clock.now() + pause);
        Err(AcceptError { cause, pause })
    }

    /// Hands every connection to `into`, until `stop` is ready or the receiver is gone. Accepts one more than it can hand
    /// over, at most: the others wait in the kernel. `trouble` hears what [`Listener::accept`] complains of.
    pub async fn serve(
        mut self,
        into: Sender<(R::Stream, SocketAddr)>,
        stop: impl Future<Output = ()>,
        mut trouble: impl FnMut(AcceptError),
    ) {
        let mut over = pin!(or(stop, into.closed()));
        let serving = async {
            loop {
                match self.accept().await {
                    Ok(connection) => {
                        if into.send(connection).await.is_err() {
                            return;
                        }
                    }
                    Err(error) => trouble(error),
                }
            }
        };
        or(&mut over, serving).await;
    }
}

/// Whether an error belongs to the connection that was to be accepted, which is gone, and not to the listener.
/// Linux passes on what went wrong on the network too (accept(2), "Error handling").
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionAborted
            | Kind::ConnectionReset
            | Kind::Interrupted
            | Kind::PermissionDenied
            | Kind::NetworkDown
            | Kind::NetworkUnreachable
            | Kind::HostUnreachable
            | Kind::TimedOut
    )
}

impl fmt::Display for AcceptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection accepted for {} ms: {}", self.pause.as_millis(), self.cause)
    }
}

impl Error for AcceptError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dial::{DialOptions, connect_any};
    use crate::pretend::{Network, Pretend, run};

    #[test]
    fn errors_of_single_connections_are_passed_over_until_they_do_not_pass() {
        run(Network::LAN, async {
            let mut listener = listen::<Pretend>(([127, 0, 0, 1], 0).into(), &Default::default()).unwrap();
            let to = listener.local_addr().unwrap();
            for _ in 0..2 {
                for _ in 0..PASSING {
                    assert!(listener.refused(io::ErrorKind::ConnectionAborted.into()).is_ok());
                }
                let error = listener.refused(io::ErrorKind::PermissionDenied.into()).unwrap_err();
                assert_eq!((error.cause.kind(), error.pause), (io::ErrorKind::PermissionDenied, SHORT_PAUSE));
                // One that comes all the same says that they were single ones.
                let _caller = connect_any::<Pretend>([to], &DialOptions::default()).await.unwrap();
                listener.accept().await.unwrap();
            }
            assert!(
                listener.refused(io::ErrorKind::OutOfMemory.into()).is_err(),
                "that is the listener's own"
            );
        });
    }
}
