//! Conditional requests (RFC 9110 §13). There is one entity tag for a file, and it never changes.

use hyper::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};

/// What the conditions of a request come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// Go on, and look at the range.
    Range,
    /// Go on without a range: whoever asks holds a part of something else.
    Whole,
    /// 304: whoever asks has it.
    NotModified,
    /// 412: whoever asks wants something else.
    Failed,
}

/// Weighs the conditions in the order of RFC 9110 §13.2.2, for a file with this tag.
pub(super) fn verdict(headers: &HeaderMap, tag: &str) -> Verdict {
    if headers.contains_key(IF_MATCH) && !names(headers, IF_MATCH, tag, false) {
        return Verdict::Failed;
    }
    if names(headers, IF_NONE_MATCH, tag, true) {
        return Verdict::NotModified;
    }
    // A date never holds: files have none.
    let ranged = headers.get_all(IF_RANGE).iter().all(|value| value.as_bytes() == tag.as_bytes());
    if ranged { Verdict::Range } else { Verdict::Whole }
}

/// Whether a list of tags has this one on it, or is `*`.
fn names(headers: &HeaderMap, list: HeaderName, tag: &str, weakly: bool) -> bool {
    let items = headers.get_all(list).iter().filter_map(|value| value.to_str().ok());
    items.flat_map(|value| value.split(',')).map(str::trim).any(|item| {
        let strong = item.strip_prefix("W/").filter(|_| weakly).unwrap_or(item);
        item == "*" || strong == tag
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    #[test]
    fn conditions_are_weighed_as_the_standard_says() {
        for (name, value, wanted) in [
            (IF_MATCH, "\"a\"", Verdict::Range),
            (IF_MATCH, "*", Verdict::Range),
            (IF_MATCH, "W/\"a\"", Verdict::Failed),
            (IF_MATCH, "\"b\"", Verdict::Failed),
            (IF_NONE_MATCH, "\"b\", W/\"a\"", Verdict::NotModified),
            (IF_NONE_MATCH, "*", Verdict::NotModified),
            (IF_NONE_MATCH, "\"b\"", Verdict::Range),
            (IF_RANGE, "\"a\"", Verdict::Range),
            (IF_RANGE, "W/\"a\"", Verdict::Whole),
            (IF_RANGE, "\"b\"", Verdict::Whole),
            (IF_RANGE, "Sun, 06 Nov 1994 08:49:37 GMT", Verdict::Whole),
        ] {
            let headers = HeaderMap::from_iter([(name.clone(), HeaderValue::from_static(value))]);
            assert_eq!(verdict(&headers, "\"a\""), wanted, "{name}: {value}");
        }
        assert_eq!(verdict(&HeaderMap::new(), "\"a\""), Verdict::Range);
    }
}
