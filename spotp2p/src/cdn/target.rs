//! An address and the redirects by which it was come to.

use super::refusal::Refusal;
use super::url::{URL_LEN_MAX, Url, UrlError};
use alloc::format;
use alloc::vec::Vec;

/// Redirects that are followed for one file, over all hosts.
pub const REDIRECTS_MAX: usize = 3;

/// Where a file is asked for, and where it was asked for before: a server may send its client elsewhere, but neither
/// in a circle nor for ever.
///
/// Holds at most four addresses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    url: Url,
    /// Where it was asked for before, in order.
    trail: Vec<Url>,
}

impl Target {
    /// The file at `url`, asked for the first time.
    #[must_use]
    pub const fn new(url: Url) -> Self {
        Self { url, trail: Vec::new() }
    }

    /// Where it is asked for.
    #[must_use]
    pub const fn url(&self) -> &Url {
        &self.url
    }

    /// Redirects followed so far.
    #[must_use]
    pub fn redirects(&self) -> usize {
        self.trail.len()
    }

    /// Where a `Location` leads from here.
    pub(super) fn redirected(&self, location: &[u8]) -> Result<Self, Refusal> {
        if self.trail.len() >= REDIRECTS_MAX {
            return Err(Refusal::TooManyRedirects);
        }
        let url = resolve(&self.url, location).map_err(Refusal::BadRedirect)?;
        if url == self.url || self.trail.contains(&url) {
            return Err(Refusal::RedirectLoop);
        }
        let mut trail = self.trail.clone();
        trail.push(self.url.clone());
        Ok(Self { url, trail })
    }
}

/// Resolves a reference (RFC 3986 §5.2) under the same rules as an address; dot segments are refused, not removed.
fn resolve(base: &Url, location: &[u8]) -> Result<Url, UrlError> {
    if location.len() > URL_LEN_MAX {
        return Err(UrlError::TooLong);
    }
    let text = core::str::from_utf8(location).map_err(|_| UrlError::Path)?;
    // A fragment is for whoever shows a page (RFC 9110 §10.2.2).
    let text = text.split('#').next().unwrap_or_default();
    let (folder, _) = base.path().split_at(base.path().find('?').unwrap_or(base.path().len()));
    if text.is_empty() {
        Ok(base.clone())
    } else if let Some(rest) = text.strip_prefix("//") {
        Url::behind_slashes(rest)
    } else if text.starts_with('/') {
        base.with_path(text)
    } else if text.starts_with('?') {
        base.with_path(&format!("{folder}{text}"))
    } else if has_scheme(text) {
        text.parse()
    } else {
        let parent = folder.rfind('/').and_then(|slash| folder.get(..=slash)).unwrap_or("/");
        base.with_path(&format!("{parent}{text}"))
    }
}

/// Whether a colon comes before anything that could not stand in a scheme.
fn has_scheme(text: &str) -> bool {
    text.find([':', '/', '?']).is_some_and(|at| text[at..].starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn target(text: &str) -> Target {
        Target::new(text.parse().unwrap())
    }

    fn lead(from: &str, location: &str) -> Result<alloc::string::String, Refusal> {
        target(from).redirected(location.as_bytes()).map(|to| to.url().to_string())
    }

    #[test]
    fn every_form_of_reference_is_resolved() {
        let from = "http://h/music/file?key=1";
        for (location, to) in [
            ("http://other:81/x", "http://other:81/x"),
            ("//other/x", "http://other/x"),
            ("/x", "http://h/x"),
            ("x", "http://h/music/x"),
            ("x/y:z", "http://h/music/x/y:z"),
            ("?key=2", "http://h/music/file?key=2"),
            ("/x#part", "http://h/x"),
        ] {
            assert_eq!(lead(from, location).unwrap(), to, "{location}");
        }
    }

    #[test]
    fn a_redirect_obeys_the_rules_of_an_address() {
        for (location, why) in [
            ("https://h/x", UrlError::Https),
            ("mailto:x", UrlError::Scheme),
            ("http://user@h/x", UrlError::UserInfo),
            ("/x y", UrlError::Path),
            ("/x\u{e9}", UrlError::Path),
            ("../x", UrlError::DotSegment),
        ] {
            assert_eq!(lead("http://h/a/b", location), Err(Refusal::BadRedirect(why)), "{location}");
        }
        assert_eq!(target("http://h/").redirected(b"/\xff"), Err(Refusal::BadRedirect(UrlError::Path)));
    }

    #[test]
    fn circles_and_long_ways_are_refused() {
        assert_eq!(lead("http://h/a", "/a"), Err(Refusal::RedirectLoop));
        assert_eq!(lead("http://h/a", ""), Err(Refusal::RedirectLoop));
        let there = target("http://h/a").redirected(b"http://other/b").unwrap();
        assert_eq!(there.redirected(b"http://h/a"), Err(Refusal::RedirectLoop));
        let third = there.redirected(b"/c").unwrap().redirected(b"/d").unwrap();
        assert_eq!(third.redirects(), REDIRECTS_MAX);
        assert_eq!(third.redirected(b"/e"), Err(Refusal::TooManyRedirects));
    }
}
