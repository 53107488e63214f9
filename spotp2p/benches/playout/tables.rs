//! What is printed, and what has to hold.

use crate::BUDGETS;
use crate::plays::Play;
use crate::rules::{RULES, Rule};
use crate::traces::Kind;
use spotp2p::playout::{Config, Prediction, Reliability};
use std::process::ExitCode;

/// A rule of thumb's best may not be nearer than this.
const WORTH: f64 = 0.7;

/// Waits that count: anything later than the first moment with something to play.
const WAITED: f64 = 0.001;

/// Plays that have to have waited, for each budget and set.
const WAITS: usize = 6_000;

/// The gates so far.
#[derive(Default)]
pub(crate) struct Gates {
    lines: Vec<String>,
    failed: usize,
}

impl Gates {
    pub(crate) fn at_most(&mut self, what: &str, value: f64, limit: f64) {
        self.gate(what, value, (f64::NEG_INFINITY, limit));
    }

    fn gate(&mut self, what: &str, value: f64, (low, high): (f64, f64)) {
        let holds = (low..=high).contains(&value);
        self.failed += usize::from(!holds);
        let range = if low.is_finite() { format!("{low} to {high}") } else { format!("at most {high}") };
        self.lines.push(format!("{} {what}: {value:.3} ({range})", if holds { "ok    " } else { "FAILED" }));
    }

    pub(crate) fn verdict(self) -> ExitCode {
        println!("\n{}", self.lines.join("\n"));
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn threshold(budget: f32) -> f32 {
    budget * Config::DEFAULT.correction
}

/// The plays that had to wait at this threshold, each with the delay and the risk it started with.
fn waits(plays: &[Play], threshold: f32) -> Vec<(&Play, f64, f32)> {
    let started = plays.iter().map(|play| (play, play.start(threshold)));
    started
        .filter(|(play, (at, _))| *at > play.first + WAITED)
        .map(|(play, (at, risk))| (play, at, risk))
        .collect()
}

fn stutter_rate(waits: &[(&Play, f64, f32)]) -> f64 {
    let stutters = waits.iter().filter(|(play, at, _)| play.stutters(*at)).count();
    stutters as f64 / waits.len().max(1) as f64
}

/// What stutters over budget are to come near: the middle of what is allowed, on a logarithmic scale.
const AIM: f64 = 0.67;

/// The one factor on the budget with which all sets and budgets come nearest to it.
pub(crate) fn learn_correction(sets: &[Vec<Play>]) -> f64 {
    let off = |factor: f32| -> f64 {
        let each = |plays: &Vec<Play>| -> f64 {
            let ratio = |budget: f32| stutter_rate(&waits(plays, budget * factor)) / f64::from(budget);
            BUDGETS.iter().map(|budget| (ratio(*budget).max(0.05) / AIM).ln().powi(2)).sum()
        };
        sets.iter().map(each).sum()
    };
    let factors = (0..24).map(|step| 0.4 * 1.08f32.powi(step));
    factors.min_by(|a, b| off(*a).total_cmp(&off(*b))).map_or(1.0, f64::from)
}

/// Wilson's interval of 95 % (1927).
fn interval(rate: f64, n: usize) -> (f64, f64) {
    let (n, z) = (n.max(1) as f64, 1.96);
    let middle = (rate + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z * (rate * (1.0 - rate) / n + z * z / (4.0 * n * n)).sqrt() / (1.0 + z * z / n);
    (middle - half, middle + half)
}

/// Predicted against actual for the plays that had to wait.
pub(crate) fn calibration(name: &str, plays: &[Play], band: (f64, f64), gates: &mut Gates) {
    println!("\n{name}: {} plays, held out; those that had to wait", plays.len());
    println!(
        "budget   waited  predicted  stuttered  95 %              / budget   Brier    log    log, rate known"
    );
    for budget in BUDGETS {
        let waits = waits(plays, threshold(budget));
        let rate = stutter_rate(&waits);
        let (low, high) = interval(rate, waits.len());
        let mut table = Reliability::default();
        for (play, at, risk) in &waits {
            table.enter(Prediction { risk: *risk, stuttered: play.stutters(*at) });
        }
        let predicted = waits.iter().map(|(_, _, risk)| f64::from(*risk)).sum::<f64>() / waits.len() as f64;
        let known = if rate > 0.0 { -rate * rate.ln() - (1.0 - rate) * (1.0 - rate).ln() } else { 0.0 };
        let ratio = rate / f64::from(budget);
        println!(
            "{:>4.1} % {:>8} {:>8.2} % {:>8.2} %  {:.2} to {:.2} % {:>12.2} {:>9.5} {:>7.5} {known:>9.5}",
            100.0 * budget,
            waits.len(),
            100.0 * predicted,
            100.0 * rate,
            100.0 * low,
            100.0 * high,
            ratio,
            table.brier(),
            table.log_score(),
        );
        gates.gate(&format!("{name}, {:.1} %: stutters / budget", 100.0 * budget), ratio, band);
        let enough = (WAITS as f64, f64::INFINITY);
        gates.gate(
            &format!("{name}, {:.1} %: plays that waited", 100.0 * budget),
            waits.len() as f64,
            enough,
        );
    }
    let at_once = plays.iter().filter(|play| play.start(threshold(0.01)).0 <= play.first + WAITED);
    let (count, stutters) =
        at_once.fold((0, 0), |(n, s), play| (n + 1, s + u32::from(play.stutters(play.first))));
    println!("started at once at 1 %: {count}, of which {stutters} stuttered");
}

/// Which links a mixed set's stutters are on.
pub(crate) fn by_kind(plays: &[Play]) {
    println!("\nof the mixed links, stutters / budget");
    for kind in [Kind::Wifi, Kind::Cellular, Kind::Dsl] {
        print!("{kind:>10?}");
        for budget in BUDGETS {
            let mut waits = waits(plays, threshold(budget));
            waits.retain(|(play, _, _)| play.kind == kind);
            print!("   {:>4.1} %: {:.2}", 100.0 * budget, stutter_rate(&waits) / f64::from(budget));
        }
        println!();
    }
}

/// How long a start at 1 % waits for more than the first sound, by how much faster than the music the link is.
pub(crate) fn by_ample(plays: &[Play]) {
    println!(
        "\nstarts at 1 %, by the link's rate over the music's: median and mean wait beyond the first sound; stuttered"
    );
    for (low, high) in [(0.8, 1.25), (1.25, 1.75), (1.75, 2.5), (2.5, 4.0)] {
        let mut waits: Vec<(f64, bool)> = plays
            .iter()
            .filter(|play| (low..high).contains(&play.ample))
            .map(|play| (play, play.start(threshold(0.01)).0))
            .map(|(play, at)| (at - play.first, play.stutters(at)))
            .collect();
        waits.sort_by(|a, b| a.0.total_cmp(&b.0));
        let n = waits.len().max(1);
        let mean = waits.iter().map(|wait| wait.0).sum::<f64>() / n as f64;
        let stutters = waits.iter().filter(|wait| wait.1).count() as f64 / n as f64;
        let median = waits.get(n / 2).map_or(0.0, |wait| wait.0);
        println!(
            "{low:>5} to {high:<5} {n:>5} plays {median:>8.2} s {mean:>8.2} s {:>6.2} %",
            100.0 * stutters
        );
    }
}

/// Mean delay above the floor against every rule of thumb that stutters as often, over all plays.
pub(crate) fn against_rules(plays: &[Play], gates: &mut Gates) {
    let mean = |delay: &dyn Fn(&Play) -> f64, above: &dyn Fn(&Play) -> f64| {
        plays.iter().map(|play| (delay(play) - above(play)).max(0.0)).sum::<f64>() / plays.len() as f64
    };
    let rate = |delay: &dyn Fn(&Play) -> f64| {
        plays.iter().filter(|play| play.stutters(delay(play))).count() as f64 / plays.len() as f64
    };
    let floor = |play: &Play| play.floor.max(play.first);
    let row = |name: &str, delay: &dyn Fn(&Play) -> f64| {
        let (above_floor, above_first) = (mean(delay, &floor), mean(delay, &|play| play.first));
        println!("{name:<32} {:>7.2} % {above_floor:>9.2} s {above_first:>9.2} s", 100.0 * rate(delay));
        above_floor
    };
    for budget in BUDGETS {
        println!(
            "\nall mixed links, {:.1} %               stuttered  above floor  above first sound",
            100.0 * budget
        );
        let ours = |play: &Play| play.start(threshold(budget)).0;
        let own = row("the model", &ours);
        let allowed = rate(&ours);
        let tuned = RULES.map(|rule| {
            let parameter = rule.tuned(plays, allowed);
            row(&format!("{rule:?}, tuned to {parameter:.2}"), &|play| rule.start(play, parameter))
        });
        for seconds in [1.0, 15.0] {
            row(&format!("{seconds} s, as they are"), &|play| Rule::Seconds.start(play, seconds));
        }
        let best = tuned.into_iter().fold(f64::INFINITY, f64::min);
        gates.at_most(
            &format!("{:.1} %: delay above the floor / the best rule's", 100.0 * budget),
            own / best,
            WORTH,
        );
    }
}
