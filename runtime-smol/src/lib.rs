#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod on;
mod parts;
mod timer;

pub use on::{FuturesIo, On};
pub use parts::{Parts, Port, Stream};

/// smol: the executor of the process.
pub type Smol = On<Parts>;

spotp2p_adapter::names_of_an_adapter!(Smol);
