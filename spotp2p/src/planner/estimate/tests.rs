use super::*;
use alloc::collections::VecDeque;

const PRIOR: Prior = Prior {
    bytes_per_s: 50_000,
    round_trip: Duration::from_millis(100),
    deviation: Duration::from_millis(500),
};

fn at(ms: u64) -> Instant {
    Instant::after_start(Duration::from_millis(ms))
}

/// A line of one piece each `each` ms behind a delay of `delay` ms, `deep` pieces asked ahead.
fn learnt(each: u64, delay: u64, deep: usize) -> (Estimate, u64) {
    let mut estimate = Estimate::new(at(0), &PRIOR);
    let mut line = VecDeque::new();
    let (mut now, mut free) = (0, 0);
    for _ in 0..100 {
        while line.len() < deep {
            free = free.max(now + delay) + each;
            line.push_back((free, estimate.asked(at(now), line.len() as u32)));
        }
        let (arrives, predicted) = line.pop_front().unwrap();
        now = arrives;
        estimate.arrived(at(now), predicted, PIECE_LEN, line.len() as u32);
    }
    (estimate, now)
}

#[test]
fn before_the_first_sample_the_prior_speaks() {
    let estimate = Estimate::new(at(0), &PRIOR);
    let arrival = estimate.arrival(at(0), 0).since(at(0));
    assert!((420..440).contains(&arrival.as_millis()), "{arrival:?}");
    assert!(!estimate.is_proven() && estimate.margin() > Duration::from_secs(1));
}

#[test]
fn a_steady_line_is_foretold_to_the_millisecond_and_with_little_doubt() {
    for (each, delay, deep) in [(80, 50, 2), (10, 100, 13), (400, 30, 2), (5, 2, 2)] {
        let (mut estimate, now) = learnt(each, delay, deep);
        let true_arrival = at(now + delay.max(each * (deep as u64 - 1)) + each);
        let told = estimate.asked(at(now), deep as u32 - 1);
        let error = told.since(true_arrival).max(true_arrival.since(told));
        assert!(error <= Duration::from_millis(each + 2), "{each} {delay} {deep}: {error:?}");
        assert!(estimate.margin() < Duration::from_millis(60), "{:?}", estimate.margin());
        assert!((estimate.each().as_millis() as u64).abs_diff(each) <= 1);
    }
}

#[test]
fn a_source_that_is_only_asked_for_one_piece_at_a_time_is_known_too() {
    let mut estimate = Estimate::new(at(0), &PRIOR);
    estimate.round_trip(Duration::from_millis(50));
    for n in 0..5 {
        let told = estimate.asked(at(n * 20_000), 0);
        estimate.arrived(at(n * 20_000 + 16_000), told, PIECE_LEN, 0);
    }
    assert!(estimate.each() > Duration::from_secs(15), "{:?}", estimate.each());
}

#[test]
fn silence_makes_lateness_likely_and_the_next_arrival_far() {
    let (mut estimate, now) = learnt(80, 50, 2);
    estimate.asked(at(now), 1);
    let due = at(now + 3_000);
    assert!(estimate.odds_late(at(now), 1, due) < 0.001);
    let quiet = now + 1_500;
    assert!(at(quiet) > estimate.silent_at());
    assert!(estimate.odds_late(at(quiet), 1, due) > 0.4);
    assert!(estimate.arrival(at(quiet), 2) > at(quiet + 1_500));
    assert_eq!(estimate.odds_late(at(now + 3_001), 1, due), 1.0);
}

#[test]
fn the_likelier_late_the_nearer_the_deadline() {
    let (estimate, now) = learnt(80, 50, 2);
    let odds: alloc::vec::Vec<f64> =
        (0..30).map(|n| estimate.odds_late(at(now), 1, at(now + 60 + n * 10))).collect();
    assert!(odds.is_sorted_by(|a, b| a >= b), "{odds:?}");
    assert!(odds[0] > 0.9 && odds[29] < 0.05, "{odds:?}");
}

/// Ten pieces a second behind a round trip of so long; predictions are wrong by 40 ms on average.
fn expected(round_trip: u64) -> Estimate {
    let round_trip = Duration::from_millis(round_trip);
    let deviation = Duration::from_millis(40);
    Estimate::new(at(0), &Prior { bytes_per_s: 10 * PIECE_LEN as u32, round_trip, deviation })
}

/// Whether two spans are the same but for what rounding makes of them.
fn same(a: Duration, b_ms: f64) -> bool {
    a.abs_diff(span(b_ms / 1000.0)) <= Duration::from_micros(3)
}

fn arrives(estimate: &Estimate, now: u64, under_way: u32) -> f64 {
    estimate.arrival(at(now), under_way).since(at(0)).as_secs_f64() * 1000.0
}

/// What a mean deviation of so many milliseconds has to be added for.
fn margin_ms(deviation: f64) -> f64 {
    2.33 * 1.2533 * deviation
}

#[track_caller]
fn assert_near(a: f64, b: f64) {
    assert!((a - b).abs() < 0.005, "{a} {b}");
}

#[test]
fn what_is_asked_comes_a_round_trip_later_or_behind_what_is_under_way() {
    let mut estimate = expected(300);
    assert!(same(estimate.each(), 100.0) && same(estimate.usual_wait(), 400.0));
    assert!(same(estimate.round_trip_known(), 300.0) && same(estimate.margin(), margin_ms(40.0)));
    assert_near(estimate.pieces_per_s(), 10.0);
    let told = [0, 1, 2].map(|n| estimate.asked(at(0), n).since(at(0)));
    assert!(same(told[0], 400.0) && same(told[1], 500.0) && same(told[2], 600.0), "{told:?}");
    assert_near(arrives(&estimate, 200, 3), 700.0);
    assert_near(arrives(&estimate, 350, 3), 750.0);
    // Nothing is under way, so it begins anew.
    let told = estimate.asked(at(500), 0).since(at(0));
    assert!(same(told, 900.0), "{told:?}");
    assert_near(arrives(&estimate, 500, 1), 1000.0);
}

#[test]
fn a_pause_is_silence_once_it_is_longer_than_a_piece_should_take_and_may_last_as_long_again() {
    let mut estimate = expected(300);
    estimate.asked(at(0), 0);
    estimate.asked(at(0), 1);
    let silent_at = estimate.silent_at();
    assert!(same(silent_at.since(at(0)), 400.0 + margin_ms(40.0)));
    assert_eq!(estimate.silence(at(470)), Duration::from_millis(470));
    let just_before = silent_at.before(Duration::from_micros(1));
    assert_eq!(estimate.arrival(silent_at, 1).since(estimate.arrival(just_before, 1)).as_millis(), 516);
    assert_near(arrives(&estimate, 600, 2), 1600.0);
    assert_near(arrives(&estimate, 600, 0), 1000.0);
    // While pieces flow one is half a round trip away, and no more.
    let told = at(0) + Duration::from_millis(400);
    estimate.arrived(at(400), told, PIECE_LEN, 1);
    assert!(same(estimate.silent_at().since(at(400)), 150.0 + 100.0 + margin_ms(30.0)));
}

#[test]
fn round_trip_pace_and_deviation_follow_arrivals_as_tcp_has_it() {
    let mut estimate = expected(300);
    let told = [0, 1].map(|n| estimate.asked(at(0), n));
    // The first is taken at its word: what its own time leaves of 450 ms is the round trip.
    estimate.arrived(at(450), told[0], PIECE_LEN, 1);
    assert!(same(estimate.round_trip_known(), 350.0) && same(estimate.each(), 100.0));
    assert!(same(estimate.margin(), margin_ms(42.5)) && estimate.is_proven());
    // So is the second, which tells the pace.
    estimate.arrived(at(600), told[1], PIECE_LEN, 0);
    assert!(same(estimate.each(), 150.0) && same(estimate.margin(), margin_ms(56.875)));
    // From then on each weighs an eighth, its error a quarter.
    let told = estimate.asked(at(600), 0);
    assert!(same(told.since(at(600)), 500.0));
    let next = estimate.asked(at(600), 1);
    estimate.arrived(at(1000), told, PIECE_LEN, 1);
    assert!(same(estimate.round_trip_known(), 350.0 - 100.0 / 8.0));
    assert!(same(estimate.margin(), margin_ms(56.875 + (100.0 - 56.875) / 4.0)));
    estimate.arrived(at(1310), next, PIECE_LEN, 0);
    assert!(same(estimate.each(), 150.0 + (310.0 - 150.0) / 8.0), "{:?}", estimate.each());
    // A piece of half the bytes tells of twice the time.
    let told = estimate.asked(at(2000), 0);
    let next = estimate.asked(at(2000), 1);
    estimate.arrived(told, told, PIECE_LEN, 1);
    estimate.arrived(told + Duration::from_millis(85), next, PIECE_LEN / 2, 0);
    assert!(same(estimate.each(), 170.0), "{:?}", estimate.each());
}

#[test]
fn a_first_piece_is_a_round_trip_for_half_of_its_time_at_least() {
    let mut estimate = expected(300);
    let told = estimate.asked(at(0), 0);
    estimate.arrived(at(150), told, PIECE_LEN, 0);
    assert!(same(estimate.round_trip_known(), 75.0));
}

#[test]
fn where_round_trips_are_measured_a_first_piece_tells_the_pace() {
    let mut estimate = expected(300);
    estimate.round_trip(Duration::from_millis(200));
    assert!(same(estimate.round_trip_known(), 200.0));
    estimate.round_trip(Duration::from_millis(280));
    assert!(same(estimate.round_trip_known(), 210.0));
    for (asked, came, each) in [(0, 410, 200.0), (1000, 1330, 120.0), (2000, 2410, 130.0)] {
        let told = estimate.asked(at(asked), 0);
        estimate.arrived(at(came), told, PIECE_LEN, 0);
        assert!(same(estimate.each(), each) && same(estimate.round_trip_known(), 210.0));
    }
}

#[test]
fn what_is_under_way_is_as_late_or_early_as_what_came_but_within_what_the_line_can_do() {
    let mut estimate = expected(20);
    let told: alloc::vec::Vec<Instant> = (0..5).map(|n| estimate.asked(at(0), n)).collect();
    assert!(same(told[4].since(at(0)), 520.0));
    // 30 ms late, and so are the others.
    estimate.arrived(at(150), told[0], PIECE_LEN, 4);
    assert_near(arrives(&estimate, 150, 4), 650.0);
    // Early, and quick: as if the three others had been asked now.
    estimate.arrived(at(200), told[1], PIECE_LEN, 3);
    assert_near(arrives(&estimate, 200, 3), 200.0 + 75.0 + 4.0 * 50.0);
    // Late, and slower: no sooner than the two others can be carried.
    estimate.arrived(at(400), told[2], PIECE_LEN, 2);
    assert_near(arrives(&estimate, 400, 2), 400.0 + 3.0 * 68.75);
}

#[test]
fn what_will_not_come_is_not_waited_for() {
    let mut estimate = expected(20);
    (0..5).for_each(|n| _ = estimate.asked(at(0), n));
    estimate.withdrawn(at(10), 9);
    assert_near(arrives(&estimate, 10, 5), 620.0);
    estimate.withdrawn(at(10), 2);
    assert_near(arrives(&estimate, 10, 2), 10.0 + 20.0 + 3.0 * 100.0);
}

#[test]
fn a_pace_is_told_after_eight_pieces_with_what_it_may_be_off_by() {
    let mut estimate = expected(300);
    for n in 0..8 {
        assert_eq!(estimate.pace(), None);
        let told = estimate.asked(at(n * 1000), 0);
        estimate.arrived(told, told, PIECE_LEN, 0);
    }
    let (rate, off) = estimate.pace().unwrap();
    assert_near(rate, 163_840.0);
    assert!((off / rate - 1.2533 * 0.004 / 0.1).abs() < 1e-4, "{}", off / rate);
    estimate.deviation = 10.0;
    assert_eq!(estimate.pace(), Some((rate, rate)));
}

#[test]
fn the_odds_of_being_late_are_those_of_a_normal_error_and_of_silence_those_of_one_without_scale() {
    let mut estimate = expected(300);
    estimate.asked(at(0), 0);
    // 25 ms more than the three pieces should take: half a standard deviation.
    let half = 1.0 / (1.0 + libm::exp(1.702 * 25.0 / (1.2533 * 40.0)));
    let odds = |now: u64, ahead: u32, due: u64| estimate.odds_late(at(now), ahead, at(due));
    assert_near(odds(100, 2, 625), half);
    assert!((0.29..0.31).contains(&half));
    // The first is a little late already, and could be here now.
    assert_near(odds(450, 2, 675), half);
    assert_near(odds(600, 2, 1100), 600.0 / (600.0 + 300.0));
    assert_near(odds(600, 0, 1100), 600.0 / (600.0 + 500.0));
    assert_eq!([odds(100, 2, 300), odds(100, 2, 250)], [1.0; 2]);
}

#[test]
fn what_an_owner_expects_is_kept_within_reason() {
    let hours = Duration::from_secs(7200);
    let prior = Prior { bytes_per_s: 0, round_trip: hours, deviation: hours };
    let estimate = Estimate::new(at(0), &prior);
    assert!(same(estimate.each(), 1024e3) && same(estimate.round_trip_known(), 3600e3));
    assert!(same(estimate.margin(), margin_ms(3600e3)));
    let prior = Prior { bytes_per_s: u32::MAX, round_trip: Duration::ZERO, deviation: Duration::ZERO };
    let estimate = Estimate::new(at(0), &prior);
    assert!(same(estimate.margin(), margin_ms(4.0)) && same(estimate.usual_wait(), 0.003_8));
}

#[test]
fn absurd_clocks_and_sizes_leave_it_finite() {
    let far = Instant::START + Duration::MAX;
    let mut estimate = Estimate::new(at(0), &Prior { bytes_per_s: 0, ..PRIOR });
    estimate.round_trip(Duration::MAX);
    let told = estimate.asked(at(0), 0);
    estimate.arrived(far, told, 0, u32::MAX);
    estimate.arrived(far, at(0), usize::MAX, 0);
    estimate.withdrawn(far, 7);
    let told = estimate.asked(at(1), 0);
    estimate.arrived(at(1), told, PIECE_LEN, 0);
    estimate.arrived(at(1), told, PIECE_LEN, 0);
    assert!(estimate.pieces_per_s().is_finite() && estimate.pieces_per_s() > 0.0);
    assert!(estimate.margin() < Duration::from_secs(20_000));
    assert!((0.0..=1.0).contains(&estimate.odds_late(at(2), 3, far)));
}
