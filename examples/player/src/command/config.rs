//! `spot config`: the settings that hold, and where they come from.

use crate::failure::{Exit, Failure};
use crate::settings::file::Location;
use crate::settings::{ConfigFlag, Flags, Folders, Settings, this_environment};
use clap::{Args, Subcommand};
use serde_json::json;

/// Arguments of `spot config`.
#[derive(Args, Debug)]
pub(super) struct Config {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print every setting, its value, and where that comes from: built in, file, environment, or command line.
    Print(Box<Print>),
    /// Print where the file of settings is looked for.
    Path(ConfigFlag),
}

#[derive(Args, Debug)]
struct Print {
    #[command(flatten)]
    flags: Flags,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

impl Config {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Print(print) => print.run(),
            What::Path(flag) => path(&flag),
        }
    }
}

impl Print {
    /// Mistakes come last, so that they do not keep anybody from seeing what holds.
    fn run(self) -> Result<(), Failure> {
        let (resolved, file) = Settings::look(&self.flags)?;
        if self.json {
            resolved.settings.rows().iter().for_each(|row| println!("{}", row.json()));
            resolved
                .mistakes
                .iter()
                .for_each(|mistake| println!("{}", json!({ "mistake": mistake.to_string() })));
        } else {
            print!("{}", resolved.settings.table(&file));
        }
        let Some((last, others)) = resolved.mistakes.split_last() else { return Ok(()) };
        others.iter().for_each(|mistake| eprintln!("spot: {mistake}"));
        Err(Failure::new(Exit::Usage, last.to_string()))
    }
}

fn path(flag: &ConfigFlag) -> Result<(), Failure> {
    let location = Location::find(flag.config.as_deref(), &this_environment, &Folders::of_this_user());
    let location =
        location.ok_or_else(|| Failure::runtime("no home folder is known; name a file with --config"))?;
    println!("{}", location.path.display());
    Ok(())
}
