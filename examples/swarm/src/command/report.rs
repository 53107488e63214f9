//! `swarm report`.

use super::{Failure, outcome, table, written};
use clap::Args;
use std::path::PathBuf;

#[derive(Args, Debug)]
pub(super) struct Options {
    /// What `swarm run --out` wrote
    file: PathBuf,
    /// Writes a page with plots to this file
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

pub(super) fn report(options: &Options) -> Result<(), Failure> {
    let outcome = outcome(&options.file)?;
    print!("{}", table::of(&outcome));
    match &options.page {
        Some(file) => written(file, &crate::report::page(&outcome)),
        None => Ok(()),
    }
}
