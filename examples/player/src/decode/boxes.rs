//! MP4 boxes, looked at by their headers only (ISO/IEC 14496-12 §4.2).

use core::ops::Range;

use super::source::Track;

/// A box of the file.
struct Header {
    kind: [u8; 4],
    /// Its contents; they may end behind the file.
    contents: Range<u64>,
}

/// The contents of the film box.
pub(super) fn movie(track: &Track) -> Option<Range<u64>> {
    find(track, 0..track.len(), *b"moov")
}

/// The contents of the box of the film's track with this id.
pub(super) fn movie_track(track: &Track, movie: Range<u64>, id: u32) -> Option<Range<u64>> {
    let mut rest = movie;
    loop {
        let this = find(track, rest.clone(), *b"trak")?;
        rest.start = this.end;
        let header = find(track, this.clone(), *b"tkhd")?;
        let at = if is_long(track, &header)? { 20 } else { 12 };
        if u32::from_be_bytes(bytes(track, header.start.checked_add(at)?)?) == id {
            return Some(this);
        }
    }
}

/// The contents of a box within boxes, each the first of its kind.
pub(super) fn nested(track: &Track, within: Range<u64>, path: &[[u8; 4]]) -> Option<Range<u64>> {
    path.iter().try_fold(within, |within, kind| find(track, within, *kind))
}

/// The contents of the first box of a kind.
pub(super) fn find(track: &Track, within: Range<u64>, kind: [u8; 4]) -> Option<Range<u64>> {
    let mut at = within.start;
    while at < within.end {
        let this = header(track, at, within.end).filter(|this| this.contents.end <= within.end)?;
        if this.kind == kind {
            return Some(this.contents);
        }
        at = this.contents.end;
    }
    None
}

/// Where the file would end if nothing were cut off: its last box of sound may say that there is more.
pub(super) fn declared_end(track: &Track) -> u64 {
    let len = track.len();
    let mut at = 0;
    while at < len {
        let Some(this) = header(track, at, len) else { break };
        if this.contents.end > len && this.kind == *b"mdat" {
            return this.contents.end;
        }
        at = this.contents.end;
    }
    len
}

/// Whether the fields of a box with a version are the wide ones.
pub(super) fn is_long(track: &Track, full_box: &Range<u64>) -> Option<bool> {
    Some(bytes::<1>(track, full_box.start)?[0] == 1)
}

pub(super) fn bytes<const N: usize>(track: &Track, at: u64) -> Option<[u8; N]> {
    let mut read = [0; N];
    track.read_exact_at(at, &mut read).then_some(read)
}

/// The box at an offset; one without a length ends at `end`.
fn header(track: &Track, at: u64, end: u64) -> Option<Header> {
    let [a, b, c, d, kind @ ..] = bytes::<8>(track, at)?;
    let (head, len) = match u32::from_be_bytes([a, b, c, d]) {
        0 => (8, end.checked_sub(at)?),
        1 => (16, u64::from_be_bytes(bytes(track, at.checked_add(8)?)?)),
        len => (8, u64::from(len)),
    };
    let end = at.checked_add(len).filter(|_| len >= head)?;
    Some(Header { kind, contents: at + head..end })
}
