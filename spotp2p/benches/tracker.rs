//! The tracker with a million files: how many announcements and look-ups a core does, and what a file takes.
//!
//! Of many batches the fast tenth counts, since whatever interrupts a batch makes it slower. The gate is the design's own:
//! a million a second.

use core::hint::black_box;
use spotp2p::tracker::{Client, Tracker, TrackerLimits};
use spotproto::content::FileId;
use spotproto::{Dice, Seed};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

const FILES: usize = 1_000_000;
const CLIENTS: usize = 20_000;
const BATCHES: usize = 10_000;
/// A batch lasts about a tenth of a millisecond: well below a time slice.
const PER_BATCH: usize = 100;
/// Announcements and look-ups a second, at least.
const GATE: f64 = 1e6;

struct Bench {
    tracker: Tracker<FileId>,
    files: Vec<FileId>,
    clients: Vec<Client>,
    dice: Dice,
}

impl Bench {
    /// Who says or asks something next, of which file. Drawn before the clock runs: a message that was just read is at
    /// hand, and what it costs to come by one in here is no work of the tracker's.
    fn next(&mut self) -> (Client, FileId) {
        let client = *self.dice.pick(&self.clients).expect("clients");
        (client, *self.dice.pick(&self.files).expect("a million files"))
    }

    /// Rounds of work a second in the fast tenth of the batches.
    fn rate(&mut self, work: impl Fn(&mut Tracker<FileId>, &[(Client, FileId)])) -> f64 {
        let mut times: Vec<f64> = (0..BATCHES)
            .map(|_| {
                let said: Vec<_> = (0..2 * PER_BATCH).map(|_| self.next()).collect();
                let begin = Instant::now();
                said.chunks_exact(2).for_each(|two| work(&mut self.tracker, two));
                begin.elapsed().as_secs_f64()
            })
            .collect();
        times.sort_by(f64::total_cmp);
        PER_BATCH as f64 / times[BATCHES / 10]
    }
}

fn join(tracker: &mut Tracker<FileId>, (client, file): &(Client, FileId)) {
    black_box(tracker.join(*client, file));
}

fn find(tracker: &mut Tracker<FileId>, (client, file): &(Client, FileId)) {
    black_box(tracker.find(file, 10, Some(*client)));
}

fn main() {
    let mut dice = Dice::new(&Seed([5; 32]));
    let mut name = || {
        let mut bytes = [0; 32];
        bytes.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&dice.bits().to_le_bytes()));
        FileId(bytes)
    };
    let files: Vec<FileId> = (0..FILES).map(|_| name()).collect();
    let region = Region::new(ALLOCATOR);
    let mut tracker = Tracker::new(TrackerLimits::DEFAULT, &Seed([6; 32]));
    let clients: Vec<Client> = (0..CLIENTS).map(|_| tracker.enter()).collect();
    let begin = Instant::now();
    for (file, client) in files.iter().zip(clients.iter().cycle()) {
        assert!(tracker.join(*client, file));
    }
    let filled = FILES as f64 / begin.elapsed().as_secs_f64();
    assert_eq!(tracker.files(), FILES);
    let held = |region: &Region<'_, System>| {
        let change = region.change();
        (change.bytes_allocated - change.bytes_deallocated) as f64 / FILES as f64
    };
    println!("filled at {filled:.0} files/s; {:.0} bytes a file with one holder", held(&region));

    let mut bench = Bench { tracker, files, clients, dice: Dice::new(&Seed([7; 32])) };
    let joins = bench.rate(|tracker, two| join(tracker, &two[0]));
    let finds = bench.rate(|tracker, two| find(tracker, &two[0]));
    let mixed = bench.rate(|tracker, two| {
        join(tracker, &two[0]);
        find(tracker, &two[1]);
    });
    println!(
        "{joins:.0} announcements/s, {finds:.0} look-ups/s, {:.0}/s in turn (gate {GATE:.0})",
        2.0 * mixed
    );
    for _ in 0..3 * FILES {
        let said = bench.next();
        join(&mut bench.tracker, &said);
    }
    println!("{:.0} bytes a file with five holders on average", held(&region));
    assert!(2.0 * mixed >= GATE, "{:.0} a second is below the gate", 2.0 * mixed);
}
