#![doc = include_str!("../README.md")]

pub mod clock;
pub mod connection;
pub mod entropy;
pub mod handle;
pub mod kernel;
pub mod socket;

pub use clock::Clock;
pub use connection::{Ended, Why, drive, drive_into};
pub use handle::{Handle, spawn};
pub use socket::{SocketError, SocketOptions};
