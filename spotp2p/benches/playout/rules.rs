//! The rules that others start by, each with one parameter to tune.

use crate::plays::Play;
use spotproto::content::PIECE_LEN;

/// A rule of thumb: the larger its parameter, the later it starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rule {
    /// So many seconds of music are here.
    Seconds,
    /// So many bytes are here.
    Bytes,
    /// Such a part of the track is here.
    Part,
    /// The rest would be here by the end of the track at the mean rate of this download, divided by the parameter.
    MeanRate,
    /// The same with the mean rate of the link's past.
    PastRate,
}

pub(crate) const RULES: [Rule; 5] = [Rule::Seconds, Rule::Bytes, Rule::Part, Rule::MeanRate, Rule::PastRate];

impl Rule {
    /// The largest parameter that makes sense.
    const fn most(self) -> f64 {
        match self {
            Self::Seconds => 240.0,
            Self::Bytes => 3e7,
            Self::Part => 1.0,
            Self::MeanRate | Self::PastRate => 30.0,
        }
    }

    /// When it starts, in seconds after the click: always at an arrival, at the latest with the last.
    pub(crate) fn start(self, play: &Play, parameter: f64) -> f64 {
        let pieces = play.arrivals.len();
        let track = play.due[pieces - 1];
        let enough = |index: usize| {
            let here = index + 1;
            let rest = ((pieces - here) * PIECE_LEN) as f64;
            let at = play.arrivals[index];
            match self {
                Self::Seconds => play.due.get(here).is_none_or(|due| *due >= parameter),
                Self::Bytes => (here * PIECE_LEN) as f64 >= parameter,
                Self::Part => here as f64 >= parameter * pieces as f64,
                Self::MeanRate => {
                    let rate = (here * PIECE_LEN) as f64 / at;
                    rest * parameter <= rate * track
                }
                Self::PastRate => rest * parameter <= play.past_rate * track,
            }
        };
        // Each test, once passed, stays so but for the mean rate's; the first time counts.
        let index = (0..pieces).find(|index| enough(*index)).unwrap_or(pieces - 1);
        play.arrivals[index].max(play.first)
    }

    /// The least parameter with which no more than `stutters` of the plays stutter.
    pub(crate) fn tuned(self, plays: &[Play], stutters: f64) -> f64 {
        let (mut low, mut high) = (0.0, self.most());
        for _ in 0..24 {
            let middle = 0.5 * (low + high);
            let count = plays.iter().filter(|play| play.stutters(self.start(play, middle))).count();
            if count as f64 <= stutters * plays.len() as f64 {
                high = middle;
            } else {
                low = middle;
            }
        }
        high
    }
}
