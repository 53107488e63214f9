//! What is counted while a run goes on. Each thread has its own, and they are added up.

use super::Histogram;
use serde::{Deserialize, Serialize};
use spotp2p::planner::Kind;

/// All that is counted of a run after its warm-up. Times are in microseconds, amounts in bytes.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Tally {
    /// By the hour, from the end of the warm-up.
    pub hours: Vec<Hour>,
    /// Music that was heard, by where it came from.
    pub played: Sources,
    /// Music that came over a network, by where from, heard or not.
    pub fetched: Sources,
    /// From somebody's word to the sound.
    pub starts: Starts,
    /// Sound that stopped for want of music.
    pub stutters: Stutters,
    /// Who was found for a track that had to be fetched.
    pub found: Found,
    /// Neighbours of each client that is logged in, looked at once an hour.
    pub degrees: Histogram,
    /// What clients gave.
    pub uploads: Uploads,
    /// What the access points had to do.
    pub server: ServerLoad,
    /// What went from peer to peer.
    pub peers: PeerBytes,
    /// Links that were tried.
    pub dials: Dials,
    /// What those did who mean ill.
    pub ill: Ill,
    /// What came of each play of a written list, if there is one, in the list's order.
    #[serde(default)]
    pub heard: Vec<Heard>,
}

/// What came of a play of a written list.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Its place in the list.
    pub number: u32,
    /// Who listened.
    pub who: u32,
    /// The track.
    pub track: u32,
    /// When it was asked for, in seconds.
    pub asked_s: f64,
    /// When it was over, in seconds.
    pub over_s: f64,
    /// From the word to the sound, in milliseconds; none if there was no sound.
    pub start_ms: Option<f64>,
    /// All that sounds first was here at the word: in the cache, or fetched ahead.
    pub held: bool,
    /// Times that the sound stopped for want of music.
    pub stutters: u32,
    /// What came to the player for it, heard or not.
    pub came: Sources,
}

/// An hour.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Hour {
    /// Music heard.
    pub played: Sources,
    /// Music fetched.
    pub fetched: Sources,
    /// Plays that began to sound.
    pub starts: u64,
    /// Plays that ended and had stuttered.
    pub stuttered: u64,
    /// Clients logged in, at the hour's end.
    pub online: u64,
    /// Clients that play, at the hour's end.
    pub playing: u64,
    /// The most bytes that an access point sent within one second.
    pub server_peak: u64,
}

/// Bytes by where they came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sources {
    /// The own cache.
    pub cache: u64,
    /// Peers.
    pub peers: u64,
    /// Web servers.
    pub cdn: u64,
    /// The access point.
    pub server: u64,
}

/// From somebody's word to the sound. Who waits for 20 s in vain, or is refused, goes on to something else: that counts as 20
/// s. What the new track that everybody wants, or the end of the program, cuts short before it sounds counts with none of
/// these.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Starts {
    /// All plays.
    pub all: Histogram,
    /// Those of which all that sounded first was here: in the cache, or fetched ahead.
    pub held: Histogram,
    /// All others.
    pub fetched: Histogram,
    /// Those of which the cache had not all of that when they were picked, or first thought of as the next.
    pub new: Histogram,
    /// Those that followed by themselves or by "forward".
    pub predictable: Histogram,
    /// Those that somebody picked.
    pub random: Histogram,
    /// Of all plays, those that were given up before anything sounded.
    pub given_up: u64,
}

/// Sound that stopped for want of music.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Stutters {
    /// Plays that sounded and ended.
    pub plays: u64,
    /// Those of them that stuttered.
    pub stuttered: u64,
    /// How long each stutter took.
    pub silence: Histogram,
}

/// Who was found for tracks that had to be fetched, by how they were found.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// By the tracker and by the overlay.
    pub both: u64,
    /// By the tracker only.
    pub tracker: u64,
    /// By the overlay only.
    pub overlay: u64,
    /// Nobody was.
    pub nobody: u64,
    /// Those named for each, by either.
    pub named: Histogram,
}

/// What clients gave.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Uploads {
    /// Bytes that each client gave in all.
    pub given: Histogram,
    /// The part of all that each tenth of the clients gave, those first that gave most.
    pub tenths: Vec<f64>,
}

/// What the access points had to do.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct ServerLoad {
    /// Bytes sent in all, everything counted.
    pub sent: u64,
    /// Messages taken.
    pub messages: u64,
    /// Requests for music for each play that fetched any of it.
    pub requests: Histogram,
    /// Bytes of music that each request asked for.
    pub asked: Histogram,
}

/// What went from peer to peer, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct PeerBytes {
    /// Music that was heard in the play for which it was fetched.
    pub used: u64,
    /// Music that was not: left before, or fetched ahead for nothing. It may be heard later, out of the cache.
    pub unused: u64,
    /// Music that came though it was here already, or was thrown away.
    pub twice: u64,
    /// Queries and hits.
    pub search: u64,
    /// Everything else: wants, slots, requests, proofs, greetings, and what frames each piece.
    pub other: u64,
    /// Pings of idle links and their answers.
    pub keep_alive: u64,
}

/// Links that were tried.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Dials {
    /// How many.
    pub tried: u64,
    /// Those that stood.
    pub stood: u64,
    /// Those that one side wanted no more before they could stand or fail.
    pub called_off: u64,
}

/// What those did who mean ill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ill {
    /// Pieces that were no music, and were seen to be none.
    pub forged: u64,
    /// Links that were ended and reported for it.
    pub reported: u64,
    /// Clients that access points named no more.
    pub shunned: u64,
}

impl Sources {
    /// Counts bytes from a source.
    pub fn count(&mut self, kind: Kind, bytes: u64) {
        *match kind {
            Kind::Cache => &mut self.cache,
            Kind::Lan | Kind::Peer => &mut self.peers,
            Kind::Cdn => &mut self.cdn,
            Kind::Server => &mut self.server,
        } += bytes;
    }

    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.cache + self.peers + self.cdn + self.server
    }

    /// Adds what another one counted.
    pub const fn add(&mut self, other: &Self) {
        self.cache += other.cache;
        self.peers += other.peers;
        self.cdn += other.cdn;
        self.server += other.server;
    }

    /// The access point's part of all, from 0 to 1.
    #[must_use]
    pub fn server_share(&self) -> f64 {
        part(self.server, self.all())
    }

    /// The cache's part of all, from 0 to 1.
    #[must_use]
    pub fn cache_share(&self) -> f64 {
        part(self.cache, self.all())
    }

    /// The peers' part of all, from 0 to 1.
    #[must_use]
    pub fn peer_share(&self) -> f64 {
        part(self.peers, self.all())
    }
}

impl Found {
    /// Look-ups in all.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.both + self.tracker + self.overlay + self.nobody
    }

    /// The part for which somebody was found, from 0 to 1.
    #[must_use]
    pub fn found(&self) -> f64 {
        part(self.all() - self.nobody, self.all())
    }
}

impl PeerBytes {
    /// All of them.
    #[must_use]
    pub const fn all(&self) -> u64 {
        self.used + self.unused + self.twice + self.search + self.other + self.keep_alive
    }

    /// The part that is no music which could be of use, from 0 to 1: K10's overhead, in which music that was not heard
    /// counts.
    #[must_use]
    pub fn overhead(&self) -> f64 {
        part(self.all() - self.used, self.all())
    }
}

impl Uploads {
    /// Takes what each client gave.
    pub fn take(&mut self, mut given: Vec<u64>) {
        given.iter().for_each(|bytes| self.given.record(*bytes));
        given.sort_unstable_by(|one, other| other.cmp(one));
        let (all, count) = (given.iter().sum::<u64>(), given.len());
        let tenth = |number: usize| {
            let those = &given[count * number / 10..count * (number + 1) / 10];
            part(those.iter().sum(), all)
        };
        self.tenths = (0..10).map(tenth).collect();
    }
}

impl Stutters {
    /// The part of plays that stuttered, from 0 to 1.
    #[must_use]
    pub fn rate(&self) -> f64 {
        part(self.stuttered, self.plays)
    }
}

impl Tally {
    /// Adds what another thread counted of the same run.
    pub fn add(&mut self, other: &Self) {
        if self.hours.len() < other.hours.len() {
            self.hours.resize(other.hours.len(), Hour::default());
        }
        for (own, its) in self.hours.iter_mut().zip(&other.hours) {
            own.add(its);
        }
        self.played.add(&other.played);
        self.fetched.add(&other.fetched);
        self.starts.add(&other.starts);
        self.stutters.plays += other.stutters.plays;
        self.stutters.stuttered += other.stutters.stuttered;
        self.stutters.silence.add(&other.stutters.silence);
        self.found.add(&other.found);
        self.degrees.add(&other.degrees);
        self.uploads.given.add(&other.uploads.given);
        self.server.sent += other.server.sent;
        self.server.messages += other.server.messages;
        self.server.requests.add(&other.server.requests);
        self.server.asked.add(&other.server.asked);
        self.peers.add(other.peers);
        self.dials.tried += other.dials.tried;
        self.dials.stood += other.dials.stood;
        self.dials.called_off += other.dials.called_off;
        self.heard.extend(other.heard.iter().cloned());
        self.heard.sort_by_key(|heard| heard.number);
        self.ill.forged += other.ill.forged;
        self.ill.reported += other.ill.reported;
        self.ill.shunned += other.ill.shunned;
    }

    /// The hour that has this number, made if it is not there.
    pub fn hour(&mut self, number: usize) -> &mut Hour {
        if self.hours.len() <= number {
            self.hours.resize(number + 1, Hour::default());
        }
        &mut self.hours[number]
    }
}

impl Hour {
    fn add(&mut self, other: &Self) {
        self.played.add(&other.played);
        self.fetched.add(&other.fetched);
        self.starts += other.starts;
        self.stuttered += other.stuttered;
        self.online += other.online;
        self.playing += other.playing;
        self.server_peak = self.server_peak.max(other.server_peak);
    }
}

impl Starts {
    fn add(&mut self, other: &Self) {
        self.all.add(&other.all);
        self.held.add(&other.held);
        self.fetched.add(&other.fetched);
        self.new.add(&other.new);
        self.predictable.add(&other.predictable);
        self.random.add(&other.random);
        self.given_up += other.given_up;
    }
}

impl Found {
    fn add(&mut self, other: &Self) {
        self.both += other.both;
        self.tracker += other.tracker;
        self.overlay += other.overlay;
        self.nobody += other.nobody;
        self.named.add(&other.named);
    }
}

impl PeerBytes {
    const fn add(&mut self, other: Self) {
        self.used += other.used;
        self.unused += other.unused;
        self.twice += other.twice;
        self.search += other.search;
        self.other += other.other;
        self.keep_alive += other.keep_alive;
    }
}

fn part(some: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { some as f64 / all as f64 }
}
