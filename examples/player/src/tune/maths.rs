//! The few functions that the synthesiser needs, from additions and multiplications alone: the standard library's
//! differ in the last bit from one machine to another, and the music would too.

use core::f64::consts::{FRAC_PI_2, LN_2};

/// Sine and cosine.
pub(super) fn sin_cos(angle: f64) -> (f64, f64) {
    let quadrant = (angle / FRAC_PI_2).round();
    let x = angle - quadrant * FRAC_PI_2;
    let square = x * x;
    let sin = x * series(square, &[1.0, -6.0, 120.0, -5_040.0, 362_880.0, -39_916_800.0, 6_227_020_800.0]);
    let cos = series(square, &[1.0, -2.0, 24.0, -720.0, 40_320.0, -3_628_800.0, 479_001_600.0]);
    match quadrant.rem_euclid(4.0) as u8 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    }
}

/// e to the power of `x`, which is at most a few dozen.
pub(super) fn exp(x: f64) -> f64 {
    let halvings = (x / LN_2).round();
    let rest = x - halvings * LN_2;
    let mut sum = 1.0;
    let mut term = 1.0;
    for step in 1..16 {
        term *= rest / f64::from(step);
        sum += term;
    }
    sum * f64::powi(2.0, halvings as i32)
}

/// How much faster a pitch so many semitones higher is.
pub(super) fn interval(semitones: f64) -> f64 {
    exp(semitones / 12.0 * LN_2)
}

/// The sum of `x`^i / divisor(i).
fn series(x: f64, divisors: &[f64]) -> f64 {
    let mut power = 1.0;
    let mut sum = 0.0;
    for divisor in divisors {
        sum += power / divisor;
        power *= x;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_agree_with_the_library() {
        for step in -400..400 {
            let x = f64::from(step) * 0.037;
            let (sin, cos) = sin_cos(x);
            assert!((sin - x.sin()).abs() < 1e-11 && (cos - x.cos()).abs() < 1e-11, "{x}: {sin} {cos}");
            assert!((exp(x) / x.exp() - 1.0).abs() < 1e-11, "{x}: {}", exp(x));
        }
        assert!((interval(12.0) - 2.0).abs() < 1e-12);
    }
}
