//! `swarm`: a million listeners on one machine.

use clap::Parser;
use spotp2p_swarm::command::{self, Arguments};
use std::process::ExitCode;

/// Millions of small parts of machines, each looked at now and then: in pages of 2 MiB, where the system gives such, most
/// looks find their page's address at once.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("swarm: {failure}");
            failure.code()
        }
    }
}
