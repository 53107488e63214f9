//! `swarm report`.

use super::{Failure, opened, outcomes, table, written};
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
    let outcomes = outcomes(&options.file)?;
    outcomes.iter().for_each(|outcome| print!("{}", table::of(outcome)));
    match (&options.page, &outcomes[..]) {
        (Some(file), [outcome]) => written(opened(file)?, &crate::report::page(outcome)),
        (Some(_), _) => {
            let file = options.file.display();
            Err(Failure::Usage(format!("{file}: a page is of one run, and this has {}", outcomes.len())))
        }
        (None, _) => Ok(()),
    }
}
