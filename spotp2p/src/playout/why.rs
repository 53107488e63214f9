//! Why a start was, or was not, made at a moment.

use super::sources::Supplier;
use core::fmt;
use core::time::Duration;

/// What was decided.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Play now.
    Start,
    /// Not yet.
    Wait,
}

/// What it was decided by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Basis {
    /// All that is left to play is here, or all up to the horizon.
    AllHere,
    /// The chance of a stutter.
    Forecast,
    /// A fixed length of music: nothing was known of the link.
    Blind,
}

/// A decision and its reasons.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Why {
    /// What was decided.
    pub verdict: Verdict,
    /// By what.
    pub basis: Basis,
    /// Music that is here.
    pub buffered: Duration,
    /// Music with which it starts, as things are now.
    pub wanted: Duration,
    /// The link's state, from 0 for nothing to 15 for 4.8 times the music's rate and more.
    pub state: u8,
    /// The link's rate, in bytes a second; 0 if nothing was measured since the last pause.
    pub rate: f32,
    /// What the link usually brings, in bytes a second; 0 if nothing is known of it.
    pub usual: f32,
    /// What the music takes, in bytes a second.
    pub music: f32,
    /// The chance of a stutter, had it started at this moment; 1 while there is no sound to start with.
    pub risk: f32,
    /// The chance that was allowed.
    pub budget: f32,
    /// Who has to deliver what is missing.
    pub supplier: Supplier,
    /// How long that is going to take, if it can be told.
    pub wait: Option<Duration>,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (buffered, wanted) = (self.buffered.as_secs_f32(), self.wanted.as_secs_f32());
        match (self.verdict, self.basis) {
            (Verdict::Wait, _) => write!(f, "buffering {buffered:.1} s of {wanted:.1} s: {}", self.supplier),
            (Verdict::Start, Basis::AllHere) => f.write_str("starting: all of it is here"),
            (Verdict::Start, Basis::Blind) => {
                write!(f, "starting with {buffered:.1} s: nothing is known of the link")
            }
            (Verdict::Start, Basis::Forecast) => {
                let (risk, budget) = (100.0 * self.risk, 100.0 * self.budget);
                write!(f, "starting with {buffered:.1} s: {risk:.2} % may stutter, {budget:.2} % are allowed")
            }
        }
    }
}
