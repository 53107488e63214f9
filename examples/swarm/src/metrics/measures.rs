//! The numbers by which runs are judged and compared, each with what the original's measurements say of it.

use super::{Histogram, Outcome, PeerBytes};

/// How a number is to be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit {
    /// A part of a whole, from 0 to 1.
    Part,
    /// Milliseconds.
    Millis,
    /// Things.
    Count,
    /// Megabits a second.
    MbitS,
}

/// A number of a run.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// What it is.
    pub name: &'static str,
    /// How it is to be read.
    pub unit: Unit,
    /// What Kreitz and Niemelä 2010 say of it (their week from 23 to 29 March 2010), in the same unit; start times there
    /// include decoder and disk, and count all plays.
    pub original: Option<f64>,
    /// The number; `None` of a run that has nothing of the kind.
    pub of: fn(&Outcome) -> Option<f64>,
}

const fn measure(
    name: &'static str,
    unit: Unit,
    original: Option<f64>,
    of: fn(&Outcome) -> Option<f64>,
) -> Measure {
    Measure { name, unit, original, of }
}

/// All of them.
pub const MEASURES: &[Measure] = &[
    measure("music from the server", Unit::Part, Some(0.088), |it| played(it, it.tally.played.server)),
    measure("music from peers", Unit::Part, Some(0.358), |it| played(it, it.tally.played.peers)),
    measure("music from web servers", Unit::Part, None, |it| played(it, it.tally.played.cdn)),
    measure("music from the cache", Unit::Part, Some(0.554), |it| played(it, it.tally.played.cache)),
    measure("start, all plays, p50", Unit::Millis, Some(265.0), |it| millis(&it.tally.starts.all, 0.5)),
    measure("start, all plays, p75", Unit::Millis, Some(515.0), |it| millis(&it.tally.starts.all, 0.75)),
    measure("start, all plays, p90", Unit::Millis, Some(1047.0), |it| millis(&it.tally.starts.all, 0.9)),
    measure("start, all plays, mean", Unit::Millis, None, |it| mean(&it.tally.starts.all)),
    measure("start, not held at the click, p50", Unit::Millis, None, |it| {
        millis(&it.tally.starts.fetched, 0.5)
    }),
    measure("start, not held at the click, p90", Unit::Millis, None, |it| {
        millis(&it.tally.starts.fetched, 0.9)
    }),
    measure("start, not held at the click, p99", Unit::Millis, None, |it| {
        millis(&it.tally.starts.fetched, 0.99)
    }),
    measure("start, not held at the click, mean", Unit::Millis, None, |it| mean(&it.tally.starts.fetched)),
    measure("start, held at the click, p50", Unit::Millis, None, |it| millis(&it.tally.starts.held, 0.5)),
    measure("start, held at the click, p90", Unit::Millis, None, |it| millis(&it.tally.starts.held, 0.9)),
    measure("start, not kept from before, p90", Unit::Millis, None, |it| millis(&it.tally.starts.new, 0.9)),
    measure("start, not kept from before, mean", Unit::Millis, None, |it| mean(&it.tally.starts.new)),
    measure("start, predictable plays, p90", Unit::Millis, None, |it| {
        millis(&it.tally.starts.predictable, 0.9)
    }),
    measure("start, picked plays, p90", Unit::Millis, None, |it| millis(&it.tally.starts.random, 0.9)),
    measure("plays held at the click", Unit::Part, None, |it| {
        part(it.tally.starts.held.count, it.tally.starts.all.count)
    }),
    measure("plays that stuttered", Unit::Part, Some(0.01), |it| {
        part(it.tally.stutters.stuttered, it.tally.stutters.plays)
    }),
    measure("overhead of what peers send", Unit::Part, Some(0.052), |it| {
        of_peers(it, |peers| peers.all() - peers.used)
    }),
    measure("  of it music not heard in its play", Unit::Part, Some(0.0238), |it| {
        of_peers(it, |peers| peers.unused)
    }),
    measure("  of it music that came twice", Unit::Part, None, |it| of_peers(it, |peers| peers.twice)),
    measure("  of it search", Unit::Part, Some(0.0233), |it| of_peers(it, |peers| peers.search)),
    measure("  of it pings of idle links", Unit::Part, None, |it| of_peers(it, |peers| peers.keep_alive)),
    measure("  of it all else", Unit::Part, Some(0.0048), |it| of_peers(it, |peers| peers.other)),
    measure("peers found by tracker and overlay", Unit::Part, Some(0.751), |it| {
        found(it, it.tally.found.both)
    }),
    measure("peers found by the tracker only", Unit::Part, Some(0.09), |it| {
        found(it, it.tally.found.tracker)
    }),
    measure("peers found by the overlay only", Unit::Part, Some(0.07), |it| {
        found(it, it.tally.found.overlay)
    }),
    measure("peers found by neither", Unit::Part, Some(0.089), |it| found(it, it.tally.found.nobody)),
    measure("links that came about, of those tried to the end", Unit::Part, Some(0.35), |it| {
        part(it.tally.dials.stood, it.tally.dials.tried.saturating_sub(it.tally.dials.called_off))
    }),
    measure("neighbours, p50", Unit::Count, None, |it| quantile(&it.tally.degrees, 0.5)),
    measure("neighbours, p90", Unit::Count, None, |it| quantile(&it.tally.degrees, 0.9)),
    measure("uploads of the most generous tenth", Unit::Part, None, |it| {
        it.tally.uploads.tenths.first().copied()
    }),
    measure("server's busiest second", Unit::MbitS, None, |it| {
        let peak = it.tally.hours.iter().map(|hour| hour.server_peak).max()?;
        Some(peak as f64 * 8e-6)
    }),
    measure("requests to the server in a play, p50", Unit::Count, None, |it| {
        quantile(&it.tally.server.requests, 0.5)
    }),
    measure("plays that somebody picked", Unit::Part, Some(0.39), |it| {
        part(it.tally.starts.random.count, it.tally.starts.all.count)
    }),
    measure("plays given up before they sounded", Unit::Part, None, |it| {
        part(it.tally.starts.given_up, it.tally.starts.all.count)
    }),
    measure("plays that sounded", Unit::Count, None, |it| {
        Some((it.tally.starts.all.count - it.tally.starts.given_up) as f64)
    }),
];

impl Unit {
    /// A number as a person reads it.
    #[must_use]
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Part => format!("{:.2} %", 100.0 * value),
            Self::Millis => format!("{value:.0} ms"),
            Self::Count => format!("{value:.0}"),
            Self::MbitS => format!("{value:.1} Mbit/s"),
        }
    }
}

fn part(some: u64, all: u64) -> Option<f64> {
    (all > 0).then(|| some as f64 / all as f64)
}

fn played(it: &Outcome, some: u64) -> Option<f64> {
    part(some, it.tally.played.all())
}

fn found(it: &Outcome, some: u64) -> Option<f64> {
    part(some, it.tally.found.all())
}

fn of_peers(it: &Outcome, some: fn(&PeerBytes) -> u64) -> Option<f64> {
    part(some(&it.tally.peers), it.tally.peers.all())
}

fn quantile(of: &Histogram, part: f64) -> Option<f64> {
    (of.count > 0).then(|| of.quantile(part))
}

fn millis(of: &Histogram, part: f64) -> Option<f64> {
    quantile(of, part).map(|micros| micros / 1000.0)
}

fn mean(of: &Histogram) -> Option<f64> {
    (of.count > 0).then(|| of.mean() / 1000.0)
}
