//! When to start playing: as soon as the chance of a stutter is within its budget.

use super::chain::Chain;
use super::demand::Demand;
use super::forecast::{Forecast, Scale, level_for};
use super::throughput::Throughput;
use core::time::Duration;
use spotproto::Instant;

#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub budget: f32,
    pub correction: f32,
    pub doubt: f32,
}

pub struct Start {
    pub config: Config,
    pub demand: Demand,
    forecast: Forecast,
    seen: Option<u64>,
    seconds: f32,
    place_rate: f32,
    chain: Option<Chain>,
}

#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub risk: f32,
    pub needed: Option<f32>,
}

impl Start {
    pub fn new(config: Config, demand: Demand) -> Self {
        let forecast = Forecast::hopeless(1.0);
        Self { config, demand, forecast, seen: None, seconds: 8.0, place_rate: 0.0, chain: None }
    }

    pub fn look(&mut self, now: Instant, link: &Throughput, arrived: u64) -> Option<Look> {
        let ahead = arrived.checked_sub(self.demand.first())?;
        if arrived >= self.demand.total() {
            return Some(Look { risk: 0.0, needed: Some(0.0) });
        }
        let rate = link.rate(now).or_else(|| link.usual())? as f32;
        if self.seen != Some(link.puts()) {
            self.seen = Some(link.puts());
            self.relearn(link, rate);
        }
        let chain = self.chain.as_ref()?;
        let place = chain.place(rate);
        let risk = self.forecast.risk(place, ahead as f32 + link.under_way(now) as f32);
        Some(Look { risk, needed: self.forecast.needed(place, self.config.budget) })
    }

    fn relearn(&mut self, link: &Throughput, rate: f32) {
        let chain = link.chain(self.demand.rate(), rate);
        let doubt = self.config.doubt * chain.doubt();
        for _ in 0..6 {
            let level = level_for(self.demand.rate(), self.seconds);
            let make = |factor| Forecast::new(&chain, &self.demand, Scale { factor, sure: 0.0 }, level);
            self.forecast = if doubt > 0.01 {
                let mut f = make(1.0);
                f.mix(&make((1.0 - 1.732 * doubt).max(0.1)), 1.0 / 6.0);
                f
            } else {
                make(1.0)
            };
            match self.forecast.needed(chain.place(rate), self.config.budget * 0.5) {
                None if self.seconds < 500.0 => self.seconds *= 2.0,
                Some(needed) if needed < 10.0 * level && self.seconds > 2.0 => {
                    self.seconds /= 2.0;
                    break;
                }
                _ => break,
            }
        }
        self.chain = Some(chain);
    }
}
