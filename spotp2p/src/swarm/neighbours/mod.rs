//! The table of open links: who is there, of what use each was of late, and how much each may still say this minute.

mod blamed;
mod seats;
mod utility;
mod window;

pub(super) use blamed::Blamed;
pub(super) use seats::{Seat, Seats};

use super::words::PeerId;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::Instant;
use spotproto::content::PIECE_LEN;
use spotproto::ticket::Pseudonym;
use window::Window;

/// Most neighbours that can be configured.
pub const MOST_NEIGHBOURS: u8 = 64;

/// What a query that is to be passed on counts for among the messages of a minute: it makes as many messages as there
/// are neighbours. An honest neighbour sends one now and then; what it passes on for others counts once.
pub const WIDE_QUERY: u8 = 6;

/// A message more than so many times what is allowed is a flood, and no accident.
const FLOOD: u8 = 4;

/// Places are made in steps, not by doubling: the table is small, and there are as many as there are simulated nodes.
const STEP: usize = 4;

/// One open link. Forty bytes: a hundred thousand simulated nodes have sixty each.
#[derive(Clone, Debug)]
struct Neighbour {
    peer: PeerId,
    name: ShortName,
    /// Seconds since the start.
    since: u32,
    /// Pieces, over 10 and 60 minutes.
    sent: [Window<u16>; 2],
    received: [Window<u16>; 2],
    /// Peers that searches over this link led to, over 60 minutes.
    found: Window<u8>,
    /// Files that it could give us, over 10 minutes.
    tracks: Window<u8>,
    /// The minute for which the windows and the two counts below stand. It wraps after 45 days, and no harm is done.
    minute: u16,
    /// What it said in that minute.
    said: u8,
    /// Queries that it was sent in that minute.
    queried: u8,
}

/// Half a pseudonym, which tells neighbours apart as well as the whole: they are random, and the access point's choice.
pub(super) type ShortName = [u8; 8];

/// What came of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Attention {
    /// It is looked at.
    Given,
    /// It is dropped: this was enough for one minute.
    Denied,
    /// And it is far more than enough.
    Flooded,
}

/// The table of open links. Holds [`MOST_NEIGHBOURS`] times 43 bytes at most, and nothing while it is empty.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    /// By seat; those that are not in `used` are left over.
    table: Vec<Neighbour>,
    /// By seat: the shortest round trip in milliseconds, 0 if none was measured.
    round_trips: Vec<u16>,
    /// Seats in the order of their peers' numbers.
    order: Vec<u8>,
    used: Seats,
}

impl Neighbours {
    pub(super) const fn len(&self) -> usize {
        self.order.len()
    }

    /// A link opened. `None` if the number is taken or the table full.
    pub(super) fn insert(&mut self, now: Instant, peer: PeerId, pseudonym: &Pseudonym) -> Option<Seat> {
        let at = self.place(peer).err()?;
        let seat = self.used.free();
        if seat.0 >= MOST_NEIGHBOURS {
            return None;
        }
        let fresh = Neighbour::new(now, peer, short(pseudonym));
        if self.order.len() == self.order.capacity() {
            self.order.reserve_exact(STEP);
        }
        put(&mut self.table, seat, fresh);
        put(&mut self.round_trips, seat, 0);
        self.order.insert(at, seat.0);
        self.used.insert(seat);
        Some(seat)
    }

    /// A link closed; the seat that it leaves.
    pub(super) fn remove(&mut self, peer: PeerId) -> Option<Seat> {
        let seat = Seat(self.order.remove(self.place(peer).ok()?));
        self.used.remove(seat);
        if self.order.is_empty() {
            *self = Self::default();
        }
        Some(seat)
    }

    pub(super) fn seat(&self, peer: PeerId) -> Option<Seat> {
        let at = self.place(peer).ok()?;
        self.order.get(at).map(|seat| Seat(*seat))
    }

    pub(super) fn contains(&self, peer: PeerId) -> bool {
        self.place(peer).is_ok()
    }

    pub(super) fn peer(&self, seat: Seat) -> Option<PeerId> {
        self.get(seat).map(|neighbour| neighbour.peer)
    }

    /// The neighbour of that name.
    pub(super) fn named(&self, pseudonym: &Pseudonym) -> Option<PeerId> {
        let name = short(pseudonym);
        self.iter().map(|(_, neighbour)| neighbour).find(|one| one.name == name).map(|one| one.peer)
    }

    /// What is remembered of a neighbour's name.
    pub(super) fn name(&self, peer: PeerId) -> Option<ShortName> {
        self.get(self.seat(peer)?).map(|neighbour| neighbour.name)
    }

    pub(super) fn is_named(&self, seat: Seat, pseudonym: &Pseudonym) -> bool {
        self.get(seat).is_some_and(|neighbour| neighbour.name == short(pseudonym))
    }

    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.iter().map(|(_, neighbour)| neighbour.peer)
    }

    pub(super) const fn seats(&self) -> Seats {
        self.used
    }

    /// A round trip to a neighbour was measured.
    pub(super) fn measured(&mut self, peer: PeerId, span: Duration) {
        let Some(seat) = self.seat(peer) else { return };
        let millis = u16::try_from(span.as_millis()).unwrap_or(u16::MAX).max(1);
        if let Some(least) = self.round_trips.get_mut(usize::from(seat.0)) {
            *least = if *least == 0 { millis } else { millis.min(*least) };
        }
    }

    /// The shortest round trip to a neighbour.
    pub(super) fn round_trip(&self, peer: PeerId) -> Option<Duration> {
        let millis = self.round_trips.get(usize::from(self.seat(peer)?.0)).filter(|millis| **millis > 0)?;
        Some(Duration::from_millis((*millis).into()))
    }

    /// Bytes went to a neighbour; they count as the pieces that they are.
    pub(super) fn sent(&mut self, now: Instant, peer: PeerId, bytes: usize) {
        if let Some(neighbour) = self.current(now, peer) {
            neighbour.sent.iter_mut().for_each(|window| window.add(pieces(bytes)));
        }
    }

    /// Bytes came from a neighbour.
    pub(super) fn received(&mut self, now: Instant, peer: PeerId, bytes: usize) {
        if let Some(neighbour) = self.current(now, peer) {
            neighbour.received.iter_mut().for_each(|window| window.add(pieces(bytes)));
        }
    }

    /// A search over this link led to a peer.
    pub(super) fn found(&mut self, now: Instant, peer: PeerId) {
        if let Some(neighbour) = self.current(now, peer) {
            neighbour.found.add(1);
        }
    }

    /// The neighbour has a file that we are interested in.
    pub(super) fn has_track(&mut self, now: Instant, peer: PeerId) {
        if let Some(neighbour) = self.current(now, peer) {
            neighbour.tracks.add(1);
        }
    }

    /// A neighbour said something that counts for `units`, of which it has `most` a minute.
    pub(super) fn listen(&mut self, now: Instant, peer: PeerId, units: u8, most: u8) -> Attention {
        let Some(neighbour) = self.current(now, peer) else { return Attention::Denied };
        neighbour.said = neighbour.said.saturating_add(units);
        match neighbour.said {
            said if said <= most => Attention::Given,
            said if said >= most.saturating_mul(FLOOD) => Attention::Flooded,
            _ => Attention::Denied,
        }
    }

    /// Whether the neighbour may be sent one more query, of `most` a minute. Then that one is counted.
    pub(super) fn may_query(&mut self, now: Instant, seat: Seat, most: u8) -> bool {
        let Some(neighbour) = self.table.get_mut(usize::from(seat.0)) else { return false };
        neighbour.roll(now);
        let may = neighbour.queried < most;
        neighbour.queried += u8::from(may);
        may
    }

    fn place(&self, peer: PeerId) -> Result<usize, usize> {
        self.order.binary_search_by_key(&Some(peer), |seat| self.peer(Seat(*seat)))
    }

    fn get(&self, seat: Seat) -> Option<&Neighbour> {
        self.table.get(usize::from(seat.0))
    }

    fn iter(&self) -> impl Iterator<Item = (Seat, &Neighbour)> {
        self.order.iter().filter_map(|seat| Some((Seat(*seat), self.get(Seat(*seat))?)))
    }

    fn current(&mut self, now: Instant, peer: PeerId) -> Option<&mut Neighbour> {
        let seat = self.seat(peer)?;
        let neighbour = self.table.get_mut(usize::from(seat.0))?;
        neighbour.roll(now);
        Some(neighbour)
    }
}

impl Neighbour {
    fn new(now: Instant, peer: PeerId, name: ShortName) -> Self {
        Self {
            peer,
            name,
            since: seconds(now),
            sent: Default::default(),
            received: Default::default(),
            found: Window::default(),
            tracks: Window::default(),
            minute: minute(now) as u16,
            said: 0,
            queried: 0,
        }
    }

    /// Brings windows and counts up to this minute. What lies idle is brought up when it is looked at again.
    fn roll(&mut self, now: Instant) {
        let minute = minute(now);
        let passed = u32::from((minute as u16).wrapping_sub(self.minute));
        if passed == 0 {
            return;
        }
        let before = minute.saturating_sub(passed);
        let (tens, hours) = (minute / 10 - before / 10, minute / 60 - before / 60);
        for [short, long] in [&mut self.sent, &mut self.received] {
            short.roll(tens);
            long.roll(hours);
        }
        self.found.roll(hours);
        self.tracks.roll(tens);
        (self.minute, self.said, self.queried) = (minute as u16, 0, 0);
    }

    fn age(&self, now: Instant) -> Duration {
        Duration::from_secs(u64::from(seconds(now).saturating_sub(self.since)))
    }
}

/// Puts something in the place of a seat, which is that of one who left or the next new one.
fn put<T>(table: &mut Vec<T>, seat: Seat, value: T) {
    match table.get_mut(usize::from(seat.0)) {
        Some(left_over) => *left_over = value,
        None => {
            if table.len() == table.capacity() {
                table.reserve_exact(STEP);
            }
            table.push(value);
        }
    }
}

fn short(pseudonym: &Pseudonym) -> ShortName {
    let [a, b, c, d, e, f, g, h, ..] = pseudonym.0;
    [a, b, c, d, e, f, g, h]
}

fn pieces(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(PIECE_LEN)).unwrap_or(u32::MAX)
}

fn seconds(now: Instant) -> u32 {
    u32::try_from(now.micros() / 1_000_000).unwrap_or(u32::MAX)
}

fn minute(now: Instant) -> u32 {
    seconds(now) / 60
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::START + Duration::from_secs(seconds)
    }

    fn named(n: u32) -> Pseudonym {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        Pseudonym(bytes)
    }

    fn full(count: u32) -> Neighbours {
        let mut table = Neighbours::default();
        // Not in the order of their numbers.
        (0..count).for_each(|n| assert!(table.insert(at(0), PeerId(n * 37 % 64), &named(n)).is_some()));
        table
    }

    #[test]
    fn idle_neighbours_take_less_than_44_bytes_each() {
        let table = full(60);
        assert_eq!(size_of::<Neighbour>(), 40);
        let held = table.table.capacity() * size_of::<Neighbour>() + table.round_trips.capacity() * 2;
        let held = held + table.order.capacity();
        assert!(held <= 60 * 44, "{held}");
    }

    #[test]
    fn numbers_and_names_find_the_seat_and_seats_are_used_again() {
        let mut table = full(60);
        let seat = table.seat(PeerId(37)).unwrap();
        assert!(table.is_named(seat, &named(1)));
        assert_eq!(table.named(&named(1)), Some(PeerId(37)));
        assert_eq!(table.insert(at(0), PeerId(37), &named(99)), None);
        assert_eq!(table.remove(PeerId(37)), Some(seat));
        assert_eq!((table.remove(PeerId(37)), table.named(&named(1))), (None, None));
        assert_eq!(table.insert(at(0), PeerId(1000), &named(99)), Some(seat));
        assert_eq!(table.len(), 60);
        assert!(table.peers().is_sorted());
    }

    #[test]
    fn a_full_table_takes_nobody_and_an_empty_one_holds_nothing() {
        let mut table = full(64);
        assert_eq!(table.insert(at(0), PeerId(1000), &named(99)), None);
        (0..64).for_each(|n| assert!(table.remove(PeerId(n)).is_some()));
        let held = table.table.capacity() + table.round_trips.capacity() + table.order.capacity();
        assert_eq!(held, 0);
    }

    #[test]
    fn a_minute_has_so_many_messages_and_four_times_as_many_are_a_flood() {
        let mut table = full(2);
        let mut heard = |seconds, units| table.listen(at(seconds), PeerId(0), units, 10);
        assert_eq!(heard(0, 10), Attention::Given);
        assert_eq!(heard(59, 1), Attention::Denied);
        assert_eq!(heard(60, 1), Attention::Given);
        assert_eq!(heard(61, 38), Attention::Denied);
        assert_eq!(heard(61, 1), Attention::Flooded);
    }
}
