//! An access point and its owner; a node whose owner is not sane.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotp2p/tests/contract/access_point.rs"]
mod access_point;
#[path = "../../../../spotp2p/tests/contract/answers.rs"]
mod answers;
#[path = "../../../../spotp2p/tests/contract/anything.rs"]
mod anything;
#[path = "../../../../spotp2p/tests/contract/company.rs"]
mod company;
#[path = "../../../../spotp2p/tests/contract/deeds.rs"]
mod deeds;
#[path = "../../../../spotp2p/tests/contract/heard.rs"]
mod heard;
#[path = "../../../../spotp2p/tests/contract/lies.rs"]
mod lies;
#[path = "../../../../spotp2p/tests/contract/meetings.rs"]
mod meetings;
#[path = "../../../../spotp2p/tests/world/mod.rs"]
mod world;

use super::draws;
use super::town::{disk, shelf, tunes};

/// The most steps of a machine under its contract alone.
const MOST: usize = 150;

/// The first byte chooses what is promised: answers, nothing left behind, or the contract of machines.
pub(crate) fn access_point(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    match which % 4 {
        0 | 1 => access_point::every_request_is_answered(draws(&access_point::act(), bytes, 250)),
        2 => access_point::nothing_is_left_behind(draws(&access_point::act(), bytes, 250)),
        _ => {
            anything::server_keeps_the_contract(draws(&anything::step(anything::server_input()), bytes, MOST))
        }
    }
}

/// The first byte chooses: inputs of every kind in any order, or company that knows what it was asked; with a cache and
/// neighbours or without.
pub(crate) fn node(bytes: &[u8]) {
    let Some((which, bytes)) = bytes.split_first() else { return };
    if which % 8 == 0 {
        let step = anything::step(anything::node_input());
        return anything::node_keeps_the_contract(draws(&step, bytes, MOST));
    }
    let (cached, settled) = (which & 1 > 0, which & 6 > 0);
    company::nothing_but_the_truth_gets_through(cached, settled, draws(&deeds::step(), bytes, 250));
}
