//! What a run came to.

use super::Tally;
use crate::scenario::Scenario;
use serde::{Deserialize, Serialize};

/// What a run came to, with all that decided it: what is compared and shown.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// What the scenario is called.
    pub name: String,
    /// The scenario.
    pub scenario: Scenario,
    /// How the run went. It says nothing of the world.
    pub run: Run,
    /// What was counted.
    pub tally: Tally,
}

/// How a run went: what of it depends on the machine, and the hash, which does not.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// Hash of every event, by time and receiver; the same for the same scenario, whatever the number of threads. As 16
    /// hexadecimal digits, since not every reader of JSON has whole numbers of 64 bits.
    pub hash: String,
    /// Inputs and timeouts that machines took.
    pub events: u64,
    /// Simulated seconds, the warm-up included.
    pub simulated_s: f64,
    /// Seconds that building the world took.
    pub building_s: f64,
    /// Seconds that the run took.
    pub wall_s: f64,
    /// Seconds of processors that it took: less than `wall_s` where others used them too; 0 if it can't be known.
    pub processors_s: f64,
    /// Threads.
    pub threads: usize,
    /// The most memory that the process had, in bytes; 0 if it can't be known.
    pub memory: u64,
    /// What was foreseen of it.
    pub memory_foreseen: u64,
}

impl Run {
    /// Events for each second of a processor.
    #[must_use]
    pub fn speed(&self) -> f64 {
        let took = if self.processors_s > 0.0 {
            self.processors_s
        } else {
            self.wall_s * self.threads.max(1) as f64
        };
        self.events as f64 / took.max(1e-9)
    }

    /// Simulated seconds in each second.
    #[must_use]
    pub fn times_real(&self) -> f64 {
        self.simulated_s / self.wall_s.max(1e-9)
    }
}
