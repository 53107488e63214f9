use super::super::fixture::{PEER, PIECE_MS, SERVER, at, curve, ms, planner};
use super::super::{Clock, Config, Outcome, Policy, Prospect};
use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;
use spotproto::content::PIECE_LEN;
use spotproto::message::PieceRange;

const PIECES: u32 = 201;

/// All that its peer is asked for comes at once.
fn deliver(planner: &mut Planner, now: Instant) {
    loop {
        let asked: Vec<u32> = planner.outstanding().map(|(piece, ..)| piece).collect();
        if asked.is_empty() {
            return;
        }
        asked.into_iter().for_each(|piece| planner.arrived(now, PEER, piece, PIECE_LEN));
        while planner.poll_output().is_some() {}
    }
}

/// A listener as the bound sees one.
#[derive(Clone, Copy, Debug)]
struct Listener {
    position: u32,
    heard: u32,
    /// Milliseconds ahead before anything was heard, and the part of what was heard that is added.
    ahead: u32,
    growth: u32,
}

impl Listener {
    fn after(self, span: u32) -> Self {
        Self { position: self.position + span, heard: self.heard + span, ..self }
    }

    /// Four pieces come within the bound when the first of them does; near the end all do.
    fn has_within(self, want: Want) -> bool {
        let last = PIECES - 1;
        let piece = match want.stage {
            Stage::Headers => return true,
            Stage::Ahead => want.piece,
            Stage::Behind => last,
        };
        let end = self.position + self.ahead + self.heard / self.growth;
        self.position + 35_000 >= last * PIECE_MS || piece / 4 * 4 * PIECE_MS < end
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn free_sources_are_asked_for_what_is_within_the_bound_and_for_the_rest_when_it_gets_there(
        (heard, from, more) in (0u32..200_000, 0u32..PIECES, 0u32..20_000),
        (free_ahead, set_ahead, music) in (0u32..12_000, 0u32..12_000, prop::option::of(0u32..12_000)),
        growth in 1u32..40,
        next in any::<bool>(),
        held in prop::collection::vec((0u32..PIECES, 0u32..100), 0..4),
    ) {
        let config = Config { free_ahead: ms(free_ahead), free_growth: growth, ..Config::DEFAULT };
        let urgency = if next { Urgency::Next } else { Urgency::Playing };
        let policy = Policy { urgency, paid_music: music.map_or(Duration::MAX, ms), ..Policy::PLAYING };
        let mut planner = Planner::new(at(0), config, curve(PIECES), policy);
        planner.set_ahead(at(0), ms(set_ahead));
        // Some is heard, and then what comes elsewhere.
        planner.set_clock(at(0), Clock::Running { at: at(0), position_ms: 0 });
        planner.seek(at(heard), from, from * PIECE_MS);
        planner.set_clock(at(heard), Clock::Running { at: at(heard), position_ms: from * PIECE_MS });
        for (start, count) in held {
            planner.have(at(heard), PieceRange { start, count });
        }
        let begun = heard + more;
        planner.join(PEER, Kind::Peer);
        deliver(&mut planner, at(begun));

        // Of the next track as much as paid sources may bring, unless that is all.
        let ahead = if next { free_ahead.max(music.unwrap_or(0)) } else { free_ahead }.max(set_ahead);
        let position = from * PIECE_MS + more;
        let mut listener = Listener { position, heard: begun, ahead, growth };
        let mut now = begun;
        for _ in 0..6 {
            for stage in [Stage::Headers, Stage::Ahead, Stage::Behind] {
                for piece in 0..PIECES {
                    let want = Want { stage, piece };
                    prop_assert_eq!(planner.is_within(at(now), want), listener.has_within(want), "{:?}", want);
                }
            }
            let Some(want) = planner.demand.next(&planner.lacking, Want::FIRST) else { break };
            prop_assert!(!listener.has_within(want), "{want:?} is not asked for");
            let armed = planner.timers.get(Timer::Free).expect("more will be within").since(at(now)).as_millis();
            let armed = u32::try_from(armed).unwrap();
            let (mut low, mut high) = (0, PIECES * PIECE_MS);
            while low + 1 < high {
                let middle = low.midpoint(high);
                if listener.after(middle).has_within(want) { high = middle } else { low = middle }
            }
            // It is not looked at more often than each 50 ms.
            let expected = high.max(50);
            prop_assert!(armed.abs_diff(expected) <= 2, "{want:?} is within after {high} ms, it looks after {armed}");
            (now, listener) = (now + armed, listener.after(armed));
            planner.handle_timeout(at(now));
            while planner.poll_output().is_some() {}
            deliver(&mut planner, at(now));
            if !listener.has_within(want) {
                (now, listener) = (now + 50, listener.after(50));
                planner.handle_timeout(at(now));
                deliver(&mut planner, at(now));
            }
            prop_assert!(planner.has(want.piece));
        }
    }
}

#[test]
fn nothing_is_looked_at_while_the_bound_stands_still_or_no_free_source_has_room() {
    let mut planner = planner(Config::DEFAULT, Policy { prospect: Prospect::Never, ..Policy::PLAYING });
    planner.join(PEER, Kind::Peer);
    deliver(&mut planner, at(0));
    let looks = |planner: &Planner| planner.timers.get(Timer::Free).is_some();
    assert!(!looks(&planner) && planner.gap() < 12, "it waits");
    planner.set_clock(at(0), Clock::Running { at: at(0), position_ms: 0 });
    assert!(looks(&planner));
    planner.set_credit(at(0), PEER, 0);
    assert!(!looks(&planner), "it has no room");
    planner.set_policy(at(0), Policy { server_allowed: false, ..planner.policy() });
    planner.join(SERVER, Kind::Server);
    assert!(planner.lines.ready().next().is_some() && !looks(&planner), "nobody free has");
    planner.set_credit(at(0), PEER, 5);
    assert!(looks(&planner));
    planner.hold_from(0, u32::MAX);
    assert!(!looks(&planner), "nothing is lacking");
}

#[test]
fn what_is_urgent_for_paid_sources_is_within_the_bound_for_free_ones() {
    let config = Config { free_ahead: ms(1_000), ..Config::DEFAULT };
    let mut planner = planner(config, Policy::PLAYING);
    assert_eq!(planner.free_ahead(at(0)), 1_000);
    // Three seconds, a round trip of 100 ms and the time of a piece at 500 kB/s.
    planner.join(SERVER, Kind::Server);
    planner.withdraw_all(at(0), SERVER, Outcome::Lost);
    assert_eq!(planner.free_ahead(at(0)), 3_132);
    planner.set_policy(at(0), Policy { server_allowed: false, ..Policy::PLAYING });
    assert_eq!(planner.free_ahead(at(0)), 1_000);
}
