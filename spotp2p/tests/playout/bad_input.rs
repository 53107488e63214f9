//! Tracks and numbers that make little sense.

use crate::world::{MUSIC, head, link, look, song, track};
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::playout::{
    Basis, Config, Demand, Expected, HORIZON, Pace, STEPS, Sources, Start, Summary, Throughput, Verdict,
};
use spotproto::Instant;
use spotproto::content::{PIECE_LEN, SeekTable};

#[test]
fn a_track_of_no_time_starts_with_its_only_piece() {
    let (link, now) = link(&[400], 100);
    for duration in [0, 1, 500] {
        let demand = Demand::new(&track(duration, MUSIC), 0, |_| false);
        assert_eq!(demand.total(), demand.first());
        assert_eq!(look(&link, now, &demand, &Sources::UNKNOWN, 0).verdict, Verdict::Wait);
        assert_eq!(look(&link, now, &demand, &Sources::UNKNOWN, demand.total()).verdict, Verdict::Start);
    }
}

#[test]
fn ten_hours_are_looked_at_as_far_as_the_horizon() {
    let demand = Demand::new(&track(36_000_000, 40_000), 1_000_000, |_| false);
    assert_eq!(demand.rest(), Duration::from_secs(35_000));
    let seconds = demand.total() as f64 / 40_000.0;
    assert!((seconds - HORIZON.as_secs_f64()).abs() < 40.0, "{seconds} s");
    assert!(STEPS <= 60 && demand.music_in(demand.total()) <= HORIZON);
    let (link, now) = link(&[100], 900);
    assert_eq!(
        look(&link, now, &demand, &Sources::UNKNOWN, demand.first() + 400_000).verdict,
        Verdict::Start
    );
}

#[test]
fn places_behind_the_end_need_what_the_end_needs() {
    let head = track(10_000, MUSIC);
    for at in [9_999, 10_000, 10_001, u32::MAX] {
        let demand = Demand::new(&head, at, |_| false);
        assert!(demand.total() <= 3 * PIECE_LEN as u64, "{at}: {}", demand.total());
        assert!(demand.music_in(u64::MAX) <= Duration::from_millis(1));
    }
}

#[test]
fn with_nothing_known_of_the_link_ten_seconds_are_waited_for() {
    let link = Throughput::new(Summary::UNKNOWN);
    let demand = song();
    let ten = demand.first() + 10 * MUSIC + PIECE_LEN as u64;
    let verdict = |arrived| {
        let why = look(&link, Instant::START, &demand, &Sources::UNKNOWN, arrived);
        (why.verdict, why.basis)
    };
    assert_eq!(verdict(0), (Verdict::Wait, Basis::Blind));
    assert_eq!(verdict(ten / 2), (Verdict::Wait, Basis::Blind));
    assert_eq!(verdict(ten), (Verdict::Start, Basis::Blind));
}

#[test]
fn a_dead_link_does_not_start_and_its_wait_is_bounded() {
    let (link, now) = link(&[20_000], 40);
    let why = look(&link, now, &song(), &Sources::UNKNOWN, song().first() + PIECE_LEN as u64);
    assert_eq!((why.verdict, why.basis), (Verdict::Wait, Basis::Forecast));
    assert!(why.risk > 0.99);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_numbers_break_a_decision(
        arrivals in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<bool>()), 0..60),
        now: u64, arrived: u64, sure: f32, mean: f32, deviation: f32, budget: f32, correction: f32, known: bool,
    ) {
        let mut link = Throughput::new(Summary::UNKNOWN);
        for (at, bytes, free) in arrivals {
            // Most of them near each other, in either order; some anywhere.
            let at = if bytes % 8 == 0 { at } else { at % 100_000_000 };
            link.arrived(Instant::from_micros(at), bytes, if free { Pace::Free } else { Pace::Throttled });
        }
        let sources = Sources { sure, peers: known.then_some(Expected { mean, deviation }) };
        let mut start = Start::new(Config { budget, correction, ..Config::DEFAULT }, song());
        for now in [now, now / 2, now % 100_000_000] {
            let why = start.look(Instant::from_micros(now), &link, &sources, arrived);
            prop_assert!((0.0..=1.0001).contains(&why.risk), "{why:?}");
            prop_assert!(why.wait.is_none_or(|wait| wait <= Duration::from_secs(1_000_000)));
        }
    }

    #[test]
    fn lying_seek_tables_break_nothing(
        mut offsets in proptest::collection::vec(0u64..40_000_000, 1..300), at: u32, lead in 0u32..100_000,
    ) {
        offsets.sort_unstable();
        let duration = (offsets.len() as u32 - 1) * 1000 + 1;
        let end = offsets.last().expect("one") + 1;
        let seek = SeekTable::new(duration, end, &offsets, 1, lead).expect("in order");
        let head = head(duration, end, seek);
        for at in [0, at % duration, at] {
            let demand = Demand::new(&head, at, |piece| piece % 3 == 1);
            prop_assert!(demand.first() <= demand.total() && demand.total() <= head.length());
            let (link, now) = link(&[300], 60);
            let why = look(&link, now, &demand, &Sources::UNKNOWN, demand.first());
            prop_assert!((0.0..=1.0001).contains(&why.risk));
        }
    }
}
