//! A planner and its owner's books.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotp2p/tests/planner/operations.rs"]
mod operations;
#[path = "../../../../spotp2p/tests/planner/steps.rs"]
mod steps;

use super::draws;

/// The most steps: as many as the property tests have.
const MOST: usize = 250;

/// The first byte chooses how outputs are taken, the next twelve what is expected of sources.
pub(crate) fn books(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    if *which == 0xff {
        return operations::untaken(&draws(&steps::step(), bytes, MOST));
    }
    let Some((expected, bytes)) = bytes.split_first_chunk::<12>() else { return };
    let number = |at: usize| u32::from_le_bytes(core::array::from_fn(|byte| expected[at * 4 + byte]));
    let expected = operations::prior((number(0), number(1), number(2)));
    let outputs = [1, 3, 64][usize::from(*which) % 3];
    operations::books(outputs, expected, &draws(&steps::step(), bytes, MOST));
}
