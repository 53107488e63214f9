//! Accepts connections.

use crate::socket::{self, SocketError, SocketOptions};
use core::error::Error;
use core::fmt;
use core::future::Future;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use core::pin::pin;
use core::time::Duration;
use std::io;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// The first pause after the system refused to hand out a connection.
const SHORT_PAUSE: Duration = Duration::from_millis(10);

/// What the pauses grow to.
const LONG_PAUSE: Duration = Duration::from_secs(1);

/// Takes the connections that come to one port.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    options: SocketOptions,
    pause: Duration,
    resume: Option<Instant>,
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
pub fn listen(address: SocketAddr, options: &SocketOptions) -> Result<Listener, SocketError> {
    let socket = socket::listening(address, options)?;
    Ok(Listener { socket, options: *options, pause: SHORT_PAUSE, resume: None })
}

/// Listens at `port` of every address, by IPv6 and IPv4, or by IPv4 alone where there is no IPv6.
///
/// # Errors
/// The step that failed.
pub fn listen_everywhere(port: u16, options: &SocketOptions) -> Result<Listener, SocketError> {
    match listen((Ipv6Addr::UNSPECIFIED, port).into(), options) {
        // Taken by someone else means taken: half a port is no use.
        Err(error) if error.cause.kind() != io::ErrorKind::AddrInUse => {
            listen((Ipv4Addr::UNSPECIFIED, port).into(), options)
        }
        other => other,
    }
}

impl Listener {
    /// The address listened at.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection, set up, and where it comes from: an IPv4 address as such, even if the socket is an
    /// IPv6 one. May be dropped and called again.
    ///
    /// # Errors
    /// The system refuses for the moment. Call again: it waits, so a loop doesn't spin.
    pub async fn accept(&mut self) -> Result<(TcpStream, SocketAddr), AcceptError> {
        if let Some(at) = self.resume {
            sleep_until(at).await;
            self.resume = None;
        }
        loop {
            match self.socket.accept().await {
                Ok((stream, from)) => {
                    self.pause = SHORT_PAUSE;
                    // It fails if the connection is dead already.
                    if socket::set_up(&stream, &self.options).is_ok() {
                        let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                        return Ok((stream, from));
                    }
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(cause) => {
                    let pause = self.pause;
                    self.pause = LONG_PAUSE.min(pause * 2);
                    self.resume = Some(Instant::now() + pause);
                    return Err(AcceptError { cause, pause });
                }
            }
        }
    }

    /// Hands every connection to `into`, until `stop` is ready or the receiver is gone. Accepts no more than it
    /// can hand over: the others wait in the kernel. `trouble` hears what [`Listener::accept`] complains of.
    pub async fn serve(
        mut self,
        into: mpsc::Sender<(TcpStream, SocketAddr)>,
        stop: impl Future<Output = ()>,
        mut trouble: impl FnMut(AcceptError),
    ) {
        let mut stop = pin!(stop);
        loop {
            let next = async {
                let permit = into.reserve().await.ok()?;
                Some((permit, self.accept().await))
            };
            tokio::select! {
                () = &mut stop => return,
                next = next => match next {
                    Some((permit, Ok(connection))) => permit.send(connection),
                    Some((_, Err(error))) => trouble(error),
                    None => return,
                },
                () = into.closed() => return,
            }
        }
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
