//! A swarm among its neighbours.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotp2p/tests/swarm/acts.rs"]
mod acts;
#[path = "../../../../spotp2p/tests/swarm/operations.rs"]
mod operations;
#[path = "../../../../spotp2p/tests/swarm/rig.rs"]
mod rig;

use super::draws;

/// The first byte chooses: the model, or the contract of machines.
pub(crate) fn model(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    let ran = if which % 4 > 0 {
        operations::all_of(draws(&acts::op(), bytes, 200))
    } else {
        operations::keeps_the_contract(draws(&acts::step(), bytes, 200))
    };
    ran.expect("what must hold");
}
