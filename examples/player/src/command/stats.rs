//! `spot stats`: how often the sound stopped for want of music, beside how often that was predicted.

use super::device;
use crate::failure::Failure;
use crate::listen::Start;
use crate::settings::{ConfigFlag, DeviceFlag, Flags, Settings};
use clap::Args;
use core::fmt::Write;
use serde_json::{Value, json};
use spotp2p::playout::{BINS, Reliability};

/// Arguments of `spot stats`.
#[derive(Args, Debug)]
pub(super) struct Stats {
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Stats {
    pub(super) fn run(self) -> Result<(), Failure> {
        let flags = Flags { device: self.device.clone(), config: self.config.clone(), ..Flags::default() };
        let summed = Sums::of(&device(&Settings::load(&flags)?)?.starts().read());
        if self.json {
            println!("{}", summed.json());
        } else {
            print!("{}", summed.words());
        }
        Ok(())
    }
}

/// What the starts of a device come to.
#[derive(Default)]
struct Sums {
    starts: usize,
    /// Left before their end.
    left: usize,
    /// With all of the music here, or before anything was known of the link.
    all_here: usize,
    blind: usize,
    stutters: usize,
    /// In milliseconds, in order.
    waits: Vec<u32>,
    /// By how much waits were longer than expected, in milliseconds, in order.
    off: Vec<i64>,
    table: Reliability,
}

impl Sums {
    fn of(starts: &[Start]) -> Self {
        let mut sums = Self { starts: starts.len(), ..Self::default() };
        for start in starts {
            sums.left += usize::from(start.stuttered.is_none());
            sums.all_here += usize::from(start.basis == "all here");
            sums.blind += usize::from(start.basis == "blind");
            sums.stutters += usize::from(start.stuttered == Some(true));
            sums.waits.push(start.waited_ms);
            sums.off.extend(start.expected_ms.map(|ms| i64::from(start.waited_ms) - i64::from(ms)));
            if let Some(prediction) = start.prediction() {
                sums.table.enter(prediction);
            }
        }
        sums.waits.sort_unstable();
        sums.off.sort_unstable();
        sums
    }

    fn json(&self) -> Value {
        let bins = BINS.iter().zip(self.table.bins()).map(|(end, bin)| {
            json!({ "risk_up_to": end, "starts": bin.count, "expected": bin.expected, "stutters": bin.stutters })
        });
        let (judged, _) = self.table.counts();
        json!({
            "starts": self.starts, "left": self.left, "all_here": self.all_here, "blind": self.blind,
            "stutters": self.stutters, "median_wait_ms": middle(&self.waits), "median_off_ms": middle(&self.off),
            "judged": judged, "brier": self.table.brier(), "log_score": self.table.log_score(),
            "reliability": bins.collect::<Vec<_>>(),
        })
    }

    fn words(&self) -> String {
        let Some(wait) = middle(&self.waits) else { return "nothing was played on this device yet\n".into() };
        let mut text = String::new();
        let mut row = |label: &str, value: String| {
            let _ = writeln!(text, "{label:<34} {value}");
        };
        row("starts", self.starts.to_string());
        row("  left before their end", self.left.to_string());
        row("  with all of the music here", self.all_here.to_string());
        row("  with nothing known of the link", self.blind.to_string());
        row("the sound stopped later", self.stutters.to_string());
        row("median wait", format!("{:.2} s", f64::from(wait) / 1e3));
        if let Some(off) = middle(&self.off) {
            row("  beyond what was expected", format!("{:+.2} s", off as f64 / 1e3));
        }
        let (judged, _) = self.table.counts();
        if judged == 0 {
            return text + "no start by a forecast has come to its end yet\n";
        }
        format!("{text}\nstarts by a forecast, to their end: {judged}\n{}\n", self.table)
    }
}

fn middle<T: Copy>(sorted: &[T]) -> Option<T> {
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(basis: &str, risk: f32, stuttered: Option<bool>) -> Start {
        Start {
            waited_ms: 1_500,
            expected_ms: Some(1_000),
            basis: basis.into(),
            buffered_ms: 2_000,
            state: 9,
            rates: [38_000, 36_000, 20_000],
            risk,
            budget: 0.01,
            stuttered,
        }
    }

    #[test]
    fn starts_are_counted_by_what_they_were_and_judged_if_they_came_to_an_end() {
        let starts = [
            start("forecast", 0.01, Some(false)),
            start("forecast", 0.01, Some(true)),
            start("forecast", 0.01, None),
            start("all here", 0.0, Some(false)),
            start("blind", 1.0, Some(true)),
        ];
        let sums = Sums::of(&starts);
        let value = sums.json();
        for (name, count) in
            [("starts", 5), ("left", 1), ("all_here", 1), ("blind", 1), ("stutters", 2), ("judged", 2)]
        {
            assert_eq!(value[name], json!(count), "{name}");
        }
        assert_eq!((&value["median_wait_ms"], &value["median_off_ms"]), (&json!(1_500), &json!(500)));
        assert_eq!(value["reliability"][3]["stutters"], json!(1));
        let words = sums.words();
        assert!(words.contains("beyond what was expected         +0.50 s"), "{words}");
        assert!(words.contains("starts by a forecast, to their end: 2"), "{words}");
    }

    #[test]
    fn without_starts_there_is_nothing_to_say() {
        assert_eq!(Sums::of(&[]).words(), "nothing was played on this device yet\n");
        assert!(Sums::of(&[start("blind", 1.0, None)]).words().ends_with("come to its end yet\n"));
    }
}
