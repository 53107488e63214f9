//! What people write: links, addresses.

use core::str::{FromStr, from_utf8};
use spotp2p::cdn::Url;
use spotproto::Link;

/// Both normal forms of a link read as the same link.
pub(crate) fn link(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Ok(link) = Link::parse(text) {
        for form in [link.uri().to_string(), link.web().to_string()] {
            assert_eq!(Link::parse(&form).as_ref(), Ok(&link), "{form}");
        }
    }
}

/// What is read prints as what reads the same, and as nothing that could break a request line.
pub(crate) fn url(bytes: &[u8]) {
    let Ok(text) = from_utf8(bytes) else { return };
    if let Ok(url) = Url::from_str(text) {
        let printed = url.to_string();
        assert_eq!(printed.parse().as_ref(), Ok(&url), "{printed}");
        assert!(printed.bytes().all(|byte| byte.is_ascii_graphic()), "{printed}");
    }
}
