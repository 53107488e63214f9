//! `swarm compare`: scenarios side by side, each with several seeds.

use super::list::read;
use super::{Failure, opened, outcomes, threads, written};
use crate::metrics::{Interval, MEASURES, Measure, Outcome};
use crate::scenario::Scenario;
use alloc::collections::BTreeMap;
use clap::Args;
use core::fmt::Write;
use std::path::{Path, PathBuf};

#[derive(Args, Debug)]
pub(super) struct Options {
    /// Scenarios by name or file, a setting of a scenario as in `paper-2010:peers.slots=8`, or what `swarm run --out` wrote;
    /// all others are compared with the first
    #[arg(required = true, num_args = 2..)]
    these: Vec<String>,
    /// How many seeds each scenario is run with
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=1000))]
    seeds: u64,
    /// Exchanges a number in all of them
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Threads
    #[arg(long, default_value_t = 1, value_parser = threads)]
    threads: usize,
    /// Writes all outcomes to a file, as JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Shows no progress
    #[arg(long)]
    quiet: bool,
}

/// One of those that are compared: its name, and an outcome for each seed.
struct Side {
    name: String,
    outcomes: Vec<Outcome>,
}

pub(super) fn compare(options: &Options) -> Result<(), Failure> {
    // What is wrong with the last of them is said before the first of them is run.
    let plans = options.these.iter().map(|this| plan(this, options)).collect::<Result<Vec<_>, _>>()?;
    let out = options.out.as_deref().map(opened).transpose()?;
    let sides = plans.into_iter().map(|plan| side(plan, options)).collect::<Result<Vec<_>, _>>()?;
    print!("{}", table(&sides));
    let Some(file) = out else { return Ok(()) };
    let all: Vec<&Outcome> = sides.iter().flat_map(|side| &side.outcomes).collect();
    let text = serde_json::to_string(&all).map_err(|why| Failure::Failed(why.to_string()))?;
    written(file, &text)
}

/// What there is to do for a side.
enum Plan {
    /// Nothing: it was run before.
    There(Side),
    /// A scenario, with several seeds.
    Runs(String, Box<Scenario>),
}

fn plan(this: &str, options: &Options) -> Result<Plan, Failure> {
    if Path::new(this).extension().is_some_and(|it| it == "json") {
        return Ok(Plan::There(Side { name: this.to_owned(), outcomes: outcomes(Path::new(this))? }));
    }
    let mut parts = this.split(':');
    let name = parts.next().unwrap_or(this);
    let own = parts.map(str::to_owned);
    let settings: Vec<String> = options.settings.iter().cloned().chain(own).collect();
    let (_, scenario) = read(name, &settings)?;
    crate::engine::fits(&scenario).map_err(|why| Failure::Failed(format!("{this}: {why}")))?;
    Ok(Plan::Runs(this.to_owned(), Box::new(scenario)))
}

fn side(plan: Plan, options: &Options) -> Result<Side, Failure> {
    let (this, scenario) = match plan {
        Plan::There(side) => return Ok(side),
        Plan::Runs(this, scenario) => (this, scenario),
    };
    let seeds = (0..options.seeds).map(|number| scenario.seed + number);
    let outcomes = seeds.map(|seed| {
        let scenario = Scenario { seed, ..(*scenario).clone() };
        let label = format!("{this}, seed {seed}");
        crate::engine::run(&label, &scenario, options.threads, !options.quiet)
            .map_err(|why| Failure::Failed(format!("{this}: {why}")))
    });
    let outcomes = outcomes.collect::<Result<_, _>>()?;
    Ok(Side { name: this, outcomes })
}

/// Means with their intervals; of all but the first, the difference too, of those that have a seed in common.
fn table(sides: &[Side]) -> String {
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write(&mut text, sides);
    text
}

fn write(text: &mut String, sides: &[Side]) -> core::fmt::Result {
    let Some((first, others)) = sides.split_first() else { return Ok(()) };
    for (at, side) in sides.iter().enumerate() {
        writeln!(text, "{}: {}, {} seeds", letter(at), side.name, side.outcomes.len())?;
    }
    write!(text, "{:40} {:>24}", "95 % intervals", "A")?;
    (1..sides.len())
        .try_for_each(|at| write!(text, " {:>24} {:>24}", letter(at), format!("{} - A", letter(at))))?;
    writeln!(text)?;
    for measure in MEASURES {
        let base = values(measure, first);
        let Some(interval) = mean(&base) else { continue };
        write!(text, "{:40} {:>24}", measure.name, show(measure, interval))?;
        for side in others {
            let its = values(measure, side);
            let shown = mean(&its).map(|it| show(measure, it)).unwrap_or_default();
            write!(text, " {shown:>24} {:>24}", difference(measure, &base, &its))?;
        }
        writeln!(text)?;
    }
    Ok(())
}

/// What comes of each seed.
type BySeed = BTreeMap<u64, f64>;

fn mean(values: &BySeed) -> Option<Interval> {
    Interval::of(&values.values().copied().collect::<Vec<_>>())
}

fn difference(measure: &Measure, base: &BySeed, its: &BySeed) -> String {
    let pairs: Vec<f64> = its.iter().filter_map(|(seed, it)| Some(it - base.get(seed)?)).collect();
    let Some(interval) = Interval::of(&pairs) else { return String::new() };
    let sure = if interval.is_not_nil() { " *" } else { "  " };
    format!("{}{sure}", show(measure, interval))
}

fn values(measure: &Measure, side: &Side) -> BySeed {
    side.outcomes.iter().filter_map(|it| Some((it.scenario.seed, (measure.of)(it)?))).collect()
}

fn show(measure: &Measure, interval: Interval) -> String {
    if interval.half.is_finite() {
        format!("{} ± {}", measure.unit.show(interval.mean), measure.unit.show(interval.half))
    } else {
        measure.unit.show(interval.mean)
    }
}

fn letter(at: usize) -> char {
    u8::try_from(at).ok().filter(|at| *at < 26).map_or('?', |at| char::from(b'A' + at))
}
