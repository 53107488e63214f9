//! What command lines do.

use clap::Parser;
use spotp2p_swarm::command::{self, Arguments};

#[test]
fn what_is_refused_leaves_no_file() {
    let out = std::env::temp_dir().join(format!("swarm-refused-{}.json", std::process::id()));
    let settings = ["population.clients=4000000", "listening.history=5000", "caches.files=0"];
    let more = settings.iter().flat_map(|setting| ["--set", setting]);
    let line = ["swarm", "run", "million", "--out"]
        .map(Into::into)
        .into_iter()
        .chain([out.clone().into_os_string()]);
    let refused = command::run(Arguments::parse_from(line.chain(more.map(Into::into)))).unwrap_err();
    assert!(refused.to_string().contains("GB"), "{refused}");
    assert!(!out.exists());
}
