//! An access point and its owner; a node whose owner is not sane.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotp2p/tests/contract/anything.rs"]
mod anything;
#[path = "../../../../spotp2p/tests/contract/heard.rs"]
mod heard;
#[path = "../../../../spotp2p/tests/contract/access_point.rs"]
mod owner;
#[path = "../../../../spotp2p/tests/world/mod.rs"]
mod world;

use super::draws;

/// The most steps of a machine under its contract alone.
const MOST: usize = 150;

/// The first byte chooses what is promised: answers, nothing left behind, or the contract of machines.
pub(crate) fn access_point(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 4 {
        0 | 1 => owner::every_request_is_answered(draws(&owner::act(), bytes, 250)),
        2 => owner::nothing_is_left_behind(draws(&owner::act(), bytes, 250)),
        _ => {
            anything::server_keeps_the_contract(draws(&anything::step(anything::server_input()), bytes, MOST))
        }
    }
}

/// Inputs of every kind in any order.
pub(crate) fn node(bytes: &[u8]) {
    anything::node_keeps_the_contract(draws(&anything::step(anything::node_input()), bytes, MOST));
}
