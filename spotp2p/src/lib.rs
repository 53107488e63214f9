#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod flow;
mod payload;

pub use payload::Payload;

use core::fmt;

/// The number by which a machine and its owner name a connection. The owner of an access point counts them; a node
/// counts its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

/// The number of an effect; it comes back with the effect's result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);

/// What a file's name must be able to do: 32 bytes in production, a small number in a simulation.
pub trait FileKey: Copy + Ord + fmt::Debug {}

impl<T: Copy + Ord + fmt::Debug> FileKey for T {}
