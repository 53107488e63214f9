//! What follows from how people listen: how often they sit down to it, how many listen at an hour, which tracks they pick.

use super::{Listening, Tracks};

/// Who hears all but so much of a track has come to its end, in seconds (K10, II-E).
pub(crate) const LAST_S: f64 = 30.0;

/// Sessions of all listeners, on average.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sessions {
    /// The chance that somebody picks the track that follows: after one that was heard to its end, and after one that was left.
    /// What was foreseen follows in all other cases. The first track of a session is always picked.
    pub(crate) picks: (f64, f64),
    /// How many begin in a second at an average hour, for each who does not listen.
    rate: f64,
    /// How long one lasts.
    seconds: f64,
    /// How busy each hour of the day is, against the average one.
    busy: Vec<f64>,
}

impl Sessions {
    /// As many that `playing` of all listen on average, and as many picks that `random` of all plays are picked.
    pub(crate) fn new(listening: &Listening, tracks: &Tracks) -> Self {
        let hours = &listening.hours;
        let mean = hours.iter().sum::<f64>() / hours.len() as f64;
        let mut sessions = Self {
            picks: picks(listening, tracks),
            rate: 0.0,
            seconds: session_s(listening, tracks),
            busy: hours.iter().map(|hour| hour / mean).collect(),
        };
        // Where it is busy more listen already: no formula gives the rate.
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..60 {
            sessions.rate = f64::midpoint(low, high);
            let playing: f64 = sessions.busy.iter().map(|busy| sessions.listening(*busy)).sum();
            if playing / (hours.len() as f64) < listening.playing {
                low = sessions.rate;
            } else {
                high = sessions.rate;
            }
        }
        Self { rate: high, ..sessions }
    }

    /// How many begin in a second, for each who does not listen: at the busiest hour, and at this one.
    pub(crate) fn rates(&self, hour: f64) -> (f64, f64) {
        let most = self.busy.iter().copied().fold(0.0, f64::max);
        (self.rate * most, self.rate * self.busy_at(hour))
    }

    /// The part of all who listen at an hour of the day.
    pub(crate) fn playing(&self, hour: f64) -> f64 {
        self.listening(self.busy_at(hour))
    }

    fn listening(&self, busy: f64) -> f64 {
        let load = self.rate * self.seconds * busy;
        load / (1.0 + load)
    }

    fn busy_at(&self, hour: f64) -> f64 {
        self.busy.get(hour.rem_euclid(24.0) as usize).copied().unwrap_or(1.0)
    }
}

/// When plays of a track of this length are left: between so many seconds and so many, up to that part of them. All others are
/// heard to the end.
pub(crate) fn leaving(listening: &Listening, length_s: f64) -> [(f64, f64, f64); 3] {
    [
        (0.5, 5.0, listening.left_within_5_s),
        (5.0, 30.0, listening.left_within_30_s),
        (30.0, length_s.max(31.0), listening.left_before_end),
    ]
}

/// The least and the most part of plays that can be picked, with all else as the scenario says.
pub(super) fn pickable(listening: &Listening, tracks: &Tracks) -> (f64, f64) {
    let (first, stays) = shares(listening, tracks);
    (first, first + (1.0 - first) * (1.0 - stays * listening.foreseen))
}

fn picks(listening: &Listening, tracks: &Tracks) -> (f64, f64) {
    let (first, stays) = shares(listening, tracks);
    let random = ((listening.random - first) / (1.0 - first)).max(0.0);
    let after_all = 1.0 - listening.foreseen;
    let after_part = (random - stays * after_all) / (1.0 - stays).max(1e-9);
    (after_all.min(random / stays.max(1e-9)), after_part.clamp(0.0, 1.0))
}

/// The parts of plays that are the first of their session, and of those that come to their track's end.
fn shares(listening: &Listening, tracks: &Tracks) -> (f64, f64) {
    let first = play_s(listening, tracks).0 / session_s(listening, tracks);
    let late = (listening.left_before_end - listening.left_within_30_s)
        * (LAST_S / (length_s(tracks) - 30.0).max(LAST_S)).min(1.0);
    (first.min(1.0), 1.0 - listening.left_before_end + late)
}

/// How long a session lasts: nobody leaves before the track ends that plays when it has been long enough.
fn session_s(listening: &Listening, tracks: &Tracks) -> f64 {
    let meant = listening.session_scale_min * 60.0 * libm::tgamma(1.0 + 1.0 / listening.session_shape);
    let (mean, square) = play_s(listening, tracks);
    meant + square / (2.0 * mean)
}

/// How long a track plays: the mean, and the mean of its square.
fn play_s(listening: &Listening, tracks: &Tracks) -> (f64, f64) {
    let whole = length_s(tracks);
    let spans = leaving(listening, whole).into_iter().chain([(whole, whole, 1.0)]);
    let (mean, square, _) = spans.fold((0.0, 0.0, 0.0), |(mean, square, before), (low, high, up_to)| {
        let part = up_to - before;
        let own = (low * low + low * high + high * high) / 3.0;
        (mean + part * (low + high) / 2.0, square + part * own, up_to)
    });
    (mean, square)
}

/// The mean length of a track.
fn length_s(tracks: &Tracks) -> f64 {
    tracks.median_s * libm::exp(tracks.sigma * tracks.sigma / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_tracks_are_picked_as_the_scenario_says() {
        let (listening, tracks) = (Listening::default(), Tracks::default());
        let (first, stays) = shares(&listening, &tracks);
        let (after_all, after_part) = picks(&listening, &tracks);
        assert!((after_all - 0.08).abs() < 1e-9 && (0.6..0.8).contains(&after_part), "{after_part}");
        let random = first + (1.0 - first) * (stays * after_all + (1.0 - stays) * after_part);
        assert!((random - listening.random).abs() < 1e-9, "{random}");
        let (least, most) = pickable(&listening, &tracks);
        let picked = |random| picks(&Listening { random, ..listening.clone() }, &tracks);
        assert_eq!(picked(least), (0.0, 0.0));
        let (after_all, after_part) = picked(most);
        assert!((after_all - 0.08).abs() < 1e-9 && (after_part - 1.0).abs() < 1e-9, "{after_part}");
    }

    #[test]
    fn over_a_day_as_many_listen_as_the_scenario_says() {
        for playing in [0.01, 0.16, 0.5] {
            let listening = Listening { playing, ..Listening::default() };
            let sessions = Sessions::new(&listening, &Tracks::default());
            let day: f64 = (0..24).map(|hour| sessions.playing(f64::from(hour))).sum();
            assert!((day / 24.0 - playing).abs() < 1e-9, "{} for {playing}", day / 24.0);
        }
    }
}
