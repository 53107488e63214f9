//! What a planner's decisions cost, with 60 sources and 1,000 pieces: an arrival and the requests that it causes, a
//! timeout, a step of the decoder; and what idle sources add to that. Ends in a panic above the limits.

#[path = "../../spotproto/benches/ratio/mod.rs"]
mod ratio;

extern crate alloc;

use alloc::collections::VecDeque;
use core::time::Duration;
use spotp2p::planner::{Clock, Config, Curve, Holds, Kind, Output, Planner, Policy, Slot, Source};
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

const PIECES: u32 = 1000;
/// Milliseconds of music in a piece at 160 kbit/s.
const PIECE_MS: u32 = 820;
const SERVER: u32 = 0;

/// An arrival with what follows from it, at most.
const EVENT: Duration = Duration::from_micros(2);
/// The same where sources are silent most of the time: a timeout then looks at many of them.
const SILENT_EVENT: Duration = Duration::from_micros(4);
/// How much longer a run with 60 idle sources may take.
const IDLE: f64 = 1.15;

fn main() {
    for (name, active, each_ms, limit) in [
        ("60 peers of 50 kB/s", 60, 330, EVENT),
        ("8 peers of 50 kB/s", 8, 330, EVENT),
        ("60 peers that bring a piece every 12 s", 60, 12_000, SILENT_EVENT),
        ("8 peers that bring a piece every 13 s, and the server", 8, 13_000, SILENT_EVENT),
    ] {
        let events = Track::new(active, 0).play(each_ms);
        let whole = 1.0 / ratio::rate(|| Track::new(active, 0).play(each_ms));
        let begin = 1.0 / ratio::rate(|| Track::new(active, 0));
        let event = Duration::from_secs_f64((whole - begin).max(0.0) / f64::from(events));
        println!("{name}: {event:?} for each of {events} events (limit {limit:?})");
        assert!(event <= limit, "{name}: {event:?} is above the limit");
    }
    let [bare, idle] = [0, 60].map(|idle| move || Track::new(8, idle));
    let begin = ratio::measure(&idle, &bare);
    let whole = ratio::measure(|| idle().play(330), || bare().play(330));
    let ratio = (whole.subject - begin.subject) / (whole.baseline - begin.baseline);
    println!("60 idle sources beside 8 busy ones: ratio {ratio:.2}x (limit {IDLE})");
    assert!(ratio <= IDLE, "idle sources cost {ratio:.2}x");
}

/// A track, sources that deliver in turn, and a player that started.
struct Track {
    planner: Planner,
    now: Instant,
    asked: Vec<VecDeque<u32>>,
}

impl Track {
    /// A server, `active` peers, and `idle` ones: half of those have no place for us, half hold nothing that is lacking.
    fn new(active: u32, idle: u32) -> Self {
        let now = Instant::START;
        let curve = Curve::even(PIECES, 1, PIECES * PIECE_MS).expect("few pieces");
        let mut planner = Planner::new(now, Config::DEFAULT, curve, Policy::PLAYING);
        planner.add(now, Source(SERVER), Kind::Server, Holds::All, Slot::Served);
        for peer in 1..=active {
            planner.add(now, Source(peer), Kind::Peer, Holds::All, Slot::Served);
            planner.round_trip(now, Source(peer), Duration::from_millis(40));
        }
        for peer in active + 1..=active + idle {
            let (holds, slot) = if peer % 2 == 0 {
                (Holds::All, Slot::Queued)
            } else {
                (Holds::ranges(Vec::new()), Slot::Served)
            };
            planner.add(now, Source(peer), Kind::Peer, holds, slot);
        }
        let mut track = Self { planner, now, asked: vec![VecDeque::new(); (active + 1) as usize] };
        track.planner.set_clock(now, Clock::Running { at: now + Duration::from_secs(1), position_ms: 0 });
        track.carry_out();
        track
    }

    /// Lets each peer deliver a piece every `each_ms`, the server when it is asked; how often the planner was told
    /// something.
    fn play(mut self, each_ms: u32) -> u32 {
        let peers = self.asked.len() as u32 - 1;
        let step = Duration::from_micros(u64::from(each_ms) * 1000 / u64::from(peers));
        let mut events = 0;
        let mut turn = 0;
        let mut reading = 0;
        while !self.planner.is_complete() {
            self.now = self.now + step;
            let position = self.now.since(Instant::START).as_millis().saturating_sub(1000) as u32 / PIECE_MS;
            if position > reading {
                reading = position;
                self.planner.reading(self.now, reading.min(PIECES - 1));
                events += 1;
            }
            if self.planner.poll_timeout().is_some_and(|at| at <= self.now) {
                self.planner.handle_timeout(self.now);
                events += 1;
            }
            self.carry_out();
            turn = turn % peers + 1;
            for source in [SERVER, turn] {
                if let Some(piece) = self.asked[source as usize].pop_front() {
                    self.planner.arrived(self.now, Source(source), piece, PIECE_LEN);
                    self.carry_out();
                    events += 1;
                }
            }
        }
        events
    }

    fn carry_out(&mut self) {
        while let Some(output) = self.planner.poll_output() {
            match output {
                Output::Ask(ask) => {
                    self.asked[ask.source.0 as usize].extend(ask.pieces.start..ask.pieces.end())
                }
                Output::Cancel { source, pieces } => {
                    self.asked[source.0 as usize].retain(|piece| !pieces.contains(*piece));
                }
            }
        }
    }
}
