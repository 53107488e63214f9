//! Answers as real servers give them.

use super::line::{Came, LENGTH, Line, all, bytes_of, file, get, page, partial};
use core::time::Duration;
use spotp2p::cdn::{CdnError, Limits, Refusal};

/// A body in chunks of `size` bytes.
fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut wire = Vec::new();
    for chunk in body.chunks(size) {
        wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        wire.extend_from_slice(chunk);
        wire.extend_from_slice(b"\r\n");
    }
    wire.extend_from_slice(b"0\r\n\r\n");
    wire
}

fn refused(why: Refusal) -> Vec<Came> {
    vec![Came::Refused(1, why)]
}

#[test]
fn nginx_serves_ranges_over_one_connection() {
    let mut line = Line::new();
    let asked = line.ask(get(1, 1..3));
    assert!(asked.starts_with("GET /file HTTP/1.1\r\nHost: h\r\nRange: bytes=16384-49151\r\n"), "{asked}");
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nServer: nginx/1.22.1\r\nDate: Wed, 25 Nov 2026 18:00:00 GMT\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: 32768\r\n\
         Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nConnection: keep-alive\r\nETag: \"6744f1d0-c064\"\r\n\
         Content-Range: bytes 16384-49151/{LENGTH}\r\n\r\n"
    );
    line.come(head.as_bytes());
    let bytes = &file()[bytes_of(1..3)];
    line.come(&bytes[..16_384]);
    // The first piece does not wait for the second one.
    assert_eq!(line.take(), all(1, 1..3)[..1]);
    line.come(&bytes[16_384..]);
    assert_eq!(line.take(), all(1, 1..3)[1..]);
    assert!(line.ask(get(2, 3..4)).contains("Range: bytes=49152-49251\r\n"));
    line.come(&partial(3..4));
    assert_eq!((line.take(), line.ended), (all(2, 3..4), None));
}

#[test]
fn apache_closes_after_an_answer_and_says_so() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nDate: Wed, 25 Nov 2026 18:00:00 GMT\r\nServer: Apache/2.4.62 (Debian)\r\n\
         Last-Modified: Tue, 24 Nov 2026 10:00:00 GMT\r\nETag: \"c064-627a5d0a5f4c0\"\r\nAccept-Ranges: bytes\r\n\
         Content-Length: 16384\r\nContent-Range: bytes 0-16383/{LENGTH}\r\nConnection: close\r\n\r\n"
    );
    line.come(&[head.as_bytes(), &file()[..16_384]].concat());
    assert_eq!((line.take(), line.ended), (all(1, 0..1), Some(CdnError::Closed)));
    assert!(!CdnError::Closed.is_servers_fault());
}

#[test]
fn object_stores_answer_with_lower_case_and_xml() {
    let mut line = Line::new();
    line.ask(get(1, 0..4));
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nx-amz-id-2: a+b/c=\r\nx-amz-request-id: 0123456789ABCDEF\r\n\
         date: Wed, 25 Nov 2026 18:00:00 GMT\r\netag: \"9e107d9d372bb6826bd81d3542a419d6\"\r\n\
         accept-ranges: bytes\r\ncontent-range: bytes 0-{}/{LENGTH}\r\ncontent-type: binary/octet-stream\r\n\
         server: AmazonS3\r\ncontent-length: {LENGTH}\r\n\r\n",
        LENGTH - 1
    );
    line.come(&[head.as_bytes(), file()].concat());
    assert_eq!(line.take(), all(1, 0..4));
    line.ask(get(1, 0..4));
    let xml = "<Error><Code>SlowDown</Code></Error>";
    line.come(&page("503 Slow Down\r\nretry-after: 7\r\ncontent-type: application/xml", xml));
    let seven = Some(Duration::from_secs(7));
    assert_eq!((line.take(), line.ended), (refused(Refusal::Overloaded { retry_after: seven }), None));
    line.ask(get(2, 0..1));
    line.come(&partial(0..1));
    assert_eq!(line.take(), all(2, 0..1));
}

#[test]
fn a_body_may_come_in_chunks() {
    let mut line = Line::new();
    for (request, size) in [(1, 1), (2, 1000), (3, 1 << 20)] {
        line.ask(get(request, 1..4));
        let head = format!(
            "HTTP/1.1 206 OK\r\nTransfer-Encoding: Chunked\r\nContent-Range: bytes 16384-{}/{LENGTH}\r\n\r\n",
            LENGTH - 1
        );
        line.come(&[head.as_bytes(), &chunked(&file()[16_384..], size)].concat());
        assert_eq!((line.take(), line.ended), (all(request, 1..4), None));
    }
}

#[test]
fn a_server_of_http_1_0_ends_a_body_by_closing() {
    let mut line = Line::new();
    line.ask(get(1, 2..4));
    line.come(&[&b"HTTP/1.0 200 OK\r\nServer: SimpleHTTP/0.6 Python/3.11.2\r\n\r\n"[..], file()].concat());
    // What was asked for is here: no reason to wait for the end.
    assert_eq!((line.take(), line.ended), (all(1, 2..4), Some(CdnError::Closed)));

    let mut line = Line::new();
    line.ask(get(1, 2..4));
    line.come(&[&b"HTTP/1.0 200 OK\r\n\r\n"[..], &file()[..LENGTH - 1]].concat());
    line.eof();
    assert_eq!((line.take(), line.ended), (all(1, 2..4)[..1].to_vec(), Some(CdnError::Cut)));
}

#[test]
fn a_server_of_http_1_0_may_keep_the_connection() {
    let mut line = Line::new();
    line.ask(get(1, 0..4));
    let head = format!("HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: {LENGTH}\r\n\r\n");
    line.come(&[head.as_bytes(), file()].concat());
    assert_eq!((line.take(), line.ended), (all(1, 0..4), None));
}

#[test]
fn the_whole_file_will_do_where_the_range_is_near_its_beginning() {
    let whole = [format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n").as_bytes(), file()].concat();
    let mut line = Line::new();
    line.ask(get(1, 1..2));
    line.come(&whole);
    assert_eq!((line.take(), line.ended), (all(1, 1..2), None));

    let mut limits = Limits::DEFAULT;
    (limits.skip, limits.drain) = (20_000, 20_000);
    let mut line = Line::with(limits);
    line.ask(get(1, 1..2));
    // All that was asked for, and little of the file behind it.
    line.come(&whole[..whole.len() - bytes_of(2..4).len()]);
    assert_eq!((line.take(), line.ended), (all(1, 1..2), None));
    // More is left than is read for nothing.
    let mut line = Line::with(limits);
    line.ask(get(1, 0..1));
    line.come(&whole);
    assert_eq!((line.take(), line.ended), (all(1, 0..1), Some(CdnError::Abandoned)));
    let mut line = Line::with(limits);
    line.ask(get(1, 2..3));
    line.come(&whole);
    assert_eq!((line.take(), line.ended), (refused(Refusal::IgnoresRanges), Some(CdnError::Abandoned)));
}

#[test]
fn interim_answers_are_skipped() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
    line.come(&partial(0..1));
    assert_eq!(line.take(), all(1, 0..1));
}

#[test]
fn every_refusal_has_its_own_word_and_the_connection_goes_on() {
    let later = "503 Service Unavailable\r\nDate: Wed, 25 Nov 2026 18:00:00 GMT\r\nRetry-After: Wed, 25 Nov 2026 18:02:00 GMT";
    let minutes = Some(Duration::from_secs(120));
    let mut line = Line::new();
    for (head, why, passing) in [
        ("404 Not Found", Refusal::NotFound, false),
        ("410 Gone", Refusal::NotFound, false),
        ("403 Forbidden", Refusal::Forbidden, false),
        ("416 Range Not Satisfiable\r\nContent-Range: bytes */9", Refusal::RangeRefused, false),
        ("429 Too Many Requests", Refusal::Overloaded { retry_after: None }, true),
        (later, Refusal::Overloaded { retry_after: minutes }, true),
        (
            "500 Internal Server Error\r\nRetry-After: 999999999",
            Refusal::Failed { status: 500, retry_after: Some(Duration::from_secs(3600)) },
            true,
        ),
        ("502 Bad Gateway", Refusal::Failed { status: 502, retry_after: None }, true),
        ("418 I'm a teapot", Refusal::Status(418), false),
        ("300 Multiple Choices", Refusal::Status(300), false),
        ("302 Found", Refusal::Status(302), false),
        ("999 \u{e9}\u{e9}", Refusal::Status(999), false),
    ] {
        line.ask(get(1, 0..1));
        line.come(&page(head, "<html>sorry</html>"));
        assert_eq!((line.take(), line.ended), (refused(why), None), "{head}");
        assert!(why.is_servers_fault() && why.is_passing() == passing, "{head}");
    }
    line.ask(get(1, 0..1));
    line.come(b"HTTP/1.1 204 No Content\r\n\r\n");
    assert_eq!((line.take(), line.ended), (refused(Refusal::Status(204)), None));
}

#[test]
fn what_is_not_what_was_asked_for_is_refused() {
    let length = format!("Content-Length: 16384\r\nContent-Range: bytes 0-16383/{LENGTH}");
    for (head, why) in [
        ("206 OK\r\nContent-Length: 16384".to_owned(), Refusal::WrongRange),
        (
            format!("206 OK\r\nContent-Length: 16384\r\nContent-Range: bytes 1-16384/{LENGTH}"),
            Refusal::WrongRange,
        ),
        (
            format!("206 OK\r\nContent-Length: 16384\r\nContent-Range: bytes 0-16382/{LENGTH}"),
            Refusal::WrongRange,
        ),
        (
            "206 OK\r\nContent-Length: 16384\r\nContent-Range: bytes 0-16383/20000".to_owned(),
            Refusal::WrongLength,
        ),
        (
            format!("206 OK\r\nContent-Length: 16385\r\nContent-Range: bytes 0-16383/{LENGTH}"),
            Refusal::WrongLength,
        ),
        (format!("206 OK\r\n{length}\r\nContent-Range: bytes 0-1/2"), Refusal::WrongRange),
        (format!("206 OK\r\n{length}\r\nContent-Encoding: gzip"), Refusal::Encoded),
        ("200 OK\r\nContent-Length: 16384".to_owned(), Refusal::WrongLength),
        (format!("200 OK\r\nContent-Length: {LENGTH}\r\nContent-Encoding: br"), Refusal::Encoded),
        (
            "206 OK\r\nContent-Length: 10\r\nContent-Type: multipart/byteranges; boundary=x".to_owned(),
            Refusal::WrongRange,
        ),
    ] {
        let mut line = Line::new();
        line.ask(get(1, 0..1));
        line.come(format!("HTTP/1.1 {head}\r\n\r\n").as_bytes());
        assert_eq!((line.take(), line.ended), (refused(why), None), "{head}");
    }
}

#[test]
fn a_length_that_the_server_does_not_know_is_no_fault() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(b"HTTP/1.1 206 OK\r\nContent-Length: 16384\r\nContent-Range: bytes 0-16383/*\r\n\r\n");
    line.come(&file()[..16_384]);
    assert_eq!(line.take(), all(1, 0..1));
}

#[test]
fn a_body_in_chunks_that_ends_too_early_is_refused_after_its_whole_pieces() {
    let mut line = Line::new();
    line.ask(get(1, 0..2));
    let head = format!(
        "HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-32767/{LENGTH}\r\n\r\n"
    );
    line.come(&[head.as_bytes(), &chunked(&file()[..20_000], 999)].concat());
    let mut outputs = all(1, 0..1);
    outputs.pop();
    outputs.extend(refused(Refusal::Short));
    assert_eq!((line.take(), line.ended), (outputs, None));
}
