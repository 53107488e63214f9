//! A score as samples.

use alloc::collections::BTreeMap;

use super::Score;
use super::maths::exp;
use super::piano::tone;
use super::room::Room;
use super::score::Strike;

/// Stereo sound as 16-bit integers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pcm {
    /// Title of the music.
    pub title: String,
    /// Who wrote it.
    pub composer: String,
    /// Frames per second.
    pub rate: u32,
    /// Left and right in turns.
    pub samples: Vec<i16>,
}

impl Pcm {
    /// Frames in it.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.samples.len() / 2
    }
}

const RATE: u32 = 44_100;

/// Shades of touch. Every note is synthesised once in each that occurs.
const TOUCHES: f32 = 4.0;

/// Plays a score on the piano, in a room, at 44.1 kHz. The same score gives the same samples on every machine.
#[must_use]
pub fn render(score: &Score) -> Pcm {
    let strikes = score.strikes();
    let dry = play(&strikes);
    let wet = in_a_room(dry);
    Pcm {
        title: score.title.clone(),
        composer: score.composer.clone(),
        rate: RATE,
        samples: to_integers(&wet),
    }
}

/// Seconds that a damped string still sounds, and in which it falls by a factor of e.
const DAMPED: f64 = 0.9;
const DAMPER: f64 = 0.1;

/// The piano, left and right in turns.
fn play(strikes: &[Strike]) -> Vec<f32> {
    let tones = tones(strikes);
    let length = strikes.iter().map(|strike| frames(strike.at + strike.held + DAMPED)).max().unwrap_or(0);
    let mut mixed = vec![0.0; 2 * length];
    let shrink = exp(-1.0 / (DAMPER * f64::from(RATE))) as f32;
    for (index, strike) in strikes.iter().enumerate() {
        let Some(tone) = tones.get(&voice(strike)) else { continue };
        // Fingers are never on time to the millisecond.
        let late = (index as u32).wrapping_mul(0x9e37_79b9) >> 24;
        let start = 2 * (frames(strike.at) + late as usize);
        // As the player hears it: low strings left, high ones right.
        let right = ((f32::from(strike.note.0) - 60.0) / 96.0 + 0.5).clamp(0.25, 0.75);
        let mut gain = 0.25 + 0.75 * strike.force;
        let held = frames(strike.held);
        let damped = frames(strike.held + DAMPED);
        for (at, (frame, sample)) in mixed[start..].chunks_exact_mut(2).zip(tone).take(damped).enumerate() {
            if at > held {
                gain *= shrink;
            }
            frame[0] += gain * (1.0 - right) * sample;
            frame[1] += gain * right * sample;
        }
    }
    mixed
}

/// Note and shade of touch.
type Voice = (u8, u8);

fn voice(strike: &Strike) -> Voice {
    (strike.note.0, (strike.force * TOUCHES) as u8)
}

/// Every tone that occurs, as long as it is ever heard.
fn tones(strikes: &[Strike]) -> BTreeMap<Voice, Vec<f32>> {
    let mut lengths = BTreeMap::<Voice, f64>::new();
    for strike in strikes {
        let length = lengths.entry(voice(strike)).or_default();
        *length = length.max(strike.held + DAMPED);
    }
    let sound = |((note, touch), length): (Voice, f64)| {
        let force = (f64::from(touch) + 0.5) / f64::from(TOUCHES);
        ((note, touch), tone(super::Note(note), force, frames(length), RATE))
    };
    lengths.into_iter().map(sound).collect()
}

/// Adds the room and lets it ring out.
fn in_a_room(mut dry: Vec<f32>) -> Vec<f32> {
    const WET: f32 = 0.16;
    const RING: f64 = 1.6;
    let mut room = Room::new(RATE);
    dry.resize(dry.len() + 2 * frames(RING), 0.0);
    for frame in dry.chunks_exact_mut(2) {
        let (left, right) = room.next(frame[0], frame[1]);
        frame[0] += WET * left;
        frame[1] += WET * right;
    }
    dry
}

/// As loud as fits with 1.5 dB to spare, silent at the very end, rounded with triangular dither (S. Lipshitz et al.,
/// "Quantization and dither", 1992).
fn to_integers(sound: &[f32]) -> Vec<i16> {
    const PEAK: f32 = 27_500.0;
    const FADE: usize = RATE as usize;
    let loudest = sound.iter().fold(1e-9_f32, |loudest, sample| loudest.max(sample.abs()));
    let scale = PEAK / loudest;
    let mut noise = 1_u32;
    let mut dither = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 8) as f32 / 16_777_216.0
    };
    let count = sound.len();
    let round = |(index, sample): (usize, &f32)| {
        let fade = ((count - index) as f32 / FADE as f32).min(1.0);
        (sample * scale * fade + dither() - dither()).round() as i16
    };
    sound.iter().enumerate().map(round).collect()
}

fn frames(seconds: f64) -> usize {
    (seconds * f64::from(RATE)) as usize
}
