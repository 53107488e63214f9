//! One track of sound, as its atoms describe it.

use super::super::refusal::Refusal;
use super::super::source::{Source, Window};
use super::atoms::{Atom, find, need};
use super::codec::Sound;
use super::gapless::{Note, note};
use alloc::vec::Vec;

/// The largest of the small atoms that are read whole.
const SMALL_MAX: usize = 32 * 1024;

/// A track of sound.
pub(super) struct Track {
    pub(super) sound: Sound,
    /// Ticks a second; at least one.
    pub(super) timescale: u32,
    /// The bodies of `tkhd`, `mdhd` and, if there is one, `elst`.
    pub(super) header: Vec<u8>,
    pub(super) media: Vec<u8>,
    pub(super) edits: Option<Vec<u8>>,
    /// What iTunes says instead of an edit list.
    note: Option<Note>,
    /// Ticks a second of the whole film, in which edits give their durations.
    film_timescale: u32,
    pub(super) description: Atom,
    pub(super) times: Atom,
    pub(super) chunk_runs: Atom,
    pub(super) sizes: Atom,
    pub(super) offsets: Atom,
}

/// Which of a track's ticks are music.
pub(super) struct Music {
    pub(super) delay: u64,
    pub(super) ticks: u64,
    pub(super) is_exact: bool,
}

impl Track {
    /// The track in a `trak` atom; `None` if it is not one of sound.
    pub(super) fn read<S: Source>(
        window: &mut Window<'_, S>,
        moov: &Atom,
        trak: &Atom,
    ) -> Result<Option<Self>, Refusal> {
        let media = need(window, trak, b"mdia")?;
        let handler = need(window, &media, b"hdlr")?;
        if !window.starts(handler.body + 8, b"soun")? {
            return Ok(None);
        }
        let information = need(window, &media, b"minf")?;
        let table = need(window, &information, b"stbl")?;
        let description = need(window, &table, b"stsd")?;
        let film = need(window, moov, b"mvhd")?.read(window, SMALL_MAX)?;
        let header = need(window, trak, b"tkhd")?.read(window, SMALL_MAX)?;
        let media = need(window, &media, b"mdhd")?.read(window, SMALL_MAX)?;
        let edits = match find(window, trak, b"edts")? {
            Some(edits) => find(window, &edits, b"elst")?,
            None => None,
        };
        let sizes = match find(window, &table, b"stsz")? {
            Some(sizes) => sizes,
            None => need(window, &table, b"stz2")?,
        };
        let offsets = match find(window, &table, b"stco")? {
            Some(offsets) => offsets,
            None => need(window, &table, b"co64")?,
        };
        let note = if edits.is_none() { note(window, moov) } else { None };
        Ok(Some(Self {
            note,
            sound: Sound::read(&description.read(window, SMALL_MAX)?)?,
            timescale: timescale(&media)?,
            film_timescale: timescale(&film)?,
            header,
            media,
            edits: edits.map(|edits| edits.read(window, SMALL_MAX)).transpose()?,
            description,
            times: need(window, &table, b"stts")?,
            chunk_runs: need(window, &table, b"stsc")?,
            sizes,
            offsets,
        }))
    }

    /// Which of the track's `ticks` are music: the edit list leaves out what the encoder put in front and behind.
    pub(super) fn music(&self, ticks: u64) -> Music {
        let delay = self.delay().min(ticks);
        let left = ticks - delay;
        if let Some(note) = self.note {
            return Music { delay, ticks: note.samples.min(left), is_exact: true };
        }
        let (span, _) = self.edit().unwrap_or((0, 0));
        let span = (u128::from(span) * u128::from(self.timescale)).div_ceil(u128::from(self.film_timescale));
        match u64::try_from(span) {
            // A film's ticks are often milliseconds: too coarse to say how many samples there are.
            Ok(span) if span > 0 && span < left => {
                Music { delay, ticks: span, is_exact: self.film_timescale.is_multiple_of(self.timescale) }
            }
            _ => Music { delay, ticks: left, is_exact: true },
        }
    }

    /// Ticks in front that are not music.
    pub(super) fn delay(&self) -> u64 {
        let noted = self.note.map_or(0, |note| note.delay);
        self.edit().map_or(noted, |(_, start)| start)
    }

    fn edit(&self) -> Option<(u64, u64)> {
        self.edits.as_deref().and_then(first_edit)
    }
}

/// Duration, in the film's ticks, and start, in the track's, of the first edit in an `elst` that is not a pause.
fn first_edit(body: &[u8]) -> Option<(u64, u64)> {
    let (entry, half) = if body.first() == Some(&1) { (20, 8) } else { (12, 4) };
    body.get(8..)?.chunks_exact(entry).find_map(|entry| {
        let (span, rest) = entry.split_at_checked(half)?;
        let start = rest.get(..half)?;
        // All ones is -1: an empty edit.
        (start.iter().any(|byte| *byte != 0xff)).then(|| (number(span), number(start)))
    })
}

/// A big-endian number of at most eight bytes.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Of the body of an `mvhd` or `mdhd` atom, where it lies behind two times.
fn timescale(body: &[u8]) -> Result<u32, Refusal> {
    let at = if body.first() == Some(&1) { 20 } else { 12 };
    let scale = body.get(at..at + 4).map_or(0, number) as u32;
    if scale == 0 { Err(Refusal::Damaged("its clock stands still")) } else { Ok(scale) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_edit_that_is_not_a_pause_counts_in_both_widths() {
        let pause = [&500u32.to_be_bytes()[..], &[0xff; 4], &[0, 1, 0, 0]].concat();
        let edit = [&9000u32.to_be_bytes()[..], &1024u32.to_be_bytes(), &[0, 1, 0, 0]].concat();
        let narrow = [&[0; 4][..], &2u32.to_be_bytes(), &pause, &edit].concat();
        assert_eq!(first_edit(&narrow), Some((9000, 1024)));
        let wide = [
            &[1, 0, 0, 0][..],
            &1u32.to_be_bytes(),
            &9000u64.to_be_bytes(),
            &1024u64.to_be_bytes(),
            &[0, 1, 0, 0],
        ];
        assert_eq!(first_edit(&wide.concat()), Some((9000, 1024)));
        assert_eq!(first_edit(&narrow[..20]), None);
        assert_eq!(first_edit(&[]), None);
    }
}
