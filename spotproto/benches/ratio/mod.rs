//! A ratio of two timings, measured so that a busy machine does not decide it.
//!
//! The two sides run in turn, batch by batch, so both meet the same load and clock; of each side's batches the fast tenth
//! counts, since whatever interrupts a batch makes it slower.

#![allow(dead_code, reason = "every bench uses another part")]

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Batches of each side.
const BATCHES: usize = 401;
/// A batch lasts about this long: well above the clock's grain, well below a time slice.
const BATCH: Duration = Duration::from_millis(2);

/// What [`measure`] found, in seconds where nothing else is said.
pub(crate) struct Timing {
    /// A run of the subject.
    pub(crate) subject: f64,
    /// A run of the baseline.
    pub(crate) baseline: f64,
    /// How much longer the subject takes.
    pub(crate) ratio: f64,
}

/// Times `subject` against `baseline`, prints the ratio as `name`, and panics if it is above `limit`.
pub(crate) fn check<A, B>(name: &str, limit: f64, subject: impl FnMut() -> A, baseline: impl FnMut() -> B) {
    let ratio = measure(subject, baseline).ratio;
    println!("{name} ratio {ratio:.2}x (limit {limit})");
    assert!(ratio <= limit, "{name}: {ratio:.3} is above the limit of {limit}");
}

/// Times `subject` against `baseline`.
pub(crate) fn measure<A, B>(mut subject: impl FnMut() -> A, mut baseline: impl FnMut() -> B) -> Timing {
    let runs = runs_per_batch(&mut baseline);
    let (mut subjects, mut baselines) = (Vec::new(), Vec::new());
    for batch in 0..BATCHES {
        // Turn about, so that neither side always runs in the other's wake.
        if batch % 2 == 0 {
            subjects.push(time(runs, &mut subject));
            baselines.push(time(runs, &mut baseline));
        } else {
            baselines.push(time(runs, &mut baseline));
            subjects.push(time(runs, &mut subject));
        }
    }
    let subject = undisturbed(subjects) / f64::from(runs);
    let baseline = undisturbed(baselines) / f64::from(runs);
    Timing { subject, baseline, ratio: subject / baseline }
}

/// How often a second `work` runs.
pub(crate) fn rate<T>(mut work: impl FnMut() -> T) -> f64 {
    let runs = runs_per_batch(&mut work);
    f64::from(runs) / undisturbed((0..BATCHES).map(|_| time(runs, &mut work)).collect())
}

/// The slowest of the fast tenth.
fn undisturbed(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 10]
}

fn runs_per_batch<B>(baseline: &mut impl FnMut() -> B) -> u32 {
    let mut runs = 1;
    loop {
        let took = time(runs, baseline);
        if took >= BATCH.as_secs_f64() {
            return runs;
        }
        runs *= 2;
    }
}

fn time<T>(runs: u32, work: &mut impl FnMut() -> T) -> f64 {
    let begin = Instant::now();
    for _ in 0..runs {
        black_box(work());
    }
    begin.elapsed().as_secs_f64()
}
