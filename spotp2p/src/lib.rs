#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod access_point;
mod allowance;
pub mod broker;
pub mod cdn;
pub mod flow;
pub mod node;
mod payload;
pub mod planner;
pub mod playout;
mod prefix;
pub mod reach;
pub mod reports;
pub mod swarm;
pub mod tracker;

pub use access_point::AccessPoint;
pub use allowance::Rate;
pub use node::Node;
pub use payload::{FileKey, Payload};
pub use planner::Planner;
pub use prefix::Prefix;

/// The number by which a machine and its owner name a connection: a node counts its own, the owner of an access point
/// counts those that it accepts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(pub u64);

/// The number of an effect; it comes back with the effect's result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub u64);
