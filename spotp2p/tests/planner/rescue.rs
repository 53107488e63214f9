//! What becomes of pieces whose source is silent.

use crate::world::{PIECE_MS, PIECES, at};
use spotp2p::planner::{Config, Curve, Holds, Kind, Output, Planner, Policy, Slot, Source};
use spotproto::Instant;

const SILENT: Source = Source(1);

/// A plan without deadlines, with one peer.
fn planner() -> Planner {
    let curve = Curve::even(PIECES, 1, PIECES * PIECE_MS).unwrap();
    let mut planner = Planner::new(at(0), Config::DEFAULT, curve, Policy::OFFLINE);
    planner.add(at(0), SILENT, Kind::Peer, Holds::All, Slot::Served);
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
fn who_is_silent_keeps_what_it_was_asked_for_while_there_is_nobody_else() {
    let mut planner = planner();
    assert_eq!(called_back(&mut planner, SILENT, at(100_000)), []);
    assert_eq!(planner.window(SILENT), Some((5, 5)));
    // Nor is it asked for more.
    planner.set_credit(at(100_000), SILENT, 4);
    planner.arrived(at(100_000), SILENT, 0, spotproto::content::PIECE_LEN);
    assert_eq!(planner.window(SILENT), Some((4, 4)), "it is back");
}
