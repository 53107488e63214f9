//! When playing comes to need each piece, as the seek table of a file of variable bit rate has it.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;
use spotproto::content::{BLOCK_LEN, HEADER_RANGES_MAX, Head};

/// The most pieces that a planner takes: files of 64 GiB.
pub const MOST_PIECES: u32 = 1 << 22;

/// The most times kept of a file: exact for files of up to 64 MiB.
const MOST_KNOTS: u32 = 4096;

/// A file's deadlines, counted in its own time: for each piece the millisecond of music at which it is needed.
///
/// Prepared once from a [`Head`], so that a deadline costs a load. Files of more than 4,096 pieces share a time among
/// neighbours, the earliest of them: a piece is never needed before the curve says so. Takes at most 16 KiB.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Curve {
    pieces: u32,
    /// Pieces that share a time.
    stride: u32,
    /// The time of each `stride`-th piece, never falling.
    knots: Box<[u32]>,
    /// Pieces that a decoder needs first wherever it starts.
    headers: Vec<Range<u32>>,
}

/// A file with more than [`MOST_PIECES`] pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TooManyPieces;

impl core::fmt::Display for TooManyPieces {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("the file has more pieces than can be planned for")
    }
}

impl core::error::Error for TooManyPieces {}

impl Curve {
    /// The curve of the file that this head describes.
    ///
    /// # Errors
    /// The file has more than [`MOST_PIECES`] pieces.
    pub fn of<K>(head: &Head<K>) -> Result<Self, TooManyPieces> {
        let mut curve = Self::build(head.pieces(), |piece| {
            head.seek.time_at(u64::from(piece).saturating_mul(BLOCK_LEN as u64))
        })?;
        for range in head.headers.iter().take(HEADER_RANGES_MAX) {
            curve.headers.push(head.geometry.pieces_of(range.clone()));
        }
        Ok(curve)
    }

    /// The curve of a file of constant bit rate whose first `headers` pieces are needed first: `duration_ms` of music,
    /// spread evenly.
    ///
    /// # Errors
    /// The file has more than [`MOST_PIECES`] pieces.
    pub fn even(pieces: u32, headers: u32, duration_ms: u32) -> Result<Self, TooManyPieces> {
        let each = u64::from(duration_ms);
        let due = |piece: u32| (u64::from(piece) * each / u64::from(pieces.max(1))) as u32;
        let mut curve = Self::build(pieces, due)?;
        curve.headers.push(0..headers.min(pieces));
        Ok(curve)
    }

    /// Number of pieces.
    #[must_use]
    pub const fn pieces(&self) -> u32 {
        self.pieces
    }

    /// The time in the music, in milliseconds, at which this piece is needed; behind the end, that of the last one.
    #[must_use]
    pub fn due_ms(&self, piece: u32) -> u32 {
        let knot = self.knots.get((piece / self.stride) as usize);
        knot.or(self.knots.last()).copied().unwrap_or(0)
    }

    /// The first piece that is needed at `ms` or later; the number of pieces if none is.
    #[must_use]
    pub fn first_due(&self, ms: u32) -> u32 {
        let knot = self.knots.partition_point(|due| *due < ms) as u32;
        knot.saturating_mul(self.stride).min(self.pieces)
    }

    /// The pieces that a decoder needs first wherever it starts, in order.
    #[must_use]
    pub fn headers(&self) -> &[Range<u32>] {
        &self.headers
    }

    /// Whether this piece holds what a decoder needs first.
    #[must_use]
    pub fn is_header(&self, piece: u32) -> bool {
        self.headers.iter().any(|range| range.contains(&piece))
    }

    fn build(pieces: u32, due: impl Fn(u32) -> u32) -> Result<Self, TooManyPieces> {
        if pieces > MOST_PIECES {
            return Err(TooManyPieces);
        }
        let stride = pieces.div_ceil(MOST_KNOTS).max(1);
        let mut latest = 0;
        let knots = (0..pieces).step_by(stride as usize).map(|piece| {
            latest = due(piece).max(latest);
            latest
        });
        Ok(Self { pieces, stride, knots: knots.collect(), headers: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use spotproto::content::{FileId, Format, Geometry, SeekTable};

    /// Eight minutes, of which the second four take three times the bytes.
    fn uneven() -> Head<FileId> {
        let (quiet, loud) = (10_000u64, 30_000u64);
        let offsets: Vec<u64> =
            (0..=480).map(|s| if s < 240 { s * quiet } else { 240 * quiet + (s - 240) * loud }).collect();
        let plaintext = 240 * (quiet + loud) + 1;
        Head {
            file: FileId([1; 32]),
            geometry: Geometry::of_plaintext(plaintext).unwrap(),
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms: 480_000,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: alloc::vec![0..4_000, 200_000..200_010],
            seek: SeekTable::new(480_000, plaintext, &offsets, 1, 4_000).unwrap(),
        }
    }

    #[test]
    fn every_deadline_is_the_heads_own_but_for_header_pieces() {
        let head = uneven();
        let curve = Curve::of(&head).unwrap();
        assert_eq!(curve.pieces(), head.pieces());
        assert_eq!(curve.headers(), [0..1, 12..13]);
        for piece in (0..head.pieces()).filter(|piece| !curve.is_header(*piece)) {
            assert_eq!(curve.due_ms(piece), head.due(piece), "{piece}");
        }
    }

    #[test]
    fn a_time_leads_to_the_first_piece_that_it_is_not_too_late_for() {
        let curve = Curve::of(&uneven()).unwrap();
        for ms in (0..480_000).step_by(977) {
            let piece = curve.first_due(ms);
            assert!(piece == curve.pieces() || curve.due_ms(piece) >= ms);
            assert!(piece == 0 || curve.due_ms(piece - 1) < ms);
        }
    }

    #[test]
    fn a_long_file_keeps_few_times_and_none_is_too_late() {
        let pieces = 100_000;
        let curve = Curve::even(pieces, 1, 36_000_000).unwrap();
        assert!(curve.knots.len() <= MOST_KNOTS as usize);
        for piece in (0..pieces).step_by(61) {
            let exact = u64::from(piece) * 36_000_000 / u64::from(pieces);
            assert!(
                u64::from(curve.due_ms(piece)) <= exact && u64::from(curve.due_ms(piece)) + 10_000 > exact
            );
        }
        assert_eq!(Curve::even(MOST_PIECES, 0, 1).map(|curve| curve.pieces()), Ok(MOST_PIECES));
        assert_eq!(Curve::even(MOST_PIECES + 1, 0, 1), Err(TooManyPieces));
        assert!(alloc::format!("{TooManyPieces}").contains("more pieces"));
        assert_eq!(Curve::even(0, 1, 1).unwrap().due_ms(5), 0);
    }
}
