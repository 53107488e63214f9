//! Which part of a file is asked for (RFC 9110 §14).

use core::ops::Range;
use hyper::header::{HeaderMap, RANGE};

/// What a request's `Range` comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Span {
    /// The whole file: no range, or one that is ignored as the standard allows, because it is malformed, of another
    /// unit, or several ranges at once.
    Whole,
    /// These bytes.
    Part(Range<u64>),
    /// The file has no such bytes.
    Unsatisfiable,
}

/// What is asked for of a file of `length` bytes.
pub(super) fn span(headers: &HeaderMap, length: u64) -> Span {
    let mut values = headers.get_all(RANGE).iter();
    match (values.next().map(|value| value.to_str()), values.next()) {
        (Some(Ok(value)), None) => parse(value, length).unwrap_or(Span::Whole),
        _ => Span::Whole,
    }
}

fn parse(value: &str, length: u64) -> Option<Span> {
    let (unit, range) = value.split_once('=')?;
    let (first, last) = range.trim().split_once('-')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let bytes = match (first, last) {
        ("", count) => length.saturating_sub(number(count)?)..length,
        (first, "") => number(first)?..length,
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            first..last.saturating_add(1).min(length)
        }
    };
    Some(if bytes.start < bytes.end { Span::Part(bytes) } else { Span::Unsatisfiable })
}

/// A number of digits; one that is too large is as good as any that is.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    fn of(value: &str) -> Span {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        span(&headers, 1000)
    }

    #[test]
    fn one_range_is_served() {
        for (value, bytes) in [
            ("bytes=0-0", 0..1),
            ("bytes=0-999", 0..1000),
            ("bytes=500-", 500..1000),
            ("bytes=999-5000", 999..1000),
            ("bytes=-1", 999..1000),
            ("bytes=-5000", 0..1000),
            ("Bytes= 1-2 ", 1..3),
            ("bytes=0-99999999999999999999999", 0..1000),
        ] {
            assert_eq!(of(value), Span::Part(bytes), "{value}");
        }
    }

    #[test]
    fn what_the_file_has_not_is_refused() {
        for value in ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999999-"] {
            assert_eq!(of(value), Span::Unsatisfiable, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_or_several_is_ignored() {
        for value in [
            "",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-4",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1 - 2",
            "pieces=1-2",
            "bytes=0-1,4-5",
            "bytes=0-1, 4-5",
            "bytes=1-2-3",
            "\u{e9}",
        ] {
            assert_eq!(of(value), Span::Whole, "{value}");
        }
        let mut headers = HeaderMap::new();
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        headers.append(RANGE, HeaderValue::from_static("bytes=0-1"));
        assert_eq!(span(&headers, 1000), Span::Whole);
        assert_eq!(span(&HeaderMap::new(), 1000), Span::Whole);
    }
}
