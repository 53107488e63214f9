//! Runs a world.

use crate::metrics::{Outcome, Run, Tally};
use crate::scenario::Scenario;
use core::fmt;

/// Why a world is not run.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CantRun {
    /// It would take more memory than there is.
    Memory {
        /// Bytes that it would take.
        foreseen: u64,
        /// Bytes that there are.
        there: u64,
    },
}

impl fmt::Display for CantRun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Memory { foreseen, there } = self;
        let (foreseen, there) = (*foreseen as f64 / 1e9, *there as f64 / 1e9);
        write!(f, "this takes about {foreseen:.1} GB of memory, and there are {there:.1} GB")
    }
}

impl core::error::Error for CantRun {}

/// Runs a scenario to its end.
///
/// # Errors
/// Why it is not run.
pub fn run(name: &str, scenario: &Scenario, threads: usize, _shows: bool) -> Result<Outcome, CantRun> {
    let run = Run { threads, ..Run::default() };
    Ok(Outcome { name: name.into(), scenario: scenario.clone(), run, tally: Tally::default() })
}
