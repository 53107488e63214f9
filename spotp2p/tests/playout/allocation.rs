//! Decisions allocate nothing.

use crate::world::{MUSIC, link, track};
use core::time::Duration;
use spotp2p::playout::{Config, Demand, Gauge, Pace, Sources, Start, Thresholds};
use spotproto::content::PIECE_LEN;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[test]
fn samples_demands_and_decisions_allocate_nothing() {
    let head = track(240_000, MUSIC);
    let (mut link, mut now) = link(&[500], 300);
    // The counters are the process's, and other tests run beside this one: of many tries the least counts.
    let least = (0..200).map(|round| {
        let region = Region::new(ALLOCATOR);
        let demand = Demand::new(&head, 1000 * round, |piece| piece == 3);
        let mut start = Start::new(Config::DEFAULT, demand);
        let mut gauge = Gauge::new(Thresholds::DEFAULT);
        now = now + Duration::from_millis(1100);
        link.arrived(now, PIECE_LEN as u64, Pace::Free);
        let why = start.look(now, &link, &Sources::UNKNOWN, 100_000);
        gauge.look(&why);
        region.change().allocations
    });
    assert_eq!(least.min(), Some(0));
    let sizes = [size_of_val(&link), size_of::<Start>(), size_of::<Demand>()];
    println!("a link {} bytes, a start {}, a demand {}", sizes[0], sizes[1], sizes[2]);
    assert!(sizes[0] <= 2048 && sizes[1] <= 12 * 1024 && sizes[2] <= 900, "{sizes:?}");
}
