//! Finding who has a file: queries and hits, what the tracker says, and whom to dial.

use super::config::SearchConfig;
use super::interest::Interest;
use super::neighbours::Seats;
use super::search::{Reach, Verdict};
use super::timer::Timer;
use super::{
    Attention, Fault, Hit, Holding, Holds, Mode, Origin, Output, PeerId, PeerMessage, Pressure, Query, Swarm,
};
use alloc::vec::Vec;
use spotproto::Instant;
use spotproto::message::Urgency;
use spotproto::ticket::Pseudonym;

impl<K: Copy + Eq> Swarm<K> {
    /// Searches the overlay for a file that is wanted, unless that was done of late, or enough neighbours may serve it
    /// already. Under pressure the search goes further, once more if it did not before.
    pub fn search(&mut self, now: Instant, file: K) {
        let Some(urgency) = self.interest.urgency(&file) else { return };
        let pressed = self.pressure >= Pressure::Low && urgency == Urgency::Playing;
        let reach = match (pressed, self.config.search.two_hops) {
            (false, _) => Reach::Few,
            (true, false) => Reach::All,
            (true, true) => Reach::Beyond,
        };
        let enough = self.interest.hopeful(&file) >= usize::from(self.config.search.enough);
        if enough || !self.search.may_begin(now, file, reach, &self.config.search) {
            return;
        }
        let towards = match reach {
            Reach::All | Reach::Beyond => self.neighbours.seats(),
            Reach::Few => {
                let few = usize::from(self.config.search.few);
                self.neighbours.most_likely(now, few, &mut self.dice)
            }
        };
        let towards = self.may_be_queried(now, towards);
        if towards == Seats::default() {
            return;
        }
        let query = self.search.begin(now, file, reach, towards);
        self.timers.set_earlier(Timer::Queries, now + self.config.search.again_after);
        self.stats.queries_asked += self.send_query(query, towards);
    }

    /// The tracker's answer, or what was found on the local network: these peers have the file.
    pub fn found(&mut self, now: Instant, file: K, holders: &[Pseudonym], origin: Origin) {
        for holder in holders {
            self.holder(now, *holder, file, origin, None);
        }
        self.dial(now);
    }

    /// A neighbour looks for a file.
    pub(super) fn query(&mut self, now: Instant, from: PeerId, query: Query<K>, holds: &impl Holds<K>) {
        let Some(seat) = self.neighbours.seat(from) else { return };
        if !self.search.take(now, query.id, seat, &self.config.search) {
            self.stats.queries_repeated += 1;
            return;
        }
        self.stats.queries_taken += 1;
        self.timers.set_earlier(Timer::Queries, now + self.config.search.seen_for);
        if let Some(me) = self.me.filter(|_| self.could_serve(&query.file, holds)) {
            self.search.answered(query.id);
            self.stats.hits_given += 1;
            let hit = Hit { id: query.id, holder: me };
            self.out.push(Output::Send { to: from, message: PeerMessage::Hit(hit) });
        }
        if query.forward {
            let mut others = self.neighbours.seats();
            others.remove(seat);
            let others = if self.out.has_room() {
                self.may_be_queried(now, others)
            } else {
                self.stats.queries_held_back += others.iter().count() as u32;
                Seats::default()
            };
            self.search.passed_on(query.id, others);
            let query = Query { forward: false, ..query };
            self.stats.queries_forwarded += self.send_query(query, others);
        }
    }

    /// A neighbour answers a query, ours or one that we passed on. Honest ones cost it nothing: each query has room for
    /// so many, and no more.
    pub(super) fn hit(&mut self, now: Instant, from: PeerId, hit: Hit) {
        let Some(seat) = self.neighbours.seat(from) else { return };
        match self.search.judge(now, seat, &hit, &self.neighbours, &self.config.search) {
            Verdict::Ours(file) => {
                self.stats.hits_used += 1;
                self.holder(now, hit.holder, file, Origin::Overlay, Some(from));
                self.dial(now);
            }
            Verdict::Relay(back) => {
                if let Some(to) = self.neighbours.peer(back) {
                    self.stats.hits_relayed += 1;
                    self.out.push(Output::Send { to, message: PeerMessage::Hit(hit) });
                }
            }
            Verdict::Ignored => {
                self.stats.hits_ignored += 1;
                self.tire(now, from);
            }
            Verdict::Forged => {
                self.stats.hits_forged += 1;
                self.tire(now, from);
            }
        }
    }

    /// Whether there is a candidate for what lacks sources.
    pub(super) fn wants_to_dial(&self, now: Instant) -> bool {
        let lacking = lacking(&self.interest, &self.config.search);
        self.candidates.best(now, lacking, &self.config.neighbours).is_some()
    }

    /// Connects to candidates as long as there is room, and files lack sources.
    pub(super) fn dial(&mut self, now: Instant) {
        self.prune_for_candidates(now);
        while self.may_dial() {
            let lacking = lacking(&self.interest, &self.config.search);
            let next = self.candidates.next(now, lacking, &self.config.neighbours);
            let Some((holder, file)) = next else { break };
            self.out.push(Output::Dial { holder, file });
        }
        let deadline = self.candidates.deadline(now, &self.config.neighbours);
        self.set_timer(Timer::Dial, now, deadline);
    }

    pub(super) fn expire_dials(&mut self, now: Instant) {
        self.candidates.expire(now, &self.config.neighbours, &mut self.dice);
        self.dial(now);
    }

    pub(super) fn expire_queries(&mut self, now: Instant) {
        let next = self.search.expire(now, &self.config.search);
        self.set_timer(Timer::Queries, now, next);
    }

    /// Music is short: what plays is searched for further.
    pub(super) fn search_further(&mut self, now: Instant) {
        let playing: Vec<K> = self
            .interest
            .files()
            .filter(|(_, urgency)| *urgency == Urgency::Playing)
            .map(|(file, _)| file)
            .collect();
        playing.into_iter().for_each(|file| self.search(now, file));
    }

    /// Somebody is said to have a file: it is asked if it is a neighbour, and otherwise a candidate.
    fn holder(&mut self, now: Instant, holder: Pseudonym, file: K, origin: Origin, via: Option<PeerId>) {
        let of_no_use = self.me == Some(holder) || self.blamed.has(&holder);
        if of_no_use || self.interest.urgency(&file).is_none() {
            return;
        }
        match self.neighbours.named(&holder) {
            Some(peer) => self.ask(now, peer, file),
            None => self.candidates.add(holder, file, origin, via, &self.config.search),
        }
    }

    fn could_serve(&self, file: &K, holds: &impl Holds<K>) -> bool {
        self.mode == Mode::Full
            && self.uploads.has_room(&self.config.uploads)
            && self.is_servable(holds.holding(file))
    }

    pub(super) fn is_servable(&self, holding: Holding) -> bool {
        holding == Holding::Whole || (holding == Holding::Part && self.config.uploads.partial)
    }

    /// Those of `seats` that had not too many queries from us in this minute. Each is counted.
    fn may_be_queried(&mut self, now: Instant, seats: Seats) -> Seats {
        let mut may = Seats::default();
        for seat in seats.iter() {
            if self.neighbours.may_query(now, seat, self.config.search.sent) {
                may.insert(seat);
            } else {
                self.stats.queries_held_back += 1;
            }
        }
        may
    }

    fn send_query(&mut self, query: Query<K>, towards: Seats) -> u32 {
        let mut sent = 0;
        for to in towards.iter().filter_map(|seat| self.neighbours.peer(seat)) {
            self.out.push(Output::Send { to, message: PeerMessage::Query(query) });
            sent += 1;
        }
        sent
    }

    /// A message that was of no use counts against who sent it.
    pub(super) fn tire(&mut self, now: Instant, peer: PeerId) {
        if self.neighbours.listen(now, peer, 1, self.config.neighbours.attention) == Attention::Flooded {
            self.fault(now, peer, Fault::Flood);
        }
    }
}

/// How soon a file is wanted, and how many sources it lacks.
fn lacking<K: Copy + Eq>(
    interest: &Interest<K>,
    config: &SearchConfig,
) -> impl Fn(&K) -> Option<(Urgency, usize)> {
    let enough = usize::from(config.enough);
    move |file| Some((interest.urgency(file)?, enough.saturating_sub(interest.hopeful(file))))
}
