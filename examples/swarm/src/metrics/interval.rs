//! How sure a mean over a few seeds is.

/// A mean, and how far from it the true one is at most with a chance of 95 in 100.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Interval {
    /// The mean.
    pub mean: f64,
    /// Half the interval's width; infinite of a single value.
    pub half: f64,
}

/// Student's t at 97.5 %, by degrees of freedom from 1 on (Student 1908); beyond the table its last, which is a little wide.
const T: [f64; 30] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
];

impl Interval {
    /// Of these values; `None` of none.
    #[must_use]
    pub fn of(values: &[f64]) -> Option<Self> {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let free = values.len().checked_sub(1)?;
        if free == 0 {
            return Some(Self { mean, half: f64::INFINITY });
        }
        let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
        let error = libm::sqrt(squares / free as f64 / count);
        Some(Self { mean, half: T.get(free - 1).or(T.last()).copied().unwrap_or(1.96) * error })
    }

    /// Whether nothing is not among what it may be.
    #[must_use]
    pub fn is_not_nil(&self) -> bool {
        self.mean.abs() > self.half
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_student_s() {
        assert_eq!(Interval::of(&[]), None);
        assert_eq!(Interval::of(&[4.0]), Some(Interval { mean: 4.0, half: f64::INFINITY }));
        let three = Interval::of(&[1.0, 2.0, 3.0]).unwrap();
        // s = 1, so the half is 4.303 / √3.
        assert!((three.mean - 2.0).abs() < 1e-12 && (three.half - 2.4843).abs() < 1e-3, "{three:?}");
        assert!(!three.is_not_nil() && Interval::of(&[2.0, 2.1, 1.9]).unwrap().is_not_nil());
    }
}
