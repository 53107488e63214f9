//! AAC and Apple Lossless in MP4 (ISO 14496-12, 14496-14; QuickTime File Format).
//!
//! The one sound track, its index in front and its chunks behind, in the order of the index. Everything that says
//! nothing about sound is left out: tags, pictures, chapters, other tracks, times of editing.

mod atoms;
mod codec;
mod gapless;
mod index;
mod samples;
mod track;

use self::atoms::{Atom, children, find};
use self::track::Track;
use super::facts::{Canonical, Scan, Timing};
use super::plan::PlanBuilder;
use super::refusal::Refusal;
use super::source::{Source, Window};

/// Whether the kind of a file's first atom is one that MP4 files begin with.
pub(super) fn opens_with(kind: &[u8]) -> bool {
    [&b"ftyp"[..], b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"]
        .iter()
        .any(|known| kind.starts_with(known))
}

pub(super) fn analyse<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<Canonical, Refusal> {
    let moov = find_index(window, start)?;
    if find(window, &moov, b"mvex")?.is_some() {
        return Err(FRAGMENTED);
    }
    let track = sound_track(window, &moov)?;
    let found = samples::walk(window, &track)?;
    let mut plan = PlanBuilder::new();
    index::write(window, &mut plan, &moov, &track, &found)?;
    let header_len = plan.len();
    for chunk in &found.chunks {
        plan.copy(chunk.offset..chunk.offset + u64::from(chunk.len))?;
    }
    let (sample_rate, channels) = (track.sound.sample_rate, track.sound.channels);
    let music = track.music(found.ticks);
    let samples = u128::from(music.ticks) * u128::from(sample_rate) / u128::from(track.timescale);
    let delay = u128::from(music.delay) * u128::from(sample_rate) / u128::from(track.timescale);
    let scan = Scan {
        format: track.sound.format,
        sample_rate,
        channels,
        samples: u64::try_from(samples).map_err(|_| Refusal::TooLarge("the duration"))?,
        exact: music.is_exact && track.timescale == sample_rate,
        delay: u32::try_from(delay).unwrap_or(0),
        header_len,
        seek: Timing::Found(found.seconds.behind(header_len)),
    };
    scan.with(plan.finish())
}

const FRAGMENTED: Refusal = Refusal::Unsupported("fragmented MP4");

/// The `moov` atom, wherever it lies: cameras and old encoders put it at the end.
fn find_index<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<Atom, Refusal> {
    let file = Atom { kind: *b"file", start, body: start, end: window.len() };
    let mut atoms = children(&file);
    while let Some(atom) = atoms.next(window)? {
        match &atom.kind {
            b"moof" | b"sidx" => return Err(FRAGMENTED),
            b"moov" if atom.end > window.len() => return Err(Refusal::Truncated),
            b"moov" => return Ok(atom),
            _ => {}
        }
    }
    // Without an index a whole file would be no file at all.
    Err(Refusal::Truncated)
}

fn sound_track<S: Source>(window: &mut Window<'_, S>, moov: &Atom) -> Result<Track, Refusal> {
    let mut atoms = children(moov);
    let mut others = false;
    while let Some(atom) = atoms.next(window)? {
        if &atom.kind == b"trak" {
            match Track::read(window, moov, &atom)? {
                Some(track) => return Ok(track),
                None => others = true,
            }
        }
    }
    Err(if others { Refusal::Unsupported("a film without sound") } else { Refusal::NotAudio })
}
