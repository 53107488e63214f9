//! Tracks and links for the tests.

use core::time::Duration;
use spotp2p::playout::{Config, Demand, Pace, Sources, Start, Summary, Throughput, Why};
use spotproto::Instant;
use spotproto::content::{Format, Geometry, Head, PIECE_LEN, SeekTable};

/// Bytes a second of the music: 160 kbit/s.
pub(crate) const MUSIC: u64 = 20_000;

/// A track with an even rate.
pub(crate) fn track(duration_ms: u32, rate: u64) -> Head<u32> {
    let end = 4000 + (u64::from(duration_ms) * rate / 1000).max(1);
    let seek = SeekTable::even(duration_ms, 4000, end).expect("a seek table");
    head(duration_ms, end, seek)
}

pub(crate) fn head(duration_ms: u32, end: u64, seek: SeekTable) -> Head<u32> {
    Head {
        file: 1,
        geometry: Geometry::of_plaintext(end).expect("a length"),
        format: Format::OggVorbis,
        bit_rate: 160_000,
        duration_ms,
        sample_rate: 44_100,
        channels: 2,
        samples: None,
        delay: 0,
        gain: None,
        headers: core::iter::once(0..4000.min(end)).collect(),
        seek,
    }
}

pub(crate) fn song() -> Demand {
    Demand::new(&track(240_000, MUSIC), 0, |_| false)
}

/// A link that brought a piece every so many milliseconds, in turn, for so many pieces; and the moment of the last.
pub(crate) fn link(gaps: &[u64], pieces: usize) -> (Throughput, Instant) {
    let mut link = Throughput::new(Summary::UNKNOWN);
    let mut now = Instant::after_start(Duration::from_secs(60));
    for gap in gaps.iter().cycle().take(pieces) {
        now = now + Duration::from_millis(*gap);
        link.arrived(now, PIECE_LEN as u64, Pace::Free);
    }
    (link, now)
}

/// A single look with this much arrived.
pub(crate) fn look(link: &Throughput, now: Instant, demand: &Demand, sources: &Sources, arrived: u64) -> Why {
    Start::new(Config::DEFAULT, demand.clone()).look(now, link, sources, arrived)
}
