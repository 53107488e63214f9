//! How sockets are set up.

use core::error::Error;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use core::time::Duration;
use socket2::{Domain, Protocol, SockRef, Socket, Type};
use std::io;
use std::net::TcpListener;

/// Bytes that the kernel may hold unsent. The default of several megabytes would put seconds of bulk before the
/// most urgent request.
#[cfg(any(target_os = "linux", target_os = "android"))]
const NOTSENT_LOWAT: u32 = 8 << 10;

/// Connections that may wait to be accepted; the kernel has its own limit too (`net.core.somaxconn`).
const BACKLOG: i32 = 1024;

/// What differs from socket to socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketOptions {
    /// Ask for the BBR congestion control, where the kernel has it and lets this process use it. For servers:
    /// it keeps queues short on the way to the listener.
    pub prefer_bbr: bool,
    /// Let connections leave from the port that is listened at (`SO_REUSEPORT`). A second program of the same
    /// user could then listen at the port too and would get half of the connections: not for servers.
    pub share_port: bool,
}

/// What was being done to a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Making it.
    Open,
    /// Setting its options.
    SetUp,
    /// Binding it to an address.
    Bind,
    /// Listening.
    Listen,
}

/// A socket that couldn't be set up.
#[derive(Debug)]
pub struct SocketError {
    /// The step that failed.
    pub step: Step,
    /// The address it was for, if it had one.
    pub address: Option<SocketAddr>,
    /// What the system says.
    pub cause: io::Error,
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.step {
            Step::Open => "cannot open a socket",
            Step::SetUp => "cannot set a socket up",
            Step::Bind => "cannot bind a socket",
            Step::Listen => "cannot listen",
        })?;
        if let Some(address) = self.address {
            write!(f, " at {address}")?;
        }
        write!(f, ": {}", self.cause)
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

/// Sets up a connection that exists. Everything this crate connects or accepts went through it.
///
/// # Errors
/// The connection is dead.
pub fn set_up(socket: &SockRef<'_>, options: &SocketOptions) -> Result<(), SocketError> {
    let address = || socket.peer_addr().ok().and_then(|address| address.as_socket());
    let fail = |cause| SocketError { step: Step::SetUp, address: address(), cause };
    // Machines write whole batches, and a request must not wait for the answer to the one before (Nagle, RFC 896).
    socket.set_tcp_nodelay(true).map_err(fail)?;
    // Machines ping, encrypted and at their own pace; the kernel's probes would only wake radios.
    socket.set_keepalive(false).map_err(fail)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // Kernels before 3.12 don't know it; all works without, with a lesser order.
        let _ = socket.set_tcp_notsent_lowat(NOTSENT_LOWAT);
    }
    prefer_bbr(socket, options);
    Ok(())
}

/// Has the kernel acknowledge what comes next without waiting for something to send with it.
///
/// Linux does so for a new connection anyway, until a first answer makes it take the connection for a conversation; from
/// then on it acknowledges every second segment, and a single one after 40 ms (tcp(7), `TCP_QUICKACK`). But the other
/// side's first windows are counted in acknowledgements (RFC 5681 §3.1), and a confirmation is such an answer: measured
/// at 50 ms of round trip, a start would take 3 ms longer. The kernel leaves this mode by its own rules.
pub fn acknowledge_at_once(socket: &SockRef<'_>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    {
        // All works without, and a dead connection is noticed where it is read.
        let _ = socket.set_tcp_quickack(true);
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

/// After how long without a word Linux' BBR no longer believes its round trip.
pub const BBR_FORGETS: Duration = Duration::from_secs(10);

/// Has BBR begin anew on a connection that was silent for [`BBR_FORGETS`], just before it speaks again.
///
/// BBR looks for its round trip anew after ten seconds, with four segments in flight for 200 ms, but not if the first
/// acknowledgement after a pause brings one. Linux does not count an acknowledgement of a single short segment, since that
/// may have been delayed (net/ipv4/tcp_bbr.c, `is_ack_delayed`): and the answer to a click begins with one. Measured over a
/// round trip of 50 ms, 20 kB after a pause took 210 ms in place of 64. Begun anew, it keeps its window and has a round
/// trip that counts. Nothing is done under any other congestion control.
pub fn speak_after_pause(socket: &SockRef<'_>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if socket.tcp_congestion().is_ok_and(|name| name.split(|byte| *byte == 0).next() == Some(b"bbr")) {
        // To name what is in use changes nothing. Reno is always there, and who was let have BBR is so again, unless the
        // process gave the right to it away since: then Reno it is.
        let _ = socket.set_tcp_congestion(b"reno");
        let _ = socket.set_tcp_congestion(b"bbr");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = socket;
}

/// A TCP socket that does not block, to connect to `to`: from `port` if one is named, which it shares.
///
/// # Errors
/// The step that failed.
pub fn to_connect(to: SocketAddr, port: Option<u16>, options: &SocketOptions) -> Result<Socket, SocketError> {
    let Some(port) = port else { return open(to, None) };
    let from = match to {
        SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    bind(SocketAddr::new(from, port), &SocketOptions { share_port: true, ..*options })
}

/// Begins to connect. How it went, the socket tells once it can be written to.
///
/// # Errors
/// The system refuses at once.
pub fn begin_to_connect(socket: &Socket, to: SocketAddr) -> io::Result<()> {
    match socket.connect(&to.into()) {
        #[cfg(unix)]
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        other => other,
    }
}

/// A socket that listens at `address` and does not block; at `[::]` it takes IPv4 as well.
///
/// # Errors
/// The step that failed.
pub fn listening(address: SocketAddr, options: &SocketOptions) -> Result<TcpListener, SocketError> {
    let fail = |cause| SocketError { step: Step::Listen, address: Some(address), cause };
    let socket = bind(address, options)?;
    // Connections inherit it, from their very first packet on.
    prefer_bbr(&socket, options);
    socket.listen(BACKLOG).map_err(fail)?;
    Ok(socket.into())
}

fn open(of_kind: SocketAddr, address: Option<SocketAddr>) -> Result<Socket, SocketError> {
    let fail = |step| move |cause| SocketError { step, address, cause };
    let socket = Socket::new(Domain::for_address(of_kind), Type::STREAM, Some(Protocol::TCP))
        .map_err(fail(Step::Open))?;
    socket.set_nonblocking(true).map_err(fail(Step::SetUp))?;
    Ok(socket)
}

fn bind(address: SocketAddr, options: &SocketOptions) -> Result<Socket, SocketError> {
    let fail = |step| move |cause| SocketError { step, address: Some(address), cause };
    let socket = open(address, Some(address))?;
    if address.is_ipv6() {
        // Systems without dual-stack sockets refuse; there the socket takes IPv6 alone.
        let _ = socket.set_only_v6(!address.ip().is_unspecified());
    }
    // Without it a server can't start again while its old connections time out. Windows means another thing by
    // it: that anybody may take the port over.
    #[cfg(unix)]
    socket.set_reuse_address(true).map_err(fail(Step::SetUp))?;
    share_port(&socket, options).map_err(fail(Step::SetUp))?;
    socket.bind(&address.into()).map_err(fail(Step::Bind))?;
    Ok(socket)
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn share_port(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    if options.share_port { socket.set_reuse_port(true) } else { Ok(()) }
}

#[cfg(not(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin")))))]
fn share_port(socket: &Socket, options: &SocketOptions) -> io::Result<()> {
    if options.share_port { socket.set_reuse_address(true) } else { Ok(()) }
}

#[cfg(any(target_os = "linux", target_os = "freebsd"))]
fn prefer_bbr(socket: &Socket, options: &SocketOptions) {
    if options.prefer_bbr {
        // A preference: the module may be missing, or not be on net.ipv4.tcp_allowed_congestion_control.
        let _ = socket.set_tcp_congestion(b"bbr");
    }
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
fn prefer_bbr(_: &Socket, _: &SocketOptions) {}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn a_connection_is_set_up_for_urgent_requests() {
        let listener = listening(loopback(), &SocketOptions::default()).unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SockRef::from(&stream);
        set_up(&socket, &SocketOptions { prefer_bbr: true, share_port: false }).unwrap();
        assert!(stream.nodelay().unwrap() && !socket.keepalive().unwrap());
        #[cfg(target_os = "linux")]
        {
            assert_eq!(socket.tcp_notsent_lowat().unwrap(), NOTSENT_LOWAT);
            let allowed = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_allowed_congestion_control")
                .unwrap_or_default();
            let is_bbr = socket.tcp_congestion().unwrap().starts_with(b"bbr");
            assert!(is_bbr || !allowed.split_whitespace().any(|name| name == "bbr"));
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn after_a_pause_each_congestion_control_is_what_it_was() {
        let listener = listening(loopback(), &SocketOptions::default()).unwrap();
        let stream = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = SockRef::from(&stream);
        for prefer_bbr in [false, true] {
            set_up(&socket, &SocketOptions { prefer_bbr, share_port: false }).unwrap();
            let before = socket.tcp_congestion().unwrap();
            speak_after_pause(&socket);
            assert_eq!(socket.tcp_congestion().unwrap(), before);
        }
    }

    #[test]
    fn a_port_is_taken_unless_both_share_it() {
        let alone = SocketOptions::default();
        let shared = SocketOptions { share_port: true, ..alone };
        let listener = listening(loopback(), &alone).unwrap();
        let error = bind(listener.local_addr().unwrap(), &shared).unwrap_err();
        assert_eq!((error.step, error.cause.kind()), (Step::Bind, io::ErrorKind::AddrInUse));
        assert!(error.to_string().starts_with("cannot bind a socket at 127.0.0.1:"), "{error}");
        let listener = listening(loopback(), &shared).unwrap();
        let to = listener.local_addr().unwrap();
        to_connect(to, Some(to.port()), &alone).unwrap();
    }
}
