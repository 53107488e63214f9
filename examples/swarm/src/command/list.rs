//! What scenarios there are, and what is in them.

use super::Failure;
use crate::scenario::{self, NAMES, Scenario, named, parse};
use clap::Args;

/// Which scenario, with which numbers exchanged.
#[derive(Args, Debug)]
pub(super) struct Which {
    /// The name of a scenario that comes with the program, or a file
    pub(super) scenario: String,
    /// Exchanges a number, as in `peers.slots=8`; may be said again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) settings: Vec<String>,
    /// Decides every throw
    #[arg(long)]
    pub(super) seed: Option<u64>,
}

#[derive(Args, Debug)]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    /// Prints each household as a line of JSON instead: its line, whether it can be dialled, how far the access point is
    #[arg(long)]
    homes: bool,
}

impl Which {
    /// The scenario, and what to call it.
    pub(super) fn read(&self) -> Result<(String, Scenario), Failure> {
        let (name, mut scenario) = read(&self.scenario, &self.settings)?;
        scenario.seed = self.seed.unwrap_or(scenario.seed);
        Ok((name, scenario))
    }
}

/// The scenario of this name or in this file, with some numbers exchanged, and what to call it.
pub(super) fn read(name: &str, settings: &[String]) -> Result<(String, Scenario), Failure> {
    let text = match named(name) {
        Some(text) => text.to_owned(),
        None => std::fs::read_to_string(name).map_err(|why| {
            let all = NAMES.join(", ");
            Failure::Usage(format!("{name}: no such file ({why}), and none of the scenarios {all}"))
        })?,
    };
    let base = parse(&text).map_err(|bad| Failure::Usage(format!("{name}: {bad}")))?;
    let scenario = scenario::with(&base, settings).map_err(|bad| Failure::Usage(bad.to_string()))?;
    let stem = std::path::Path::new(name).file_stem().and_then(|stem| stem.to_str());
    Ok((stem.unwrap_or(name).to_owned(), scenario))
}

pub(super) fn list() {
    for name in NAMES {
        let about = named(name).and_then(|text| parse(text).ok()).map(|it| it.about).unwrap_or_default();
        println!("{name:20} {about}");
    }
}

pub(super) fn show(show: &Show) -> Result<(), Failure> {
    let (_, scenario) = show.which.read()?;
    if show.homes {
        for household in crate::engine::households(&scenario) {
            let line = serde_json::to_string(&household).map_err(|why| Failure::Failed(why.to_string()))?;
            println!("{line}");
        }
        return Ok(());
    }
    let text = scenario::written(&scenario).map_err(|why| Failure::Failed(why.to_string()))?;
    print!("{text}");
    Ok(())
}
