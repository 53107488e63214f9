#![doc = include_str!("../README.md")]

pub mod on;
mod parts;

pub use on::{FuturesIo, On};
pub use parts::{Parts, Stream};

/// smol: the executor of the process.
pub type Smol = On<Parts>;

spotp2p_adapter::names_of_an_adapter!(Smol);
