//! The canonical index: only what a decoder needs, with offsets that fit the canonical form.

use super::super::plan::PlanBuilder;
use super::super::refusal::Refusal;
use super::super::source::{Source, Window};
use super::atoms::{Atom, Part, need};
use super::samples::Found;
use super::track::{Track, number};
use alloc::vec;
use alloc::vec::Vec;

/// Kind and compatible brands are the same for all files.
const FTYP: &[u8] = b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom";

/// The handler of a sound track, without the name that some encoders sign with.
const HDLR: &[u8] = b"\0\0\0\x21hdlr\0\0\0\0\0\0\0\0soun\0\0\0\0\0\0\0\0\0\0\0\0\0";

const SMHD: &[u8] = b"\0\0\0\x10smhd\0\0\0\0\0\0\0\0";

/// The data is in this very file.
const DINF: &[u8] = b"\0\0\0\x24dinf\0\0\0\x1cdref\0\0\0\0\0\0\0\x01\0\0\0\x0curl \0\0\0\x01";

/// Appends `ftyp`, `moov` and the header of `mdat`.
pub(super) fn write<S: Source>(
    window: &mut Window<'_, S>,
    plan: &mut PlanBuilder,
    moov: &Atom,
    track: &Track,
    found: &Found,
) -> Result<(), Refusal> {
    let film = need(window, moov, b"mvhd")?.read(window, 1024)?;
    let narrow = index(&film, track, found, 0, 4);
    let mdat = mdat_header(found.bytes);
    let len = FTYP.len() as u64 + narrow.len() + mdat.len() as u64;
    let width = if len + found.bytes <= u64::from(u32::MAX) { 4 } else { 8 };
    let len = len + if width == 8 { 4 * found.chunks.len() as u64 } else { 0 };
    let index = index(&film, track, found, len, width);
    plan.literal(FTYP)?;
    index.write(plan)?;
    plan.literal(&mdat)
}

fn index(film: &[u8], track: &Track, found: &Found, sound: u64, width: usize) -> Part {
    let table = vec![
        Part::Kept(track.description),
        Part::Kept(track.times),
        Part::Kept(track.chunk_runs),
        Part::Kept(track.sizes),
        offsets(found, sound, width),
    ];
    let information =
        vec![Part::Bytes(SMHD.to_vec()), Part::Bytes(DINF.to_vec()), Part::Nest(*b"stbl", table)];
    let media =
        vec![timeless(*b"mdhd", &track.media), Part::Bytes(HDLR.to_vec()), Part::Nest(*b"minf", information)];
    let mut parts = vec![track_header(&track.header)];
    if let Some(edits) = &track.edits {
        let edits = Part::Nest(*b"elst", vec![Part::Bytes(edits.clone())]);
        parts.push(Part::Nest(*b"edts", vec![edits]));
    }
    parts.push(Part::Nest(*b"mdia", media));
    Part::Nest(*b"moov", vec![film_header(film, &track.header), Part::Nest(*b"trak", parts)])
}

/// Where each chunk lies, the first at `sound`.
fn offsets(found: &Found, sound: u64, width: usize) -> Part {
    let mut body = Vec::with_capacity(8 + found.chunks.len() * width);
    body.extend_from_slice(&[0; 4]);
    body.extend_from_slice(&(found.chunks.len() as u32).to_be_bytes());
    let mut at = sound;
    for chunk in &found.chunks {
        let bytes = at.to_be_bytes();
        body.extend_from_slice(bytes.get(8 - width..).unwrap_or(&bytes));
        at += u64::from(chunk.len);
    }
    Part::Nest(if width == 8 { *b"co64" } else { *b"stco" }, vec![Part::Bytes(body)])
}

/// A header atom with its times of creation and change, which tag editors touch, set to zero.
fn timeless(kind: [u8; 4], body: &[u8]) -> Part {
    let mut body = body.to_vec();
    let times = if body.first() == Some(&1) { 4..20 } else { 4..12 };
    if let Some(times) = body.get_mut(times) {
        times.fill(0);
    }
    Part::Nest(kind, vec![Part::Bytes(body)])
}

/// `tkhd` of the only track there is.
fn track_header(body: &[u8]) -> Part {
    let mut body = body.to_vec();
    let id = if body.first() == Some(&1) { 20..24 } else { 12..16 };
    if let Some(id) = body.get_mut(id) {
        id.copy_from_slice(&1u32.to_be_bytes());
    }
    timeless(*b"tkhd", &body)
}

/// `mvhd` of a film as long as its only track.
fn film_header(film: &[u8], track: &[u8]) -> Part {
    let mut body = film.to_vec();
    let span = track.get(if track.first() == Some(&1) { 28..36 } else { 20..24 }).map_or(0, number);
    let field = if body.first() == Some(&1) { 24..32 } else { 16..20 };
    if let Some(field) = body.get_mut(field) {
        let span = if field.len() == 4 { span.min(u64::from(u32::MAX)) } else { span };
        let bytes = span.to_be_bytes();
        field.copy_from_slice(bytes.get(8 - field.len()..).unwrap_or(&bytes));
    }
    // The last field: the number that a next track would get.
    if let Some(next) = body.last_chunk_mut() {
        *next = 2u32.to_be_bytes();
    }
    timeless(*b"mvhd", &body)
}

fn mdat_header(bytes: u64) -> Vec<u8> {
    match u32::try_from(bytes + 8) {
        Ok(len) => [len.to_be_bytes(), *b"mdat"].concat(),
        Err(_) => [&1u32.to_be_bytes(), &b"mdat"[..], &(bytes + 16).to_be_bytes()].concat(),
    }
}
