//! Playout: when sound starts, when the buffer is low, when the next track is fetched.
//!
//! Plain structs with a `now` argument; they ask for nothing and allocate nothing, and the same calls give the same
//! answers on every machine.
//!
//! "Minimize latency while avoiding stutter. TCP throughput varies. Model throughput as a Markov chain and simulate"
//! (Kreitz 2010, "When to Start Playing?"). The original drew a hundred simulations over 51 states of 3 kB/s at each
//! look (Kreitz and Niemelä 2010, II-F). Here the chain is solved instead of simulated:
//!
//! 1. [`Throughput`] turns arrivals into a sample a second, where the link alone was the limit, for 15 minutes. A
//!    [`Summary`] carries what a link is like from one run to the next.
//! 2. The chain has 16 states, spaced by ratios about the music's rate, so that 96 kbit/s and lossless look alike. A row
//!    is the transitions that were seen, and with the weight of 6 s what a log-normal AR(1) process with stalls, fitted
//!    to the same samples and the summary, would do. Isotonic regression then makes the chain stochastically monotone:
//!    a higher rate now never makes the future worse.
//! 3. [`Demand`] is the seek table as at most 42 steps of 1 to 16 s: how many bytes of whole pieces are needed by when.
//!    Chapman and Kolmogorov's equation gives the chain for the longer steps.
//! 4. Backwards from the end, `risk(state, buffer) = Σ chance(state → next) × risk(next, buffer + arrives − needed)`,
//!    for 48 levels of the buffer at once. What arrives in a step falls between levels; it is split over two of them
//!    with the right mean and, where a grid allows, the right variance.
//! 5. A chain of seconds forgets levels that wander slowly, and a short past says little of the mean. So the scale of
//!    all rates is taken to be uncertain, and the risk is the mean over it.
//! 6. [`Start`] starts when the risk is within the budget. Each look reads the same exact table. A fresh draw at each
//!    look would stop on a lucky one, sooner or later: optional stopping.
//!
//! While playing, a [`Start`] from the play point tells the risk of the rest; [`Gauge`] makes levels of it, and
//! [`Prefetch`] waits for it to be small. [`Why`] explains a decision, [`Reliability`] compares predictions with what
//! came. How well all this does, and against which rules of thumb, is in `docs/benchmarks.md`.

mod chain;
mod demand;
mod forecast;
mod gauge;
mod history;
mod prefetch;
mod reliability;
mod sources;
mod start;
mod summary;
mod throughput;
mod why;

pub use chain::STATES;
pub use demand::{Demand, HORIZON, STEPS};
pub use forecast::LEVELS;
pub use gauge::{Gauge, Level, Threshold, Thresholds};
pub use history::SECONDS;
pub use prefetch::{Ahead, Prefetch, Prefetched};
pub use reliability::{BINS, Bin, Prediction, Reliability};
pub use sources::{Expected, Sources, Supplier};
pub(crate) use start::FIRST_SPAN;
pub use start::{Config, Start};
pub use summary::{SUMMARY_LEN, Summary};
pub use throughput::{Pace, SILENCE, Throughput};
pub use why::{Basis, Verdict, Why};
