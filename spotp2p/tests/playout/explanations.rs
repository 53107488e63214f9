//! What a listener is told, and what is learnt from it.

use crate::world::{MUSIC, link, look, song};
use core::time::Duration;
use spotp2p::playout::{
    Config, Expected, Gauge, Level, Prediction, Reliability, Sources, Start, Supplier, Thresholds, Verdict,
};
use spotproto::content::PIECE_LEN;

#[test]
fn a_wait_says_how_much_of_how_much_and_whom_it_waits_for() {
    let (link, now) = link(&[700, 900], 600);
    let server = Sources { sure: 1_000.0, peers: None };
    let arrived = song().first() + MUSIC;
    let why = look(&link, now, &song(), &server, arrived);
    assert_eq!((why.verdict, why.supplier), (Verdict::Wait, Supplier::Server));
    let (here, wanted) = (why.buffered.as_secs_f32(), why.wanted.as_secs_f32());
    assert_eq!(why.to_string(), format!("buffering {here:.1} s of {wanted:.1} s: server"));
    assert!(here < wanted && why.wait.expect("it comes") > Duration::ZERO, "{why:?}");
    let peers = Sources { peers: Some(Expected { mean: 9_000.0, deviation: 3_000.0 }), ..server };
    assert_eq!(look(&link, now, &song(), &peers, arrived).supplier, Supplier::Peers);
    assert_eq!(look(&link, now, &song(), &Sources::UNKNOWN, arrived).supplier, Supplier::Link);
}

#[test]
fn a_start_comes_when_the_wanted_music_is_here_and_says_what_it_risks() {
    let (link, now) = link(&[400, 500], 600);
    let mut start = Start::new(Config::DEFAULT, song());
    let pieces = 1..song().total() / PIECE_LEN as u64;
    let why = pieces
        .map(|pieces| start.look(now, &link, &Sources::UNKNOWN, pieces * PIECE_LEN as u64))
        .find(|why| why.verdict == Verdict::Start)
        .expect("it starts");
    assert!(
        why.risk <= why.budget * Config::DEFAULT.correction
            && why.buffered + Duration::from_secs(1) >= why.wanted
    );
    assert!(why.to_string().starts_with("starting with"), "{why}");
    let mut table = Reliability::default();
    table.enter(Prediction::of(&why).expect("a start by forecast"));
    assert_eq!(table.counts(), (1, 0));
}

#[test]
fn while_playing_a_link_that_fails_runs_through_low_to_very_low() {
    let (link, now) = link(&[250], 1200);
    let mut gauge = Gauge::new(Thresholds::DEFAULT);
    let mut start = Start::new(Config::DEFAULT, song());
    let arrived = song().first() + 8 * MUSIC;
    let mut levels = Vec::new();
    for tenth in 0..200u64 {
        // Nothing arrives any more, and the play point goes on.
        let (now, played) = (now + Duration::from_millis(100 * tenth), MUSIC * tenth / 10);
        let why = start.look(now, &link, &Sources::UNKNOWN, arrived.saturating_sub(played));
        levels.extend(gauge.look(&why));
    }
    assert_eq!(levels.last(), Some(&Level::VeryLow));
    assert!(levels.len() <= 2, "{levels:?}");
}
