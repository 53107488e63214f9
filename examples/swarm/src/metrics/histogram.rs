//! A distribution in little room: buckets that grow with what they hold.

use serde::{Deserialize, Serialize};

/// Buckets in each doubling: what is told is right within 1/32.
const STEPS: usize = 16;

/// Bits of [`STEPS`].
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// How often whole numbers came up, right within three in a hundred; exact below 16.
///
/// Worst-case memory: 976 counts of 8 bytes, whatever is recorded.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Histogram {
    /// How many were recorded.
    pub count: u64,
    /// Their sum.
    pub sum: f64,
    /// The largest.
    pub most: u64,
    /// How many in each bucket: bucket, count. Empty ones are left out.
    #[serde(with = "sparse")]
    buckets: Vec<u64>,
}

impl Histogram {
    /// Records a number.
    pub fn record(&mut self, value: u64) {
        let at = bucket(value);
        if self.buckets.len() <= at {
            self.buckets.resize(at + 1, 0);
        }
        self.buckets[at] += 1;
        self.count += 1;
        self.sum += value as f64;
        self.most = self.most.max(value);
    }

    /// Adds what another one recorded.
    pub fn add(&mut self, other: &Self) {
        if self.buckets.len() < other.buckets.len() {
            self.buckets.resize(other.buckets.len(), 0);
        }
        for (own, its) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += its;
        }
        self.count += other.count;
        self.sum += other.sum;
        self.most = self.most.max(other.most);
    }

    /// The mean; 0 of nothing.
    #[must_use]
    pub fn mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.sum / self.count as f64 }
    }

    /// The number that a part of `part` is at or below, from 0 to 1; 0 of nothing.
    #[must_use]
    pub fn quantile(&self, part: f64) -> f64 {
        let wanted = (part.clamp(0.0, 1.0) * self.count as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            if below + count >= wanted {
                let (low, high) = (floor(at) as f64, floor(at + 1) as f64);
                if high - low <= 1.0 {
                    return low;
                }
                let within = (wanted - below) as f64 / *count as f64;
                return (low + (high - low) * within).min(self.most as f64);
            }
            below += count;
        }
        self.most as f64
    }

    /// The part of what was recorded that is below `limit`, from 0 to 1, by whole buckets; 0 of nothing.
    #[must_use]
    pub fn part_below(&self, limit: u64) -> f64 {
        let below: u64 = self.buckets.iter().take(bucket(limit)).sum();
        if self.count == 0 { 0.0 } else { below as f64 / self.count as f64 }
    }

    /// Buckets that are not empty: the least number of each, the least of the next one, and how many.
    pub fn buckets(&self) -> impl Iterator<Item = (u64, u64, u64)> + '_ {
        let all = self.buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        all.map(|(at, count)| (floor(at), floor(at + 1), *count))
    }
}

fn bucket(value: u64) -> usize {
    if value < STEPS as u64 {
        return value as usize;
    }
    let doubling = value.ilog2() - STEP_BITS;
    let step = (value >> doubling) as usize - STEPS;
    (doubling as usize + 1) * STEPS + step
}

/// The least number in a bucket.
fn floor(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let (doubling, step) = (bucket / STEPS - 1, bucket % STEPS);
    ((STEPS + step) as u64).checked_shl(doubling as u32).unwrap_or(u64::MAX)
}

mod sparse {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(buckets: &[u64], to: S) -> Result<S::Ok, S::Error> {
        let full = buckets.iter().enumerate().filter(|(_, count)| **count > 0);
        full.map(|(at, count)| (at as u64, *count)).collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let full: Vec<(u64, u64)> = Vec::deserialize(from)?;
        let mut buckets = Vec::new();
        for (at, count) in full {
            let at = usize::try_from(at).ok().filter(|at| *at < super::bucket(u64::MAX) + 1);
            let at = at.ok_or_else(|| serde::de::Error::custom("there is no such bucket"))?;
            if buckets.len() <= at {
                buckets.resize(at + 1, 0);
            }
            buckets[at] = count;
        }
        Ok(buckets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_lie_behind_each_other_and_every_number_is_in_its_own() {
        for at in 0..bucket(u64::MAX) {
            assert!(floor(at) < floor(at + 1), "{at}");
            assert_eq!((bucket(floor(at)), bucket(floor(at + 1) - 1)), (at, at));
        }
        assert_eq!(bucket(u64::MAX), 975);
    }

    #[test]
    fn quantiles_are_right_within_three_in_a_hundred() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|value| histogram.record(value));
        for part in [0.01, 0.5, 0.9, 0.99] {
            let exact = part * 100_000.0;
            assert!((histogram.quantile(part) - exact).abs() <= 0.04 * exact, "{part}");
        }
        assert!((histogram.mean() - 50_000.5).abs() < 1e-6);
        assert!((histogram.quantile(1.0) - 100_000.0).abs() < 1e-9);
        assert!((histogram.part_below(50_000) - 0.5).abs() < 0.04);
        assert!(Histogram::default().quantile(0.5).abs() < 1e-9);
        let mut few = Histogram::default();
        (0..70).for_each(|_| few.record(1));
        (0..30).for_each(|_| few.record(5));
        assert_eq!([0.5, 0.7, 0.71].map(|part| few.quantile(part) as u64), [1, 1, 5]);
    }

    #[test]
    fn two_that_are_added_are_as_one_that_saw_all() {
        let (mut one, mut other, mut all) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for value in 0..1000 {
            all.record(value * value);
            if value % 3 == 0 { one.record(value * value) } else { other.record(value * value) }
        }
        one.add(&other);
        assert_eq!(one, all);
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Histogram>(&text).unwrap(), all);
    }
}
