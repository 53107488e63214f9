//! `spot`: the reference player and server.

use clap::Parser;
use spot_player::command::{self, Arguments};
use std::process::ExitCode;

fn main() -> ExitCode {
    match command::run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("spot: {failure}");
            failure.code()
        }
    }
}
