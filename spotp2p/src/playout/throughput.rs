//! From arrivals to samples: what the link delivered in each second in which nothing but the link held it back.

use super::chain::Chain;
use super::history::{History, LogRate};
use super::summary::Summary;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;

/// A silence longer than this is a line that broke or a machine that slept, and says nothing of the rate.
pub const SILENCE: Duration = Duration::from_secs(30);

/// Less than this of a second says too little by itself.
const LEAST_PART: f64 = 0.1;

/// Whether the link alone decided when something arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// Enough was asked for all along: the link was the limit.
    Free,
    /// The asker held back (it stays near the play point, or the window was not full), or the sender did: no sample.
    Throttled,
}

/// What is known of a link's rate: the samples of the last 15 minutes, and what earlier runs left.
///
/// Bytes are spread evenly over the time since the arrival before them, so that samples of a second mean the same at
/// any rate, however long a piece takes. Worst case: 2 KB, held inline; nothing is ever allocated.
#[derive(Clone, Debug)]
pub struct Throughput {
    history: History,
    before: Summary,
    arrived_at: Option<Instant>,
    /// Part of the second under way that has passed up to the last arrival, and the bytes in it.
    part: (f64, f64),
}

impl Throughput {
    /// A link of which `before` is known from earlier runs ([`Summary::UNKNOWN`] if nothing is).
    #[must_use]
    pub const fn new(before: Summary) -> Self {
        Self { history: History::new(), before, arrived_at: None, part: (0.0, 0.0) }
    }

    /// So many bytes arrived, at a pace that held since the arrival before.
    ///
    /// The first arrival after a pause only starts the watch: the time before it is a round trip and no rate.
    pub fn arrived(&mut self, now: Instant, bytes: u64, pace: Pace) {
        let Some(before) = self.arrived_at.filter(|_| pace == Pace::Free) else {
            self.paused();
            self.arrived_at = Some(now);
            return;
        };
        let span = now.since(before);
        if span > SILENCE || now < before {
            self.paused();
        } else {
            self.spread(span.as_secs_f64(), bytes as f64);
        }
        self.arrived_at = Some(now);
    }

    /// Nothing is asked for any more, the machine slept, or the link is another one: what comes next does not follow what
    /// came before.
    ///
    /// A second that had begun counts by the part of it that passed, if that is enough to tell: over a fast link a track is
    /// here before a second is over.
    pub fn paused(&mut self) {
        let (part, bytes) = self.part;
        if part >= LEAST_PART {
            self.history.push(LogRate::of(bytes / part));
        }
        self.history.gap();
        self.arrived_at = None;
        self.part = (0.0, 0.0);
    }

    /// Bytes a second at this moment, as far as the last arrivals and the silence since them tell.
    #[must_use]
    pub fn rate(&self, now: Instant) -> Option<f64> {
        let (part, bytes) = self.part;
        let late = match self.history.latest() {
            // The last whole second, as far as it lies in the second before the last arrival.
            Some(latest) => bytes + latest.value() * (1.0 - part),
            None if part >= LEAST_PART => bytes / part,
            None => return None,
        };
        let silence = self.arrived_at.map_or(0.0, |at| now.since(at).min(SILENCE).as_secs_f64());
        // A piece is under way: had it come at more than this, it would be here.
        Some(if silence > 0.0 { late.min(PIECE_LEN as f64 / silence) } else { late })
    }

    /// Whether something came just now, be it too little to tell a rate.
    pub(super) fn flows(&self, now: Instant) -> bool {
        self.arrived_at.is_some_and(|at| now.since(at).as_secs_f64() < LEAST_PART)
    }

    /// How many samples were taken so far, if none is being taken: until that changes, all forecasts are made from the same.
    #[must_use]
    pub(crate) fn at_rest(&self) -> Option<u64> {
        (self.arrived_at.is_none() && self.history.latest().is_none()).then(|| self.history.puts())
    }

    /// Bytes of the piece that is on its way, as far as the rate tells; less than a piece.
    #[must_use]
    pub fn under_way(&self, now: Instant) -> f64 {
        let silence = self.arrived_at.map_or(0.0, |at| now.since(at).as_secs_f64());
        self.rate(now).map_or(0.0, |rate| (rate * silence).min(PIECE_LEN as f64))
    }

    /// Bytes a second that this link usually has, if anything is known of it.
    #[must_use]
    pub fn usual(&self) -> Option<f64> {
        let link = self.summary();
        link.is_known().then(|| libm::exp2(link.mean.into()))
    }

    /// What is worth keeping for the next run.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(&self.history, &self.before)
    }

    pub(super) const fn puts(&self) -> u64 {
        self.history.puts()
    }

    /// The chain of this link beside music of `music` bytes a second. While nothing is known, `rate` is all there is;
    /// without one there is no chain.
    pub(super) fn chain(&self, music: f32, rate: Option<f32>) -> Option<Chain> {
        let mut link = self.summary();
        if !link.is_known() {
            link.mean = libm::log2f(rate?.max(1.0));
        }
        Some(Chain::learn(&self.history, &link, music))
    }

    fn spread(&mut self, span: f64, bytes: f64) {
        let (mut part, mut sum) = self.part;
        let mut left = span;
        while part + left >= 1.0 {
            let share = if span > 0.0 { bytes * (1.0 - part) / span } else { bytes };
            self.history.push(LogRate::of(sum + share));
            left -= 1.0 - part;
            (part, sum) = (0.0, 0.0);
        }
        sum += if span > 0.0 { bytes * left / span } else { bytes };
        self.part = (part + left, sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    fn samples(link: &Throughput) -> Vec<f64> {
        link.history.iter().flatten().map(LogRate::value).collect()
    }

    /// Pieces every `gap`, for `count` of them.
    fn steady(link: &mut Throughput, mut now: Instant, gap: Duration, count: usize) -> Instant {
        for _ in 0..count {
            link.arrived(now, PIECE_LEN as u64, Pace::Free);
            now = now + gap;
        }
        now
    }

    #[test]
    fn a_steady_link_gives_its_rate_however_large_a_piece_is_beside_it() {
        for gap in [10, 300, 800, 2500] {
            let mut link = Throughput::new(Summary::UNKNOWN);
            steady(&mut link, Instant::START, gap * MS, 40);
            let rate = PIECE_LEN as f64 / (f64::from(gap) / 1e3);
            let samples = samples(&link);
            assert!(samples.len() >= (39 * gap / 1000) as usize);
            assert!(samples.iter().all(|sample| (sample / rate - 1.0).abs() < 2e-3), "{gap}: {samples:?}");
        }
    }

    #[test]
    fn what_was_throttled_leaves_no_sample_and_no_bridge() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        let now = steady(&mut link, Instant::START, 100 * MS, 35);
        link.arrived(now + 900 * MS, PIECE_LEN as u64, Pace::Throttled);
        assert_eq!(samples(&link).len(), 4, "three seconds and a part of one");
        assert_eq!(link.history.iter().last(), Some(None));
        assert_eq!(link.rate(now), None);
    }

    #[test]
    fn a_track_that_is_here_within_a_second_tells_the_rate_and_one_within_a_tenth_does_not() {
        for (gap, known) in [(13, true), (2, false)] {
            let mut link = Throughput::new(Summary::UNKNOWN);
            steady(&mut link, Instant::START, gap * MS, 30);
            link.paused();
            let rate = PIECE_LEN as f64 / (f64::from(gap) / 1e3);
            assert_eq!(link.usual().is_some(), known);
            assert!(link.usual().is_none_or(|usual| (usual / rate - 1.0).abs() < 2e-3), "{:?}", link.usual());
        }
    }

    #[test]
    fn a_silence_lowers_the_rate_at_once_and_a_suspend_does_not() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        let now = steady(&mut link, Instant::START, 100 * MS, 35);
        let before = link.rate(now).unwrap();
        assert!(link.rate(now + Duration::from_secs(2)).unwrap() < before / 10.0);
        link.arrived(now + Duration::from_secs(3600), PIECE_LEN as u64, Pace::Free);
        assert_eq!(samples(&link).len(), 4, "an hour of sleep is no slow link");
        assert_eq!(link.rate(now + Duration::from_secs(3600)), None);
    }

    #[test]
    fn a_clock_that_goes_back_leaves_a_gap_and_goes_on_from_there() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        let start = Instant::after_start(Duration::from_secs(7200));
        let now = steady(&mut link, start, 100 * MS, 35);
        let back = Instant::after_start(Duration::from_secs(3600));
        assert!(link.rate(back).is_some_and(f64::is_finite) && link.under_way(back) == 0.0);
        let later = steady(&mut link, back, 100 * MS, 35);
        assert!(later < now);
        let rate = PIECE_LEN as f64 / 0.1;
        let samples = samples(&link);
        assert_eq!(samples.len(), 7, "three on either side, and a part of a second before");
        assert!(samples.iter().all(|sample| (sample / rate - 1.0).abs() < 2e-3), "{samples:?}");
        assert_eq!(link.history.iter().filter(Option::is_none).count(), 1);
    }

    #[test]
    fn it_is_at_rest_after_a_pause_until_something_comes() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        assert_eq!(link.at_rest(), Some(0));
        let now = steady(&mut link, Instant::START, 100 * MS, 35);
        assert_eq!(link.at_rest(), None);
        link.paused();
        let puts = link.at_rest();
        assert!(puts > Some(3) && link.rate(now).is_none() && !link.flows(now));
        link.arrived(now, PIECE_LEN as u64, Pace::Throttled);
        assert_eq!(link.at_rest(), None);
        link.paused();
        assert_eq!(link.at_rest(), puts, "nothing was learnt");
    }

    #[test]
    fn two_pieces_at_one_moment_add_up() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        let mut now = Instant::START;
        for _ in 0..35 {
            link.arrived(now, PIECE_LEN as u64, Pace::Free);
            link.arrived(now, PIECE_LEN as u64, Pace::Free);
            now = now + 100 * MS;
        }
        let rate = 2.0 * PIECE_LEN as f64 / 0.1;
        let last = *samples(&link).last().expect("samples");
        assert!((last / rate - 1.0).abs() < 2e-3, "{last}");
    }

    #[test]
    fn a_fade_is_seconds_without_bytes_and_then_a_slow_one() {
        let mut link = Throughput::new(Summary::UNKNOWN);
        let now = steady(&mut link, Instant::START, 100 * MS, 35);
        link.arrived(now + Duration::from_secs(5), PIECE_LEN as u64, Pace::Free);
        let samples = samples(&link);
        assert_eq!(samples.len(), 8);
        assert!(samples[4..].iter().all(|rate| *rate < 4000.0), "{samples:?}");
    }

    proptest! {
        #[test]
        fn no_arrivals_break_it(arrivals: Vec<(u64, u64, bool)>) {
            let mut link = Throughput::new(Summary::UNKNOWN);
            for (at, bytes, free) in arrivals {
                let now = Instant::from_micros(at);
                link.arrived(now, bytes, if free { Pace::Free } else { Pace::Throttled });
                prop_assert!(link.rate(now).is_none_or(|rate| rate >= 0.0 && rate.is_finite()));
                prop_assert!(link.part.0 < 1.0 && link.part.1.is_finite());
            }
        }
    }
}
