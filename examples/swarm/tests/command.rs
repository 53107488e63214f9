//! What command lines do.

use clap::Parser;
use spotp2p_swarm::command::{self, Arguments};
use std::ffi::OsStr;

#[test]
fn what_is_refused_leaves_no_file() {
    let out = std::env::temp_dir().join(format!("swarm-refused-{}.json", std::process::id()));
    let mut line =
        vec![OsStr::new("swarm"), "run".as_ref(), "million".as_ref(), "--out".as_ref(), out.as_ref()];
    for setting in ["population.clients=4000000", "listening.history=5000", "caches.files=0"] {
        line.extend([OsStr::new("--set"), setting.as_ref()]);
    }
    let refused = command::run(Arguments::parse_from(line)).unwrap_err();
    assert!(refused.to_string().contains("GB"), "{refused}");
    assert!(!out.exists());
}
