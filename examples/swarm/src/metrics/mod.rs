//! What is counted of a run, in a form that can be written down, added up and compared.

mod histogram;
mod interval;
mod measures;
mod outcome;
mod tally;

pub use histogram::Histogram;
pub use interval::Interval;
pub use measures::{MEASURES, Measure, Unit};
pub use outcome::{Outcome, Run};
pub use tally::{
    Dials, Found, Heard, Hour, Ill, PeerBytes, ServerLoad, Sources, Starts, Stutters, Tally, Uploads,
};
