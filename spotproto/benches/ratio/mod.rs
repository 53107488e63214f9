//! A ratio of two timings, measured so that a busy machine does not decide it.
//!
//! The two sides run in turn, batch by batch, so both meet the same load and clock; the median of the batches'
//! ratios drops those that an interruption hit.

#![allow(dead_code, reason = "every bench uses another part")]

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Batches whose ratios are compared; odd, so that there is a middle one.
const BATCHES: usize = 401;
/// A batch lasts about this long: well above the clock's grain, well below a time slice.
const BATCH: Duration = Duration::from_millis(2);

/// What [`measure`] found; medians all, and seconds where nothing else is said.
pub(crate) struct Timing {
    /// A run of the subject.
    pub(crate) subject: f64,
    /// A run of the baseline.
    pub(crate) baseline: f64,
    /// How much longer the subject takes.
    pub(crate) ratio: f64,
}

/// Times `subject` against `baseline`, prints the median ratio as `name`, and panics if it is above `limit`.
pub(crate) fn check<A, B>(name: &str, limit: f64, subject: impl FnMut() -> A, baseline: impl FnMut() -> B) {
    let median = measure(subject, baseline).ratio;
    println!("{name} ratio {median:.2}x (limit {limit})");
    assert!(median <= limit, "{name}: {median:.3} is above the limit of {limit}");
}

/// Times `subject` against `baseline`.
pub(crate) fn measure<A, B>(mut subject: impl FnMut() -> A, mut baseline: impl FnMut() -> B) -> Timing {
    let runs = runs_per_batch(&mut baseline);
    let batches: Vec<[f64; 2]> = (0..BATCHES)
        .map(|batch| {
            // Turn about, so that neither side always runs in the other's wake.
            if batch % 2 == 0 {
                let subject = time(runs, &mut subject);
                [subject, time(runs, &mut baseline)]
            } else {
                let baseline = time(runs, &mut baseline);
                [time(runs, &mut subject), baseline]
            }
        })
        .collect();
    let median_of = |figure: fn(&[f64; 2]) -> f64| median(batches.iter().map(figure).collect());
    let runs = f64::from(runs);
    Timing {
        subject: median_of(|batch| batch[0]) / runs,
        baseline: median_of(|batch| batch[1]) / runs,
        ratio: median_of(|batch| batch[0] / batch[1]),
    }
}

/// How often a second `work` runs, by the median batch.
pub(crate) fn rate<T>(mut work: impl FnMut() -> T) -> f64 {
    let runs = runs_per_batch(&mut work);
    f64::from(runs) / median((0..BATCHES).map(|_| time(runs, &mut work)).collect())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
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
