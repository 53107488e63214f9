//! What a run is: every number of the world and of its listeners, each with a default, read from a TOML file that says
//! only what differs.

mod builtin;
mod check;
mod listed;
mod parse;
mod parts;
mod sessions;

pub use builtin::{NAMES, named};
pub use listed::Listed;
pub use parse::{BadScenario, parse, with, written};
pub use parts::{
    Caches, Cdn, Crooks, Distances, Eviction, Flash, Lines, Listening, Peers, Player, Population, Reach,
    Server, Times, Tracks,
};
pub(crate) use sessions::{LAST_S, Sessions, leaving};

use serde::{Deserialize, Serialize};

/// All that decides a run. The same scenario with the same seed gives the same run, event for event.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in a sentence.
    pub about: String,
    /// Decides every throw.
    pub seed: u64,
    /// When it begins and ends.
    pub time: Times,
    /// Who there is.
    pub population: Population,
    /// What they want to hear, and how.
    pub listening: Listening,
    /// What there is to hear.
    pub tracks: Tracks,
    /// Their lines.
    pub lines: Lines,
    /// How far they are from each other.
    pub distances: Distances,
    /// Who can be dialled.
    pub reach: Reach,
    /// What they keep.
    pub caches: Caches,
    /// What they do among each other.
    pub peers: Peers,
    /// The access points.
    pub server: Server,
    /// Web servers that have the music too.
    pub cdn: Cdn,
    /// The work of the own machine.
    pub player: Player,
    /// Those who mean ill.
    pub crooks: Crooks,
    /// One new track, everybody.
    pub flash: Flash,
    /// What is played, by whom and when: with such a list nobody has habits, a history or anything in the cache.
    #[serde(default)]
    pub plays: Vec<Listed>,
}
