//! The parts of a scenario. Where a number is the original's, or of its time, the place is named: K10 is Kreitz and Niemelä
//! 2010, "Spotify – Large Scale, Low Latency, P2P Music-on-Demand Streaming".

use serde::{Deserialize, Serialize};
use spotp2p::playout::Ahead;
use spotp2p::tracker::TrackerLimits;

/// When a run begins and ends. The day is simulated time: hour 0 is midnight of a weekday.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The hour of the day at which it begins.
    pub starts_at_h: f64,
    /// Hours before anything is counted.
    pub warm_up_h: f64,
    /// Hours that count.
    pub hours: f64,
}

impl Default for Times {
    fn default() -> Self {
        Self { starts_at_h: 22.0, warm_up_h: 2.0, hours: 24.0 }
    }
}

/// Who there is.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Population {
    /// Clients, those included that are off at a time.
    pub clients: u32,
    /// The part of them that is logged in on average. They stay so long after listening (K10, III).
    pub online: f64,
    /// How long a client stays logged in, in hours; the mean of an exponential time.
    pub online_h: f64,
    /// The part of clients that is on a phone: it takes from peers and gives nothing, over a mobile line.
    pub mobile: f64,
}

impl Default for Population {
    fn default() -> Self {
        Self { clients: 20_000, online: 0.85, online_h: 8.0, mobile: 0.0 }
    }
}

/// How people listen.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listening {
    /// The part of logged-in clients that plays, averaged over a day.
    pub playing: f64,
    /// How long a session lasts, in minutes: the scale of a Weibull time (Zhang et al. 2013 fit one).
    pub session_scale_min: f64,
    /// Its shape.
    pub session_shape: f64,
    /// How busy each hour of the day is against the others.
    pub hours: Vec<f64>,
    /// The part of plays that somebody picked, against those that follow by themselves or by "forward" (K10: 39 %).
    pub random: f64,
    /// Plays left within 5 s (Lamere 2014).
    pub left_within_5_s: f64,
    /// Plays left within 30 s.
    pub left_within_30_s: f64,
    /// Plays left before the end.
    pub left_before_end: f64,
    /// The chance that a picked or next track is one that this listener heard before; what is in the cache follows from it.
    pub repeats: f64,
    /// Tracks that a listener has heard before the run begins.
    pub history: u32,
    /// How much more likely a listener plays again what was heard lately: the exponent of a power law over the rank in
    /// time.
    pub recency: f64,
    /// The chance that who comes to the last half minute of a track hears the one that was to follow (K10, II-E: 92 %).
    /// Others pick more often, so that all in all `random` holds.
    pub foreseen: f64,
}

impl Default for Listening {
    fn default() -> Self {
        Self {
            playing: 0.16,
            session_scale_min: 45.0,
            session_shape: 0.7,
            // A weekday: lowest at two, peaks in the morning and at about eighteen (Zhang et al. 2013).
            hours: vec![
                0.35, 0.2, 0.15, 0.15, 0.2, 0.3, 0.5, 0.8, 1.1, 1.35, 1.35, 1.2, 1.0, 1.1, 1.2, 1.3, 1.45,
                1.6, 1.7, 1.65, 1.5, 1.25, 0.9, 0.55,
            ],
            random: 0.39,
            left_within_5_s: 0.24,
            left_within_30_s: 0.3505,
            left_before_end: 0.486,
            repeats: 0.54,
            history: 250,
            recency: 0.6,
            foreseen: 0.92,
        }
    }
}

/// What there is to hear.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tracks {
    /// Tracks in the catalogue.
    pub count: u32,
    /// How often the track of rank `i` is played: (i + `shift`) to the power of minus `exponent` (Zipf-Mandelbrot). The
    /// defaults give 88 % of plays to 12 % of 100,000 tracks, as K10 found.
    pub exponent: f64,
    /// See `exponent`.
    pub shift: f64,
    /// Median length in seconds, of a log-normal length; none is shorter than 30 s or longer than 20 minutes.
    pub median_s: f64,
    /// Its standard deviation, in the logarithm.
    pub sigma: f64,
    /// Bit rate in kbit/s (K10: 160).
    pub kbit_s: f64,
    /// Milliseconds and bytes of the first tracks, where they are known: all others are as long as the dice say.
    #[serde(default)]
    pub known: Vec<[u32; 2]>,
}

impl Default for Tracks {
    fn default() -> Self {
        Self {
            count: 100_000,
            exponent: 1.318,
            shift: 100.0,
            median_s: 220.0,
            sigma: 0.35,
            kbit_s: 160.0,
            known: Vec::new(),
        }
    }
}

/// Lines of homes and phones.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    /// Median rate towards a home in kbit/s, log-normal (Akamai, Q4 2010).
    pub down_kbit_s: f64,
    /// Its standard deviation, in the logarithm.
    pub down_sigma: f64,
    /// Rate from a home against that towards it.
    pub up_part: f64,
    /// The least rate from a home, in kbit/s.
    pub up_least_kbit_s: f64,
    /// The most.
    pub up_most_kbit_s: f64,
    /// The part of homes whose line is as fast both ways.
    pub symmetric: f64,
    /// Its rate in kbit/s.
    pub symmetric_kbit_s: f64,
    /// Median rate towards a phone, in kbit/s; from it a quarter of that.
    pub mobile_kbit_s: f64,
    /// What a home's router holds back at most, in milliseconds of its rate.
    pub queue_ms: f64,
    /// The chance that something of what goes out at a time is lost, and comes later for it.
    pub loss: f64,
    /// Bytes that may go out before the first acknowledgement (RFC 3390 in 2010, RFC 6928 later).
    pub first_window: u32,
    /// Whether a connection that was idle begins with that again (RFC 5681, 4.1). Of the access point's lines it is
    /// `server.idle_reset` that counts.
    pub idle_reset: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            down_kbit_s: 3_400.0,
            down_sigma: 0.48,
            up_part: 0.125,
            up_least_kbit_s: 400.0,
            up_most_kbit_s: 1_000.0,
            symmetric: 0.2,
            symmetric_kbit_s: 10_000.0,
            mobile_kbit_s: 1_500.0,
            queue_ms: 80.0,
            loss: 0.003,
            first_window: 4_380,
            idle_reset: true,
        }
    }
}

/// How far all are from each other, one way, in milliseconds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Distances {
    /// The least between any two: what a home's line takes at both ends.
    pub least_ms: f64,
    /// Across a continent, added in proportion to the way.
    pub across_ms: f64,
    /// Continents; who lives on one is named peers of the same first if each has its access point.
    pub continents: u32,
    /// From one continent to the next.
    pub ocean_ms: f64,
    /// What the way takes longer at times, at most.
    pub jitter_ms: f64,
}

impl Default for Distances {
    fn default() -> Self {
        Self { least_ms: 8.0, across_ms: 30.0, continents: 1, ocean_ms: 45.0, jitter_ms: 6.0 }
    }
}

/// Who can be dialled.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reach {
    /// The part of homes that can be dialled. Both sides dial; links that stand are not dialled again, and those that failed
    /// are: 0.4 makes 35 to 36 % come about among 5,000 clients (K10, III-F: 35 %).
    pub inbound: f64,
    /// How long a dial to one that can't is tried, in seconds: less than the 20 s after which the client gives it up itself.
    pub gives_up_s: f64,
}

impl Default for Reach {
    fn default() -> Self {
        Self { inbound: 0.4, gives_up_s: 10.0 }
    }
}

/// What clients keep.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caches {
    /// Whether they keep anything.
    pub on: bool,
    /// Clients with 5 GB to 10 GB (K10, II-C: 56 %); the sizes are even.
    pub large: f64,
    /// Clients with 50 MB to 500 MB; all others have up to 5 GB; even in the logarithm.
    pub small: f64,
    /// Most files a client may keep, whatever their size; 0 for no such bound.
    pub files: u32,
    /// Which whole file goes first: `lru` or `s3-fifo`.
    pub eviction: Eviction,
}

/// Which whole file goes first when there is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Eviction {
    /// The least recently used.
    Lru,
    /// As S3-FIFO says.
    S3Fifo,
}

impl Default for Caches {
    fn default() -> Self {
        Self { on: true, large: 0.56, small: 0.1, files: 0, eviction: Eviction::Lru }
    }
}

/// What clients do among each other. The numbers of the machine itself have the machine's defaults.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Peers {
    /// Whether there are any.
    pub on: bool,
    /// Whether the overlay is searched.
    pub overlay_search: bool,
    /// Whether the access point says who holds what.
    pub tracker: bool,
    /// Of a file's holders so many, the latest, are named.
    pub latest: u8,
    /// Nobody is dialled from this many neighbours on.
    pub soft: u8,
    /// Nobody is let in from this many on.
    pub hard: u8,
    /// Peers served at a time.
    pub slots: u8,
    /// Whether files are served of which only a part is held.
    pub partial: bool,
    /// Neighbours asked at first in a search.
    pub few: u8,
    /// Whether a search that goes further reaches neighbours' neighbours.
    pub two_hops: bool,
    /// With so many sources nobody further is looked for.
    pub enough: u8,
    /// One part in so many of what arrives may be asked of a second source as well.
    pub hedge_share: u32,
    /// Pieces that may be asked twice beyond that share.
    pub hedge_allowance: u32,
    /// How far ahead of the sound peers are asked at least, in seconds.
    pub free_ahead_s: f64,
    /// Of what was heard of a track, one part in so many is added to that.
    pub free_growth: u32,
    /// How far ahead of the sound the server is asked while there are peers, in seconds.
    pub ahead_s: f64,
    /// Music asked of the server before anything is here, in seconds.
    pub first_ahead_s: f64,
    /// The same while peers are searched for.
    pub search_ahead_s: f64,
    /// The same while there are none, in seconds.
    pub alone_ahead_s: f64,
}

impl Default for Peers {
    fn default() -> Self {
        let (swarm, planner) = (spotp2p::swarm::Config::default(), spotp2p::planner::Config::PLAYER);
        Self {
            on: true,
            overlay_search: true,
            tracker: true,
            latest: TrackerLimits::DEFAULT.latest as u8,
            soft: swarm.neighbours.soft,
            hard: swarm.neighbours.hard,
            slots: swarm.uploads.slots,
            partial: swarm.uploads.partial,
            few: swarm.search.few,
            two_hops: swarm.search.two_hops,
            enough: swarm.search.enough,
            hedge_share: planner.hedge_share,
            hedge_allowance: planner.hedge_allowance,
            free_ahead_s: planner.free_ahead.as_secs_f64(),
            free_growth: planner.free_growth,
            ahead_s: planner.ahead.as_secs_f64(),
            first_ahead_s: planner.first_ahead.as_secs_f64(),
            search_ahead_s: planner.search_ahead.as_secs_f64(),
            alone_ahead_s: planner.alone_ahead.as_secs_f64().min(36_000.0),
        }
    }
}

/// The access points.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// How many; each has its own clients, tracker and overlay (K10, III-C: two sites).
    pub sites: u32,
    /// Rate from each, in Mbit/s.
    pub up_mbit_s: f64,
    /// What it takes until a question to the catalogue or the store is answered, in milliseconds.
    pub store_ms: f64,
    /// Whether a connection that was idle begins slowly again. The original's did not.
    pub idle_reset: bool,
    /// The hour that counts at which all of them die; negative for never.
    pub dies_at_h: f64,
    /// How long they are gone, in hours.
    pub gone_h: f64,
}

impl Default for Server {
    fn default() -> Self {
        Self { sites: 1, up_mbit_s: 10_000.0, store_ms: 2.0, idle_reset: false, dies_at_h: -1.0, gone_h: 0.5 }
    }
}

/// Web servers that have the music too.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cdn {
    /// Whether there are any.
    pub on: bool,
    /// How far the nearest is, one way, in milliseconds.
    pub away_ms: f64,
    /// The most it sends to one client, in Mbit/s.
    pub up_mbit_s: f64,
}

impl Default for Cdn {
    fn default() -> Self {
        Self { on: false, away_ms: 10.0, up_mbit_s: 100.0 }
    }
}

/// The work of the own machine: no network has a part in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Player {
    /// From the word to start until there is sound: decoder and sound card, in milliseconds.
    pub decoder_ms: f64,
    /// Reading a part of a file from a home's disk, the median in milliseconds; log-normal with a sigma of 0.7, and parts
    /// that follow each other come at once.
    pub disk_ms: f64,
    /// Whether the next track is fetched ahead.
    pub prefetch: bool,
    /// Music left of a track when peers are asked for the next one, in seconds.
    pub peers_ahead_s: f64,
    /// The same when the server is asked for its beginning.
    pub server_ahead_s: f64,
}

impl Default for Player {
    fn default() -> Self {
        let Ahead { peers, server, .. } = spotp2p::planner::Config::PLAYER.next;
        Self {
            decoder_ms: 30.0,
            disk_ms: 12.0,
            prefetch: true,
            peers_ahead_s: peers.as_secs_f64(),
            server_ahead_s: server.as_secs_f64(),
        }
    }
}

/// Those who mean ill.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crooks {
    /// The part of clients that does.
    pub share: f64,
    /// Of them, those that send music that is none.
    pub forge: f64,
    /// Those that promise and never send.
    pub stall: f64,
    /// Those that say that they hold everything.
    pub boast: f64,
}

/// One new track, everybody.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flash {
    /// The hour that counts at which it comes out; negative for never.
    pub at_h: f64,
    /// The part of logged-in clients that wants it.
    pub share: f64,
    /// Within so many minutes.
    pub within_min: f64,
}

impl Default for Flash {
    fn default() -> Self {
        Self { at_h: -1.0, share: 0.8, within_min: 10.0 }
    }
}
