//! `swarm run`.

use super::list::Which;
use super::{Failure, table, written};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// Threads; what comes out is the same for any number
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Prints all that was counted as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Writes the same to a file
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Writes a page with plots to a file
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
}

pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let (name, scenario) = options.which.read()?;
    let outcome = crate::engine::run(&name, &scenario, options.threads, !options.quiet)
        .map_err(|why| Failure::Failed(why.to_string()))?;
    if let Some(file) = &options.out {
        let text = serde_json::to_string(&outcome).map_err(|why| Failure::Failed(why.to_string()))?;
        written(file, &text)?;
    }
    if let Some(file) = &options.page {
        written(file, &crate::report::page(&outcome))?;
    }
    if options.json {
        let text = serde_json::to_string_pretty(&outcome).map_err(|why| Failure::Failed(why.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table::of(&outcome));
    }
    Ok(())
}
