//! Reaching others: which addresses to try in which order, and when to try again.

mod addresses;
mod backoff;
mod crossing;
mod doorway;
mod race;

pub use addresses::MAX_ADDRESSES;
pub use backoff::{Backoff, BackoffConfig, BackoffInput, BackoffOutput};
pub use crossing::Crossing;
pub use doorway::Doorway;
pub use race::{NoAddress, Race, RaceConfig, RaceError, RaceInput, RaceOutput};
