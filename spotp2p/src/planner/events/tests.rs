use super::super::fixture::{PEER, PIECES, SERVER, at, ms, planner, sounding};
use super::super::{Config, Output};
use super::*;
use spotproto::content::PIECE_LEN;

const MICRO: Duration = Duration::from_micros(1);

/// What comes of it if a piece that is asked at 0 comes so long after it should be here.
fn comes(planner: &mut Planner, source: Source, piece: u32, late: Duration) -> bool {
    planner.count_on(source, piece);
    let ticket = planner.ledger.remove(piece, source).unwrap();
    planner.credit(ticket.predicted + late, source, piece, PIECE_LEN, Some(&ticket), true)
}

#[test]
fn an_arrival_is_slow_beyond_the_margin_of_a_source_that_delivered_before() {
    let with_one = || {
        let mut planner = planner(Config::DEFAULT, Policy { server_allowed: false, ..Policy::PLAYING });
        planner.join_full(PEER, Kind::Peer);
        planner
    };
    assert!(!comes(&mut with_one(), PEER, 7, ms(30_000)), "of the first nothing was known");
    for (beyond, slow) in [(Duration::ZERO, false), (MICRO, true)] {
        let mut planner = with_one();
        comes(&mut planner, PEER, 7, Duration::ZERO);
        let margin = planner.lines.get(PEER).unwrap().estimate.margin();
        assert_eq!(comes(&mut planner, PEER, 8, margin + beyond), slow);
    }
}

#[test]
fn the_catch_up_point_follows_from_the_paces_of_free_sources() {
    for (source, kind, again) in [(PEER, Kind::Peer, true), (SERVER, Kind::Server, false)] {
        let mut planner = sounding(5_000);
        planner.join_full(source, kind);
        planner.round_trip(at(0), source, ms(50));
        planner.catch_up_from(at(0), 0);
        comes(&mut planner, source, 7, ms(2_000));
        planner.lines.get_mut(source).unwrap().counted = Duration::MAX;
        planner.catch_up_from(at(0), 0);
        let worked_out = planner.lines.get(source).unwrap().counted < Duration::MAX;
        assert_eq!(worked_out, again, "{kind:?}");
    }
}

#[test]
fn what_is_here_already_or_no_piece_of_the_file_is_wasted() {
    let mut planner = sounding(5_000);
    planner.join_full(PEER, Kind::Peer);
    for (piece, wasted) in [(3, 0), (3, 1), (PIECES - 1, 1), (PIECES, 2), (u32::MAX, 3)] {
        planner.arrived(at(0), PEER, piece, PIECE_LEN);
        assert_eq!(planner.stats().wasted, wasted * PIECE_LEN as u64, "{piece}");
    }
}

#[test]
fn a_piece_is_late_that_comes_behind_its_deadline_while_the_sound_still_needs_it() {
    let mut planner = sounding(0);
    planner.join_full(PEER, Kind::Peer);
    planner.reading(at(0), 2);
    let mut late = |piece: u32, now: Instant| {
        let before = planner.stats().late;
        planner.arrived(now, PEER, piece, PIECE_LEN);
        planner.stats().late - before
    };
    assert_eq!(late(2, at(1_640)), 0, "just in time");
    assert_eq!(late(3, at(2_460) + MICRO), 1);
    assert_eq!(late(1, at(9_000)), 0, "the decoder is further on");
    planner.reading(at(9_000), 4);
    planner.arrived(at(9_000), PEER, 4, PIECE_LEN);
    assert_eq!(planner.stats().late, 2, "the decoder waits for it");
    planner.set_clock(at(9_000), Clock::Waiting { position_ms: 0 });
    planner.arrived(at(9_500), PEER, 5, PIECE_LEN);
    assert_eq!(planner.stats().late, 2, "nothing sounds");
}

#[test]
fn a_step_of_the_decoder_that_is_far_or_back_to_what_is_lacking_is_a_jump() {
    for (to, jumps, reading) in [
        (20, false, 20),
        (21, false, 21),
        (148, false, 148),
        (149, true, 149),
        (19, true, 19),
        // That is here, and that is no piece.
        (10, false, 20),
        (PIECES, false, 20),
    ] {
        let mut planner = sounding(5_000);
        planner.hold_from(10, 1);
        planner.join_full(PEER, Kind::Peer);
        planner.reading(at(0), 20);
        planner.catch_up_from(at(0), 20);
        planner.reading(at(0), to);
        assert_eq!((planner.catch_up().is_none(), planner.demand.reading), (jumps, reading), "{to}");
    }
}

#[test]
fn a_jump_calls_back_what_is_of_no_use_there() {
    let mut planner = planner(Config::DEFAULT, Policy { server_allowed: false, ..Policy::PLAYING });
    planner.join_full(PEER, Kind::Peer);
    [0, 1, 99, 100, 227, 228].into_iter().for_each(|piece| planner.count_on(PEER, piece));
    planner.seek(at(0), 100, 82_000);
    // The header, and 128 pieces.
    assert_eq!(planner.outstanding().map(|(piece, ..)| piece).collect::<Vec<u32>>(), [0, 100, 227]);
    let called_back: u32 = core::iter::from_fn(|| planner.poll_output())
        .map(|output| if let Output::Cancel { pieces, .. } = output { pieces.count } else { 0 })
        .sum();
    assert_eq!(called_back, 3);
}
