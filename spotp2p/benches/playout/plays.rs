//! Plays: a link with a past, a track, and what each rule would have made of it.

use crate::traces::{Chance, Kind, STEP, rates};
use core::hint::black_box;
use core::time::Duration;
use spotp2p::playout::{Config, Demand, Pace, Sources, Start, Summary, Throughput};
use spotproto::Instant;
use spotproto::content::{Format, Geometry, Head, PIECE_LEN, SeekTable};

/// Seconds of a track.
const TRACK: u32 = 240;

/// Round trip from the click to the first byte, in seconds.
const ROUND_TRIP: f64 = 0.05;

/// How often a waiting player looks, beside at each arrival, in seconds.
const LOOK: f64 = 0.1;

/// What is known of a link before the click.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Past {
    /// Its last 1 to 15 minutes.
    Seen,
    /// What an earlier day left of them. Levels differ between days: log-normally, by 0.3.
    Summary,
    /// Nothing.
    Unknown,
}

/// A play: when what arrives, and what the model said at each moment.
pub(crate) struct Play {
    /// Arrivals of pieces after the click, in seconds.
    pub(crate) arrivals: Vec<f64>,
    /// When playing comes to need each piece after it started, in seconds.
    pub(crate) due: Vec<f64>,
    /// The least delay without a stutter, in seconds.
    pub(crate) floor: f64,
    /// The earliest moment with anything to play, in seconds.
    pub(crate) first: f64,
    /// Moments at which the risk was lower than ever before.
    pub(crate) path: Vec<(f64, f32)>,
    /// Mean rate that a player has seen up to the click, in bytes a second.
    pub(crate) past_rate: f64,
    pub(crate) kind: Kind,
    /// The link's mean rate over the music's.
    pub(crate) ample: f64,
}

/// A track with a variable bit rate of `mean` bytes a second.
fn track(chance: &mut Chance, mean: f64, variable: bool) -> Head<u32> {
    let mut at = 4000.0;
    let mut loud = 0.0;
    let mut offsets = Vec::new();
    for _ in 0..=TRACK {
        offsets.push(at as u64);
        loud = 0.9 * loud + 0.436 * chance.normal();
        at += if variable { mean * (0.15 * loud).exp() } else { mean };
    }
    let end = offsets[TRACK as usize] + 1;
    Head {
        file: 1,
        geometry: Geometry::of_plaintext(end).expect("a track's length"),
        format: Format::OggVorbis,
        bit_rate: (8.0 * mean) as u32,
        duration_ms: 1000 * TRACK,
        sample_rate: 44_100,
        channels: 2,
        samples: None,
        delay: 0,
        gain: None,
        headers: core::iter::once(0..4000).collect(),
        seek: SeekTable::new(1000 * TRACK, end, &offsets, 1, 4500).expect("a seek table"),
    }
}

/// A moment of a play on the model's clock: the click is at half an hour.
fn at(seconds: f64) -> Instant {
    Instant::after_start(Duration::from_secs_f64(1800.0 + seconds))
}

/// Moments at which each of `pieces` is complete, from `from` seconds into the trace on.
fn arrivals(rates: &[f64], from: f64, pieces: usize) -> Vec<f64> {
    let mut moments = Vec::with_capacity(pieces);
    let (mut time, mut left) = (from, PIECE_LEN as f64);
    while moments.len() < pieces {
        let index = (time / STEP) as usize;
        let until = (index + 1) as f64 * STEP;
        // Behind the trace, its mean rate goes on for ever: nobody waits that long.
        let rate = rates.get(index).copied().unwrap_or(rates[rates.len() / 2].max(1000.0));
        if rate * (until - time) >= left {
            time += left / rate;
            moments.push(time);
            left = PIECE_LEN as f64;
        } else {
            left -= rate * (until - time);
            time = until + 1e-9;
        }
    }
    moments
}

impl Play {
    /// Play number `seed`; `trusted` is the least risk that matters.
    pub(crate) fn new(seed: u64, kinds: &[Kind], known: Past, trusted: f32) -> Self {
        let mut chance = Chance::new(seed);
        let kind = kinds[seed as usize % kinds.len()];
        let music = [12e3, 20e3, 40e3, 112e3][(chance.part() * 4.0) as usize];
        let vbr = chance.part() < 0.75;
        let head = track(&mut chance, music, vbr);
        let mean = music * chance.scale(0.8, 4.0);
        let past = [60, 240, 900][(chance.part() * 3.0) as usize];
        let rates = rates(kind, &mut chance, mean, past + 900);
        let link = match known {
            Past::Seen => remember(&rates, past as f64),
            Past::Summary => {
                let other_day = (0.3 * chance.normal()).exp();
                let rates: Vec<f64> = rates.iter().map(|rate| rate * other_day).collect();
                Throughput::new(remember(&rates, past as f64).summary())
            }
            Past::Unknown => Throughput::new(Summary::UNKNOWN),
        };
        let click = past as f64 + 5.0;
        let pieces = head.pieces() as usize;
        let arrivals: Vec<f64> =
            arrivals(&rates, click + ROUND_TRIP, pieces).iter().map(|moment| moment - click).collect();
        let due: Vec<f64> = (0..pieces as u32).map(|piece| f64::from(head.due(piece)) / 1e3).collect();
        let floor = arrivals.iter().zip(&due).map(|(arrival, due)| arrival - due).fold(0.0, f64::max);
        let demand = Demand::new(&head, 0, |_| false);
        let first = arrivals[demand.first().div_ceil(PIECE_LEN as u64) as usize - 1];
        let past_rate = rates[..(past as f64 / STEP) as usize].iter().sum::<f64>() * STEP / past as f64;
        let mut play =
            Self { arrivals, due, floor, first, path: Vec::new(), past_rate, kind, ample: mean / music };
        play.watch(demand, link, trusted);
        play
    }

    /// Looks as a waiting player does, until the risk is below `trusted`.
    fn watch(&mut self, demand: Demand, mut link: Throughput, trusted: f32) {
        let mut start = Start::new(Config { budget: 0.005, ..Config::DEFAULT }, demand);
        let (mut come, mut next_look) = (0, 0.0);
        let mut least = f32::INFINITY;
        while least > trusted {
            let arrival = self.arrivals.get(come).copied().unwrap_or(f64::INFINITY);
            let now = arrival.min(next_look);
            if arrival <= next_look {
                link.arrived(at(now), PIECE_LEN as u64, Pace::Free);
                come += 1;
            }
            next_look = if next_look <= now { now + LOOK } else { next_look };
            let look = start.look(at(now), &link, &Sources::UNKNOWN, (come * PIECE_LEN) as u64);
            if look.risk < least.min(1.0) {
                least = look.risk;
                self.path.push((now, least));
            }
        }
    }

    /// When a rule with this threshold starts, and with which risk.
    pub(crate) fn start(&self, threshold: f32) -> (f64, f32) {
        *self.path.iter().find(|(_, risk)| *risk <= threshold).unwrap_or(&self.path[self.path.len() - 1])
    }

    pub(crate) fn stutters(&self, delay: f64) -> bool {
        delay < self.floor - 1e-6
    }
}

/// What a link showed in its last `past` seconds.
fn remember(rates: &[f64], past: f64) -> Throughput {
    let mut link = Throughput::new(Summary::UNKNOWN);
    let (mut time, mut left) = (0.0, PIECE_LEN as f64);
    for (index, rate) in rates.iter().enumerate() {
        let until = (index + 1) as f64 * STEP;
        while rate * (until - time) >= left {
            time += left / rate;
            if time > past {
                link.paused();
                return link;
            }
            link.arrived(at(time - past - 5.0), PIECE_LEN as u64, Pace::Free);
            left = PIECE_LEN as f64;
        }
        left -= rate * (until - time);
        time = until;
    }
    link
}

/// The least time that a look takes just after a new sample, over a four-minute track, in microseconds: the tenth
/// fastest of a hundred, since whatever interrupts one makes it slower.
pub(crate) fn decision_micros() -> f64 {
    let mut chance = Chance::new(4);
    let head = track(&mut chance, 20e3, true);
    let link = remember(&rates(Kind::Wifi, &mut chance, 26e3, 900), 890.0);
    let demand = Demand::new(&head, 0, |_| false);
    let first = demand.first();
    let mut start = Start::new(Config::DEFAULT, demand);
    let mut now = at(0.0);
    let mut link = link;
    // The span of the table has settled, as it has after the first look or two.
    let mut micros: Vec<f64> = (0..110)
        .map(|_| {
            for _ in 0..3 {
                now = now + Duration::from_millis(600);
                link.arrived(now, PIECE_LEN as u64, Pace::Free);
            }
            let begin = std::time::Instant::now();
            black_box(start.look(now, &link, &Sources::UNKNOWN, first + 20_000));
            begin.elapsed().as_secs_f64() * 1e6
        })
        .skip(10)
        .collect();
    micros.sort_by(f64::total_cmp);
    println!(
        "a decision after a new sample: {:.0} µs (tenth of 100), {:.0} µs (median)",
        micros[10], micros[50]
    );
    micros[10]
}
