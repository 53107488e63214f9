//! Whole listeners among each other.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]
#![allow(clippy::module_inception, reason = "the town is one topic among its own")]

#[path = "../../../../spotp2p/tests/town/anything.rs"]
mod anything;
#[path = "../../../../spotp2p/tests/town/crooks.rs"]
mod crooks;
#[path = "../../../../spotp2p/tests/cached/disk.rs"]
pub(crate) mod disk;
#[path = "../../../../spotp2p/tests/town/listener.rs"]
mod listener;
#[path = "../../../../spotp2p/tests/contract/shelf.rs"]
pub(crate) mod shelf;
#[path = "../../../../spotp2p/tests/town/streets.rs"]
mod streets;
#[path = "../../../../spotp2p/tests/town/town.rs"]
mod town;
#[path = "../../../../spotp2p/tests/town/tunes.rs"]
pub(crate) mod tunes;
#[path = "../../../../spotp2p/tests/town/wire.rs"]
mod wire;

use super::draws;

/// Whatever happens, whoever clicks in the end hears the tune. Four bytes choose the listeners and their lines.
pub(crate) fn listening(bytes: &[u8]) {
    let Some(([lines, server, heard, who], bytes)) = bytes.split_first_chunk() else { return };
    let rates = [anything::LINE, 60_000.0, 15_000.0];
    let count = 5 + usize::from(lines & 3);
    let lines: Vec<f64> = (0..count).map(|at| rates[usize::from(lines >> 2) / (at + 1) % 3]).collect();
    let server = [anything::LINE, 250_000.0, 40_000.0][usize::from(*server) % 3];
    let acts = draws(&anything::act(), bytes, 60);
    anything::all_of(&lines, server, usize::from(*heard) % 4, &acts, usize::from(*who));
}
