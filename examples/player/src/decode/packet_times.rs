//! The MP4 table of packet lengths in time (ISO/IEC 14496-12 §8.6.1.2): how a demuxer is told to go to a packet.
//!
//! The table is for going there, not for saying what sounds when: a muxer that copies the uneven times of its input
//! writes packets of 1,472 ticks before packets of 576, and all of them hold 1,024 frames. Sound without gaps is at
//! the number of its packet times the frames of a packet.

use super::boxes::{bytes, movie, movie_track, nested};
use super::source::Track;

/// A packet that a demuxer can go to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct PacketTime {
    /// Its number, from 0.
    pub(super) number: u64,
    /// When the table says that it begins, in ticks of the track.
    pub(super) ticks: u64,
}

/// The packet with this number, or the last before it that has a time of its own; none behind the last, or without
/// a table.
pub(super) fn find(track: &Track, id: u32, number: u64) -> Option<PacketTime> {
    const PATH: [[u8; 4]; 4] = [*b"mdia", *b"minf", *b"stbl", *b"stts"];
    let table = nested(track, movie_track(track, movie(track)?, id)?, &PATH)?;
    let said = u32::from_be_bytes(bytes(track, table.start.checked_add(4)?)?);
    let room = (table.end - table.start).saturating_sub(8) / ENTRY;
    let mut runs =
        Runs { at: table.start + 8, left: u64::from(said).min(room), block: [0; BLOCK], used: BLOCK };
    let (mut first, mut ticks) = (0_u64, 0_u64);
    let mut before = None;
    while let Some((count, delta)) = runs.next(track) {
        let inside = number - first;
        let ahead = |packets: u64| ticks.saturating_add(packets.saturating_mul(delta));
        if inside < count {
            // A packet of no length cannot be told from the one after it.
            let this = PacketTime { number, ticks: ahead(inside) };
            return if delta > 0 { Some(this) } else { before };
        }
        if delta > 0 && count > 0 {
            before = Some(PacketTime { number: first + count - 1, ticks: ahead(count - 1) });
        }
        (first, ticks) = (first + count, ahead(count));
    }
    None
}

const ENTRY: u64 = 8;
const BLOCK: usize = 512 * ENTRY as usize;

/// The table's runs of packets of one length, read a block at a time.
struct Runs {
    at: u64,
    left: u64,
    block: [u8; BLOCK],
    used: usize,
}

impl Runs {
    /// How many packets, and how long each is.
    fn next(&mut self, track: &Track) -> Option<(u64, u64)> {
        self.left = self.left.checked_sub(1)?;
        if self.used == BLOCK {
            let len = (self.left + 1).saturating_mul(ENTRY).min(BLOCK as u64);
            // A last block that is not full lies at the end of the buffer.
            self.used = BLOCK - len as usize;
            if !track.read_exact_at(self.at, &mut self.block[self.used..]) {
                return None;
            }
            self.at += len;
        }
        let &[a, b, c, d, delta @ ..] = self.block[self.used..].first_chunk::<{ ENTRY as usize }>()?;
        self.used += ENTRY as usize;
        Some((u32::from_be_bytes([a, b, c, d]).into(), u32::from_be_bytes(delta).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn film(runs: &[[u32; 2]]) -> Track {
        let nest =
            |kind: &[u8; 4], body: &[u8]| [&(8 + body.len() as u32).to_be_bytes()[..], kind, body].concat();
        let runs_bytes: Vec<u8> = runs.iter().flatten().flat_map(|field| field.to_be_bytes()).collect();
        let table = nest(b"stts", &[&[0; 4][..], &(runs.len() as u32).to_be_bytes(), &runs_bytes].concat());
        let media = nest(b"mdia", &nest(b"minf", &nest(b"stbl", &table)));
        let header = nest(b"tkhd", &[&[0; 12][..], &[0, 0, 0, 7], &[0; 68]].concat());
        let file = nest(b"moov", &nest(b"trak", &[header, media].concat()));
        Track::new(Box::new(Bytes::from(file)))
    }

    #[test]
    fn a_packet_begins_after_the_lengths_of_those_before_it() {
        let track = film(&[[2, 1_024], [1, 1_472], [1, 576], [1, 1_024]]);
        let ticks = |number| find(&track, 7, number).map(|packet| (packet.number, packet.ticks));
        assert_eq!(ticks(0), Some((0, 0)));
        assert_eq!(ticks(2), Some((2, 2_048)));
        assert_eq!(ticks(3), Some((3, 3_520)));
        assert_eq!(ticks(4), Some((4, 4_096)));
        assert_eq!(ticks(5), None);
        assert_eq!(find(&track, 8, 0), None);
    }

    #[test]
    fn long_tables_are_read_to_their_end() {
        let runs: Vec<[u32; 2]> = (0..1_300).map(|run| [1, 1_000 + run % 2]).collect();
        let packet = find(&film(&runs), 7, 1_299);
        assert_eq!(packet, Some(PacketTime { number: 1_299, ticks: 1_299 * 1_000 + 649 }));
        assert_eq!(find(&film(&runs), 7, 1_300), None);
    }

    #[test]
    fn a_packet_without_length_is_reached_from_the_one_before_it() {
        let track = film(&[[0, 5], [2, 100], [3, 0], [u32::MAX, u32::MAX]]);
        assert_eq!(find(&track, 7, 3), Some(PacketTime { number: 1, ticks: 100 }));
        assert_eq!(find(&track, 7, 5), Some(PacketTime { number: 5, ticks: 200 }));
        assert_eq!(find(&film(&[[3, 0]]), 7, 1), None);
    }
}
