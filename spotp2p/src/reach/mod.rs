//! Reaching others: which addresses to try in which order, when to try again, and on which connection a link is made.

mod addresses;
mod backoff;
mod crossing;
mod doorway;
mod meeting;
mod race;

pub use addresses::MAX_ADDRESSES;
pub use backoff::{Backoff, BackoffConfig, BackoffInput, BackoffOutput};
pub use crossing::Crossing;
pub use doorway::{Caller, Doorway};
pub use meeting::{Meeting, Met};
pub use race::{NoAddress, Race, RaceConfig, RaceError, RaceInput, RaceOutput};
