#![doc = include_str!("../README.md")]

mod on;

pub use on::Tokio;

use core::net::SocketAddr;
use tokio::net::TcpStream;

// Each page is the shared one; what it calls `R` is [`Tokio`] here.
#[cfg(unix)]
pub use spotp2p_adapter::Disk;
#[cfg(unix)]
pub use spotp2p_adapter::disk;
pub use spotp2p_adapter::{
    AcceptError, AttemptError, Client, ClientEvent, ClientOptions, DialError, DialOptions, Ended, Handle,
    Leaving, LinkOptions, MirrorOptions, ServerEvent, ServerOptions, SocketError, SocketOptions, StartError,
    Store, TaskLost, Why, cdn, channel, client, clock, connection, dial, drive, drive_into, entropy, handle,
    kernel, links, mirrors, runtime, serve, server, socket, spawn, store,
};

/// The one clock of a program on tokio. It follows a runtime's paused time.
pub type Clock = spotp2p_adapter::Clock<Tokio>;

/// Takes the connections that come to one port.
pub type Listener = spotp2p_adapter::Listener<Tokio>;

/// The links of a client.
pub type Links = spotp2p_adapter::Links<Tokio>;

/// What is asked of web servers.
pub type Mirrors = spotp2p_adapter::Mirrors<Tokio>;

/// Connects to `target`, a `host:port`, trying all the addresses it stands for.
///
/// # Errors
/// Nobody could be reached.
pub async fn connect(target: &str, options: &DialOptions) -> Result<(TcpStream, SocketAddr), DialError> {
    spotp2p_adapter::connect::<Tokio>(target, options).await
}

/// Connects to whichever of `addresses` answers first, the preferred one first.
///
/// # Errors
/// Nobody could be reached.
pub async fn connect_any(
    addresses: impl IntoIterator<Item = SocketAddr>,
    options: &DialOptions,
) -> Result<(TcpStream, SocketAddr), DialError> {
    spotp2p_adapter::connect_any::<Tokio>(addresses, options).await
}

/// Listens at `address`. Port 0 lets the system choose one; `[::]` takes IPv4 too where the system can do both.
///
/// # Errors
/// The step that failed.
pub fn listen(address: SocketAddr, options: &SocketOptions) -> Result<Listener, SocketError> {
    spotp2p_adapter::listen(address, options)
}

/// Listens at `port` of every address, by IPv6 and IPv4, or by IPv4 alone where there is no IPv6.
///
/// # Errors
/// The step that failed.
pub fn listen_everywhere(port: u16, options: &SocketOptions) -> Result<Listener, SocketError> {
    spotp2p_adapter::listen_everywhere(port, options)
}
