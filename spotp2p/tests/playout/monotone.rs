//! What has to rise with what, and that the same calls give the same answers.

use crate::world::{MUSIC, head, link, look, song, track};
use proptest::prelude::*;
use spotp2p::playout::{Basis, Config, Demand, Expected, Sources, Start, Verdict};
use spotproto::content::{PIECE_LEN, SeekTable};

/// Tables are worked out in single precision.
const ROUNDING: f32 = 1e-5;

fn gaps() -> impl Strategy<Value = Vec<u64>> {
    proptest::collection::vec(prop_oneof![4 => 100u64..1500, 1 => 1500u64..6000], 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn more_buffer_never_raises_the_risk(gaps in gaps(), pieces in 4usize..400) {
        let (link, now) = link(&gaps, pieces);
        let demand = song();
        // One decision, so that all looks are at one table.
        let mut start = Start::new(Config::DEFAULT, demand.clone());
        let mut before = 1.0f32;
        for arrived in (demand.first()..=demand.total()).step_by(3 * PIECE_LEN / 2) {
            let why = start.look(now, &link, &Sources::UNKNOWN, arrived);
            prop_assert!((0.0..=1.0 + ROUNDING).contains(&why.risk));
            prop_assert!(why.risk <= before + ROUNDING, "{} after {before}", why.risk);
            before = why.risk;
        }
        let all = start.look(now, &link, &Sources::UNKNOWN, demand.total());
        prop_assert_eq!((all.verdict, all.basis, all.risk), (Verdict::Start, Basis::AllHere, 0.0));
    }

    #[test]
    fn a_higher_rate_now_never_raises_the_risk(gaps in gaps(), pieces in 40usize..400, seconds in 1u64..20) {
        let (link, now) = link(&gaps, pieces);
        let demand = song();
        let arrived = demand.first() + seconds * MUSIC;
        let usual = link.usual().expect("samples") as f32;
        // Peers that bring more than the link usually does move only the state that the chain starts in. All start
        // from one table's span, so that the grids are the same.
        let risk = |part: f32| {
            let peers = Some(Expected { mean: usual * part, deviation: 0.0 });
            look(&link, now, &demand, &Sources { sure: 0.0, peers }, arrived)
        };
        let whys: Vec<_> = [1.0, 1.2, 1.5, 2.0, 4.0, 16.0].map(risk).to_vec();
        for pair in whys.windows(2) {
            prop_assert!(pair[1].risk <= pair[0].risk * 1.02 + 0.005, "{} after {}", pair[1].risk, pair[0].risk);
        }
    }

    #[test]
    fn a_server_that_is_sure_to_help_never_raises_the_risk(gaps in gaps(), pieces in 40usize..200, seconds in 1u64..10) {
        let (link, now) = link(&gaps, pieces);
        let demand = song();
        let arrived = demand.first() + seconds * MUSIC;
        let risk = |sure: f32| look(&link, now, &demand, &Sources { sure, peers: None }, arrived).risk;
        // Grids differ between tables: half a percent, or a fiftieth, is a grid's error.
        let risks = [0.0, 2e3, 1e4, 2e4, 1e5].map(risk);
        for pair in risks.windows(2) {
            prop_assert!(pair[1] <= pair[0] * 1.02 + 0.005, "{risks:?}");
        }
    }

    #[test]
    fn the_same_calls_give_the_same_answers(gaps in gaps(), pieces in 1usize..200, arrived in 0u64..500_000) {
        let look = || {
            let (link, now) = link(&gaps, pieces);
            look(&link, now, &song(), &Sources::UNKNOWN, arrived)
        };
        prop_assert_eq!(look(), look());
    }
}

#[test]
fn a_fast_link_starts_with_less_than_a_slow_one_and_a_steady_one_with_less_than_a_wild_one() {
    let wanted = |gaps: &[u64], pieces: usize| {
        let (link, now) = link(gaps, pieces);
        let why = look(&link, now, &song(), &Sources::UNKNOWN, 0);
        assert_eq!((why.verdict, why.basis), (Verdict::Wait, Basis::Forecast));
        why.wanted
    };
    // 65 kB/s, and 30 kB/s; then 30 kB/s in pieces that come after 100 ms or 2 s.
    let (fast, steady) = (wanted(&[250], 1200), wanted(&[540], 600));
    let wild = wanted(&[100, 100, 100, 100, 100, 100, 2000, 2000, 100, 800], 600);
    assert!(fast < steady && steady < wild, "{fast:?} {steady:?} {wild:?}");
    assert!(fast.as_secs_f32() < 4.0 && wild.as_secs_f32() < 60.0, "{fast:?} {steady:?} {wild:?}");
}

#[test]
fn a_loud_passage_ahead_asks_for_more_buffer_than_a_quiet_one() {
    let (link, now) = link(&[600], 600);
    let table = |loud: core::ops::Range<u64>| {
        let rate = |second: u64| if loud.contains(&second) { 2 * MUSIC } else { MUSIC * 4 / 5 };
        let offsets: Vec<u64> = (0..=240).map(|second| 4000 + (0..second).map(rate).sum::<u64>()).collect();
        let end = offsets[240] + 1;
        let seek = SeekTable::new(240_000, end, &offsets, 1, 0).expect("a seek table");
        Demand::new(&head(240_000, end, seek), 0, |_| false)
    };
    let bytes =
        |demand: Demand| look(&link, now, &demand, &Sources::UNKNOWN, 0).wait.expect("it can be told");
    let (early, late) = (bytes(table(0..30)), bytes(table(200..230)));
    assert!(early > late, "{early:?} {late:?}");
}

#[test]
fn what_is_held_already_is_not_waited_for() {
    let head = track(240_000, MUSIC);
    let held = Demand::new(&head, 0, |piece| piece < 100);
    assert_eq!(
        (held.first(), held.total()),
        (0, (100..head.pieces()).map(|p| head.geometry.piece_len(p) as u64).sum())
    );
    let (link, now) = link(&[700], 600);
    assert_eq!(look(&link, now, &held, &Sources::UNKNOWN, 0).verdict, Verdict::Start);
    assert_eq!(look(&link, now, &song(), &Sources::UNKNOWN, 0).verdict, Verdict::Wait);
}
