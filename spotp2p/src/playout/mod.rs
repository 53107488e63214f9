//! Playout.
mod chain;
mod demand;
mod forecast;
mod history;
pub mod start;
mod summary;
mod throughput;

pub use chain::{Chain, STATES};
pub use demand::{Demand, HORIZON, STEPS};
pub use forecast::{Forecast, LEVELS, Scale};
pub use history::SECONDS;
pub use summary::{SUMMARY_LEN, Summary};
pub use throughput::{Pace, SILENCE, Throughput};
