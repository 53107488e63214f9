//! Bytes that choose what happens: the operations of the property tests, with what those tests check.

pub(crate) mod cache;
pub(crate) mod contract;
pub(crate) mod planner;
pub(crate) mod session;
pub(crate) mod swarm;
pub(crate) mod town;

use core::cell::RefCell;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Bytes that one operation is drawn from. All have as many, so that what changes one leaves the others as they are.
const DRAW: usize = 20;

/// What an operation finds behind its bytes. Not zeros, which proptest draws again and again for a range whose length is
/// no power of two.
const REST: [u8; 2048] = [0xff; 2048];

/// The value that a strategy makes if these bytes are its luck.
pub(crate) fn draw<S: Strategy>(strategy: &S, bytes: &[u8]) -> S::Value {
    thread_local! {
        static LUCK: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    let rng = LUCK.with_borrow_mut(|luck| {
        luck.clear();
        luck.extend_from_slice(bytes);
        luck.extend_from_slice(&REST);
        TestRng::from_seed(RngAlgorithm::PassThrough, luck)
    });
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, rng);
    strategy.new_tree(&mut runner).expect("a strategy that refuses nothing").current()
}

/// As many operations as there are bytes for, up to `most`.
pub(crate) fn draws<S: Strategy>(strategy: &S, bytes: &[u8], most: usize) -> Vec<S::Value> {
    bytes.chunks(DRAW).take(most).map(|bytes| draw(strategy, bytes)).collect()
}
