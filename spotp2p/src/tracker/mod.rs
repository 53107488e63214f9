//! Who could serve a file last: the access point's partial index of what its clients hold.

mod files;
mod holders;

use alloc::vec::Vec;
use core::hash::Hash;
use files::Files;
use holders::RING;
use spotproto::message::MAX_PEERS;
use spotproto::{Dice, Seed};

/// The bounds of a tracker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct TrackerLimits {
    /// Files that somebody holds; further ones are not taken in.
    pub files: usize,
    /// Files that one client may have named.
    pub files_per_client: usize,
    /// Of a file's holders so many, the latest, are named; 20 at most, which is how many are remembered.
    pub latest: usize,
}

impl TrackerLimits {
    /// The defaults.
    pub const DEFAULT: Self = Self { files: 1 << 20, files_per_client: 4096, latest: RING };
}

/// A client that is online: its seat, and which of those who sat there it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Client {
    seat: u32,
    generation: u32,
}

/// For each file the clients that said last that they can serve it, at most 20, all of them online.
///
/// Kreitz 2010 ("Spotify – Large Scale, Low Latency, P2P Music-on-Demand Streaming") has clients join when they play, and
/// never leave; here they join with what they can serve now, and leave with what they can't any more, so an answer is
/// right when it is given. What a client named is forgotten when it goes.
///
/// Worst-case memory, in words: for each file that somebody holds a key and about 40 bytes, and 88 more if more than four
/// hold it; tables double, so twice that while they grow; 4 bytes for each file that a client named, twice that at worst. A
/// file that nobody holds costs nothing. With the defaults, all files held and 10,000 clients full: 600 MiB.
#[derive(Debug)]
pub struct Tracker<K> {
    limits: TrackerLimits,
    files: Files<K>,
    seats: Vec<Seat>,
    /// Seats that nobody sits on.
    free: Vec<u32>,
    dice: Dice,
}

#[derive(Debug, Default)]
struct Seat {
    generation: u32,
    taken: bool,
    /// Numbers of the files that its client named, in order.
    named: Vec<u32>,
}

impl<K: Copy + Eq + Hash> Tracker<K> {
    /// A tracker that knows nothing; `seed` decides whom it names.
    #[must_use]
    pub fn new(limits: TrackerLimits, seed: &Seed) -> Self {
        let mut dice = Dice::new(seed);
        let files = Files::new(dice.bits());
        Self { limits, files, seats: Vec::new(), free: Vec::new(), dice }
    }

    /// A client comes online.
    pub fn enter(&mut self) -> Client {
        let seat = self.free.pop().unwrap_or_else(|| {
            self.seats.push(Seat::default());
            (self.seats.len() - 1) as u32
        });
        let mut generation = 0;
        if let Some(place) = self.seats.get_mut(seat as usize) {
            place.taken = true;
            generation = place.generation;
        }
        Client { seat, generation }
    }

    /// A client is gone, and all that it named with it.
    pub fn leave(&mut self, client: Client) {
        self.clear(client);
        let Some(seat) = self.seat(client) else { return };
        *seat = Seat { generation: seat.generation.wrapping_add(1), ..Seat::default() };
        self.free.push(client.seat);
    }

    /// A client stays, but serves nothing any more.
    pub fn clear(&mut self, client: Client) {
        let Some(seat) = self.seat(client) else { return };
        for file in core::mem::take(&mut seat.named) {
            self.files.lose(file, client.seat);
        }
    }

    /// A client can serve a file from now on, or says so again. `false` if it is not taken in: there is no room, or no
    /// such client.
    pub fn join(&mut self, client: Client, file: &K) -> bool {
        let known = self.files.find(file);
        let (most, full) = (self.limits.files_per_client, self.files.len() >= self.limits.files);
        let Some(seat) = self.seat(client) else { return false };
        let place = known.map(|file| seat.named.binary_search(&file));
        if let (Some(file), Some(Ok(_))) = (known, place) {
            self.files.rejoin(file, client.seat);
            return true;
        }
        if seat.named.len() >= most || (known.is_none() && full) {
            return false;
        }
        let file = known.unwrap_or_else(|| self.files.insert(*file));
        self.files.gain(file, client.seat);
        let Some(seat) = self.seat(client) else { return false };
        if let Err(place) = seat.named.binary_search(&file) {
            seat.named.insert(place, file);
        }
        true
    }

    /// A client can't serve a file any more. `false` if it never said that it could.
    pub fn part(&mut self, client: Client, file: &K) -> bool {
        let Some(file) = self.files.find(file) else { return false };
        let Some(seat) = self.seat(client) else { return false };
        let Ok(place) = seat.named.binary_search(&file) else { return false };
        seat.named.remove(place);
        if seat.named.is_empty() {
            seat.named = Vec::new();
        }
        self.files.lose(file, client.seat);
        true
    }

    /// Whether a client said that it can serve a file, and did not take it back.
    #[must_use]
    pub fn holds(&self, client: Client, file: &K) -> bool {
        let seat = self.seats.get(client.seat as usize).filter(|seat| seat.is(client));
        let (Some(seat), Some(file)) = (seat, self.files.find(file)) else { return false };
        seat.named.binary_search(&file).is_ok()
    }

    /// Whether anybody holds a file.
    #[must_use]
    pub fn knows(&self, file: &K) -> bool {
        self.files.find(file).is_some()
    }

    /// At most `most` clients that can serve a file, and never more than [`MAX_PEERS`], drawn from the
    /// [latest](TrackerLimits::latest); `except` is not among them.
    pub fn find(&mut self, file: &K, most: usize, except: Option<Client>) -> Vec<Client> {
        let Some(file) = self.files.find(file) else { return Vec::new() };
        let mut drawn = [0; RING];
        let mut count = 0;
        let holders = self.files.holders(file);
        let latest = holders.iter().skip(holders.len().saturating_sub(self.limits.latest));
        let others = latest.filter(|seat| except.is_none_or(|it| it.seat != **seat));
        for (place, seat) in drawn.iter_mut().zip(others) {
            *place = *seat;
            count += 1;
        }
        let most = most.min(MAX_PEERS).min(count);
        for place in 0..most {
            // Fisher and Yates, as far as names are needed.
            drawn.swap(place, place + self.dice.below((count - place) as u32) as usize);
        }
        let generation = |seat: u32| self.seats.get(seat as usize).map_or(0, |seat| seat.generation);
        drawn.iter().take(most).map(|seat| Client { seat: *seat, generation: generation(*seat) }).collect()
    }

    /// Files that somebody holds.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files.len()
    }

    /// Clients online.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.seats.len() - self.free.len()
    }

    fn seat(&mut self, client: Client) -> Option<&mut Seat> {
        self.seats.get_mut(client.seat as usize).filter(|seat| seat.is(client))
    }
}

impl Seat {
    const fn is(&self, client: Client) -> bool {
        self.taken && self.generation == client.generation
    }
}
