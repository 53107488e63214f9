//! Of what use a neighbour was of late: which links go when there are too many, and which are asked first.
//!
//! Six criteria, as in the original: bytes sent to it and bytes received from it, each over 10 and over 60 minutes; peers
//! found over that link in 60 minutes; tracks of interest that it had in 10. In each criterion the best of `n` gets `n`
//! points, the next `n - 1`, equals the same, and who has nothing gets nothing. The original's weights are not published;
//! ours are in [`WEIGHTS`].

use super::{MOST_NEIGHBOURS, Neighbour, Neighbours, Seat, Seats, minute};
use crate::swarm::words::PeerId;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;
use spotproto::{Dice, Instant};

/// Sent in 10 and 60 minutes, received in 10 and 60, found, tracks; in tenths. What was received counts for more than
/// what was sent, and what was of late for more than what was.
const WEIGHTS: [u32; CRITERIA] = [10, 8, 12, 10, 10, 11];
const CRITERIA: usize = 6;

type Points = [u32; MOST_NEIGHBOURS as usize];

impl Neighbours {
    /// The least useful neighbours beyond the `keep` best, the least useful first. Younger ones than `young` and those
    /// that `is_needed` names are spared, so there may be fewer.
    pub(in crate::swarm) fn least_useful(
        &mut self,
        now: Instant,
        keep: usize,
        young: Duration,
        is_needed: impl Fn(PeerId) -> bool,
    ) -> Vec<PeerId> {
        let points = self.points(now);
        let mut spare: Vec<_> = self
            .iter()
            .filter(|(_, neighbour)| neighbour.age(now) >= young && !is_needed(neighbour.peer))
            .map(|(seat, neighbour)| (points_of(&points, seat), neighbour.since, neighbour.peer))
            .collect();
        // Of two of no use the one goes that has been so for longer.
        spare.sort_unstable();
        spare.truncate(self.len().saturating_sub(keep));
        spare.into_iter().map(|(_, _, peer)| peer).collect()
    }

    /// The `few` neighbours that most likely know or have what is looked for: by what was found through them and what
    /// they had, and otherwise by chance.
    pub(in crate::swarm) fn most_likely(&mut self, now: Instant, few: usize, dice: &mut Dice) -> Seats {
        self.roll(now);
        let [_, _, _, _, found, tracks] = WEIGHTS;
        let mut ranked: Vec<_> = self
            .iter()
            .map(|(seat, neighbour)| {
                let [_, _, _, _, led, had] = neighbour.criteria(now);
                (Reverse(led * found + had * tracks), dice.bits(), seat.0)
            })
            .collect();
        ranked.sort_unstable();
        let mut likely = Seats::default();
        ranked.iter().take(few).for_each(|(_, _, seat)| likely.insert(Seat(*seat)));
        likely
    }

    fn points(&mut self, now: Instant) -> Points {
        self.roll(now);
        let mut points = [0; MOST_NEIGHBOURS as usize];
        let mut ranked = Vec::with_capacity(self.len());
        for (criterion, weight) in WEIGHTS.into_iter().enumerate() {
            ranked.clear();
            ranked.extend(self.iter().filter_map(|(seat, neighbour)| {
                neighbour.criteria(now).get(criterion).filter(|value| **value > 0).map(|value| (*value, seat))
            }));
            ranked.sort_unstable_by_key(|(value, _)| Reverse(*value));
            award(&mut points, &ranked, self.len(), weight);
        }
        points
    }

    fn roll(&mut self, now: Instant) {
        for seat in self.used.iter() {
            if let Some(neighbour) = self.table.get_mut(usize::from(seat.0)) {
                neighbour.roll(now);
            }
        }
    }
}

impl Neighbour {
    fn criteria(&self, now: Instant) -> [u32; CRITERIA] {
        let (in_ten, in_sixty) = (minute(now) % 10, minute(now) % 60);
        let [sent, sent_long] = self.sent;
        let [received, received_long] = self.received;
        [
            sent.sixtieths(in_ten, 10),
            sent_long.sixtieths(in_sixty, 60),
            received.sixtieths(in_ten, 10),
            received_long.sixtieths(in_sixty, 60),
            self.found.sixtieths(in_sixty, 60),
            self.tracks.sixtieths(in_ten, 10),
        ]
    }
}

fn award(points: &mut Points, ranked: &[(u32, Seat)], best: usize, weight: u32) {
    let mut worth = best as u32;
    let mut last = None;
    for (rank, (value, seat)) in ranked.iter().enumerate() {
        if last != Some(*value) {
            worth = best.saturating_sub(rank) as u32;
            last = Some(*value);
        }
        if let Some(points) = points.get_mut(usize::from(seat.0)) {
            *points += worth * weight;
        }
    }
}

fn points_of(points: &Points, seat: Seat) -> u32 {
    points.get(usize::from(seat.0)).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::Seed;
    use spotproto::content::PIECE_LEN;
    use spotproto::ticket::Pseudonym;

    fn at(minutes: u64) -> Instant {
        Instant::START + Duration::from_secs(60 * minutes)
    }

    fn table(count: u8) -> Neighbours {
        let mut table = Neighbours::default();
        (0..count).for_each(|n| {
            table.insert(at(0), PeerId(n.into()), &Pseudonym([n; 16]));
        });
        table
    }

    fn points(table: &mut Neighbours, now: Instant) -> Vec<u32> {
        let points = table.points(now);
        table.iter().map(|(seat, _)| points_of(&points, seat)).collect()
    }

    #[test]
    fn rank_points_are_weighted_equals_get_the_same_and_nothing_earns_nothing() {
        let mut table = table(4);
        table.sent(at(1), PeerId(0), 3 * PIECE_LEN);
        table.sent(at(1), PeerId(1), 2 * PIECE_LEN);
        table.sent(at(1), PeerId(2), 2 * PIECE_LEN);
        let sent = WEIGHTS[0] + WEIGHTS[1];
        assert_eq!(points(&mut table, at(1)), [4 * sent, 3 * sent, 3 * sent, 0]);
        table.found(at(1), PeerId(3));
        assert_eq!(points(&mut table, at(1))[3], 4 * WEIGHTS[4]);
    }

    #[test]
    fn ten_minutes_are_forgotten_before_sixty_are() {
        let mut table = table(1);
        table.received(at(0), PeerId(0), PIECE_LEN);
        table.has_track(at(0), PeerId(0));
        let (short, long) = (WEIGHTS[2] + WEIGHTS[5], WEIGHTS[3]);
        assert_eq!(points(&mut table, at(19)), [short + long]);
        assert_eq!(points(&mut table, at(20)), [long]);
        assert_eq!(points(&mut table, at(119)), [long]);
        assert_eq!(points(&mut table, at(120)), [0]);
    }

    #[test]
    fn the_least_useful_go_and_the_needed_and_the_young_stay() {
        let mut table = table(10);
        for n in 5..10 {
            table.received(at(1), PeerId(n), n as usize * PIECE_LEN);
        }
        table.insert(at(2), PeerId(10), &Pseudonym([10; 16]));
        let young = Duration::from_secs(60);
        let mut least = |now, keep| table.least_useful(now, keep, young, |peer| peer == PeerId(1));
        assert_eq!(least(at(2), 9), [PeerId(0), PeerId(2)]);
        assert_eq!(least(at(2), 5), [0, 2, 3, 4, 5, 6].map(PeerId));
        assert_eq!(least(at(3), 6), [0, 2, 3, 4, 10].map(PeerId));
        assert_eq!(least(at(3), 11), []);
        assert_eq!(least(at(3), 0).len(), 10);
    }

    #[test]
    fn those_who_led_somewhere_are_asked_first_and_others_by_chance() {
        let mut table = table(60);
        let mut dice = Dice::new(&Seed([1; 32]));
        [7, 33].into_iter().for_each(|n| table.found(at(1), PeerId(n)));
        table.has_track(at(1), PeerId(50));
        let likely: Vec<Seats> = (0..2).map(|_| table.most_likely(at(1), 10, &mut dice)).collect();
        assert_ne!(likely[0], likely[1]);
        for seats in likely {
            assert_eq!(seats.iter().count(), 10);
            assert!([7, 33, 50].iter().all(|n| seats.contains(table.seat(PeerId(*n)).unwrap())));
        }
    }
}
