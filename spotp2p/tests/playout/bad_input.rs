//! Tracks and numbers that make little sense.

use crate::world::{MUSIC, head, link, look, song, track};
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::playout::{
    Basis, Config, Demand, Expected, HORIZON, Pace, STEPS, Sources, Start, Summary, Throughput, Verdict,
};
use spotproto::Instant;
use spotproto::content::{BadSeekTable, Geometry, Head, PIECE_LEN, SeekTable};

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
fn one_piece_that_lasts_for_ten_hours_is_all_there_is_to_wait_for() {
    let end = 16_000;
    let head = head(36_000_000, end, SeekTable::even(36_000_000, 4000, end).expect("a seek table"));
    assert_eq!(head.pieces(), 1);
    let demand = Demand::new(&head, 18_000_000, |_| false);
    assert_eq!((demand.first(), demand.total()), (head.length(), head.length()));
    let (link, now) = link(&[20_000], 40);
    assert_eq!(look(&link, now, &demand, &Sources::UNKNOWN, head.length() - 1).verdict, Verdict::Wait);
    assert_eq!(look(&link, now, &demand, &Sources::UNKNOWN, head.length()).basis, Basis::AllHere);
}

#[test]
fn a_head_that_claims_terabytes_costs_a_bounded_look() {
    let end = Geometry::PLAINTEXT_MAX;
    for (duration, first) in [(0, 0), (1_000, 0), (240_000, 0), (u32::MAX, 0), (240_000, end - 1)] {
        let seek = SeekTable::even(duration, first, end).expect("a seek table");
        let mut head = head(duration, end, seek);
        head.headers = core::iter::once(0..end).collect();
        for at in [0, duration / 2, duration] {
            let mut looks = 0u32;
            let demand = Demand::new(&head, at, |_| {
                looks += 1;
                false
            });
            assert!(looks <= 2 << 16, "{duration} ms from {at} ms: {looks}");
            assert!(demand.first() <= demand.total() && demand.total() <= head.length());
            let (link, now) = link(&[300], 60);
            let why = look(&link, now, &demand, &Sources::UNKNOWN, demand.first());
            assert!((0.0..=1.0001).contains(&why.risk), "{why:?}");
        }
    }
}

#[test]
fn seek_tables_that_run_backwards_or_behind_the_end_are_none() {
    let mut offsets = [0, 30_000, 20_000, 60_000];
    assert_eq!(SeekTable::new(3000, 80_000, &offsets, 1, 0), Err(BadSeekTable::Order));
    offsets.sort_unstable();
    assert_eq!(SeekTable::new(3000, 60_000, &offsets, 1, 0), Err(BadSeekTable::Order));
    // One that was right, beside a file that is shorter.
    let seek = SeekTable::new(3000, 80_000, &offsets, 1, 0).expect("in order");
    let head =
        Head { geometry: Geometry::of_plaintext(20_000).expect("a length"), ..head(3000, 80_000, seek) };
    for at in [0, 1000, 2999, 3000, u32::MAX] {
        let demand = Demand::new(&head, at, |_| false);
        assert!(demand.first() <= demand.total() && demand.total() <= head.length(), "{at}: {demand:?}");
        assert!(demand.total() > 0, "the last piece is needed, whatever the table says");
    }
}

#[test]
fn a_table_that_says_all_bytes_are_needed_at_once_or_none_before_the_end_is_believed_and_harmless() {
    let (link, now) = link(&[250], 1200);
    let decide = |offsets: &[u64]| {
        let seek = SeekTable::new(240_000, 4_800_000, offsets, 1, 0).expect("in order");
        let demand = Demand::new(&head(240_000, 4_800_000, seek), 0, |_| false);
        (look(&link, now, &demand, &Sources::UNKNOWN, 0).wait, demand)
    };
    let (_, at_once) = decide(&[4_799_999; 241]);
    assert_eq!(at_once.first(), at_once.total());
    let (soon, at_the_end) = decide(&[0; 241]);
    assert!(at_the_end.first() <= 2 * PIECE_LEN as u64);
    assert!(soon.is_some_and(|wait| wait < Duration::from_secs(5)), "{soon:?}");
}

#[test]
fn numbers_that_are_none_are_unknown_and_infinite_ones_are_bounded() {
    let (link, now) = link(&[700, 900], 600);
    let arrived = song().first() + MUSIC;
    let plain = look(&link, now, &song(), &Sources::UNKNOWN, arrived);
    assert_eq!(plain.verdict, Verdict::Wait);
    for sure in [f32::NAN, f32::NEG_INFINITY, -1.0, -f32::MAX, 0.0] {
        let why = look(&link, now, &song(), &Sources { sure, peers: None }, arrived);
        assert_eq!(why, plain, "{sure}");
    }
    for mean in [f32::NAN, f32::INFINITY, -1.0] {
        let peers = Some(Expected { mean, deviation: 1.0 });
        assert_eq!(look(&link, now, &song(), &Sources { sure: 0.0, peers }, arrived), plain, "{mean}");
    }
    for deviation in [f32::NAN, f32::INFINITY, -1.0, f32::MAX] {
        for mean in [0.0, 30_000.0, f32::MAX] {
            let peers = Some(Expected { mean, deviation });
            let why = look(&link, now, &song(), &Sources { sure: 0.0, peers }, arrived);
            assert!(
                (0.0..=1.0001).contains(&why.risk) && why.wait.is_none_or(|wait| wait.as_secs() <= 1_000_000)
            );
        }
    }
    let helped = look(&link, now, &song(), &Sources { sure: f32::INFINITY, peers: None }, arrived);
    assert_eq!(helped.verdict, Verdict::Start);
}

#[test]
fn a_budget_that_is_no_number_waits_for_all_and_one_above_all_for_the_first_sound() {
    let (link, now) = link(&[700, 900], 600);
    let decide = |budget: f32, arrived: u64| {
        let config = Config { budget, ..Config::DEFAULT };
        Start::new(config, song()).look(now, &link, &Sources::UNKNOWN, arrived).verdict
    };
    for budget in [f32::NAN, f32::NEG_INFINITY, -1.0, 0.0] {
        assert_eq!(decide(budget, song().first() + MUSIC), Verdict::Wait, "{budget}");
        assert_eq!(decide(budget, song().total()), Verdict::Start, "{budget}");
    }
    assert_eq!(decide(f32::INFINITY, song().first() - 1), Verdict::Wait);
    assert_eq!(decide(f32::INFINITY, song().first()), Verdict::Start);
}

#[test]
fn a_sleep_in_mid_wait_starts_nothing_and_leaves_no_mark() {
    let (mut link, now) = link(&[700, 900], 600);
    let mut start = Start::new(Config::DEFAULT, song());
    let arrived = song().first() + MUSIC;
    let before = start.look(now, &link, &Sources::UNKNOWN, arrived);
    assert_eq!(before.verdict, Verdict::Wait);
    let woken = now + Duration::from_secs(8 * 3600);
    let asleep = start.look(woken, &link, &Sources::UNKNOWN, arrived);
    assert_eq!(asleep.verdict, Verdict::Wait);
    let usual = link.usual();
    for count in 0..20u32 {
        link.arrived(woken + count * Duration::from_millis(800), PIECE_LEN as u64, Pace::Free);
    }
    let after = start.look(woken + Duration::from_millis(19 * 800), &link, &Sources::UNKNOWN, arrived);
    assert!((link.usual().expect("known") / usual.expect("known") - 1.0).abs() < 0.01);
    let (one, other) = (before.wanted.as_secs_f32(), after.wanted.as_secs_f32());
    assert!((one / other - 1.0).abs() < 0.1, "{one} s before the sleep, {other} s after it");
}

#[test]
fn a_clock_that_goes_back_in_mid_wait_changes_nothing() {
    let (link, now) = link(&[700, 900], 600);
    let mut start = Start::new(Config::DEFAULT, song());
    let arrived = song().first() + MUSIC;
    let before = start.look(now, &link, &Sources::UNKNOWN, arrived);
    assert_eq!(start.look(Instant::START, &link, &Sources::UNKNOWN, arrived), before);
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
