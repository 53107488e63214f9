//! The latest holders of one file.

use alloc::boxed::Box;

/// Holders remembered of a file (Spotify's own number: the 20 latest).
pub(super) const RING: usize = 20;

/// Most files have few holders: so many fit without a block of their own.
const FEW: usize = 4;

/// A ring that has come down to so many fits again.
const FEW_AGAIN: usize = 2;

/// Seats of the holders, the latest last. Twenty-four bytes, and a block of 84 for more than four.
#[derive(Debug)]
pub(super) enum Holders {
    Few(Latest<FEW>),
    Many(Box<Latest<RING>>),
}

impl Holders {
    pub(super) const NOBODY: Self = Self::Few(Latest { seats: [0; FEW], count: 0 });

    /// The latest comes last.
    pub(super) fn as_slice(&self) -> &[u32] {
        match self {
            Self::Few(few) => few.as_slice(),
            Self::Many(many) => many.as_slice(),
        }
    }

    /// `seat` is the latest from now on; of too many, the earliest goes.
    pub(super) fn put(&mut self, seat: u32) {
        match self {
            Self::Few(few) if few.is_full() && !few.as_slice().contains(&seat) => {
                let mut many = Latest { seats: [0; RING], count: 0 };
                few.as_slice().iter().chain([&seat]).for_each(|seat| many.put(*seat));
                *self = Self::Many(Box::new(many));
            }
            Self::Few(few) => few.put(seat),
            Self::Many(many) => many.put(seat),
        }
    }

    /// `seat` is none of them any more.
    pub(super) fn remove(&mut self, seat: u32) {
        match self {
            Self::Few(few) => few.remove(seat),
            Self::Many(many) => {
                many.remove(seat);
                if many.as_slice().len() <= FEW_AGAIN {
                    let mut few = Latest { seats: [0; FEW], count: 0 };
                    many.as_slice().iter().for_each(|seat| few.put(*seat));
                    *self = Self::Few(few);
                }
            }
        }
    }
}

/// At most `N`, each once.
#[derive(Debug)]
pub(super) struct Latest<const N: usize> {
    seats: [u32; N],
    count: u8,
}

impl<const N: usize> Latest<N> {
    fn as_slice(&self) -> &[u32] {
        self.seats.get(..usize::from(self.count)).unwrap_or_default()
    }

    const fn is_full(&self) -> bool {
        self.count as usize == N
    }

    fn put(&mut self, seat: u32) {
        self.remove(seat);
        if self.is_full() {
            self.seats.rotate_left(1);
            self.count -= 1;
        }
        if let Some(place) = self.seats.get_mut(usize::from(self.count)) {
            *place = seat;
            self.count += 1;
        }
    }

    fn remove(&mut self, seat: u32) {
        let Some(place) = self.as_slice().iter().position(|held| *held == seat) else { return };
        if let Some(rest) = self.seats.get_mut(place..usize::from(self.count)) {
            rest.rotate_left(1);
            self.count -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn the_twenty_latest_are_kept_in_order_each_once() {
        let mut holders = Holders::NOBODY;
        (0..30).chain([15]).for_each(|seat| holders.put(seat));
        let expected: Vec<u32> = (10..15).chain(16..30).chain([15]).collect();
        assert_eq!(holders.as_slice(), expected);
        (12..30).for_each(|seat| holders.remove(seat));
        assert_eq!(holders.as_slice(), [10, 11]);
        assert!(matches!(holders, Holders::Few(_)), "its block is given back");
    }

    #[test]
    fn one_file_takes_no_more_than_it_is_said_to() {
        assert_eq!((size_of::<Holders>(), size_of::<Latest<RING>>()), (24, 84));
    }
}
