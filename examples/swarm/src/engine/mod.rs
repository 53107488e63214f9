//! Runs a world: everybody lives in a shard, each shard in a thread, and what is said within a window of the least latency
//! arrives in a later one, so shards meet only between windows (Chandy and Misra 1979, with the lookahead that lines have by
//! nature). What happens does not depend on how many there are.

mod catalogue;
mod home;
mod line;
mod memory;
mod names;
mod net;
mod progress;
mod shard;
mod site;
mod threads;
mod wheel;
mod wire;
mod world;

use crate::metrics::{Outcome, Run, Tally};
use crate::scenario::Scenario;
use core::fmt;
use progress::Progress;
use serde::Serialize;
use std::time::Instant as Clock;
use world::World;

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

/// A household, as others see it.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Household {
    /// Its number.
    pub who: u32,
    /// The rate towards it, in kbit/s.
    pub down_kbit_s: f64,
    /// The rate from it, in kbit/s.
    pub up_kbit_s: f64,
    /// Whether it can be dialled.
    pub open: bool,
    /// How far its access point is, one way, in milliseconds.
    pub to_server_ms: f64,
}

/// Everybody who lives in a scenario's world.
pub fn households(scenario: &Scenario) -> impl Iterator<Item = Household> {
    let world = World::new(scenario);
    (0..world.clients()).map(move |who| {
        let house = &world.houses[who as usize];
        let kbit = |bytes_s: f32| f64::from(bytes_s) / 125.0;
        let to_server = world.away_from_site(who, world.site_of(who));
        let (down_kbit_s, up_kbit_s) = (kbit(house.down), kbit(house.up));
        Household { who, down_kbit_s, up_kbit_s, open: house.open, to_server_ms: f64::from(to_server) / 1e3 }
    })
}

/// Whether there is memory for a scenario; how many bytes it will take, about.
///
/// # Errors
/// There is less.
pub fn fits(scenario: &Scenario) -> Result<u64, CantRun> {
    let foreseen = memory::foreseen(scenario);
    match memory::there() {
        Some(there) if foreseen > there => Err(CantRun::Memory { foreseen, there }),
        _ => Ok(foreseen),
    }
}

/// Runs a scenario to its end.
///
/// # Errors
/// Why it is not run.
pub fn run(name: &str, scenario: &Scenario, threads: usize, shows: bool) -> Result<Outcome, CantRun> {
    let foreseen = fits(scenario)?;
    let threads = threads.max(1);
    let began = Clock::now();
    let world = World::new(scenario);
    let shards = threads::build(&world, threads);
    let building_s = began.elapsed().as_secs_f64();
    let (began, before) = (Clock::now(), memory::processors_s());
    let progress = Progress::new(name, &world, shows);
    let shards = threads::run(&world, shards, &progress);
    progress.ends();
    let wall_s = began.elapsed().as_secs_f64();
    let processors_s = memory::processors_s().zip(before).map_or(0.0, |(after, before)| after - before);
    let (mut tally, mut given, mut hash, mut events) = (Tally::default(), Vec::new(), 0u64, 0);
    for shard in shards {
        let (its, gave, hashed, happened) = shard.ends();
        tally.add(&its);
        given.extend(gave);
        hash = hash.wrapping_add(hashed);
        events += happened;
    }
    tally.uploads.take(given);
    let run = Run {
        hash: format!("{hash:016x}"),
        events,
        simulated_s: world.ends as f64 / world::SECOND as f64,
        building_s,
        wall_s,
        processors_s,
        threads,
        memory: memory::most().unwrap_or(0),
        memory_foreseen: foreseen,
    };
    Ok(Outcome { name: name.into(), scenario: scenario.clone(), run, tally })
}
