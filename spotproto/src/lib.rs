#![no_std]
#![doc = include_str!("../README.md")]

extern crate alloc;
// What the derives of the feature `arbitrary` need; nothing else here may use it.
#[cfg(feature = "arbitrary")]
extern crate std;

#[cfg(feature = "arbitrary")]
mod arbitrary;
pub mod codec;
pub mod content;
pub mod contract;
pub mod crypto;
pub mod dice;
pub mod error;
pub mod frame;
pub mod id;
pub mod limits;
pub mod link;
pub mod machine;
pub mod message;
mod mux;
pub mod noise;
pub mod outbox;
pub mod preamble;
pub mod pump;
pub mod record;
pub mod session;
pub mod stats;
pub mod ticket;
pub mod time;
pub mod timers;

pub use dice::{Dice, Seed};
pub use error::{CloseCode, SessionError};
pub use id::Gid;
pub use limits::Limits;
pub use link::Link;
pub use machine::{ByteMachine, Machine, settle};
pub use message::{Message, WireMessage};
pub use outbox::Outbox;
pub use pump::{Pump, Wants};
pub use session::Session;
pub use time::{Instant, UnixTime};
pub use timers::Timers;
