//! Two sessions and a line between them.

#![allow(dead_code, unused_imports, unreachable_pub, reason = "modules of tests, of which a part is used")]

#[path = "../../../../spotproto/tests/app/mod.rs"]
pub(crate) mod app;
#[path = "../../../../spotproto/tests/forger/mod.rs"]
pub(crate) mod forger;
#[path = "../../../../spotproto/tests/line/mod.rs"]
mod line;
#[path = "../../../../spotproto/tests/pair/mod.rs"]
pub(crate) mod pair;
#[path = "../../../../spotproto/tests/tampering/mod.rs"]
mod tampering;

use super::draws;
use null_crypto::NullCrypto;

/// The most operations: as many as the property tests have.
const MOST: usize = 120;

/// On an honest line nothing is lost, and nobody is blamed.
pub(crate) fn honest_line(bytes: &[u8]) {
    line::World::<NullCrypto>::all_of(&draws(&line::op(), bytes, MOST));
}

/// On a line that means ill what one takes is what the other sent, or nothing.
pub(crate) fn hostile_line(bytes: &[u8]) {
    tampering::all_of::<NullCrypto>(&draws(&tampering::deed(), bytes, MOST));
}
