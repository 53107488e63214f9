//! The numbers of a planner.

use super::source::Kind;
use crate::playout::Ahead;
use core::time::Duration;

/// What is expected of a source that nothing is known of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prior {
    /// Bytes a second.
    pub bytes_per_s: u32,
    /// From asking to the first byte.
    pub round_trip: Duration,
    /// How wrong a predicted arrival is on average.
    pub deviation: Duration,
}

/// Every number that a planner decides by, and when it is to have another track beside the one that plays.
#[derive(Clone, PartialEq, Debug)]
pub struct Config {
    /// Music asked of paid sources before anything has arrived.
    pub first_ahead: Duration,
    /// How far ahead of the play point paid sources are asked while there are peers (Kreitz and Niemelä 2010: about 15 s).
    pub ahead: Duration,
    /// The same while there are none yet, and some are searched for.
    pub search_ahead: Duration,
    /// The same where none were found and some may be later; where none ever will, the whole track. Unless it is all, somebody
    /// has to say what sounds, or nothing goes on.
    pub alone_ahead: Duration,
    /// How far ahead of the play point free sources are asked at least: with half of all plays left before their end
    /// (Lamere 2014), each second of it is a third of a percent of what peers send. Never less than what a start waits for,
    /// or than what is urgent; and where a catch-up point is further away, from there on.
    pub free_ahead: Duration,
    /// Of what was heard of the track, one part in this many is added to that.
    pub free_growth: u32,
    /// A piece this close to its deadline, beside the time that it takes, is asked of a paid source whatever peers promise.
    pub urgent: Duration,
    /// The soonest that playing can start after it was asked for.
    pub start_aim: Duration,
    /// The chance of being late from which on a piece is asked of a second source as well.
    pub hedge_odds: f64,
    /// The most that such seconds may be of all bytes that arrived: one part in this many.
    pub hedge_share: u32,
    /// Pieces that may be asked twice beyond that share, so that a start can be saved too.
    pub hedge_allowance: u32,
    /// When a node fetches the next track. It stands here since nodes share these numbers, and have no room for their own.
    pub next: Ahead,
    /// Silence after which a source's pieces are moved to others; twice as long each time.
    pub give_up: Duration,
    /// How long such a source rests; twice as long each time.
    pub rest: Duration,
    /// How long a source rests that was busy.
    pub busy: Duration,
    /// Without deadlines, how long nothing must have come from peers before a paid source is asked.
    pub patience: Duration,
    /// Pieces ahead of the decoder that there is room for.
    pub keep: u32,
    /// Whether pieces behind the decoder are fetched too, from free sources, when there is nothing else to do. Needs room
    /// for the whole file.
    pub whole: bool,
    /// The most sources.
    pub sources: usize,
    /// Outputs queued before no more are made until they are taken.
    pub outputs: usize,
    /// By [`Kind`], from cache to server.
    pub priors: [Prior; Kind::COUNT],
}

impl Config {
    /// What a client takes. Where no peers are, a track is fetched whole, whether or not anybody hears it.
    pub const DEFAULT: Self = Self {
        first_ahead: Duration::from_secs(3),
        ahead: Duration::from_secs(15),
        search_ahead: Duration::from_secs(5),
        alone_ahead: Duration::MAX,
        free_ahead: Duration::from_secs(4),
        free_growth: 32,
        urgent: Duration::from_secs(3),
        start_aim: Duration::from_millis(200),
        hedge_odds: 0.05,
        hedge_share: 20,
        hedge_allowance: 8,
        next: Ahead::DEFAULT,
        give_up: Duration::from_secs(5),
        rest: Duration::from_secs(5),
        busy: Duration::from_secs(1),
        patience: Duration::from_secs(10),
        keep: u32::MAX,
        whole: true,
        sources: 128,
        outputs: 64,
        priors: [
            prior(50_000_000, 2, 5),
            prior(5_000_000, 5, 50),
            // A quarter of an uplink of 1.6 Mbit/s: four peers are served at once.
            prior(50_000, 100, 400),
            prior(1_000_000, 60, 150),
            prior(500_000, 100, 100),
        ],
    };

    /// What a player takes, that says what sounds: where no peers are found the server is asked half a minute ahead, since
    /// most of what it sent was fetched at once while peers could still be found (docs/findings.md).
    pub const PLAYER: Self = Self { alone_ahead: Duration::from_secs(30), ..Self::DEFAULT };
}

impl Default for Config {
    fn default() -> Self {
        Self::DEFAULT
    }
}

const fn prior(bytes_per_s: u32, round_trip_ms: u64, deviation_ms: u64) -> Prior {
    Prior {
        bytes_per_s,
        round_trip: Duration::from_millis(round_trip_ms),
        deviation: Duration::from_millis(deviation_ms),
    }
}
