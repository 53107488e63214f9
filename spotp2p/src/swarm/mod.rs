//! The overlay: neighbours, who has what, and who gets what from whom.
//!
//! One unstructured network for all files, in which all peers are equal and nobody routes for others beyond a query's two
//! hops (Kreitz 2010, "P2P Structure"; Kreitz and Niemelä 2010). [`Swarm`] is the client's part in it:
//!
//! | part | decides |
//! |---|---|
//! | `neighbours` | which links stay: six criteria of use, over 10 and 60 minutes |
//! | `search` | whom a query goes to, and which hits are believed |
//! | `candidates` | whom to connect to next, whoever named them |
//! | `interest` | who is asked for a file, who is a source, whose promise is broken |
//! | `uploads` | who is served, and what is read for it |
//!
//! No tit-for-tat, no announcing of what one has, no supernodes. What was taken from where is in docs/sources.md.
//!
//! # Contract
//! A plain struct, told the time. Methods queue [`Output`]s, which the owner carries out in order. It drains them before
//! it sleeps and gives no messages while [`wants_input`](Swarm::wants_input) is `false`; [`Swarm::handle_timeout`] is due
//! at [`Swarm::poll_timeout`]. Unknown peers, files and channels in any call are ignored, since news cross.
//!
//! # Bounds
//! Every list has a bound in [`Config`]. A neighbour costs 43 bytes while nothing goes on, sixty about 2.6 KiB. A message
//! causes at most as many outputs as there are neighbours, plus those of one slot that changes hands; what is only passed
//! on for others is held back while outputs wait. What a neighbour may say in a minute is bounded, and one that says far
//! more is given up as a flooder.
//!
//! Nothing of it outlives a log-in: see [`Swarm::new_log_in`].

mod candidates;
mod config;
mod finding;
mod giving;
mod interest;
mod links;
mod neighbours;
mod output;
mod search;
mod stats;
mod taking;
mod timer;
mod uploads;
mod words;

pub use candidates::Origin;
pub use config::{Config, InterestConfig, NeighbourConfig, SearchConfig, UploadConfig};
pub use links::{Direction, NoRoom};
pub use neighbours::{MOST_NEIGHBOURS, WIDE_QUERY};
pub use output::{Fault, Output};
pub use stats::Stats;
pub use words::{
    Hit, Holding, Holds, Mode, PeerId, PeerMessage, PieceRequest, Pressure, Query, QueryId, Slot,
    SlotRefusal, SlotState, Want,
};

use alloc::sync::Arc;
use candidates::Candidates;
use interest::Interest;
use neighbours::{Attention, Blamed, Neighbours};
use search::Search;
use spotproto::ticket::Pseudonym;
use spotproto::{Dice, Instant, Outbox, Seed, Timers};
use timer::Timer;
use uploads::Uploads;

/// Outputs queued before the owner should drain.
const OUTPUTS: usize = 64;

/// A client's part in the overlay. See the [module](self).
#[derive(Debug)]
pub struct Swarm<K> {
    /// As many swarms as are made of one share it.
    config: Arc<Config>,
    mode: Mode,
    pressure: Pressure,
    /// It was very low, and nothing is fine again yet.
    starved: bool,
    /// What we are called; `None` before the first log-in.
    me: Option<Pseudonym>,
    neighbours: Neighbours,
    blamed: Blamed,
    search: Search<K>,
    candidates: Candidates<K>,
    interest: Interest<K>,
    uploads: Uploads<K>,
    timers: Timers<{ Timer::COUNT }>,
    dice: Dice,
    out: Outbox<Output<K>>,
    stats: Stats,
}

impl<K: Copy + Eq> Swarm<K> {
    /// A client that is not logged in yet, and so has no neighbours.
    #[must_use]
    pub fn new(config: impl Into<Arc<Config>>) -> Self {
        let config = Config::checked(config.into());
        Self {
            uploads: Uploads::new(&config.uploads),
            config,
            mode: Mode::Full,
            pressure: Pressure::Fine,
            starved: false,
            me: None,
            neighbours: Neighbours::default(),
            blamed: Blamed::default(),
            search: Search::new(NO_SEED),
            candidates: Candidates::new(),
            interest: Interest::new(),
            timers: Timers::new(),
            dice: Dice::new(&NO_SEED),
            out: Outbox::new(OUTPUTS),
            stats: Stats::default(),
        }
    }

    /// Takes a neighbour's message. `holds` knows what could be served now.
    pub fn message(&mut self, now: Instant, from: PeerId, message: PeerMessage<K>, holds: &impl Holds<K>) {
        let units = match message {
            // What only frees something always counts, or a neighbour could not withdraw what it wants no more.
            PeerMessage::Want(Want { file, urgency: None }) => {
                return self.peer_wants_no_more(now, from, file);
            }
            PeerMessage::Query(Query { forward: true, .. }) => WIDE_QUERY,
            PeerMessage::Query(_) | PeerMessage::Want(_) | PeerMessage::Slot(_) => 1,
            PeerMessage::Hit(hit) => return self.hit(now, from, hit),
        };
        if !self.listen(now, from, units) {
            if let PeerMessage::Want(Want { file, urgency: Some(_) }) = message {
                self.refuse_unheard(now, from, file);
            }
            return;
        }
        match message {
            PeerMessage::Query(query) => self.query(now, from, query, holds),
            PeerMessage::Want(Want { file, urgency: Some(urgency) }) => {
                self.peer_wants(now, from, file, urgency, holds);
            }
            PeerMessage::Slot(slot) => self.slot(now, from, slot),
            PeerMessage::Want(Want { urgency: None, .. }) | PeerMessage::Hit(_) => {}
        }
    }

    /// Says how well the own playing is supplied. When it is not, uploads stop, and what plays is searched for further.
    pub fn set_pressure(&mut self, now: Instant, pressure: Pressure) {
        if pressure == self.pressure {
            return;
        }
        self.pressure = pressure;
        self.open_or_stop(now);
        if pressure >= Pressure::Low {
            self.search_further(now);
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.timers.next().is_none_or(|next| next > now) {
            return;
        }
        if self.timers.take_due(Timer::Prune, now) {
            self.prune_if_crowded(now);
        }
        if self.timers.take_due(Timer::Queries, now) {
            self.expire_queries(now);
        }
        if self.timers.take_due(Timer::Interest, now) {
            self.expire_interest(now);
        }
        if self.timers.take_due(Timer::Dial, now) {
            self.expire_dials(now);
        }
        if self.timers.take_due(Timer::Slots, now) {
            self.settle(now);
        }
        if self.timers.take_due(Timer::Rate, now) {
            self.pump(now);
        }
        if self.timers.take_due(Timer::Places, now) {
            self.uploads.tell_places(&mut self.out);
        }
    }

    /// The next thing to carry out, in order. What was meant for a peer whose link ended meanwhile is left out.
    pub fn poll_output(&mut self) -> Option<Output<K>> {
        loop {
            let Some(output) = self.out.pop() else {
                if self.interest.is_empty() {
                    self.out.give_back();
                }
                return None;
            };
            if output.addressee().is_none_or(|peer| self.neighbours.contains(peer)) {
                return Some(output);
            }
        }
    }

    /// When [`Swarm::handle_timeout`] is due. O(1).
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Whether messages may be given; if not, drain first.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.out.has_room()
    }

    /// What was counted so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Goes by other numbers from now on.
    pub fn set_config(&mut self, now: Instant, config: impl Into<Arc<Config>>) {
        self.config = Config::checked(config.into());
        self.uploads.set_rate(now, self.config.uploads.rate);
        self.settle(now);
        self.pump(now);
        self.prune_soon(now);
        self.dial(now);
    }

    /// Whether a message that counts for `units` is looked at. Ends the link of a flooder.
    fn listen(&mut self, now: Instant, from: PeerId, units: u8) -> bool {
        match self.neighbours.listen(now, from, units, self.config.neighbours.attention) {
            Attention::Given => true,
            Attention::Denied => {
                self.stats.messages_dropped += u32::from(self.neighbours.contains(from));
                false
            }
            Attention::Flooded => {
                self.stats.messages_dropped += 1;
                self.fault(now, from, Fault::Flood);
                false
            }
        }
    }

    /// Arms a timer for a deadline that a part was asked for, or disarms it. A moment that is over already waits for the
    /// next one, so that no deadline stays due.
    fn set_timer(&mut self, timer: Timer, now: Instant, at: Option<Instant>) {
        match at {
            Some(at) if at > now => self.timers.set(timer, at),
            Some(_) => self.timers.set(timer, Instant::from_micros(now.micros() + 1)),
            None => self.timers.clear(timer),
        }
    }
}

/// Nothing is thrown before the first log-in, which brings a seed.
const NO_SEED: Seed = Seed([0; 32]);
