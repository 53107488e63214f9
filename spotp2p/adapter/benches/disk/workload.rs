//! What a cache does to a disk.

use crate::layouts::{Layout, PIECE, PIECES};
use core::hint::black_box;
use core::ops::Range;
use core::time::Duration;
use std::io;
use std::time::Instant;

const TRACKS: u32 = 40;

/// Tracks that come at a time: one that plays, the next one, and what is kept for later.
const AT_A_TIME: u32 = 8;

/// Pieces between two commits, and bytes in the journal for each: those of the cache's defaults.
const BATCH: usize = 256;
const RECORD: usize = 16;

pub(crate) struct Times {
    pub(crate) write: Duration,
    pub(crate) read_cold: Duration,
    pub(crate) read_warm: Duration,
    pub(crate) evict: Duration,
    pub(crate) write_again: Duration,
    pub(crate) bytes_after_evicting: u64,
}

pub(crate) fn run(layout: &mut dyn Layout) -> io::Result<Times> {
    let write = timed(|| write(layout, 0..TRACKS))?;
    layout.cool()?;
    let read_cold = timed(|| read(layout))?;
    let read_warm = timed(|| read(layout))?;
    // Half of them, and not the half that was written first.
    let evict = timed(|| (0..TRACKS).step_by(2).try_for_each(|track| layout.evict(track)))?;
    let bytes_after_evicting = layout.bytes()?;
    let write_again = timed(|| self::write(layout, TRACKS..TRACKS + TRACKS / 2))?;
    Ok(Times { write, read_cold, read_warm, evict, write_again, bytes_after_evicting })
}

/// Piece by piece, in turn of the tracks that come at a time.
fn write(layout: &mut dyn Layout, tracks: Range<u32>) -> io::Result<()> {
    let mut bytes = [0; PIECE];
    let mut since = 0;
    for first in tracks.clone().step_by(AT_A_TIME as usize) {
        for piece in 0..PIECES {
            for track in first..(first + AT_A_TIME).min(tracks.end) {
                // Not all alike, should a file system compress.
                bytes[..8].copy_from_slice(&(u64::from(track) << 32 | u64::from(piece)).to_be_bytes());
                layout.write(track, piece, &bytes)?;
                since += 1;
                if since == BATCH {
                    layout.commit(&[0; BATCH * RECORD])?;
                    since = 0;
                }
            }
        }
    }
    layout.commit(&vec![0; since * RECORD])
}

/// One track after the other, as they are played.
fn read(layout: &mut dyn Layout) -> io::Result<()> {
    let mut buffer = [0; PIECE];
    for track in 0..TRACKS {
        for piece in 0..PIECES {
            layout.read(track, piece, &mut buffer)?;
            black_box(&buffer);
        }
    }
    Ok(())
}

fn timed(work: impl FnOnce() -> io::Result<()>) -> io::Result<Duration> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed())
}
