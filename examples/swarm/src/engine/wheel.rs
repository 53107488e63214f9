//! When things happen: a timing wheel of two levels (Varghese and Lauck 1987), sixteen bytes an entry.

/// Something that happens to somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// When, in microseconds.
    pub(crate) at: u64,
    /// To whom.
    pub(crate) to: u32,
    /// The parcel that arrives, or [`WAKE`].
    pub(crate) parcel: u32,
}

/// Nothing arrives: the receiver wanted to be woken.
pub(crate) const WAKE: u32 = u32::MAX;

const NEAR: usize = 1024;
const FAR: usize = 8192;

/// Entries by the window in which they are due. A window is as long as the least latency: what is said within one arrives
/// in a later one.
///
/// Memory: 16 bytes an entry, at worst twice that while a window's list grows; 24 for each of 9,216 lists.
#[derive(Debug)]
pub(crate) struct Wheel {
    window: u64,
    /// The window that was taken last.
    at: u64,
    near: Vec<Vec<Entry>>,
    far: Vec<Vec<Entry>>,
    spare: Vec<Vec<Entry>>,
}

impl Wheel {
    pub(crate) fn new(window: u64) -> Self {
        let lists = |count| core::iter::repeat_with(Vec::new).take(count).collect();
        Self { window, at: 0, near: lists(NEAR), far: lists(FAR), spare: Vec::new() }
    }

    /// Puts an entry in; one that would be due in a window that was taken already comes in the next.
    pub(crate) fn put(&mut self, entry: Entry) {
        let due = (entry.at / self.window).max(self.at + 1);
        let round = due / NEAR as u64;
        let list = if round == self.at / NEAR as u64 {
            &mut self.near[(due % NEAR as u64) as usize]
        } else {
            // What is further away than the far level reaches goes around once more.
            let most = self.at / NEAR as u64 + FAR as u64 - 1;
            &mut self.far[(round.min(most) % FAR as u64) as usize]
        };
        if list.capacity() == 0
            && let Some(spare) = self.spare.pop()
        {
            *list = spare;
        }
        list.push(entry);
    }

    /// Goes on to the next window, and takes what is due in it, in no order.
    pub(crate) fn next(&mut self) -> Vec<Entry> {
        self.at += 1;
        let slot = (self.at % NEAR as u64) as usize;
        if slot == 0 {
            let round = (self.at / NEAR as u64 % FAR as u64) as usize;
            let come = core::mem::take(&mut self.far[round]);
            // They are put as if this window had not begun.
            self.at -= 1;
            let at = self.at + 1;
            for entry in &come {
                let due = (entry.at / self.window).max(at);
                if due / NEAR as u64 == at / NEAR as u64 {
                    self.near[(due % NEAR as u64) as usize].push(*entry);
                } else {
                    self.put(*entry);
                }
            }
            self.at = at;
        }
        core::mem::take(&mut self.near[slot])
    }

    /// Takes a list back, for its memory.
    pub(crate) fn give_back(&mut self, mut list: Vec<Entry>) {
        if list.capacity() > 0 && list.capacity() <= 4096 && self.spare.len() < 64 {
            list.clear();
            self.spare.push(list);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::{Dice, Seed};

    #[test]
    fn everything_comes_in_its_window_however_far_away() {
        let mut wheel = Wheel::new(8);
        let mut dice = Dice::new(&Seed([3; 32]));
        let mut at: Vec<u64> = (0..2000).map(|_| dice.bits() >> (32 + dice.below(31))).collect();
        at.iter().for_each(|at| wheel.put(Entry { at: *at, to: 0, parcel: WAKE }));
        at.retain(|at| *at < 80_000_000);
        let mut came = Vec::new();
        for window in 1..=10_000_000u64 {
            for entry in wheel.next() {
                assert_eq!((entry.at / 8).max(1), window);
                came.push(entry.at);
            }
        }
        at.sort_unstable();
        came.sort_unstable();
        assert_eq!(at, came);
    }
}
