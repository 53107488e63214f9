//! The values of header fields that are looked at.

use super::date;
use core::ops::Range;
use core::time::Duration;

/// A `Content-Range` (RFC 9110 §14.4).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ContentRange {
    pub(super) bytes: Range<u64>,
    /// The length of the whole; a server need not know it.
    pub(super) total: Option<u64>,
}

impl ContentRange {
    pub(super) fn parse(value: &[u8]) -> Option<Self> {
        let text = core::str::from_utf8(value).ok()?;
        let (unit, rest) = text.trim_ascii().split_once(' ')?;
        let (range, total) = rest.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let bytes = number(first.as_bytes())?..number(last.as_bytes())?.checked_add(1)?;
        let total = if total == "*" { None } else { Some(number(total.as_bytes())?) };
        let fits = bytes.start < bytes.end && total.is_none_or(|total| bytes.end <= total);
        (unit.eq_ignore_ascii_case("bytes") && fits).then_some(Self { bytes, total })
    }
}

/// A number of digits alone, which `str::parse` does not insist on.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    core::str::from_utf8(value).ok()?.parse().ok()
}

/// Whether `token` is on a list separated by commas, whatever its case.
pub(super) fn lists(value: &[u8], token: &str) -> bool {
    value.split(|&byte| byte == b',').any(|item| item.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// A `Retry-After` (RFC 9110 §10.2.3): seconds, or a date. The date is measured from the answer's own `Date`, so that
/// no clock but the server's matters; without one it says nothing.
pub(super) fn retry_after(value: &[u8], date: Option<&[u8]>, most: Duration) -> Option<Duration> {
    let text = value.trim_ascii();
    let seconds = if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
        number(text).unwrap_or(u64::MAX)
    } else {
        at(text)?.saturating_sub(at(date?)?)
    };
    Some(Duration::from_secs(seconds).min(most))
}

fn at(value: &[u8]) -> Option<u64> {
    date::seconds(core::str::from_utf8(value).ok()?.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_range_is_taken_only_whole_and_sensible() {
        let parsed = ContentRange::parse(b"bytes 100-199/1000").unwrap();
        assert_eq!(parsed, ContentRange { bytes: 100..200, total: Some(1000) });
        assert_eq!(ContentRange::parse(b" Bytes 0-0/*").unwrap().total, None);
        for value in [
            "",
            "bytes",
            "bytes */1000",
            "bytes 5-4/10",
            "bytes 0-10/10",
            "bytes 0-9/",
            "bytes -9/10",
            "bytes +0-9/10",
            "bytes=0-9/10",
            "items 0-9/10",
            "bytes 0-18446744073709551615/*",
            "bytes 0-9/10, bytes 0-9/10",
        ] {
            assert_eq!(ContentRange::parse(value.as_bytes()), None, "{value}");
        }
        assert_eq!(ContentRange::parse(b"bytes 0-9/\xff"), None);
    }

    #[test]
    fn both_forms_of_retry_after_are_bounded() {
        let most = Duration::from_secs(3600);
        let after = |value: &str, date: Option<&str>| {
            retry_after(value.as_bytes(), date.map(str::as_bytes), most).map(|span| span.as_secs())
        };
        let (now, soon) = ("Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:51:37 GMT");
        assert_eq!(after("120", None), Some(120));
        assert_eq!(after("99999999999999999999999999", None), Some(3600));
        assert_eq!(after(soon, Some(now)), Some(120));
        assert_eq!(after(now, Some(soon)), Some(0));
        assert_eq!(after("Fri, 31 Dec 9999 23:59:59 GMT", Some(now)), Some(3600));
        for (value, date) in
            [(soon, None), (soon, Some("today")), ("soon", Some(now)), ("-1", None), ("", None)]
        {
            assert_eq!(after(value, date), None, "{value}");
        }
    }

    #[test]
    fn a_token_is_found_on_a_list_whatever_its_case() {
        assert!(lists(b"foo, Close", "close") && lists(b"close", "close"));
        assert!(!lists(b"closed", "close") && !lists(b"", "close"));
    }
}
