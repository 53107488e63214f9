//! What becomes of pieces whose source is silent.

use crate::world::{PIECE_MS, PIECES, at, ms};
use spotp2p::planner::{Config, Curve, Holds, Kind, Output, Planner, Policy, Slot, Source};
use spotproto::Instant;

const SILENT: Source = Source(1);
const OTHER: Source = Source(2);

/// A plan without deadlines, with these peers.
fn planner(peers: &[Source]) -> Planner {
    let curve = Curve::even(PIECES, 1, PIECES * PIECE_MS).unwrap();
    let mut planner = Planner::new(at(0), Config::DEFAULT, curve, Policy::OFFLINE);
    for peer in peers {
        planner.add(at(0), *peer, Kind::Peer, Holds::All, Slot::Served);
    }
    planner
}

/// Does what is due until then; when, and with how many pieces each, a source was called back.
fn called_back(planner: &mut Planner, source: Source, until: Instant) -> Vec<(u64, u32)> {
    let mut found: Vec<(u64, u32)> = Vec::new();
    loop {
        let now = planner.poll_timeout().unwrap_or(until).min(until);
        planner.handle_timeout(now);
        while let Some(output) = planner.poll_output() {
            if let Output::Cancel { source: of, pieces } = output
                && of == source
            {
                found.push((now.since(Instant::START).as_millis() as u64, pieces.count));
            }
        }
        if now >= until {
            return found;
        }
    }
}

#[test]
fn who_is_silent_for_five_seconds_is_given_up_for_another_and_then_has_one_piece_and_twice_the_time() {
    let mut planner = planner(&[SILENT]);
    while planner.poll_output().is_some() {}
    // Another that has no room yet: there is somebody to move to.
    planner.add(at(0), OTHER, Kind::Peer, Holds::All, Slot::Served);
    planner.set_credit(at(0), OTHER, 0);
    while planner.poll_output().is_some() {}
    planner.set_credit(at(0), SILENT, 5);
    assert_eq!(planner.window(SILENT), Some((5, 5)));
    let back = called_back(&mut planner, SILENT, at(4_990));
    assert_eq!(back, []);
    let back = called_back(&mut planner, SILENT, at(7_600));
    assert!(matches!(back[..], [(5_000..=7_500, 5)]), "{back:?}");
    let given_up = back[0].0;
    assert_eq!(planner.stats().given_up, 5);
    // It rests for five seconds, and then for ten.
    called_back(&mut planner, SILENT, at(given_up + 4_999));
    assert_eq!(planner.window(SILENT).map(|(_, out)| out), Some(0));
    called_back(&mut planner, SILENT, at(given_up + 5_001));
    assert_eq!(planner.window(SILENT), Some((1, 1)));
    let again = given_up + 5_000;
    assert_eq!(called_back(&mut planner, SILENT, at(again + 9_990)), []);
    let back = called_back(&mut planner, SILENT, at(again + 15_100));
    assert!(matches!(back[..], [(_, 1)]), "{back:?}");
    let given_up = back[0].0;
    called_back(&mut planner, SILENT, at(given_up + 9_999));
    assert_eq!(planner.window(SILENT).map(|(_, out)| out), Some(0));
    called_back(&mut planner, SILENT, at(given_up + 10_001));
    assert_eq!(planner.window(SILENT), Some((1, 1)));
}

#[test]
fn who_is_silent_keeps_what_it_was_asked_for_while_there_is_nobody_else() {
    let mut planner = planner(&[SILENT]);
    assert_eq!(called_back(&mut planner, SILENT, at(100_000)), []);
    assert_eq!(planner.window(SILENT), Some((5, 5)));
    // Nor is it asked for more.
    planner.set_credit(at(100_000), SILENT, 4);
    planner.arrived(at(100_000), SILENT, 0, spotproto::content::PIECE_LEN);
    assert_eq!(planner.window(SILENT), Some((4, 4)), "it is back");
}

#[test]
fn a_source_that_is_usually_slow_is_given_four_times_as_long_as_it_takes() {
    let mut planner = planner(&[SILENT]);
    planner.round_trip(at(0), SILENT, ms(3_000));
    while planner.poll_output().is_some() {}
    planner.add(at(0), OTHER, Kind::Peer, Holds::All, Slot::Served);
    planner.set_credit(at(0), OTHER, 0);
    // 3 s there and back, a third of one for the piece.
    assert_eq!(called_back(&mut planner, SILENT, at(13_300)), []);
    assert!(!called_back(&mut planner, SILENT, at(20_000)).is_empty());
}

#[test]
fn whose_pieces_came_from_others_rests_too() {
    let mut planner = planner(&[SILENT]);
    while planner.poll_output().is_some() {}
    planner.add(at(0), OTHER, Kind::Peer, Holds::All, Slot::Served);
    planner.set_credit(at(0), OTHER, 0);
    called_back(&mut planner, SILENT, at(3_000));
    let out: Vec<u32> = planner.outstanding().map(|(piece, ..)| piece).collect();
    let (first, last) = (out[0], out[out.len() - 1]);
    let pieces = spotproto::message::PieceRange { start: first, count: last + 1 - first };
    planner.have(at(3_000), pieces);
    assert_eq!(planner.window(SILENT).map(|(_, out)| out), Some(0));
    called_back(&mut planner, SILENT, at(20_000));
    assert_eq!(planner.stats().given_up, 1, "it had one more to show, and did not");
}
