//! A ratio of two timings, measured so that a busy machine does not decide it.
//!
//! The two sides run in turn, batch by batch, so both meet the same load and clock; the median of the batches'
//! ratios drops those that an interruption hit.

use core::hint::black_box;
use core::time::Duration;
use std::time::Instant;

/// Batches whose ratios are compared; odd, so that there is a middle one.
const BATCHES: usize = 401;
/// A batch lasts about this long: well above the clock's grain, well below a time slice.
const BATCH: Duration = Duration::from_millis(2);

/// Times `subject` against `baseline`, prints the median ratio as `name`, and panics if it is above `limit`.
pub(crate) fn check<A, B>(
    name: &str,
    limit: f64,
    mut subject: impl FnMut() -> A,
    mut baseline: impl FnMut() -> B,
) {
    let runs = runs_per_batch(&mut baseline);
    let mut ratios: Vec<f64> = (0..BATCHES)
        .map(|batch| {
            // Turn about, so that neither side always runs in the other's wake.
            if batch % 2 == 0 {
                let subject = time(runs, &mut subject);
                subject / time(runs, &mut baseline)
            } else {
                let baseline = time(runs, &mut baseline);
                time(runs, &mut subject) / baseline
            }
        })
        .collect();
    ratios.sort_by(f64::total_cmp);
    let median = ratios[BATCHES / 2];
    println!("{name} ratio {median:.2}x (limit {limit})");
    assert!(median <= limit, "{name}: {median:.3} is above the limit of {limit}");
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
