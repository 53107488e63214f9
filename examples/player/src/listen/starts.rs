//! When the sound started, by which prediction, and what came of it.

use core::fmt::Write;
use core::time::Duration;
use serde_json::{Value, json};
use spotp2p::playout::{Basis, Prediction, STATES, Why};
use std::time::Instant;

/// Starts of one play that are kept: whoever jumps more often is looking for something.
const MOST: usize = 64;

/// A start, and what came of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Start {
    /// From the click, the jump or the stop of the sound to the word to start, in milliseconds.
    pub waited_ms: u32,
    /// What that was going to be, as soon as it could be told; nothing if it never could.
    pub expected_ms: Option<u32>,
    /// What it was decided by: `forecast`, `blind` or `all here`.
    pub basis: String,
    /// Music that was here, in milliseconds.
    pub buffered_ms: u32,
    /// The link's state, from 0 to 15.
    pub state: u8,
    /// The link's rate then, what it usually is, and what the music takes, in bytes a second; 0 where nothing is known.
    pub rates: [u32; 3],
    /// The chance of a stutter that was predicted.
    pub risk: f32,
    /// The chance that was allowed.
    pub budget: f32,
    /// Whether the sound stopped for want of music later; nothing if the listener jumped or left before the end.
    pub stuttered: Option<bool>,
}

impl Start {
    fn new(why: &Why, waited: Duration, expected: Option<Duration>) -> Self {
        let basis = match why.basis {
            Basis::Forecast => "forecast",
            Basis::AllHere => "all here",
            _ => "blind",
        };
        Self {
            waited_ms: millis(waited),
            expected_ms: expected.map(millis),
            basis: basis.into(),
            buffered_ms: millis(why.buffered),
            state: why.state,
            rates: [why.rate, why.usual, why.music].map(|rate| rate as u32),
            risk: why.risk,
            budget: why.budget,
            stuttered: None,
        }
    }

    /// What is to be compared with what came, if the start was made by a forecast and played to its end.
    #[must_use]
    pub fn prediction(&self) -> Option<Prediction> {
        let stuttered = self.stuttered.filter(|_| self.basis == "forecast")?;
        Some(Prediction { risk: self.risk, stuttered })
    }

    /// One object for scripts.
    #[must_use]
    pub fn json(&self) -> Value {
        let [rate, usual, music] = self.rates;
        json!({
            "waited_ms": self.waited_ms, "expected_ms": self.expected_ms, "basis": self.basis,
            "buffered_ms": self.buffered_ms, "state": self.state, "rate": rate, "usual_rate": usual, "music_rate": music,
            "risk": self.risk, "budget": self.budget, "stuttered": self.stuttered,
        })
    }

    /// What [`json`](Self::json) wrote; nothing if it is damaged.
    #[must_use]
    pub fn from_json(value: &Value) -> Option<Self> {
        let number = |name: &str| u32::try_from(value.get(name)?.as_u64()?).ok();
        let chance = |name: &str| {
            let chance = value.get(name)?.as_f64()?;
            (0.0..=1.0).contains(&chance).then_some(chance as f32)
        };
        let basis = value.get("basis")?.as_str()?;
        let basis = ["forecast", "all here", "blind"].into_iter().find(|known| *known == basis)?;
        let state = u8::try_from(number("state")?).ok().filter(|state| usize::from(*state) < STATES)?;
        Some(Self {
            waited_ms: number("waited_ms")?,
            expected_ms: number("expected_ms"),
            basis: basis.into(),
            buffered_ms: number("buffered_ms")?,
            state,
            rates: [number("rate")?, number("usual_rate")?, number("music_rate")?],
            risk: chance("risk")?,
            budget: chance("budget")?,
            stuttered: value.get("stuttered").and_then(Value::as_bool),
        })
    }

    /// Why it was made, and what came of it, in a few lines for people.
    #[must_use]
    pub fn words(&self) -> String {
        let seconds = |ms: u32| f64::from(ms) / 1e3;
        let mut text = format!("after {:.2} s", seconds(self.waited_ms));
        if let Some(expected) = self.expected_ms {
            let _ = write!(text, " ({:.2} s expected)", seconds(expected));
        }
        let _ = write!(text, ", with {:.1} s of music: ", seconds(self.buffered_ms));
        let [rate, usual, music] = self.rates.map(|rate| f64::from(rate) / 1e3);
        match self.basis.as_str() {
            "all here" => text.push_str("all of it was here"),
            "blind" => text.push_str("nothing was known of the link, so that much had to be here"),
            _ => {
                let (risk, budget) = (100.0 * self.risk, 100.0 * self.budget);
                let _ = write!(
                    text,
                    "{risk:.2} % may stutter, {budget:.2} % are allowed\n  the link is in state {} of {}",
                    self.state,
                    STATES - 1
                );
                let now =
                    if rate > 0.0 { format!("brings {rate:.0} kB/s") } else { "is not measured now".into() };
                let _ = write!(text, ": it {now}, usually {usual:.0} kB/s; the music takes {music:.0} kB/s");
            }
        }
        text.push_str(match self.stuttered {
            Some(true) => "\n  the sound stopped for want of music after it",
            Some(false) => "\n  the sound did not stop after it",
            None => "\n  it was not listened to from there to the end",
        });
        text
    }
}

/// The starts of a play that is under way.
#[derive(Clone, Debug)]
pub(super) struct Starts {
    waits_since: Instant,
    expected: Option<Duration>,
    made: Vec<Start>,
    /// Which of them the sound that runs began with.
    runs: Option<usize>,
    /// Which of them the sound began with that stands still for want of music, though some may be in the output still.
    stopped: Option<usize>,
}

impl Starts {
    /// A click.
    pub(super) fn new() -> Self {
        Self { waits_since: Instant::now(), expected: None, made: Vec::new(), runs: None, stopped: None }
    }

    /// The node says what it waits for.
    pub(super) fn buffering(&mut self, why: &Why) {
        if why.basis == Basis::Forecast && self.expected.is_none() {
            self.expected = why.wait.map(|wait| self.waits_since.elapsed() + wait);
        }
    }

    /// The node says that the sound may start.
    pub(super) fn made(&mut self, why: &Why) {
        let (waited, expected) = (self.waits_since.elapsed(), self.expected.take());
        self.runs = (self.made.len() < MOST).then_some(self.made.len());
        if self.runs.is_some() {
            self.made.push(Start::new(why, waited, expected));
        }
    }

    /// There is no more music, and the start anew is waited for.
    pub(super) fn stopped(&mut self) {
        self.stopped = self.runs.take();
        (self.waits_since, self.expected) = (Instant::now(), None);
    }

    /// The output had nothing more, before there was more.
    pub(super) fn stuttered(&mut self) {
        let which = self.stopped.take().or(self.runs);
        self.resolve(which, true);
    }

    /// The listener wants silence, or to go on elsewhere: what would have come is never known.
    pub(super) fn jumped(&mut self) {
        (self.runs, self.stopped) = (None, None);
        (self.waits_since, self.expected) = (Instant::now(), None);
    }

    /// The sound came to the end of the track.
    pub(super) fn ended(&mut self) {
        self.resolve(self.stopped, false);
        self.resolve(self.runs, false);
    }

    /// All of them so far.
    pub(super) fn so_far(&self) -> &[Start] {
        &self.made
    }

    fn resolve(&mut self, which: Option<usize>, stuttered: bool) {
        if let Some(start) = which.and_then(|which| self.made.get_mut(which)) {
            start.stuttered.get_or_insert(stuttered);
        }
    }
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotp2p::playout::{Supplier, Verdict};

    fn why(basis: Basis) -> Why {
        Why {
            verdict: Verdict::Start,
            basis,
            buffered: Duration::from_millis(2_300),
            wanted: Duration::from_secs(2),
            state: 9,
            rate: 38_000.0,
            usual: 36_500.0,
            music: 20_000.0,
            risk: 0.0125,
            budget: 0.01,
            supplier: Supplier::Server,
            wait: Some(Duration::from_secs(1)),
        }
    }

    #[test]
    fn what_was_written_is_read_back_and_damage_is_nothing() {
        let mut starts = Starts::new();
        starts.buffering(&why(Basis::Forecast));
        starts.made(&why(Basis::Forecast));
        starts.stopped();
        starts.made(&why(Basis::AllHere));
        starts.stuttered();
        let made = starts.so_far().to_vec();
        assert_eq!(made.iter().map(|start| start.stuttered).collect::<Vec<_>>(), [Some(true), None]);
        assert!(made[0].expected_ms.is_some_and(|ms| ms >= 1_000) && made[1].expected_ms.is_none());
        for start in &made {
            assert_eq!(Start::from_json(&start.json()), Some(start.clone()));
        }
        for (name, value) in [
            ("risk", json!(2.0)),
            ("risk", json!(null)),
            ("state", json!(16)),
            ("basis", json!("luck")),
            ("rate", json!(-1)),
            ("waited_ms", json!(1e30)),
        ] {
            let mut damaged = made[0].json();
            damaged[name] = value;
            assert_eq!(Start::from_json(&damaged), None, "{damaged}");
        }
    }

    #[test]
    fn only_forecasts_that_came_to_an_end_are_judged() {
        let mut starts = Starts::new();
        starts.made(&why(Basis::Forecast));
        assert_eq!(starts.so_far()[0].prediction(), None, "it was left");
        starts.ended();
        assert_eq!(starts.so_far()[0].prediction(), Some(Prediction { risk: 0.0125, stuttered: false }));
        let mut starts = Starts::new();
        starts.made(&why(Basis::Blind));
        starts.ended();
        assert_eq!(starts.so_far()[0].prediction(), None);
    }

    #[test]
    fn each_stutter_is_that_of_the_start_before_it() {
        let mut starts = Starts::new();
        let judged =
            |starts: &Starts| starts.so_far().iter().map(|start| start.stuttered).collect::<Vec<_>>();
        starts.made(&why(Basis::Forecast));
        starts.jumped();
        starts.made(&why(Basis::Forecast));
        // The output had just enough.
        starts.stopped();
        starts.made(&why(Basis::Forecast));
        starts.ended();
        assert_eq!(judged(&starts), [None, Some(false), Some(false)]);
        let mut starts = Starts::new();
        starts.made(&why(Basis::Forecast));
        // Too short a wait to be told of.
        starts.stuttered();
        starts.ended();
        assert_eq!(judged(&starts), [Some(true)]);
    }

    #[test]
    fn starts_that_are_not_kept_spoil_no_other() {
        let mut starts = Starts::new();
        for _ in 0..MOST {
            starts.made(&why(Basis::Forecast));
            starts.jumped();
        }
        starts.made(&why(Basis::Forecast));
        starts.stuttered();
        starts.ended();
        assert!(
            starts.so_far().len() == MOST && starts.so_far().iter().all(|start| start.stuttered.is_none())
        );
    }

    #[test]
    fn a_start_is_explained_by_its_risk_and_the_links_state() {
        let mut starts = Starts::new();
        starts.made(&why(Basis::Forecast));
        starts.ended();
        let words = starts.so_far()[0].words();
        for part in [
            "with 2.3 s of music: 1.25 % may stutter, 1.00 % are allowed",
            "state 9 of 15: it brings 38 kB/s, usually 36 kB/s; the music takes 20 kB/s",
            "did not stop",
        ] {
            assert!(words.contains(part), "{part} in {words}");
        }
    }
}
