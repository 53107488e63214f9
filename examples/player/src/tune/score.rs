//! Music as text.
//!
//! A line is a bar of four beats: its loudness, 1 to 9, and notes such as `C4`, `F#2` or `Bb3` (`A4` is 440 Hz). Five
//! notes are broken: the first two are struck in turn and held, the other three follow twice, and all of it is
//! repeated, which makes sixteen semiquavers. Sixteen notes are those semiquavers, the first two held. `=` before the
//! notes makes a chord that dies away.

use core::fmt;
use core::time::Duration;

/// A pitch in semitones; 69 is the A of 440 Hz.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Note(pub u8);

/// A stretch of music.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bar {
    /// From 1, hardly heard, to 9, as loud as it gets.
    pub loudness: u8,
    /// How the notes are played.
    pub figure: Figure,
    /// The notes, the lowest first where they are not in the order of playing.
    pub notes: Vec<Note>,
}

/// How the notes of a bar are played.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Figure {
    /// Five notes: two held and three that run, twice over.
    Broken,
    /// Sixteen semiquavers.
    Written,
    /// All at once for two bars, spread a little from below.
    Chord,
}

/// A piece of music.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Score {
    /// What the piece is called.
    pub title: String,
    /// Who wrote it.
    pub composer: String,
    /// The music, four beats a bar.
    pub bars: Vec<Bar>,
    /// Length of a beat.
    pub beat: Duration,
}

impl Score {
    /// How long it takes, without what rings on.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(
            self.bars.iter().map(|bar| bar.beats()).sum::<f64>() * self.beat.as_secs_f64(),
        )
    }

    /// The first bars of it.
    #[must_use]
    pub fn first_bars(mut self, count: usize) -> Self {
        self.bars.truncate(count);
        self
    }

    /// The same in another key, so many semitones up. Notes stay on the keyboard.
    #[must_use]
    pub fn transposed(mut self, semitones: i8) -> Self {
        for note in self.bars.iter_mut().flat_map(|bar| &mut bar.notes) {
            note.0 = note.0.saturating_add_signed(semitones).clamp(21, 108);
        }
        self
    }

    /// Repeated in one key after another until it takes at least so long.
    #[must_use]
    pub fn long(self, at_least: Duration) -> Self {
        const KEYS: [i8; 6] = [0, 5, -2, 3, -5, 2];
        let mut long = self.clone();
        for key in KEYS.into_iter().cycle().skip(1) {
            if long.duration() >= at_least || self.bars.is_empty() {
                break;
            }
            long.bars.extend(self.clone().transposed(key).bars);
        }
        long
    }

    /// Every note in the order in which it is struck.
    pub(super) fn strikes(&self) -> Vec<Strike> {
        let beat = self.beat.as_secs_f64();
        let mut start = 0.0;
        let mut strikes = Vec::new();
        for bar in &self.bars {
            bar.strike(start, beat, &mut strikes);
            start += bar.beats() * beat;
        }
        strikes
    }
}

/// A note in time.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Strike {
    pub(super) note: Note,
    /// From 0 to 1.
    pub(super) force: f32,
    /// Seconds from the start.
    pub(super) at: f64,
    /// Seconds until the damper falls.
    pub(super) held: f64,
}

impl Bar {
    fn beats(&self) -> f64 {
        match self.figure {
            Figure::Broken | Figure::Written => 4.0,
            Figure::Chord => 8.0,
        }
    }

    fn strike(&self, start: f64, beat: f64, into: &mut Vec<Strike>) {
        let semiquaver = beat / 4.0;
        let force = f32::from(self.loudness.clamp(1, 9)) / 9.0;
        let mut put = |note: Note, at: f64, held: f64, force: f32| {
            into.push(Strike { note, force: force.min(1.0), at: start + at, held });
        };
        match self.figure {
            Figure::Broken => {
                for half in 0..2 {
                    // The second time is an echo.
                    let force = if half == 0 { force } else { force * 0.86 };
                    for (step, index) in [0, 1, 2, 3, 4, 2, 3, 4].into_iter().enumerate() {
                        let at = f64::from(8 * half) + step as f64;
                        let accent = [1.0, 0.82, 0.74, 0.78, 0.88, 0.68, 0.72, 0.8][step];
                        put(
                            self.notes[index],
                            at * semiquaver,
                            (8.0 - step as f64) * semiquaver,
                            force * accent,
                        );
                    }
                }
            }
            Figure::Written => {
                for (step, note) in self.notes.iter().enumerate() {
                    let held = if step < 2 { 16 - step } else { (8 - step % 8).min(5) };
                    let accent = if step % 8 == 0 { 1.0 } else { 0.76 };
                    put(*note, step as f64 * semiquaver, held as f64 * semiquaver, force * accent);
                }
            }
            Figure::Chord => {
                for (step, note) in self.notes.iter().enumerate() {
                    put(*note, step as f64 * 0.045, 8.0 * beat, force);
                }
            }
        }
    }
}

/// Reads bars, see the top of this file. Empty lines are nothing.
pub(super) fn read_bars(text: &str) -> Result<Vec<Bar>, ScoreError> {
    text.lines().filter(|line| !line.trim().is_empty()).map(read_bar).collect()
}

/// What is wrong with a line of music.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ScoreError {
    Loudness,
    Note,
    Count,
}

impl fmt::Display for ScoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loudness => "a bar begins with its loudness, 1 to 9",
            Self::Note => "a note is a letter, maybe # or b, and an octave",
            Self::Count => "a bar has five notes, or sixteen, or a chord",
        })
    }
}

fn read_bar(line: &str) -> Result<Bar, ScoreError> {
    let mut words = line.split_whitespace().peekable();
    let loudness = words.next().and_then(|word| word.parse().ok()).ok_or(ScoreError::Loudness)?;
    if !(1..=9).contains(&loudness) {
        return Err(ScoreError::Loudness);
    }
    let is_chord = words.next_if_eq(&"=").is_some();
    let notes: Vec<Note> = words.map(read_note).collect::<Result<_, _>>()?;
    let figure = match (is_chord, notes.len()) {
        (true, 1..) => Figure::Chord,
        (false, 5) => Figure::Broken,
        (false, 16) => Figure::Written,
        _ => return Err(ScoreError::Count),
    };
    Ok(Bar { loudness, figure, notes })
}

fn read_note(word: &str) -> Result<Note, ScoreError> {
    let mut letters = word.chars();
    let step: i8 = match letters.next() {
        Some('C') => 0,
        Some('D') => 2,
        Some('E') => 4,
        Some('F') => 5,
        Some('G') => 7,
        Some('A') => 9,
        Some('B') => 11,
        _ => return Err(ScoreError::Note),
    };
    let rest = letters.as_str();
    let (shift, octave) = match rest.chars().next() {
        Some('#') => (1, &rest[1..]),
        Some('b') => (-1, &rest[1..]),
        _ => (0, rest),
    };
    let octave: i8 = octave.parse().ok().filter(|octave| (0..=8).contains(octave)).ok_or(ScoreError::Note)?;
    u8::try_from(12 * (octave + 1) + step + shift).map(Note).map_err(|_| ScoreError::Note)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_semitones() {
        assert_eq!(read_note("A4"), Ok(Note(69)));
        assert_eq!(read_note("C4"), Ok(Note(60)));
        assert_eq!(read_note("Bb3"), Ok(Note(58)));
        assert_eq!(read_note("F#2"), Ok(Note(42)));
        for bad in ["", "H4", "C", "C#", "C9", "C-1", "c4", "Cb#4"] {
            assert_eq!(read_note(bad), Err(ScoreError::Note), "{bad}");
        }
    }

    #[test]
    fn bars_are_read_by_their_shape() {
        let bar = |text| read_bars(text).map(|bars| bars[0].figure);
        assert_eq!(bar("5 C4 D4 E4 F4 G4"), Ok(Figure::Broken));
        assert_eq!(bar("5 = C4 D4 E4 F4 G4"), Ok(Figure::Chord));
        assert_eq!(bar("5 C4 D4"), Err(ScoreError::Count));
        assert_eq!(bar("5 ="), Err(ScoreError::Count));
        assert_eq!(bar("C4 D4 E4 F4 G4"), Err(ScoreError::Loudness));
        assert_eq!(bar("0 C4 D4 E4 F4 G4"), Err(ScoreError::Loudness));
    }

    #[test]
    fn broken_bars_are_sixteen_strikes_in_time() {
        let bars = read_bars("9 C4 D4 E4 F4 G4").unwrap();
        let score =
            Score { title: String::new(), composer: String::new(), bars, beat: Duration::from_secs(1) };
        let strikes = score.strikes();
        let notes: Vec<u8> = strikes.iter().map(|strike| strike.note.0).collect();
        assert_eq!(notes, [60, 62, 64, 65, 67, 64, 65, 67].repeat(2));
        assert_eq!(strikes[0].force, 1.0);
        assert_eq!((strikes[9].at, strikes[9].held), (2.25, 1.75));
    }

    #[test]
    fn long_music_is_long_enough_and_changes_key() {
        let short = super::super::prelude().first_bars(4);
        let long = short.clone().long(Duration::from_secs(60));
        assert!(long.duration() >= Duration::from_secs(60));
        assert_eq!(
            long.bars[4],
            Bar { notes: short.clone().transposed(5).bars[0].notes.clone(), ..long.bars[0].clone() }
        );
        assert_eq!(long.bars.len() % 4, 0);
        let empty = short.first_bars(0).long(Duration::from_secs(9));
        assert!(empty.bars.is_empty());
    }
}
