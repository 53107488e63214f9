use super::super::fixture::{OTHER, PIECES, SERVER, at, ms, sounding};
use super::super::{Clock, Holds, Kind, Prior, Slot, Why};
use super::*;
use proptest::prelude::*;
use spotproto::content::PIECE_LEN;
use spotproto::message::PieceRange;

/// A peer: milliseconds to a first piece, for each, and of deviation; and what it holds.
type Peer = (u32, u32, u32, PieceRange);

fn prior(round_trip: u32, each: u32, deviation: u32) -> Prior {
    let bytes_per_s = PIECE_LEN as u32 * 1000 / each;
    Prior { bytes_per_s, round_trip: ms(round_trip), deviation: ms(deviation) }
}

/// The music sounds from `begins` on; nobody has room for a request.
fn planner(begins: u32, peers: &[Peer]) -> Planner {
    let mut planner = sounding(begins);
    for (number, (round_trip, each, deviation, holds)) in (10..).zip(peers) {
        planner.config.priors = [prior(*round_trip, *each, *deviation); Kind::COUNT];
        planner.join_full(Source(number), Kind::Peer);
        planner.set_holds(at(0), Source(number), Holds::ranges(alloc::vec![*holds]));
    }
    planner
}

fn all() -> PieceRange {
    PieceRange { start: 0, count: PIECES }
}

/// Whether peers that begin with this one of the lacking pieces are surely in time for all of the first so many, each of
/// which comes from whoever can send it soonest.
fn all_in_time(planner: &Planner, lacking: &[u32], from: usize) -> bool {
    let lines: Vec<_> = planner.lines.iter().map(|(_, line)| line).collect();
    let mut next: Vec<Instant> = lines.iter().map(|line| line.arrival(at(0))).collect();
    lacking.iter().skip(from).all(|piece| {
        let able = (0..lines.len()).filter(|line| lines[*line].holds.has(*piece));
        let soonest = able.min_by_key(|line| (next[*line], *line));
        soonest.is_some_and(|line| {
            let sure = next[line] + lines[line].estimate.margin();
            next[line] = next[line] + lines[line].estimate.each();
            sure <= planner.demand.due(at(0), *piece).unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn it_is_the_first_lacking_piece_from_which_on_all_come_in_time(
        begins in 0u32..15_000,
        peers in prop::collection::vec((0u32..3_000, 400u32..6_000, 4u32..1_000), 1..6),
        held in prop::collection::vec((0u32..150, 1u32..20), 0..4),
    ) {
        let peers: Vec<Peer> = peers.into_iter().map(|(first, each, off)| (first, each, off, all())).collect();
        let mut planner = planner(begins, &peers);
        for (start, count) in held {
            planner.hold_from(start, count);
        }
        let pieces: Vec<u32> = (0..PIECES).filter(|piece| !planner.has(*piece)).collect();
        let point = planner.work_out(at(0));
        let first = |looked_at: usize| {
            (0..looked_at).find(|from| all_in_time(&planner, &pieces[..looked_at], *from)).unwrap_or(WINDOW)
        };
        // Where the last that is looked at is late there is no telling.
        let from = if first(WINDOW - 1) == first(WINDOW) { first(WINDOW) } else { WINDOW };
        prop_assert_eq!(point, pieces[from]);
        prop_assert_eq!(planner.catch_up(), Some(point));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn near_the_end_it_is_the_end_only_where_the_last_piece_would_be_late_by_itself(
        left in 1u32..40,
        begins in 0u32..10_000,
        peers in prop::collection::vec((0u32..6_000, 400u32..6_000, 4u32..1_000), 1..4),
    ) {
        let peers: Vec<Peer> = peers.into_iter().map(|(first, each, off)| (first, each, off, all())).collect();
        let mut planner = planner(begins, &peers);
        planner.hold_from(0, PIECES - left);
        // The decoder is where the music that is here ends.
        let position_ms = planner.demand.curve.due_ms(PIECES - left);
        planner.demand.reading = PIECES - left;
        planner.demand.set_clock(Clock::Running { at: at(begins), position_ms }, at(0));
        let pieces: Vec<u32> = (PIECES - left..PIECES).collect();
        let first = (0..pieces.len()).find(|from| all_in_time(&planner, &pieces, *from));
        prop_assert_eq!(planner.work_out(at(0)), first.map_or(PIECES, |from| pieces[from]));
    }
}

#[test]
fn pieces_are_promised_only_by_who_holds_them() {
    let (first, second) = (PieceRange { start: 0, count: 20 }, PieceRange { start: 20, count: PIECES });
    let quick = |holds| (50, 400, 4, holds);
    assert_eq!(planner(5_000, &[quick(first), quick(second)]).work_out(at(0)), 0);
    assert_eq!(planner(5_000, &[quick(second)]).work_out(at(0)), PIECES, "nobody promises the first");
    // Ever later for the first twenty, so that it begins with some of the last of them.
    let slow = (50, 1_230, 4, first);
    let point = planner(5_000, &[slow, quick(second)]).work_out(at(0));
    assert!((1..20).contains(&point), "{point}");
}

#[test]
fn a_piece_is_in_time_that_is_surely_here_when_it_is_due() {
    let mut planner = planner(0, &[(50, 400, 4, all())]);
    let sure = planner.lines.iter().map(|(_, line)| line.sure_arrival(at(0))).min().unwrap();
    for (begins, point) in [(sure, 0), (sure.before(Duration::from_micros(1)), 1)] {
        planner.set_clock(at(0), Clock::Running { at: begins, position_ms: 0 });
        planner.catch_up.reset();
        assert_eq!(planner.work_out(at(0)), point);
    }
}

#[test]
fn no_more_than_128_pieces_are_looked_at() {
    // Each piece comes 180 ms nearer to its deadline than the one before: the first so many are in time.
    let in_time = |pieces: u32| {
        let margin = (2.33 * 1.2533 * 4.0) as u32 + 1;
        planner(1_000 + margin + (pieces - 1) * 180, &[(0, 1_000, 4, all())]).work_out(at(0))
    };
    assert_eq!(in_time(128), 0, "the next is not looked at");
    assert!(in_time(127) > 0, "the last of them is");
    // Late for all: beyond those that were looked at it is not known, so they begin there.
    assert_eq!(planner(0, &[(1_000_000, 1_000, 4, all())]).work_out(at(0)), 128);
}

/// With this point, worked out from a front of 0 and peers of so many pieces a second.
fn known(planner: &mut Planner, point: u32, capacity: f64) {
    planner.catch_up.point = Some(point);
    planner.catch_up.capacity = capacity;
    planner.catch_up.front = 0;
    planner.catch_up.stale = false;
}

#[test]
fn it_is_worked_out_anew_when_something_changed_or_the_music_moved_on() {
    let mut planner = planner(5_000, &[]);
    known(&mut planner, 50, 0.0);
    assert_eq!([0, 31, 32].map(|front| planner.catch_up_from(at(0), front)), [50; 3]);
    assert_eq!(planner.catch_up_from(at(0), 33), PIECES);
    known(&mut planner, 50, 0.0);
    planner.catch_up.spoil();
    assert_eq!(planner.catch_up_from(at(0), 0), PIECES);
    planner.catch_up.reset();
    assert_eq!((planner.catch_up(), planner.catch_up.stale), (None, true));
    assert_eq!(planner.catch_up_from(at(0), 0), PIECES);
}

#[test]
fn it_moves_back_only_when_peers_deliver_a_tenth_more() {
    // Two pieces a second, in time for all.
    let mut planner = planner(5_000, &[(50, 500, 4, all())]);
    let capacity = planner.gather(at(0));
    assert!((capacity - 2.0).abs() < 0.001, "{capacity}");
    for (before, point, then) in
        [(1.9, 50, 1.9), (1.83, 50, 1.83), (1.8, 0, capacity), (0.0, 0, capacity), (2.1, 50, 2.1)]
    {
        known(&mut planner, 50, before);
        assert_eq!((planner.work_out(at(0)), planner.catch_up.capacity), (point, then), "{before}");
    }
    // Where it does not move back it is of the peers as they are.
    known(&mut planner, 0, 1.9);
    assert_eq!((planner.work_out(at(0)), planner.catch_up.capacity), (0, capacity));
    // Without peers there is nothing that could be slower.
    let mut alone = self::planner(5_000, &[]);
    alone.set_keep(at(0), 30);
    known(&mut alone, 50, 0.0);
    assert_eq!(alone.work_out(at(0)), 30);
}

#[test]
fn a_pace_that_changed_by_more_than_an_eighth_changes_it() {
    for (each, changes) in [(800, false), (900, false), (901, true), (700, false), (699, true), (1_700, true)]
    {
        let mut catch_up = CatchUp::new();
        catch_up.stale = false;
        catch_up.delivered(ms(800), ms(each));
        assert_eq!(catch_up.stale, changes, "{each}");
    }
}

#[test]
fn peers_too_slow_to_catch_up_before_are_asked_from_there_on() {
    let mut planner = planner(5_000, &[]);
    known(&mut planner, 60, 1.0);
    planner.catch_up.front = 20;
    assert_eq!(planner.catch_up.gap_ends(), Some(60));
    // Four seconds of music from there.
    assert_eq!(planner.free_until(at(0)), 68);
    planner.catch_up.front = 60;
    assert_eq!((planner.catch_up.gap_ends(), planner.free_until(at(0))), (None, 8));
    planner.catch_up.reset();
    assert_eq!((planner.catch_up.gap_ends(), planner.free_until(at(0))), (None, 8));
}

#[test]
fn what_a_paid_source_has_begun_to_send_or_another_was_asked_for_too_is_left_with_it() {
    let mut planner = planner(5_000, &[]);
    // A second for each piece, and no round trip that is known of.
    planner.config.priors = [prior(0, 1_000, 0); Kind::COUNT];
    planner.add(at(0), SERVER, Kind::Server, Holds::All, Slot::Offered);
    (10..14).for_each(|piece| planner.count_on(SERVER, piece));
    let waiting = |planner: &Planner, millis: u32| -> Vec<u32> {
        planner.not_begun(at(millis)).into_iter().map(|(piece, _)| piece).collect()
    };
    assert_eq!(waiting(&planner, 0), [11, 12, 13]);
    assert_eq!(waiting(&planner, 999), [11, 12, 13]);
    assert_eq!(waiting(&planner, 1_000), [12, 13]);
    planner.round_trip(at(0), SERVER, ms(500));
    assert_eq!(waiting(&planner, 500), [12, 13]);
    planner.add(at(0), OTHER, Kind::Peer, Holds::All, Slot::Offered);
    planner.ask(at(0), 12, OTHER, Why::Hedge);
    assert_eq!(waiting(&planner, 0), [11, 13]);
}

#[test]
fn what_peers_can_bring_after_all_is_called_back_from_there_on() {
    let mut planner = planner(5_000, &[(50, 400, 4, all())]);
    planner.config.priors = [prior(0, 1_000, 0); Kind::COUNT];
    planner.add(at(0), SERVER, Kind::Server, Holds::All, Slot::Offered);
    planner.hold_from(0, 10);
    (10..20).for_each(|piece| planner.count_on(SERVER, piece));
    // The first is on its way.
    known(&mut planner, 50, 0.0);
    let point = planner.work_out(at(0));
    let left: Vec<u32> = planner.outstanding().map(|(piece, ..)| piece).collect();
    assert_eq!((point, left), (11, alloc::vec![10]));
    // Only where it moves back.
    (11..13).for_each(|piece| planner.count_on(SERVER, piece));
    known(&mut planner, 11, 0.0);
    assert_eq!((planner.work_out(at(0)), planner.outstanding().count()), (11, 3));
}
