//! Servers that send their clients elsewhere.

use super::line::{Came, Line, all, get, page, partial, target};
use spotp2p::cdn::{CdnError, Get, Limits, REDIRECTS_MAX, Refusal, Target, UrlError};

fn elsewhere(location: &str) -> Vec<u8> {
    page(&format!("302 Found\r\nLocation: {location}"), "<a>there</a>")
}

fn refused(why: Refusal) -> Vec<Came> {
    vec![Came::Refused(1, why)]
}

fn moved(outputs: Vec<Came>) -> Target {
    match &outputs[..] {
        [Came::Moved(1, target)] => target.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_redirect_on_the_same_host_is_followed_on_the_same_connection() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&elsewhere("/there?key=1"));
    let asked = line.sent();
    assert!(asked.starts_with("GET /there?key=1 HTTP/1.1\r\nHost: h\r\nRange: bytes=0-16383\r\n"), "{asked}");
    line.come(&elsewhere("http://h:80/again"));
    assert!(line.sent().starts_with("GET /again "));
    line.come(&partial(0..1));
    assert_eq!((line.take(), line.ended), (all(1, 0..1), None));
}

#[test]
fn circles_and_long_ways_are_refused() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&elsewhere("/file"));
    assert_eq!(line.take(), refused(Refusal::RedirectLoop));
    line.ask(get(1, 0..1));
    for step in 0..=REDIRECTS_MAX {
        line.come(&elsewhere(&format!("/{step}")));
        line.sent();
    }
    assert_eq!((line.take(), line.ended), (refused(Refusal::TooManyRedirects), None));
}

#[test]
fn another_host_is_for_the_owner_to_dial_and_the_way_so_far_is_remembered() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&elsewhere("/a"));
    line.sent();
    line.come(&elsewhere("http://other:8080/b"));
    let there = moved(line.take());
    assert_eq!((there.url().to_string(), there.redirects()), ("http://other:8080/b".into(), 2));
    // This connection may go on with something else.
    line.ask(get(2, 0..1));
    line.come(&partial(0..1));
    assert_eq!(line.take(), all(2, 0..1));
    // And whoever sends it back is found out.
    line.ask(Get { target: target("http://h/x"), ..get(1, 0..1) });
    line.come(&elsewhere("http://h/file"));
    assert!(line.sent().starts_with("GET /file "));
}

#[test]
fn a_server_that_redirects_and_closes_is_dialled_again() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&page("307 Temporary Redirect\r\nLocation: /a\r\nConnection: close", ""));
    assert_eq!(moved(line.take()).url().to_string(), "http://h/a");
    assert_eq!(line.ended, Some(CdnError::Closed));

    let mut limits = Limits::DEFAULT;
    limits.drain = 10;
    let mut line = Line::with(limits);
    line.ask(get(1, 3..4));
    line.come(&elsewhere("/a"));
    assert_eq!(moved(line.take()).url().to_string(), "http://h/a");
    assert_eq!(line.ended, Some(CdnError::Abandoned));
}

#[test]
fn a_redirect_to_what_no_address_may_be_is_refused() {
    for (location, why) in [
        ("https://h/file", UrlError::Https),
        ("http://user:word@h/file", UrlError::UserInfo),
        ("/a b", UrlError::Path),
        ("/../a", UrlError::DotSegment),
        ("http://127.1/", UrlError::Host),
        ("file:///etc/passwd", UrlError::Scheme),
        ("/\u{e9}", UrlError::Path),
    ] {
        let mut line = Line::new();
        line.ask(get(1, 0..1));
        line.come(&elsewhere(location));
        assert_eq!(line.take(), refused(Refusal::BadRedirect(why)), "{location}");
        assert_eq!(line.sent(), "");
    }
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&page("302 Found\r\nLocation: /a\r\nLocation: /b", ""));
    assert_eq!(line.take(), refused(Refusal::Status(302)));
}
