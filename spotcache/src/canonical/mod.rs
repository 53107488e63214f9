//! The canonical form of a sound file: what is sealed, and what players decode.
//!
//! Tags and pictures are left out, what a decoder needs first comes first, and audio packets are bit-identical. So
//! editing a tag changes no byte of it, and the canonical form of a canonical form is itself. It is never written
//! to disk: a [`Plan`] says how to read any range of it from the source file.

mod facts;
mod flac;
mod mp3;
mod mp4;
mod ogg;
mod plan;
mod refusal;
mod seconds;
mod source;
mod tags;
mod wav;

pub use facts::{Canonical, Facts};
pub use mp3::MP3_WARM_UP_FRAMES;
pub use plan::{PLAN_LEN_MAX, Plan, ReadError};
pub use refusal::Refusal;
pub use source::{Source, Unreadable};

use source::Window;

/// Finds out what a file is by what is in it, never by its name, and how to read its canonical form.
///
/// Memory stays small, whatever the file says about itself; the whole file is read once (MP4: its index only).
///
/// # Errors
/// Why the file cannot be taken.
pub fn analyse<S: Source>(source: &mut S) -> Result<Canonical, Refusal> {
    let mut window = Window::new(source);
    if window.len() == 0 {
        return Err(Refusal::Empty);
    }
    let start = tags::skip_id3v2(&mut window, 0)?;
    let magic = window.some(start, 36)?;
    match magic {
        [b'O', b'g', b'g', b'S', ..] => ogg::analyse(&mut window, start),
        [b'f', b'L', b'a', b'C', ..] => flac::analyse(&mut window, start),
        [b'R', b'I' | b'F', b'F' | b'6', b'F' | b'4', _, _, _, _, b'W', b'A', b'V', b'E', ..] => {
            wav::analyse(&mut window, start)
        }
        [b'B', b'W', b'6', b'4', ..] => wav::analyse(&mut window, start),
        [_, _, _, _, name @ ..] if mp4::opens_with(name) => mp4::analyse(&mut window, start),
        _ => match unsupported(magic) {
            Some(name) => Err(Refusal::Unsupported(name)),
            None => mp3::analyse(&mut window, start),
        },
    }
}

/// The names of sound files that are known, but not supported.
fn unsupported(magic: &[u8]) -> Option<&'static str> {
    const KNOWN: [(&[u8], &str); 12] = [
        (b"FORM", "AIFF"),
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"MPCK", "Musepack"),
        (b"MP+", "Musepack"),
        (b"TTA1", "True Audio"),
        (b"DSD ", "DSD"),
        (b"FRM8", "DSD"),
        (b"MThd", "MIDI"),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media"),
        (b"\x1a\x45\xdf\xa3", "Matroska or WebM"),
        (b".RMF", "RealAudio"),
    ];
    KNOWN.iter().find(|(start, _)| magic.starts_with(start)).map(|(_, name)| *name)
}
