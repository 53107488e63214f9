//! tokio and smol side by side: what the same adapter costs on either.
//!
//! ```text
//! cargo bench -p spotp2p-smol --bench runtimes [-- [quick] [alone] [one] [two] [PART-OF-A-NAME]]
//! cargo bench -p spotp2p-smol --bench runtimes -- profile-smol one short      for a profiler: one side, no table
//! ```
//!
//! Both have the same threads: all on one (`alone`); one that runs tasks beside one that waits for what is measured
//! (`one`); two beside it (`two`). Each arrangement has a process of its own, since smol's tasks are the process's. Rounds
//! alternate between the two, and medians are compared. CPU time is the whole process's, so both ends are in it. Ends with an
//! error if smol takes more than [`GATE`] of what tokio takes.

extern crate alloc;

mod arrangement;
mod listening;
#[path = "../../../runtime-tokio/tests/shelf/music.rs"]
mod music;
mod rounds;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../../runtime-tokio/tests/loopback/toy.rs"]
mod toy;

use arrangement::{Alone, Arrangement, Beside};
use core::fmt;
use runtime_smol::Smol;
use runtime_tokio::Tokio;
use std::env;
use std::process::{Command, ExitCode};

/// How much smol may take of anything, of what tokio takes.
const GATE: f64 = 1.10;

/// What a round took, of real time and of CPU time, in a unit of its own.
#[derive(Clone, Copy)]
struct Cost {
    time: f64,
    cpu: f64,
}

/// A measurement.
struct Figure {
    name: &'static str,
    unit: &'static str,
    tokio: fn() -> Cost,
    smol: fn() -> Cost,
    rounds: usize,
}

macro_rules! figures {
    ($tokio:ty, $smol:ty) => {
        figures!($tokio, $smol;
            "throughput, both ways", "ns/KiB", rounds::throughput, 15;
            "start: click to first piece", "µs", listening::start, 25;
            "a message among 200 connections", "µs", rounds::trickle, 15;
            "a short connection", "µs", rounds::short, 25;
        )
    };
    ($tokio:ty, $smol:ty; $($name:literal, $unit:literal, $module:ident::$round:ident, $rounds:literal;)*) => {
        vec![$(Figure {
            name: $name,
            unit: $unit,
            tokio: || <$tokio>::run($module::$round::<<$tokio as Arrangement>::On>()),
            smol: || <$smol>::run($module::$round::<<$smol as Arrangement>::On>()),
            rounds: $rounds,
        }),*]
    };
}

fn main() -> ExitCode {
    // Cargo's own words begin with a dash.
    let mut words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let mut has = |wanted: &str| {
        let before = words.len();
        words.retain(|word| word != wanted);
        words.len() < before
    };
    let quick = has("quick");
    let profile = ["profile-tokio", "profile-smol"].map(&mut has);
    let wanted: Vec<&str> = ["alone", "one", "two"].into_iter().filter(|name| has(name)).collect();
    if let [arrangement] = wanted[..]
        && env::var_os("SMOL_THREADS").is_some()
    {
        let figures = match arrangement {
            "alone" => figures!(Alone<Tokio>, Alone<Smol>),
            "one" => figures!(Beside<Tokio, 1>, Beside<Smol, 1>),
            _ => figures!(Beside<Tokio, 2>, Beside<Smol, 2>),
        };
        let figures = figures
            .into_iter()
            .filter(|figure| words.is_empty() || words.iter().any(|part| figure.name.contains(part.as_str())))
            .collect();
        return match profile {
            [true, _] => profiled(figures, |figure| figure.tokio),
            [_, true] => profiled(figures, |figure| figure.smol),
            _ => compare(figures, quick),
        };
    }
    let program = env::current_exe().expect("its own name");
    let mut within = true;
    for arrangement in ["alone", "one", "two"] {
        if wanted.is_empty() || wanted.contains(&arrangement) {
            println!("\n{arrangement}\n");
            let mut child = Command::new(&program);
            child.args(env::args_os().skip(1).filter(|word| !wanted.iter().any(|name| word == name)));
            child.arg(arrangement).env("SMOL_THREADS", "0");
            within &= child.status().expect("it runs").success();
        }
    }
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn profiled(figures: Vec<Figure>, side: fn(&Figure) -> fn() -> Cost) -> ExitCode {
    for figure in figures {
        for _ in 0..figure.rounds {
            println!("{}: {:?} {}", figure.name, side(&figure)(), figure.unit);
        }
    }
    ExitCode::SUCCESS
}

fn compare(figures: Vec<Figure>, quick: bool) -> ExitCode {
    println!("| figure | tokio | smol | smol / tokio | |");
    println!("|---|---|---|---|---|");
    let mut within = true;
    for Figure { name, unit, tokio, smol, rounds } in figures {
        let rounds = if quick { 3 } else { rounds };
        // Once each for what happens only once: threads, pages.
        tokio();
        smol();
        let costs: Vec<(Cost, Cost)> =
            (0..rounds).map(|round| in_turn(round % 2 == 0, tokio, smol)).collect();
        for (what, of) in [("time", (|cost| cost.time) as fn(Cost) -> f64), ("CPU", |cost| cost.cpu)] {
            let ratio = median(costs.iter().map(|(tokio, smol)| of(*smol) / of(*tokio)));
            let by_tokio = median(costs.iter().map(|(tokio, _)| of(*tokio)));
            let by_smol = median(costs.iter().map(|(_, smol)| of(*smol)));
            within &= ratio <= GATE;
            println!(
                "| {name}: {what} | {by_tokio:.1} {unit} | {by_smol:.1} {unit} | {ratio:.2} | {} |",
                if ratio <= GATE { "" } else { "beyond the gate" }
            );
        }
    }
    if within || quick { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A round of each, whichever comes first.
fn in_turn(tokio_first: bool, tokio: fn() -> Cost, smol: fn() -> Cost) -> (Cost, Cost) {
    if tokio_first {
        let on_tokio = tokio();
        (on_tokio, smol())
    } else {
        let on_smol = smol();
        (tokio(), on_smol)
    }
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

impl fmt::Debug for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ({:.1} of CPU)", self.time, self.cpu)
    }
}
