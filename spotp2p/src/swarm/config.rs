//! Every number that the overlay goes by.

use super::neighbours::MOST_NEIGHBOURS;
use alloc::sync::Arc;
use core::time::Duration;

/// Every number that a swarm goes by. What the original used is in docs/sources.md; where it published nothing, the
/// defaults are choices of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// How many neighbours, and which go first.
    pub neighbours: NeighbourConfig,
    /// How far a search goes, and what of others' searches is borne.
    pub search: SearchConfig,
    /// How long neighbours are waited for.
    pub interest: InterestConfig,
    /// Who is served.
    pub uploads: UploadConfig,
}

/// How many neighbours, and which go first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NeighbourConfig {
    /// Nobody is dialled from this many links on, before room is made by pruning.
    pub soft: u8,
    /// Nobody is let in from this many links on; at most [`MOST_NEIGHBOURS`].
    pub hard: u8,
    /// What pruning leaves: some room below `soft`, or each new link would mean another pruning.
    pub prune_to: u8,
    /// How often there is pruning while there are more than `soft`. With as many there is some at once when somebody is to
    /// be dialled.
    pub prune_every: Duration,
    /// A younger link had no chance to be of use and is not pruned.
    pub young: Duration,
    /// Messages that a neighbour may send in a minute, a query that is to be passed on counting as
    /// [`WIDE_QUERY`](super::neighbours::WIDE_QUERY); four times as many are a flood. At most 63.
    pub attention: u8,
    /// Links being made at a time.
    pub dials: u8,
    /// How long the owner may take to make a link.
    pub dial_time: Duration,
    /// Wait after the first failure to reach somebody; doubles with each further one.
    pub redial: Duration,
    /// What that wait never exceeds.
    pub redial_cap: Duration,
}

/// How far a search goes, and what of others' searches is borne.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SearchConfig {
    /// Neighbours asked at first.
    pub few: u8,
    /// Whether all neighbours, asked later, ask theirs: two hops.
    pub two_hops: bool,
    /// Hits after which a query has found enough.
    pub answers: u8,
    /// Of them from one neighbour, so that one that lies can't fill them all.
    pub answers_through: u8,
    /// How long hits are taken.
    pub answer_time: Duration,
    /// A file is searched for once in this time.
    pub again_after: Duration,
    /// Own queries remembered; a further one is refused until the oldest is `again_after` old.
    pub own: u8,
    /// Queries, own and others', that a neighbour is sent in a minute. Below what it may take, with room to spare.
    pub sent: u8,
    /// Others' queries remembered.
    pub seen: u8,
    /// How long they are.
    pub seen_for: Duration,
    /// Candidates remembered, for all files.
    pub candidates: u8,
    /// Of them for one file.
    pub candidates_per_file: u8,
    /// With this many neighbours that serve a file, or may be about to, nobody further is searched for or dialled.
    pub enough: u8,
}

/// How long neighbours are waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InterestConfig {
    /// Files wanted at a time.
    pub files: u8,
    /// Neighbours asked for one file.
    pub asked: u8,
    /// From a want to its answer.
    pub answer_time: Duration,
    /// In a queue without news.
    pub queue_time: Duration,
    /// From one piece to the next while pieces are outstanding. Asking another source comes long before that.
    pub piece_time: Duration,
    /// Who refused or disappointed is not asked again for so long.
    pub rest: Duration,
}

/// Who is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UploadConfig {
    /// Peers served at a time.
    pub slots: u8,
    /// How long a slot is kept at least when others come that are to be preferred.
    pub least_slot: Duration,
    /// After so long with nothing asked, or nothing taken, a slot goes to somebody who waits.
    pub idle_slot: Duration,
    /// How often those who wait are told that their place changed.
    pub places_every: Duration,
    /// Files that a peer may want at a time.
    pub wants_per_peer: u8,
    /// Wants beyond each peer's first, in all. Every neighbour's first finds room.
    pub further_wants: u8,
    /// Unanswered requests of a peer that is served.
    pub requests: u8,
    /// Bytes a second for all uploads; 0 for no limit. [`Mode`](super::Mode) switches uploads off.
    pub rate: u32,
    /// Whether files are served of which not all is here. The original served whole tracks only.
    pub partial: bool,
}

impl Config {
    /// The same, or one of its own with numbers that contradict each other or the table's size set right.
    #[must_use]
    pub(super) fn checked(config: Arc<Self>) -> Arc<Self> {
        let right = config.set_right();
        if *config == right { config } else { Arc::new(right) }
    }

    fn set_right(mut self) -> Self {
        let links = &mut self.neighbours;
        links.hard = links.hard.min(MOST_NEIGHBOURS);
        links.soft = links.soft.min(links.hard);
        links.prune_to = links.prune_to.min(links.soft);
        links.attention = links.attention.clamp(1, u8::MAX / 4);
        for wait in [&mut links.prune_every, &mut links.redial, &mut links.dial_time] {
            *wait = (*wait).max(LEAST_WAIT);
        }
        self.interest.files = self.interest.files.max(1);
        self.uploads.places_every = self.uploads.places_every.max(LEAST_WAIT);
        self
    }
}

/// Shorter waits would be loops.
const LEAST_WAIT: Duration = Duration::from_millis(1);

impl Default for NeighbourConfig {
    fn default() -> Self {
        Self {
            soft: 50,
            hard: 60,
            prune_to: 45,
            prune_every: Duration::from_secs(60),
            young: Duration::from_secs(60),
            attention: 60,
            dials: 8,
            dial_time: Duration::from_secs(15),
            redial: Duration::from_secs(30),
            redial_cap: Duration::from_secs(600),
        }
    }
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            few: 10,
            two_hops: true,
            answers: 20,
            answers_through: 10,
            answer_time: Duration::from_secs(2),
            again_after: Duration::from_secs(30),
            own: 16,
            sent: 40,
            seen: 50,
            seen_for: Duration::from_secs(60),
            candidates: 64,
            candidates_per_file: 24,
            enough: 8,
        }
    }
}

impl Default for InterestConfig {
    fn default() -> Self {
        Self {
            files: 8,
            asked: 20,
            answer_time: Duration::from_secs(5),
            queue_time: Duration::from_secs(60),
            piece_time: Duration::from_secs(10),
            rest: Duration::from_secs(60),
        }
    }
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self {
            slots: 4,
            least_slot: Duration::from_secs(5),
            idle_slot: Duration::from_secs(10),
            places_every: Duration::from_secs(10),
            wants_per_peer: 4,
            further_wants: 32,
            requests: 16,
            rate: 0,
            partial: false,
        }
    }
}
