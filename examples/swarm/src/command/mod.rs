//! The command line.

mod compare;
mod list;
mod report;
mod run;
mod table;

use crate::metrics::Outcome;
use clap::{Parser, Subcommand};
use core::fmt;
use std::fs::File;
use std::io::Write;
use std::path::Path;
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
    /// Prints what an earlier run came to, and writes its page
    Report(report::Options),
    /// Runs scenarios with several seeds each, and compares them
    Compare(compare::Options),
    /// Names the scenarios that come with the program
    List,
    /// Prints a scenario with every number, or who lives in it
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
        Command::Report(options) => report::report(&options),
        Command::Compare(options) => compare::compare(&options),
        Command::List => {
            list::list();
            Ok(())
        }
        Command::Show(show) => list::show(&show),
    }
}

/// What earlier runs wrote: one of them, or several.
fn outcomes(file: &Path) -> Result<Vec<Outcome>, Failure> {
    let bad = |why: String| Failure::Usage(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|why| bad(why.to_string()))?;
    let read = if text.trim_start().starts_with('[') {
        serde_json::from_str(&text)
    } else {
        serde_json::from_str(&text).map(|one| vec![one])
    };
    read.map_err(|why| bad(format!("not what a run wrote: {why}")))
}

/// A file for what comes of a run. It is opened before the run begins, which may take hours, and keeps what is in it until then.
struct Out<'a> {
    path: &'a Path,
    file: File,
}

fn opened(path: &Path) -> Result<Out<'_>, Failure> {
    let file = File::options().create(true).write(true).truncate(false).open(path);
    let file = file.map_err(|why| Failure::Usage(format!("{}: {why}", path.display())))?;
    Ok(Out { path, file })
}

fn written(mut out: Out<'_>, text: &str) -> Result<(), Failure> {
    let done = out.file.set_len(0).and_then(|()| out.file.write_all(text.as_bytes()));
    done.map_err(|why| Failure::Failed(format!("{}: {why}", out.path.display())))
}

/// Of `--threads`.
fn threads(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|threads| (1..=256).contains(threads)).ok_or("from 1 to 256".into())
}
