#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;

pub mod codec;
pub mod content;
pub mod contract;
pub mod crypto;
pub mod dice;
pub mod id;
pub mod link;
pub mod machine;
pub mod noise;
pub mod outbox;
pub mod ticket;
pub mod time;
pub mod timers;

pub use dice::{Dice, Seed};
pub use id::Gid;
pub use link::Link;
pub use machine::{ByteMachine, Machine, settle};
pub use outbox::Outbox;
pub use time::{Instant, UnixTime};
pub use timers::Timers;
