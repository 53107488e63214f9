#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod on;
mod parts;
mod reactor;
mod tasks;
mod tcp;

pub use on::{FuturesIo, On};
pub use parts::Smol;
pub use reactor::Timer;
pub use tasks::block_on;
pub use tcp::{Port, Stream};

spotp2p_adapter::names_of_an_adapter!(Smol);
