//! What people tell the simulator: scenarios.

use core::str::from_utf8;
use spotp2p_swarm::scenario::{parse, written};

/// What is read is written as what reads the same; a mistake is one line that no terminal obeys.
pub(crate) fn scenario(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    match parse(text) {
        Ok(scenario) => {
            let shown = written(&scenario).unwrap_or_else(|why| panic!("it can be shown: {why}"));
            assert_eq!(parse(&shown).as_ref(), Ok(&scenario), "{shown}");
        }
        Err(mistake) => {
            let line = mistake.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
        }
    }
}
