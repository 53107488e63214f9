//! `swarm run`.

use super::list::Which;
use super::{Failure, opened, table, threads, written};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Options {
    #[command(flatten)]
    which: Which,
    /// Threads; what comes out is the same for any number
    #[arg(long, default_value_t = 1, value_parser = threads)]
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
    // Before a file is made for what does not come.
    crate::engine::fits(&scenario).map_err(|why| Failure::Failed(why.to_string()))?;
    let [out, page] = [&options.out, &options.page].map(|file| file.as_deref().map(opened).transpose());
    let (out, page) = (out?, page?);
    let outcome = crate::engine::run(&name, &scenario, options.threads, !options.quiet)
        .map_err(|why| Failure::Failed(why.to_string()))?;
    if options.json {
        let text = serde_json::to_string_pretty(&outcome).map_err(|why| Failure::Failed(why.to_string()))?;
        println!("{text}");
    } else {
        print!("{}", table::of(&outcome));
    }
    if let Some(out) = out {
        let text = serde_json::to_string(&outcome).map_err(|why| Failure::Failed(why.to_string()))?;
        written(out, &text)?;
    }
    page.map_or(Ok(()), |page| written(page, &crate::report::page(&outcome)))
}
