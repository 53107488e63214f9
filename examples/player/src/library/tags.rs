//! What a file's tags say of its music.

use super::disk::Metered;
use core::panic::AssertUnwindSafe;
use lofty::config::ParseOptions;
use lofty::file::{TaggedFile, TaggedFileExt};
use lofty::probe::Probe;
use lofty::tag::{Accessor, ItemKey};
use std::io::BufReader;
use std::panic::catch_unwind;
use std::path::Path;

/// The most bytes of a title, an artist or an album: what a message has room for.
const TEXT_MAX: usize = 256;

/// What the tags say; the file's name where they say nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Tags {
    pub(super) title: String,
    pub(super) artist: String,
    pub(super) album: String,
    pub(super) number: Option<u32>,
    /// In 1/256 dB.
    pub(super) gain: Option<i16>,
}

/// Reads the tags of a file. Tags that cannot be read are like none: the music is there all the same.
pub(super) fn read(file: Metered<'_>, path: &Path) -> Tags {
    // Pictures are skipped, not held: some are larger than the music.
    let options = ParseOptions::new().read_properties(false).read_cover_art(false);
    let probe = Probe::new(BufReader::new(file)).options(options);
    // A parser of two dozen formats meets files that nobody foresaw; its panic must not end a scan of thousands.
    let tagged = catch_unwind(AssertUnwindSafe(|| probe.guess_file_type().ok()?.read().ok()));
    let mut tags = tagged.ok().flatten().map(|tagged| collect(&tagged)).unwrap_or_default();
    if tags.title.is_empty() {
        tags.title = clean(&path.file_stem().unwrap_or_default().to_string_lossy());
    }
    tags
}

fn collect(tagged: &TaggedFile) -> Tags {
    let mut tags = Tags::default();
    // A file may have tags of several kinds; its own kind knows best.
    for tag in tagged.primary_tag().into_iter().chain(tagged.tags()) {
        let text = |key| {
            let all: Vec<&str> = tag.get_strings(key).collect();
            clean(&all.join(", "))
        };
        fill(&mut tags.title, || text(ItemKey::TrackTitle));
        fill(&mut tags.artist, || text(ItemKey::TrackArtist));
        fill(&mut tags.artist, || text(ItemKey::AlbumArtist));
        fill(&mut tags.album, || text(ItemKey::AlbumTitle));
        tags.number = tags.number.or_else(|| tag.track());
        tags.gain = tags.gain.or_else(|| gain(tag.get_string(ItemKey::ReplayGainTrackGain)?));
    }
    tags
}

fn fill(field: &mut String, text: impl FnOnce() -> String) {
    if field.is_empty() {
        *field = text();
    }
}

/// One line of at most [`TEXT_MAX`] bytes: tags end up on terminals, where control characters are commands.
fn clean(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(TEXT_MAX));
    for word in text.split(|c: char| c.is_control() || c.is_whitespace()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.len() > TEXT_MAX {
            let end = (0..=TEXT_MAX).rev().find(|end| line.is_char_boundary(*end));
            line.truncate(end.unwrap_or(0));
            break;
        }
    }
    line
}

/// A ReplayGain value such as `-7.89 dB`, in 1/256 dB.
fn gain(text: &str) -> Option<i16> {
    let text = text.trim();
    let number =
        text.get(..text.len().saturating_sub(2)).filter(|_| text.to_ascii_lowercase().ends_with("db"));
    let decibels: f32 = number.unwrap_or(text).trim().parse().ok()?;
    // Nobody means more than that; such numbers are damage, and would hurt.
    (decibels.abs() <= 64.0).then(|| (decibels * 256.0).round() as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gains_are_read_in_every_usual_spelling() {
        for (text, expected) in [
            ("-7.89 dB", Some(-2020)),
            ("+3.00 dB", Some(768)),
            (" 0.5DB ", Some(128)),
            ("-6", Some(-1536)),
            ("dB", None),
            ("loud", None),
            ("NaN", None),
            ("-900 dB", None),
            ("", None),
            ("ä", None),
        ] {
            assert_eq!(gain(text), expected, "{text:?}");
        }
    }

    #[test]
    fn texts_are_one_line_that_commands_no_terminal() {
        assert_eq!(clean(" Prelude\tin\u{1b}[31m\r\nC\0 "), "Prelude in [31m C");
        let long = clean(&"é".repeat(400));
        assert_eq!((long.len(), long.chars().count()), (256, 128));
        let long = clean(&format!("a{}", "é".repeat(400)));
        assert_eq!(long.len(), 255);
    }
}
