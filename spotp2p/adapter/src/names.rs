//! The names of an adapter.

/// Shows all of this crate at the root of an adapter's, with `$runtime` for `R` wherever that can't be told from an argument:
/// so that a program finds the same names whichever adapter it takes.
#[macro_export]
macro_rules! names_of_an_adapter {
    ($runtime:ty) => {
        pub use $crate::{
            AcceptError, AttemptError, Client, ClientEvent, ClientOptions, DialError, DialOptions, Ended,
            Handle, Leaving, LinkOptions, MirrorOptions, ServerEvent, ServerOptions, SocketError,
            SocketOptions, StartError, Store, TaskLost, Why, cdn, channel, client, clock, connection, dial,
            drive, drive_into, entropy, handle, kernel, links, mirrors, runtime, serve, server, socket,
            spawn, store,
        };
        #[cfg(unix)]
        pub use $crate::{Disk, disk};

        /// Accepts connections.
        pub mod listen {
            pub use $crate::listen::{AcceptError, Listener};
        }

        /// The one clock of a program.
        pub type Clock = $crate::Clock<$runtime>;

        /// Takes the connections that come to one port.
        pub type Listener = $crate::Listener<$runtime>;

        /// The links of a client.
        pub type Links = $crate::Links<$runtime>;

        /// What is asked of web servers.
        pub type Mirrors = $crate::Mirrors<$runtime>;

        /// A connection of this runtime.
        pub type Connected = <$runtime as $crate::Runtime>::Stream;

        /// Connects to `target`, a `host:port`, trying all the addresses it stands for.
        ///
        /// # Errors
        /// Nobody could be reached.
        pub async fn connect(
            target: &str,
            options: &DialOptions,
        ) -> Result<(Connected, core::net::SocketAddr), DialError> {
            $crate::connect::<$runtime>(target, options).await
        }

        /// Connects to whichever of `addresses` answers first, the preferred one first.
        ///
        /// # Errors
        /// Nobody could be reached.
        pub async fn connect_any(
            addresses: impl IntoIterator<Item = core::net::SocketAddr>,
            options: &DialOptions,
        ) -> Result<(Connected, core::net::SocketAddr), DialError> {
            $crate::connect_any::<$runtime>(addresses, options).await
        }

        /// Listens at `address`. Port 0 lets the system choose one; `[::]` takes IPv4 too where the system can do both.
        ///
        /// # Errors
        /// The step that failed.
        pub fn listen(
            address: core::net::SocketAddr,
            options: &SocketOptions,
        ) -> Result<Listener, SocketError> {
            $crate::listen(address, options)
        }

        /// Listens at `port` of every address, by IPv6 and IPv4, or by IPv4 alone where there is no IPv6.
        ///
        /// # Errors
        /// The step that failed.
        pub fn listen_everywhere(port: u16, options: &SocketOptions) -> Result<Listener, SocketError> {
            $crate::listen_everywhere(port, options)
        }
    };
}
