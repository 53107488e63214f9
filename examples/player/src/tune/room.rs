//! A room: eight echoes that feed each other (J. Stautner and M. Puckette, "Designing multi-channel reverberators",
//! 1982), with the treble fading first.

use super::maths::exp;

/// Delays in samples at 44.1 kHz: primes between 23 and 61 ms, so that no two echoes coincide.
const DELAYS: [usize; 8] = [1_031, 1_187, 1_361, 1_559, 1_787, 2_053, 2_351, 2_689];

/// Seconds until an echo is down by 60 dB.
const RING: f64 = 1.7;

/// How much of the treble a pass through the room takes.
const DAMPING: f32 = 0.34;

pub(super) struct Room {
    walls: [Wall; 8],
}

/// One of the echoes.
struct Wall {
    line: Vec<f32>,
    at: usize,
    gain: f32,
    dull: f32,
}

impl Room {
    pub(super) fn new(rate: u32) -> Self {
        let wall = |delay: usize| {
            let delay = (delay * rate as usize / 44_100).max(1);
            let gain = exp(-6.907_755 * delay as f64 / (RING * f64::from(rate))) as f32;
            Wall { line: vec![0.0; delay], at: 0, gain, dull: 0.0 }
        };
        Self { walls: DELAYS.map(wall) }
    }

    /// What a sound of this moment, left and right, sounds like in the room a little later.
    pub(super) fn next(&mut self, left: f32, right: f32) -> (f32, f32) {
        let mut waves = [0.0; 8];
        for (wave, wall) in waves.iter_mut().zip(&mut self.walls) {
            *wave = wall.heard();
        }
        let out = (waves[0] - waves[2] + waves[4] - waves[6], waves[1] - waves[3] + waves[5] - waves[7]);
        mix(&mut waves);
        let inputs = [left, right].into_iter().cycle();
        for ((wall, wave), input) in self.walls.iter_mut().zip(waves).zip(inputs) {
            wall.send(wave, input);
        }
        out
    }
}

impl Wall {
    fn heard(&mut self) -> f32 {
        self.dull += (1.0 - DAMPING) * (self.line[self.at] - self.dull);
        self.dull
    }

    fn send(&mut self, wave: f32, input: f32) {
        self.line[self.at] = self.gain * wave + input;
        self.at = (self.at + 1) % self.line.len();
    }
}

/// Spreads every wave over all lines and loses nothing (a Hadamard matrix over √8).
fn mix(waves: &mut [f32; 8]) {
    for stride in [1, 2, 4] {
        for first in (0..8).filter(|first| first & stride == 0) {
            let (a, b) = (waves[first], waves[first + stride]);
            waves[first] = a + b;
            waves[first + stride] = a - b;
        }
    }
    waves.iter_mut().for_each(|wave| *wave *= 0.353_553_4);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_echo_fades_at_the_rate_of_the_room() {
        let mut room = Room::new(44_100);
        room.next(1.0, 1.0);
        let mut loudest = |frames: usize| {
            (0..frames).map(|_| room.next(0.0, 0.0)).map(|(l, r)| l.abs().max(r.abs())).fold(0.0, f32::max)
        };
        let early = loudest(8_820);
        let late = loudest(88_200).min(loudest(8_820));
        assert!(early > 0.1 && late < early / 100.0, "{early} {late}");
    }
}
