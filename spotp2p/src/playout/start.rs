//! When to start playing, and to go on after a stutter: as soon as the chance of a stutter is within its budget.

use super::chain::Chain;
use super::demand::Demand;
use super::forecast::{Forecast, Scale, level_for};
use super::sources::Sources;
use super::throughput::Throughput;
use super::why::{Basis, Verdict, Why};
use core::time::Duration;
use spotproto::Instant;

/// What a start is decided by.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Config {
    /// The chance of a stutter that a start may take; 1 % by default.
    pub budget: f32,
    /// By what the budget is multiplied before a risk is compared with it: how much the model exaggerates on the links
    /// that it was tried on. By default a little less than the bench learns, since some links are worse than most.
    pub correction: f32,
    /// Music that has to be here as long as nothing at all is known of the link.
    pub blind: Duration,
}

impl Config {
    /// A stutter in a hundred starts.
    pub const DEFAULT: Self = Self { budget: 0.01, correction: 1.5, blind: Duration::from_secs(10) };
}

/// Seconds of music that a first table spans.
pub(crate) const FIRST_SPAN: f32 = 8.0;
const SPANS: (f32, f32) = (2.0, 512.0);

/// What grows beyond a table's end is cut off. So the answer has to be in this part of it, and at its end the risk has to
/// be down to that part of the threshold; else it is made anew, and coarser.
const HALF: f32 = 0.5;
const TAIL: f32 = 0.1;

/// With the answer in so few levels, the next table is finer.
const FEW_LEVELS: f32 = 10.0;

/// A table this young stands, whatever was seen since: where pauses are many, so are parts of seconds.
const YOUNG: Duration = Duration::from_millis(500);

/// The link may lastingly be another one than it seems: its scale is log-normal, in three outcomes with the right
/// variance. So many standard deviations below, with this chance; the mean; and as far above, where the risk is no greater
/// than at the mean, and is taken for that.
const WORSE: f32 = 2.5;
const WORSE_CHANCE: f32 = 0.08;

/// The least doubt that is worth a second table.
const DOUBT: f32 = 0.01;

/// A decision to start from one place of a track. For each start, seek and stutter a new one.
///
/// A look costs a table or two when there is a new sample (one a second) or other sources, and next to nothing otherwise;
/// the first one on a link too slow for the music a few more, until one spans the wait. All looks of a wait are at the
/// same forecast: no draw is made, so looking often does not help a bad start through.
/// Worst case: 12 KB, held inline; nothing is ever allocated.
#[derive(Clone, Debug)]
pub struct Start {
    config: Config,
    demand: Demand,
    seconds: f32,
    known: Option<Known>,
}

/// What the last table was made from, and the table.
#[derive(Clone, Debug)]
struct Known {
    made_at: Instant,
    puts: u64,
    sources: Sources,
    chain: Chain,
    forecast: Forecast,
}

impl Start {
    /// A decision about this demand.
    #[must_use]
    pub const fn new(config: Config, demand: Demand) -> Self {
        Self { config, demand, seconds: FIRST_SPAN, known: None }
    }

    /// Begins with a table that spans so many seconds of music: what a decision about the same link came to before
    /// ([`Start::span`]) saves those that would be too short.
    #[must_use]
    pub(crate) const fn spanning(self, seconds: f32) -> Self {
        Self { seconds: seconds.clamp(SPANS.0, SPANS.1), ..self }
    }

    /// Seconds of music that the next table will span.
    #[must_use]
    pub(crate) const fn span(&self) -> f32 {
        self.seconds
    }

    /// What is to be played.
    #[must_use]
    pub const fn demand(&self) -> &Demand {
        &self.demand
    }

    /// Looks whether to start now that `arrived` bytes of the demand are here, in the order in which they are needed.
    ///
    /// `link` is to be the same at each look.
    pub fn look(&mut self, now: Instant, link: &Throughput, sources: &Sources, arrived: u64) -> Why {
        let rate = link.rate(now).map(|rate| rate as f32);
        let why = Why {
            verdict: Verdict::Wait,
            basis: Basis::Blind,
            buffered: self.demand.music_in(arrived),
            wanted: self.config.blind.min(self.demand.rest()),
            state: 0,
            rate: rate.unwrap_or(0.0),
            usual: 0.0,
            music: self.demand.rate(),
            risk: 1.0,
            budget: self.config.budget,
            supplier: sources.supplier(),
            wait: None,
        };
        if arrived >= self.demand.total() {
            return Why {
                verdict: Verdict::Start,
                basis: Basis::AllHere,
                risk: 0.0,
                wanted: why.buffered,
                ..why
            };
        }
        let flows = link.flows(now);
        self.renew(now, link, sources, rate, flows);
        let sounds = arrived >= self.demand.first();
        let Some(known) = &self.known else {
            let enough = sounds && why.buffered >= why.wanted;
            return Why { verdict: if enough { Verdict::Start } else { Verdict::Wait }, ..why };
        };
        let threshold = self.threshold();
        let scale = sources.scale(known.chain.usual());
        let states = sources.states(&known.chain, rate, flows);
        let ahead = arrived as f32 + link.under_way(now) as f32 - self.demand.first() as f32;
        let exposed = known.chain.exposed(&states);
        let risk = if sounds { known.forecast.risk(&states, ahead) * exposed } else { 1.0 };
        let needed = known.forecast.needed(&states, threshold / exposed);
        let bytes = self.demand.first() as f32 + needed.unwrap_or(known.forecast.reach());
        let comes = (known.chain.rate_in(&states) * scale.factor + scale.sure).max(1.0);
        Why {
            verdict: if sounds && risk <= threshold { Verdict::Start } else { Verdict::Wait },
            basis: Basis::Forecast,
            wanted: self.demand.music_in(bytes as u64),
            state: known.chain.likeliest(&states),
            usual: known.chain.usual(),
            risk,
            wait: needed.map(|needed| Duration::from_secs_f32(((needed - ahead) / comes).clamp(0.0, 1e6))),
            ..why
        }
    }

    /// The greatest risk to start with.
    fn threshold(&self) -> f32 {
        (self.config.budget * self.config.correction).clamp(1e-6, 1.0)
    }

    /// Makes a new table if there is something new to make it from.
    fn renew(&mut self, now: Instant, link: &Throughput, sources: &Sources, rate: Option<f32>, flows: bool) {
        let puts = link.puts();
        let holds = |known: &Known| {
            let young = now >= known.made_at && now.since(known.made_at) < YOUNG;
            known.sources == *sources && (known.puts == puts || young)
        };
        if self.known.as_ref().is_some_and(holds) {
            return;
        }
        let Some(chain) = link.chain(self.demand.rate(), rate) else { return };
        let states = sources.states(&chain, rate, flows);
        let scale = sources.scale(chain.usual());
        let mut forecast = self.table(&chain, scale);
        loop {
            let needed = forecast.needed(&states, self.threshold()).unwrap_or(f32::INFINITY);
            let cut = |part| forecast.risk(&states, part * forecast.reach()) > TAIL * self.threshold();
            if (needed > HALF * forecast.reach() || cut(1.0)) && self.seconds < SPANS.1 {
                self.seconds *= 2.0;
            } else {
                if needed < FEW_LEVELS * forecast.level() && !cut(HALF) {
                    self.seconds = (self.seconds / 2.0).max(SPANS.0);
                }
                break;
            }
            forecast = self.table(&chain, scale);
        }
        self.known = Some(Known { made_at: now, puts, sources: *sources, chain, forecast });
    }

    fn table(&self, chain: &Chain, scale: Scale) -> Forecast {
        let level = level_for(self.demand.rate(), self.seconds);
        let mut forecast = Forecast::new(chain, &self.demand, scale, level);
        if chain.doubt() > DOUBT {
            let factor = scale.factor * libm::expf(-WORSE * chain.doubt());
            forecast.mix(&Forecast::new(chain, &self.demand, Scale { factor, ..scale }, level), WORSE_CHANCE);
        }
        forecast
    }
}
