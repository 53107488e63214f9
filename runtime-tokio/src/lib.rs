#![doc = include_str!("../README.md")]

pub mod clock;
pub mod connection;
pub mod dial;
pub mod entropy;
pub mod handle;
pub mod kernel;
pub mod listen;
pub mod socket;
pub mod store;

pub use clock::Clock;
pub use connection::{Ended, Why, drive, drive_into};
pub use dial::{DialError, DialOptions, Leaving, connect, connect_any};
pub use handle::{Handle, spawn};
pub use listen::{Listener, listen, listen_everywhere};
pub use socket::{SocketError, SocketOptions};
pub use store::Store;
