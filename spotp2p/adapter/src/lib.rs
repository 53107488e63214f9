#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod cdn;
pub mod client;
pub mod clock;
pub mod connection;
pub mod dial;
#[cfg(unix)]
pub mod disk;
pub mod entropy;
pub mod handle;
pub mod kernel;
pub mod links;
pub mod listen;
pub mod mirrors;
mod names;
#[cfg(any(test, feature = "virtual-time"))]
pub mod pretend;
mod probe;
pub mod runtime;
pub mod server;
pub mod socket;
pub mod store;
mod task;
mod way;

pub use async_channel as channel;
pub use client::{Client, ClientEvent, ClientOptions, StartError};
pub use clock::Clock;
pub use connection::{Ended, Why, drive, drive_into};
pub use dial::{AttemptError, DialError, DialOptions, Leaving, connect, connect_any};
#[cfg(unix)]
pub use disk::Disk;
pub use handle::{Handle, TaskLost, spawn};
pub use links::{LinkOptions, Links};
pub use listen::{AcceptError, Listener, listen, listen_everywhere};
pub use mirrors::{MirrorOptions, Mirrors};
pub use runtime::Runtime;
pub use server::{ServerEvent, ServerOptions, serve};
pub use socket::{SocketError, SocketOptions};
pub use store::Store;
