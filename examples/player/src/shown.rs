//! Words of others, as a terminal may show them: names of tracks and of files, values from configuration files.

use alloc::borrow::Cow;

/// Whether a terminal would obey it, or turn the line round it: control characters, separators of lines, and what changes
/// the direction of writing (UAX #9; CVE-2021-42574 is what comes of it).
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The text with U+FFFD in the place of what [`steers`].
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(steers) {
        return text.into();
    }
    text.chars().map(|c| if steers(c) { char::REPLACEMENT_CHARACTER } else { c }).collect::<String>().into()
}

/// Who and what, as far as known: "artist – title".
#[must_use]
pub fn named(artist: &str, title: &str) -> String {
    let parts = [artist, title].into_iter().filter(|part| !part.is_empty());
    parts.map(printable).collect::<Vec<_>>().join(" – ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_name_steers_a_terminal() {
        assert_eq!(named("Bach", "Air\u{1b}]52;c;aGk=\u{7}"), "Bach – Air\u{fffd}]52;c;aGk=\u{fffd}");
        assert_eq!(printable("gpj.\u{202e}3pm"), "gpj.\u{fffd}3pm");
        assert_eq!(printable("two\u{2028}lines\u{9b}"), "two\u{fffd}lines\u{fffd}");
    }

    #[test]
    fn what_steers_nothing_stays_as_it_is() {
        for name in ["Sigur Rós", "美空ひばり", "فيروز", "👩‍🎤"] {
            assert_eq!(printable(name), name);
        }
        assert_eq!(
            (named("", "Air"), named("Bach", ""), named("", "")),
            ("Air".into(), "Bach".into(), String::new())
        );
    }
}
