//! tokio and smol side by side, in one run: what the same adapter costs on either.
//!
//! ```text
//! cargo bench -p spotp2p-smol --bench runtimes [-- quick]
//! ```
//!
//! Rounds alternate between the two, and medians are compared. Each runtime has one thread beside the one that waits. CPU
//! time is the whole process's, so both ends are in it. Ends with an error if smol is further from tokio than [`GATE`].

extern crate alloc;

#[path = "../../../runtime-tokio/tests/shelf/music.rs"]
mod music;
mod rounds;
#[allow(dead_code, reason = "the suite uses more of it")]
#[path = "../../tests/suite/runtimes.rs"]
mod runtimes;
#[allow(dead_code, reason = "tests use more of it")]
#[path = "../../../runtime-tokio/tests/loopback/toy.rs"]
mod toy;

use runtime_tokio::Tokio;
use runtimes::{Bench, Smol};
use std::process::ExitCode;

/// How much more smol may take of anything.
const GATE: f64 = 1.10;

/// A measurement: less is better.
struct Figure {
    name: &'static str,
    unit: &'static str,
    tokio: fn(u32) -> f64,
    smol: fn(u32) -> f64,
    rounds: u32,
}

macro_rules! figures {
    ($($name:literal, $unit:literal, $module:ident::$round:ident, $rounds:literal;)*) => {
        [$(Figure {
            name: $name,
            unit: $unit,
            tokio: |round| Tokio::run($module::$round(core::marker::PhantomData::<Tokio>, round)),
            smol: |round| Smol::run($module::$round(core::marker::PhantomData::<Smol>, round)),
            rounds: $rounds,
        }),*]
    };
}

fn main() -> ExitCode {
    let figures = figures! {
        "throughput, both ways: time", "ns/KiB", rounds::throughput, 15;
        "throughput, both ways: CPU", "ns/KiB", rounds::throughput_cpu, 15;
        "start: click to first piece", "µs", rounds::start, 15;
        "200 connections at a trickle: CPU", "µs/message", rounds::trickle, 9;
        "a short connection: time", "µs", rounds::short, 9;
    };
    let quick = std::env::args().any(|word| word == "quick");
    println!("| figure | tokio | smol | smol / tokio | |");
    println!("|---|---|---|---|---|");
    let mut within = true;
    for Figure { name, unit, tokio, smol, rounds } in figures {
        let rounds = if quick { 3 } else { rounds };
        // Once each for what happens only once: threads, pages.
        tokio(0);
        smol(0);
        let (mut by_tokio, mut by_smol, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for round in 1..=rounds {
            let (on_tokio, on_smol) =
                if round % 2 == 0 { (tokio(round), smol(round)) } else { swapped(smol(round), tokio(round)) };
            by_tokio.push(on_tokio);
            by_smol.push(on_smol);
            ratios.push(on_smol / on_tokio);
        }
        let ratio = median(&mut ratios);
        within &= ratio <= GATE;
        let verdict = if ratio <= GATE { "" } else { "beyond the gate" };
        println!(
            "| {name} | {:.1} {unit} | {:.1} {unit} | {ratio:.2} | {verdict} |",
            median(&mut by_tokio),
            median(&mut by_smol)
        );
    }
    if within || quick { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

const fn swapped(on_smol: f64, on_tokio: f64) -> (f64, f64) {
    (on_tokio, on_smol)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
