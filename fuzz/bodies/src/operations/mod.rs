//! Bytes that choose what happens: the operations of the property tests, with what those tests check.

pub(crate) mod cache;
pub(crate) mod contract;
pub(crate) mod planner;
pub(crate) mod session;
pub(crate) mod swarm;
pub(crate) mod town;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Whether a byte is the last of those that choose one operation: one in four is. So a byte that changes, comes in or goes
/// changes an operation or two, and none behind them.
///
/// They are a seed and not the random numbers themselves (proptest's `PassThrough`): for each alternative that it does not
/// take, a choice leaves half of those to it, and where none are left a range may be drawn from for ever.
const fn is_last(byte: &u8) -> bool {
    byte.is_multiple_of(4)
}

/// The value that a strategy makes with these bytes as its seed.
pub(crate) fn draw<S: Strategy>(strategy: &S, bytes: &[u8]) -> S::Value {
    let mut seed = [0; 32];
    seed.iter_mut().zip(bytes).for_each(|(place, byte)| *place = *byte);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    strategy.new_tree(&mut runner).expect("a strategy that refuses nothing").current()
}

/// As many operations as there are bytes for, up to `most`.
pub(crate) fn draws<S: Strategy>(strategy: &S, bytes: &[u8], most: usize) -> Vec<S::Value> {
    bytes.split_inclusive(is_last).take(most).map(|bytes| draw(strategy, bytes)).collect()
}
