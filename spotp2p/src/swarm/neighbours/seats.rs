//! Places in the table of neighbours, and sets of them.

/// A neighbour's place in the table while its link is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::swarm) struct Seat(pub(super) u8);

/// A set of neighbours: a bit for each seat.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(in crate::swarm) struct Seats(u64);

impl Seats {
    pub(in crate::swarm) fn insert(&mut self, seat: Seat) {
        self.0 |= bit(seat);
    }

    /// Takes the seat out; whether it was there.
    pub(in crate::swarm) fn remove(&mut self, seat: Seat) -> bool {
        let there = self.contains(seat);
        self.0 &= !bit(seat);
        there
    }

    pub(in crate::swarm) fn contains(self, seat: Seat) -> bool {
        self.0 & bit(seat) != 0
    }

    /// The lowest seat that is not in the set.
    pub(super) fn free(self) -> Seat {
        Seat(self.0.trailing_ones() as u8)
    }

    pub(in crate::swarm) fn iter(self) -> impl Iterator<Item = Seat> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let seat = (left != 0).then(|| Seat(left.trailing_zeros() as u8))?;
            left &= left - 1;
            Some(seat)
        })
    }
}

fn bit(seat: Seat) -> u64 {
    1u64.checked_shl(u32::from(seat.0)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn seats_come_and_go() {
        let mut seats = Seats::default();
        (0..64).for_each(|n| seats.insert(Seat(n)));
        assert!(seats.remove(Seat(7)) && !seats.remove(Seat(7)) && seats.remove(Seat(63)));
        assert_eq!(seats.free(), Seat(7));
        assert!(seats.contains(Seat(62)) && !seats.contains(Seat(63)) && !seats.contains(Seat(200)));
        let all: Vec<u8> = seats.iter().map(|seat| seat.0).collect();
        assert_eq!(all.len(), 62);
        assert!(all.is_sorted());
    }
}
