//! Reaching others: which addresses to try in which order, and when to try again.

mod backoff;
mod race;

pub use backoff::{Backoff, BackoffConfig, BackoffInput, BackoffOutput};
pub use race::{MAX_ADDRESSES, NoAddress, Race, RaceConfig, RaceError, RaceInput, RaceOutput};
