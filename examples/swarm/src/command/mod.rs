//! The command line.

mod list;
mod run;
mod table;

use clap::{Parser, Subcommand};
use core::fmt;
use std::process::ExitCode;

/// A million listeners on one machine.
#[derive(Parser, Debug)]
#[command(name = "swarm", version, about, propagate_version = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Runs a scenario and prints what came of it beside the original's numbers
    Run(run::Options),
    /// Names the scenarios that come with the program
    List,
    /// Prints a scenario with every number
    Show(list::Show),
}

/// Why a command did not do what it should.
#[derive(Debug)]
pub enum Failure {
    /// What was asked for makes no sense.
    Usage(String),
    /// It could not be done.
    Failed(String),
}

impl Failure {
    /// The program's exit code for it: 2 for wrong usage, else 1.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Usage(what) | Self::Failed(what)) = self;
        f.write_str(what)
    }
}

impl core::error::Error for Failure {}

/// Carries out a command line.
///
/// # Errors
/// Why it could not be done, in a line.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Run(options) => run::run(&options),
        Command::List => {
            list::list();
            Ok(())
        }
        Command::Show(show) => list::show(&show),
    }
}
