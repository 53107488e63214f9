//! How cached files are best laid out, what reading through the adapter costs, and how fast a large cache opens.
//!
//! `cargo bench -p spotp2p-adapter --bench disk`; everything is compared inside one run, in the folder for temporary
//! files (`TMPDIR`). Exits with 1 if a gate fails.
#![cfg(unix)]

extern crate alloc;

mod gates;
mod layouts;
mod workload;

use core::time::Duration;
use layouts::{Layout, Preallocated, Segment, Sparse};
use std::io;
use std::path::Path;
use std::process::ExitCode;
use workload::Times;

/// Each layout has as many turns, one after the other, so that all of them meet the same noise.
const ROUNDS: usize = 5;

type Make = fn(&Path) -> io::Result<Box<dyn Layout>>;

fn main() -> io::Result<ExitCode> {
    let layouts: [(&str, Make); 3] = [
        ("a sparse file a track", |folder| Ok(Box::new(Sparse::new(folder)?))),
        ("a preallocated file a track", |folder| Ok(Box::new(Preallocated::new(folder)?))),
        ("one segment of slots", |folder| Ok(Box::new(Segment::new(folder)?))),
    ];
    let mut rounds = layouts.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, make), times) in layouts.iter().zip(&mut rounds) {
            let folder = tempfile::tempdir()?;
            times.push(workload::run(&mut *make(folder.path())?)?);
        }
    }
    print_layouts(&layouts.map(|(name, _)| name), &rounds);
    let passed = [gates::reading()?, gates::opening()?];
    Ok(if passed.contains(&false) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_layouts(names: &[&str; 3], rounds: &[Vec<Times>; 3]) {
    println!(
        "40 tracks of 4 MB, 8 at a time; median milliseconds of {ROUNDS} rounds (ratio to the first layout)\n\n\
         {:30}{:>16}{:>16}{:>16}{:>16}{:>16}{:>12}",
        "layout", "write", "read, cold", "read, warm", "evict half", "write again", "MB on disk"
    );
    let base = median(&rounds[0]);
    for (name, times) in names.iter().zip(rounds) {
        let times = median(times);
        let cell = |of: fn(&Times) -> Duration| {
            let (own, other) = (of(&times).as_secs_f64(), of(&base).as_secs_f64());
            format!("{:.1} ({:.2})", own * 1e3, own / other)
        };
        println!(
            "{name:30}{:>16}{:>16}{:>16}{:>16}{:>16}{:>12}",
            cell(|times| times.write),
            cell(|times| times.read_cold),
            cell(|times| times.read_warm),
            cell(|times| times.evict),
            cell(|times| times.write_again),
            times.bytes_after_evicting / 1_000_000
        );
    }
    println!();
}

fn median(rounds: &[Times]) -> Times {
    let of = |field: fn(&Times) -> Duration| {
        let mut all: Vec<Duration> = rounds.iter().map(field).collect();
        all.sort();
        all[all.len() / 2]
    };
    Times {
        write: of(|times| times.write),
        read_cold: of(|times| times.read_cold),
        read_warm: of(|times| times.read_warm),
        evict: of(|times| times.evict),
        write_again: of(|times| times.write_again),
        bytes_after_evicting: rounds.last().map_or(0, |times| times.bytes_after_evicting),
    }
}
