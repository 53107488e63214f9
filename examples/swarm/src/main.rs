//! `swarm`: a million listeners on one machine.

use clap::Parser;
use spotp2p_swarm::command::{self, Arguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("swarm: {failure}");
            failure.code()
        }
    }
}
