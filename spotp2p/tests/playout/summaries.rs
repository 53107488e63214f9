//! What one run leaves for the next.

use crate::world::{MUSIC, link, look, song};
use core::time::Duration;
use proptest::prelude::*;
use spotp2p::playout::{Basis, Config, Pace, SUMMARY_LEN, Sources, Start, Summary, Throughput, Verdict};
use spotproto::Instant;
use spotproto::codec::Reader;
use spotproto::content::PIECE_LEN;

fn written(summary: &Summary) -> Vec<u8> {
    let mut bytes = Vec::new();
    summary.encode(&mut bytes);
    bytes
}

#[test]
fn the_next_run_decides_by_the_last_ones_link_from_its_first_piece_on() {
    let (link, _) = link(&[250], 2400);
    let bytes = written(&link.summary());
    assert_eq!(bytes.len(), SUMMARY_LEN);
    let summary = Summary::decode(&mut Reader::new(&bytes)).expect("as written");
    let mut next = Throughput::new(summary);
    let usual = next.usual().expect("known");
    assert!((usual / 65_536.0 - 1.0).abs() < 0.02, "{usual}");
    next.arrived(Instant::START, PIECE_LEN as u64, Pace::Free);
    let known = look(&next, Instant::START, &song(), &Sources::UNKNOWN, PIECE_LEN as u64);
    let blind = look(
        &Throughput::new(Summary::UNKNOWN),
        Instant::START,
        &song(),
        &Sources::UNKNOWN,
        PIECE_LEN as u64,
    );
    assert_eq!((known.basis, blind.basis), (Basis::Forecast, Basis::Blind));
    assert!(known.wanted < blind.wanted, "{:?} {:?}", known.wanted, blind.wanted);
}

#[test]
fn a_link_that_changed_is_believed_after_some_minutes() {
    let (fast, _) = link(&[100], 6000);
    let mut next = Throughput::new(fast.summary());
    let mut now = Instant::START;
    for _ in 0..600 {
        now = now + Duration::from_millis(1000);
        next.arrived(now, PIECE_LEN as u64, Pace::Free);
    }
    let usual = next.usual().expect("known");
    assert!(usual < 1.1 * PIECE_LEN as f64, "{usual}");
}

/// Seconds until a start over a steady link that brings `rate` times the music's bytes.
fn waits(mut link: Throughput, rate: f64) -> f64 {
    let each = Duration::from_secs_f64(PIECE_LEN as f64 / (rate * MUSIC as f64));
    let mut start = Start::new(Config::DEFAULT, song());
    let mut now = Instant::after_start(Duration::from_secs(60));
    for piece in 1.. {
        link.arrived(now, PIECE_LEN as u64, Pace::Free);
        let why = start.look(now, &link, &Sources::UNKNOWN, piece * PIECE_LEN as u64);
        if why.verdict == Verdict::Start {
            return (each * piece as u32).as_secs_f64();
        }
        now = now + each;
    }
    unreachable!("a track has an end")
}

#[test]
fn a_steady_link_is_trusted_within_seconds_and_no_later_when_it_is_known() {
    let unknown = |rate| waits(Throughput::new(Summary::UNKNOWN), rate);
    let (double, plenty) = (unknown(2.0), unknown(4.0));
    assert!(double <= 5.0, "{double}");
    assert!(plenty <= 1.5 && unknown(1.2) > double, "{plenty}");
    let (link, _) = link(&[410], 600);
    let known = waits(Throughput::new(link.summary()), 2.0);
    assert!(known <= 4.0 && known <= double, "{known}");
}

#[test]
fn a_link_of_which_bursts_were_seen_that_are_many_times_the_music_waits_for_a_second_of_it() {
    let mut link = Throughput::new(Summary::UNKNOWN);
    let mut now = Instant::after_start(Duration::from_secs(60));
    for burst in 0..8 {
        for _ in 0..30 {
            now = now + Duration::from_millis(13);
            link.arrived(now, PIECE_LEN as u64, Pace::Free);
        }
        link.paused();
        now = now + Duration::from_secs(30);
        link.arrived(now, PIECE_LEN as u64, Pace::Throttled);
        let why = look(&link, now, &song(), &Sources::UNKNOWN, song().first());
        assert!(why.wanted <= Duration::from_millis(600), "after {burst}: {why:?}");
        link.paused();
    }
}

#[test]
fn another_days_level_gives_way_within_seconds_where_the_link_is_steady() {
    let (fast, _) = link(&[100], 6000);
    let mut next = Throughput::new(fast.summary());
    let mut now = Instant::START;
    for _ in 0..20 {
        now = now + Duration::from_millis(1000);
        next.arrived(now, PIECE_LEN as u64, Pace::Free);
    }
    let usual = next.usual().expect("known");
    assert!(usual < 1.5 * PIECE_LEN as f64, "{usual}");
}

proptest! {
    #[test]
    fn whatever_is_read_is_refused_or_a_link(bytes in proptest::collection::vec(any::<u8>(), 0..20), version: bool) {
        let mut bytes = bytes;
        if let (true, Some(first)) = (version, bytes.first_mut()) {
            *first = 1;
        }
        if let Ok(summary) = Summary::decode(&mut Reader::new(&bytes)) {
            let link = Throughput::new(summary);
            prop_assert!(link.usual().is_none_or(|usual| usual.is_finite() && usual >= 1.0));
            let why = look(&link, Instant::START, &song(), &Sources::UNKNOWN, 40_000);
            prop_assert!((0.0..=1.0001).contains(&why.risk), "{summary:?} {why:?}");
            let again = written(&summary);
            let reread = Summary::decode(&mut Reader::new(&again)).expect("as written");
            prop_assert_eq!(written(&reread), again);
        }
    }
}
