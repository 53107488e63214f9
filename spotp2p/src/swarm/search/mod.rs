//! Queries: ours, and the last of others'.
//!
//! The original asked all neighbours, who asked theirs once: everybody at distance one or two saw each query, and a peer
//! remembered the last 50 to drop those that came again (Kreitz and Niemelä 2010). Sixty times sixty messages for each
//! track are what Bitswap was found to flood with too; asking the ten best first spares most of them (Probe Lab, RFM-16).
//! So here a query goes to the best few and no further, and to all and to theirs only when music is short.
//!
//! What a liar can do is little. A hit counts only from who was asked and, over two hops, only in the sender's own name,
//! once; what comes through one neighbour fills no more than a part of what is taken.

mod query_ids;
mod seen;

use super::config::SearchConfig;
use super::neighbours::{Neighbours, Seat, Seats};
use super::words::{Hit, Query, QueryId};
use alloc::vec::Vec;
use query_ids::QueryIds;
use seen::Seen;
use spotproto::{Instant, Seed};

/// How far a search goes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Reach {
    /// To the few neighbours that most likely have the file.
    Few,
    /// To all neighbours.
    All,
    /// To all neighbours, and to theirs.
    Beyond,
}

/// What came of a hit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict<K> {
    /// It names somebody for a file of ours.
    Ours(K),
    /// It goes back this way.
    Relay(Seat),
    /// Nobody honest sends it.
    Forged,
    /// It came too late, or is one too many.
    Ignored,
}

/// Queries, own and others'. Holds at most `own` × 64 bytes (with 32-byte names twice that) and `seen` × 24.
#[derive(Debug)]
pub(super) struct Search<K> {
    own: Vec<Own<K>>,
    seen: Seen,
    ids: QueryIds,
}

/// A query of ours.
#[derive(Debug)]
struct Own<K> {
    id: QueryId,
    file: K,
    reach: Reach,
    begun: Instant,
    asked: Seats,
    /// Through whom its hits came.
    hits: Vec<Seat>,
}

impl<K: Copy + Eq> Search<K> {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { own: Vec::new(), seen: Seen::new(), ids: QueryIds::new(seed) }
    }

    /// Whether `file` may be searched for now: once in a while, and once more if it then goes further.
    pub(super) fn may_begin(&mut self, now: Instant, file: K, reach: Reach, config: &SearchConfig) -> bool {
        self.expire_own(now, config);
        let known = self.own.iter().any(|own| own.file == file && own.reach >= reach);
        !known && self.own.len() < usize::from(config.own)
    }

    /// Begins to search for `file` among the neighbours `asked`.
    pub(super) fn begin(&mut self, now: Instant, file: K, reach: Reach, asked: Seats) -> Query<K> {
        let id = self.ids.draw();
        self.own.push(Own { id, file, reach, begun: now, asked, hits: Vec::new() });
        Query { id, file, forward: reach == Reach::Beyond }
    }

    /// A query came from `from`; `false` if it is known already.
    pub(super) fn take(&mut self, now: Instant, id: QueryId, from: Seat, config: &SearchConfig) -> bool {
        self.seen.expire(now, config.seen_for);
        let ours = self.own.iter().any(|own| own.id == id);
        !ours && self.seen.add(now, id, from, config.seen.into()).is_some()
    }

    /// The query was passed on to these, who may answer once each.
    pub(super) fn passed_on(&mut self, id: QueryId, asked: Seats) {
        if let Some(query) = self.seen.get(id) {
            query.asked = asked;
        }
    }

    /// The query was answered with our own name.
    pub(super) fn answered(&mut self, id: QueryId) {
        if let Some(query) = self.seen.get(id) {
            query.hits = query.hits.saturating_add(1);
        }
    }

    /// Judges a hit that came from the neighbour `from`.
    pub(super) fn judge(
        &mut self,
        now: Instant,
        from: Seat,
        hit: &Hit,
        neighbours: &Neighbours,
        config: &SearchConfig,
    ) -> Verdict<K> {
        let in_own_name = neighbours.is_named(from, &hit.holder);
        if let Some(own) = self.own.iter_mut().find(|own| own.id == hit.id) {
            return own.judge(now, from, in_own_name, config);
        }
        let Some(query) = self.seen.get(hit.id) else { return Verdict::Forged };
        if !in_own_name || !query.asked.remove(from) {
            return Verdict::Forged;
        }
        match query.from {
            Some(back) if query.hits < config.answers => {
                query.hits += 1;
                Verdict::Relay(back)
            }
            _ => Verdict::Ignored,
        }
    }

    /// Forgets queries that are old. When to come again.
    pub(super) fn expire(&mut self, now: Instant, config: &SearchConfig) -> Option<Instant> {
        self.expire_own(now, config);
        let own = self.own.first().map(|own| own.begun + config.again_after);
        let seen = self.seen.expire(now, config.seen_for);
        own.into_iter().chain(seen).min()
    }

    fn expire_own(&mut self, now: Instant, config: &SearchConfig) {
        self.own.retain(|own| now.since(own.begun) < config.again_after);
        if self.own.is_empty() {
            self.own = Vec::new();
        }
    }

    /// A link closed.
    pub(super) fn forget(&mut self, seat: Seat) {
        self.seen.forget(seat);
        for own in &mut self.own {
            own.asked.remove(seat);
        }
    }

    /// A new log-in: nothing is known of old queries, and new ones can't be told to come from who sent those.
    pub(super) fn begin_anew(&mut self, seed: Seed) {
        *self = Self::new(seed);
    }
}

impl<K: Copy> Own<K> {
    fn judge(&mut self, now: Instant, from: Seat, in_own_name: bool, config: &SearchConfig) -> Verdict<K> {
        let through = self.hits.iter().filter(|seat| **seat == from).count();
        // A neighbour that passes nothing on can speak for itself, once.
        let beyond = self.reach < Reach::Beyond && (!in_own_name || through > 0);
        if beyond || !self.asked.contains(from) {
            return Verdict::Forged;
        }
        let full =
            self.hits.len() >= usize::from(config.answers) || through >= usize::from(config.answers_through);
        if full || now.since(self.begun) > config.answer_time {
            return Verdict::Ignored;
        }
        self.hits.push(from);
        Verdict::Ours(self.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::swarm::words::PeerId;
    use core::time::Duration;
    use spotproto::ticket::Pseudonym;

    const NOW: Instant = Instant::START;
    const CONFIG: SearchConfig = SearchConfig {
        few: 10,
        two_hops: true,
        answers: 4,
        answers_through: 2,
        answer_time: Duration::from_secs(2),
        again_after: Duration::from_secs(30),
        own: 3,
        sent: 40,
        seen: 50,
        seen_for: Duration::from_secs(60),
        candidates: 64,
        candidates_per_file: 24,
        enough: 8,
    };

    struct World {
        search: Search<u32>,
        neighbours: Neighbours,
        seats: Vec<Seat>,
    }

    fn world() -> World {
        let mut neighbours = Neighbours::default();
        let seats = (0..6u8)
            .map(|n| neighbours.insert(NOW, PeerId(n.into()), &Pseudonym([n; 16])).unwrap())
            .collect();
        World { search: Search::new(Seed([1; 32])), neighbours, seats }
    }

    impl World {
        fn hit(&mut self, from: usize, id: QueryId, holder: u8) -> Verdict<u32> {
            let hit = Hit { id, holder: Pseudonym([holder; 16]) };
            self.search.judge(NOW, self.seats[from], &hit, &self.neighbours, &CONFIG)
        }

        fn seats(&self, of: &[usize]) -> Seats {
            let mut seats = Seats::default();
            of.iter().for_each(|n| seats.insert(self.seats[*n]));
            seats
        }
    }

    #[test]
    fn a_file_is_searched_for_once_in_thirty_seconds_and_once_more_if_further() {
        let mut search = world().search;
        let at = |seconds| NOW + Duration::from_secs(seconds);
        search.begin(at(0), 7, Reach::Few, Seats::default());
        assert!(!search.may_begin(at(1), 7, Reach::Few, &CONFIG));
        assert!(search.may_begin(at(1), 7, Reach::Beyond, &CONFIG));
        search.begin(at(1), 7, Reach::Beyond, Seats::default());
        assert!(!search.may_begin(at(2), 7, Reach::Beyond, &CONFIG));
        assert!(!search.may_begin(at(30), 7, Reach::Few, &CONFIG));
        assert!(search.may_begin(at(31), 7, Reach::Few, &CONFIG));
    }

    #[test]
    fn own_queries_are_bounded() {
        let mut search = world().search;
        (0..3).for_each(|file| {
            search.begin(NOW, file, Reach::Few, Seats::default());
        });
        assert!(!search.may_begin(NOW, 9, Reach::Few, &CONFIG));
    }

    #[test]
    fn a_near_query_takes_one_hit_from_each_and_in_its_own_name_only() {
        for reach in [Reach::Few, Reach::All] {
            let mut world = world();
            let query = world.search.begin(NOW, 7, reach, world.seats(&[0, 1]));
            assert!(!query.forward);
            assert_eq!(world.hit(0, query.id, 1), Verdict::Forged);
            assert_eq!(world.hit(2, query.id, 2), Verdict::Forged);
            assert_eq!(world.hit(0, query.id, 0), Verdict::Ours(7));
            assert_eq!(world.hit(0, query.id, 0), Verdict::Forged);
            assert_eq!(world.hit(1, query.id, 1), Verdict::Ours(7));
        }
    }

    #[test]
    fn a_wide_query_takes_so_many_hits_and_of_them_so_many_through_one() {
        let mut world = world();
        let id = world.search.begin(NOW, 7, Reach::Beyond, world.seats(&[0, 1, 2])).id;
        let verdicts: Vec<_> = (0..4).map(|holder| world.hit(0, id, holder + 40)).collect();
        assert_eq!(verdicts, [Verdict::Ours(7), Verdict::Ours(7), Verdict::Ignored, Verdict::Ignored]);
        assert_eq!([world.hit(1, id, 50), world.hit(1, id, 51)], [Verdict::Ours(7); 2]);
        assert_eq!(world.hit(2, id, 60), Verdict::Ignored);
    }

    #[test]
    fn hits_that_come_late_are_ignored_but_are_no_lie() {
        let mut world = world();
        let id = world.search.begin(NOW, 7, Reach::Few, world.seats(&[0])).id;
        let hit = Hit { id, holder: Pseudonym([0; 16]) };
        let late = NOW + Duration::from_secs(3);
        assert_eq!(
            world.search.judge(late, world.seats[0], &hit, &world.neighbours, &CONFIG),
            Verdict::Ignored
        );
    }

    #[test]
    fn a_hit_goes_back_once_from_who_was_asked_in_its_own_name() {
        let mut world = world();
        let id = QueryId(5);
        assert!(world.search.take(NOW, id, world.seats[0], &CONFIG));
        assert!(!world.search.take(NOW, id, world.seats[1], &CONFIG));
        world.search.passed_on(id, world.seats(&[1, 2]));
        assert_eq!(world.hit(1, id, 2), Verdict::Forged);
        assert_eq!(world.hit(3, id, 3), Verdict::Forged);
        assert_eq!(world.hit(1, id, 1), Verdict::Relay(world.seats[0]));
        assert_eq!(world.hit(1, id, 1), Verdict::Forged);
        assert_eq!(world.hit(0, QueryId(6), 0), Verdict::Forged);
        world.search.forget(world.seats[0]);
        assert_eq!(world.hit(2, id, 2), Verdict::Ignored);
    }

    #[test]
    fn others_queries_are_remembered_by_count_and_by_age() {
        let mut world = world();
        let from = world.seats[0];
        (0..200).for_each(|n| assert!(world.search.take(NOW, QueryId(n), from, &CONFIG)));
        assert_eq!(world.search.seen.len(), 50);
        assert!(!world.search.take(NOW, QueryId(150), from, &CONFIG));
        let later = NOW + CONFIG.seen_for;
        assert_eq!(world.search.expire(NOW, &CONFIG), Some(later));
        assert_eq!(world.search.expire(later, &CONFIG), None);
        assert_eq!(world.search.seen.len(), 0);
    }

    #[test]
    fn names_of_queries_are_fresh_and_differ_between_log_ins() {
        let mut search = world().search;
        let draw = |search: &mut Search<u32>| search.begin(NOW, 1, Reach::Few, Seats::default()).id;
        let first = [draw(&mut search), draw(&mut search)];
        search.begin_anew(Seed([2; 32]));
        let second = [draw(&mut search), draw(&mut search)];
        assert!(first[0] != first[1] && second.iter().all(|id| !first.contains(id)));
    }
}
