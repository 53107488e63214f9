//! A struck string, as a sum of partials that die away.
//!
//! What makes it a piano and not an organ: partials are a little sharp, for strings are stiff; the hammer strikes at an
//! eighth of the length, so every eighth partial is missing; high partials die first; every note is two strings, a
//! trace out of tune, of which one dies quickly and the other rings on (G. Weinreich, "Coupled piano strings", 1977).

use super::maths::{exp, interval, sin_cos};
use super::score::Note;

/// Oscillators that run side by side, so that the compiler can use wide registers.
const LANES: usize = 8;
const PARTIALS: usize = 24;

/// A note struck with a force from 0 to 1 and never damped, in samples around 1 at most.
pub(super) fn tone(note: Note, force: f64, frames: usize, rate: u32) -> Vec<f32> {
    let mut strings = strings(note, force, f64::from(rate));
    let mut samples = vec![0.0; frames];
    for lanes in &mut strings {
        for sample in &mut samples {
            *sample += lanes.next();
        }
    }
    strike(&mut samples, note, force, rate);
    samples
}

/// Damped oscillators: points that turn around 0 and come closer to it.
struct Lanes {
    x: [f32; LANES],
    y: [f32; LANES],
    cos: [f32; LANES],
    sin: [f32; LANES],
}

impl Lanes {
    const SILENT: Self = Self { x: [0.0; LANES], y: [0.0; LANES], cos: [0.0; LANES], sin: [0.0; LANES] };

    fn next(&mut self) -> f32 {
        let mut sum = 0.0;
        for lane in 0..LANES {
            let (x, y) = (self.x[lane], self.y[lane]);
            self.x[lane] = x * self.cos[lane] - y * self.sin[lane];
            self.y[lane] = x * self.sin[lane] + y * self.cos[lane];
            sum += self.y[lane];
        }
        sum
    }
}

fn strings(note: Note, force: f64, rate: f64) -> Vec<Lanes> {
    let from_middle_c = f64::from(note.0) - 60.0;
    let pitch = 440.0 * interval(f64::from(note.0) - 69.0);
    let stiffness = 2.5e-4 * interval(from_middle_c);
    // Harder and lower is brighter.
    let brightness = (0.72 + 0.16 * force - 0.0045 * from_middle_c).clamp(0.4, 0.93);
    let decay = 0.75 * interval(from_middle_c * 0.6);
    let mut loudness = 0.0;
    let mut oscillators = Vec::with_capacity(2 * PARTIALS);
    let mut rolled_off = 1.0;
    for partial in 1..=PARTIALS {
        let number = partial as f64;
        let frequency = number * pitch * (1.0 + stiffness * number * number).sqrt();
        if frequency > 0.23 * rate {
            break;
        }
        let amplitude = rolled_off / number * sin_cos(core::f64::consts::PI * number / 8.0).0.abs();
        rolled_off *= brightness;
        loudness += amplitude;
        let faster = decay * (1.0 + 0.22 * number);
        oscillators.push((frequency, 0.72 * amplitude, 2.6 * faster));
        oscillators.push((frequency * 1.000_45, 0.28 * amplitude, 0.55 * faster));
    }
    let mut lanes = Vec::new();
    for group in oscillators.chunks(LANES) {
        let mut next = Lanes::SILENT;
        for (lane, (frequency, amplitude, decay)) in group.iter().enumerate() {
            let (sin, cos) = sin_cos(2.0 * core::f64::consts::PI * frequency / rate);
            let shrink = exp(-decay / rate);
            next.x[lane] = (amplitude / loudness) as f32;
            next.sin[lane] = (sin * shrink) as f32;
            next.cos[lane] = (cos * shrink) as f32;
        }
        lanes.push(next);
    }
    lanes
}

/// The hammer: sound swells within milliseconds, with a soft knock of noise.
fn strike(samples: &mut [f32], note: Note, force: f64, rate: u32) {
    let rise = (0.0045 - 0.002 * force) * f64::from(rate);
    for (index, sample) in samples.iter_mut().take(rise as usize).enumerate() {
        let risen = (index as f64 / rise) as f32;
        *sample *= risen * risen * (3.0 - 2.0 * risen);
    }
    let shrink = exp(-140.0 / f64::from(rate)) as f32;
    let mut level = 0.05 * force as f32;
    let (mut slow, mut slower) = (0.0, 0.0);
    let mut noise = 0x9e37_79b9_u32 ^ u32::from(note.0).wrapping_mul(0x85eb_ca6b);
    for sample in samples.iter_mut().take(rate as usize / 20) {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let white = (noise >> 8) as f32 / 8_388_608.0 - 1.0;
        slow += 0.12 * (white - slow);
        slower += 0.01 * (slow - slower);
        *sample += level * (slow - slower);
        level *= shrink;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 44_100;

    fn power(samples: &[f32]) -> f32 {
        samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32
    }

    /// Power at one frequency (Goertzel).
    fn power_at(samples: &[f32], frequency: f64) -> f64 {
        let coefficient = 2.0 * sin_cos(2.0 * core::f64::consts::PI * frequency / f64::from(RATE)).1;
        let (mut last, mut before) = (0.0, 0.0);
        for sample in samples {
            (last, before) = (f64::from(*sample) + coefficient * last - before, last);
        }
        (last * last + before * before - coefficient * last * before) / samples.len() as f64
    }

    #[test]
    fn a_tone_has_its_pitch_and_dies_away() {
        let tone = tone(Note(69), 0.6, 2 * RATE as usize, RATE);
        let fundamental = power_at(&tone[2_000..22_000], 440.0);
        for elsewhere in [415.3, 466.2, 640.0] {
            assert!(fundamental > 100.0 * power_at(&tone[2_000..22_000], elsewhere), "{elsewhere} Hz");
        }
        assert!(power(&tone[..8_000]) > 5.0 * power(&tone[60_000..68_000]));
        assert!(tone.iter().all(|sample| sample.abs() <= 1.0));
    }

    #[test]
    fn harder_strokes_are_brighter() {
        let overtones = |force| {
            let tone = tone(Note(60), force, 20_000, RATE);
            power_at(&tone, 5.0 * 261.63) / power_at(&tone, 261.63)
        };
        assert!(overtones(0.9) > 1.3 * overtones(0.2));
    }
}
