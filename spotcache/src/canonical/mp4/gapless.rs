//! iTunes' note of what its encoder put in front of the music and behind it. It writes no edit list, and without
//! either albums have gaps.

use super::super::refusal::Refusal;
use super::super::source::{Source, Window};
use super::atoms::{Atom, children, find};

/// The text of the note is about 120 bytes.
const NOTE_MAX: usize = 1024;

/// Samples in front that are not music, and samples of music.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Note {
    pub(super) delay: u64,
    pub(super) samples: u64,
}

/// The note among the tags of a film, if there is one. What is wrong with tags is no reason to refuse the sound.
pub(super) fn note<S: Source>(window: &mut Window<'_, S>, moov: &Atom) -> Option<Note> {
    search(window, moov).ok().flatten()
}

fn search<S: Source>(window: &mut Window<'_, S>, moov: &Atom) -> Result<Option<Note>, Refusal> {
    let Some(tags) = find(window, moov, b"udta")? else { return Ok(None) };
    let Some(mut tags) = find(window, &tags, b"meta")? else { return Ok(None) };
    // ISO's `meta` has a version in front of its atoms, QuickTime's has not.
    if window.array::<4>(tags.body)? == [0; 4] {
        tags.body += 4;
    }
    let Some(list) = find(window, &tags, b"ilst")? else { return Ok(None) };
    let mut items = children(&list);
    while let Some(item) = items.next(window)? {
        if &item.kind == b"----"
            && let Some(name) = find(window, &item, b"name")?
            && window.starts(name.body + 4, b"iTunSMPB")?
            && let Some(data) = find(window, &item, b"data")?
        {
            let data = data.read(window, NOTE_MAX)?;
            return Ok(data.get(8..).and_then(read));
        }
    }
    Ok(None)
}

/// Hexadecimal numbers: zero, delay, padding, samples of music.
fn read(text: &[u8]) -> Option<Note> {
    let text = core::str::from_utf8(text).ok()?;
    let mut numbers = text.split_ascii_whitespace().map(|word| u64::from_str_radix(word, 16).ok());
    let delay = numbers.nth(1)??;
    let samples = numbers.nth(1)??;
    (samples > 0).then_some(Note { delay, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_note_reads_as_itunes_writes_it() {
        let text = b" 00000000 00000840 000001CA 00000000003F31F6 00000000 00000000";
        assert_eq!(read(text), Some(Note { delay: 2112, samples: 4_141_558 }));
        assert_eq!(read(b" 00000000 00000840"), None);
        assert_eq!(read(b" 0 xyz 0 1"), None);
        assert_eq!(read(b"\xff\xff"), None);
    }
}
