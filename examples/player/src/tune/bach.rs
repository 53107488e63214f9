//! Johann Sebastian Bach (1685–1750), Prelude in C major, BWV 846/1, from the first book of the Well-Tempered Clavier
//! (autograph of 1722). In the public domain everywhere; written out here from the notes of the Bach-Gesellschaft's
//! edition (vol. 14, 1866), whose editor died in 1885.

use core::time::Duration;

use super::Score;
use super::score::read_bars;

/// The whole prelude: 35 bars, a little over two minutes.
#[must_use]
pub fn prelude() -> Score {
    let bars = read_bars(BARS).expect("the notes below are well written, as a test shows");
    Score {
        title: "Prelude in C major, BWV 846".into(),
        composer: "Johann Sebastian Bach".into(),
        bars,
        // Crotchet = 69.
        beat: Duration::from_nanos(869_565_217),
    }
}

/// A line a bar: loudness from 1 to 9, then what `score.rs` says.
const BARS: &str = "
5 C4 E4 G4 C5 E5
5 C4 D4 A4 D5 F5
6 B3 D4 G4 D5 F5
5 C4 E4 G4 C5 E5
6 C4 E4 A4 E5 A5
5 C4 D4 F#4 A4 D5
6 B3 D4 G4 D5 G5
5 B3 C4 E4 G4 C5
5 A3 C4 E4 G4 C5
6 D3 A3 D4 F#4 C5
5 G3 B3 D4 G4 B4
6 G3 Bb3 E4 G4 C#5
5 F3 A3 D4 A4 D5
6 F3 Ab3 D4 F4 B4
5 E3 G3 C4 G4 C5
4 E3 F3 A3 C4 F4
4 D3 F3 A3 C4 F4
5 G2 D3 G3 B3 F4
4 C3 E3 G3 C4 E4
5 C3 G3 Bb3 C4 E4
4 F2 F3 A3 C4 E4
6 F#2 C3 A3 C4 Eb4
7 Ab2 F3 B3 C4 D4
6 G2 F3 G3 B3 D4
5 G2 E3 G3 C4 E4
5 G2 D3 G3 C4 F4
6 G2 D3 G3 B3 F4
7 G2 Eb3 A3 C4 F#4
7 G2 E3 G3 C4 G4
6 G2 D3 G3 C4 F4
6 G2 D3 G3 B3 F4
5 C2 C3 G3 Bb3 E4
5 C2 C3 F3 A3 C4 F4 C4 A3 C4 A3 F3 A3 F3 D3 F3 D3
4 C2 B2 G4 B4 D5 F5 D5 B4 D5 B4 G4 B4 D4 F4 E4 D4
3 = C2 C3 E4 G4 C5
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Figure;

    #[test]
    fn the_prelude_is_all_there() {
        let score = prelude();
        assert_eq!(score.bars.len(), 35);
        assert_eq!(score.bars.iter().filter(|bar| bar.figure == Figure::Broken).count(), 32);
        assert!(score.duration() > Duration::from_secs(120), "{:?}", score.duration());
    }
}
