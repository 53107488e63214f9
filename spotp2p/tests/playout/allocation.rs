//! Decisions allocate nothing.

use crate::world::{MUSIC, link, track};
use allocation_counter::measure;
use core::time::Duration;
use spotp2p::playout::{Config, Demand, Gauge, Pace, Sources, Start, Thresholds};
use spotproto::content::PIECE_LEN;

#[test]
fn samples_demands_and_decisions_allocate_nothing() {
    let head = track(240_000, MUSIC);
    let (mut link, mut now) = link(&[500], 300);
    let asked = measure(|| {
        for round in 0..200 {
            let demand = Demand::new(&head, 1000 * round, |piece| piece == 3);
            let mut start = Start::new(Config::DEFAULT, demand);
            let mut gauge = Gauge::new(Thresholds::DEFAULT);
            now = now + Duration::from_millis(1100);
            link.arrived(now, PIECE_LEN as u64, Pace::Free);
            let why = start.look(now, &link, &Sources::UNKNOWN, 100_000);
            gauge.look(&why);
        }
    });
    assert_eq!(asked.count_total, 0);
    let sizes = [size_of_val(&link), size_of::<Start>(), size_of::<Demand>()];
    println!("a link {} bytes, a start {}, a demand {}", sizes[0], sizes[1], sizes[2]);
    assert!(sizes[0] <= 2048 && sizes[1] <= 12 * 1024 && sizes[2] <= 900, "{sizes:?}");
}
