//! Answers that no server should give: each ends in a word of its own, and none in a panic or in memory.

use super::line::{LENGTH, Line, all, file, get, page, partial};
use spotp2p::cdn::{Broken, CdnError, HEADERS_MAX, Limits};

/// How a connection ends whose server answers with this.
#[track_caller]
fn ends(answer: &[u8], why: Broken) {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(answer);
    assert_eq!(
        line.ended,
        Some(CdnError::Broken(why)),
        "{:?}",
        String::from_utf8_lossy(&answer[..answer.len().min(80)])
    );
    assert!(CdnError::Broken(why).is_servers_fault());
}

#[test]
fn what_is_not_http_is_known_by_its_first_byte() {
    for junk in [
        &b"S"[..],
        b"SSH-2.0-OpenSSH_9.2p1\r\n",
        b"\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"ICY 200 OK\r\n\r\n",
        b"\x16\x03\x01",
        b"\xff\xfe\x00",
    ] {
        ends(junk, Broken::NotHttp);
    }
}

#[test]
fn a_head_that_cannot_be_parsed_is_the_end() {
    for head in [
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 -20 OK\r\n\r\n",
        "HTTP/1.1\r\n\r\n",
        "HTTP/1.7 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n",
        "HTTP/1.1 200 OK\r\n: empty\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\u{e9}: b\r\n\r\n",
    ] {
        ends(head.as_bytes(), Broken::Head);
    }
}

#[test]
fn a_head_is_bounded_in_length_and_number() {
    let endless = format!("HTTP/1.1 200 OK\r\nA: {}", "a".repeat(Limits::DEFAULT.head));
    ends(endless.as_bytes(), Broken::LongHead);
    // The same, though its end is there.
    ends(format!("{endless}\r\n\r\n").as_bytes(), Broken::LongHead);
    ends(page(&format!("200 OK{}", "\r\nA: b".repeat(HEADERS_MAX)), "").as_slice(), Broken::ManyHeaders);
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&page(&format!("404 Gone{}", "\r\nA: b".repeat(HEADERS_MAX - 1)), ""));
    assert_eq!((line.take().len(), line.ended), (1, None));
}

#[test]
fn an_answer_whose_end_is_anyones_guess_is_the_end() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: +5",
        "Content-Length: -5",
        "Content-Length: 5, 5",
        "Content-Length: ",
        "Content-Length: 0x5",
        "Content-Length: 99999999999999999999",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
    ] {
        ends(format!("HTTP/1.1 404 No\r\n{fields}\r\n\r\n").as_bytes(), Broken::Framing);
    }
    ends(b"HTTP/1.0 404 No\r\nTransfer-Encoding: chunked\r\n\r\n", Broken::Framing);
    for coding in ["gzip", "gzip, chunked", "chunked, chunked", "identity", "xchunked"] {
        ends(format!("HTTP/1.1 404 No\r\nTransfer-Encoding: {coding}\r\n\r\n").as_bytes(), Broken::Coding);
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    ends(format!("HTTP/1.1 404 No\r\n{twice}\r\n\r\n").as_bytes(), Broken::Coding);
}

#[test]
fn interim_answers_for_ever_are_the_end() {
    ends(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(5), Broken::Interim);
    ends(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n", Broken::Interim);
}

#[test]
fn a_server_that_speaks_unasked_is_the_end() {
    let mut line = Line::new();
    line.come(&partial(0..1));
    assert_eq!((line.take(), line.ended), (vec![], Some(CdnError::Broken(Broken::Unasked))));
    // The same, in place of an answer to what has not been asked yet.
    let mut line = Line::new();
    line.tell(spotp2p::cdn::Input::Get(get(1, 0..1)));
    line.come(&partial(0..1));
    assert_eq!((line.take(), line.ended), (vec![], Some(CdnError::Broken(Broken::Unasked))));
}

#[test]
fn a_body_that_goes_on_behind_its_end_is_the_end_after_its_pieces() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(&[&partial(0..1)[..], b"x"].concat());
    assert_eq!((line.take(), line.ended), (all(1, 0..1), Some(CdnError::Broken(Broken::Unasked))));

    let mut line = Line::new();
    line.ask(get(1, 0..1));
    let head = format!(
        "HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-16383/{LENGTH}\r\n\r\n4001\r\n"
    );
    line.come(&[head.as_bytes(), &file()[..16_385]].concat());
    assert_eq!((line.take(), line.ended), (all(1, 0..1), Some(CdnError::Broken(Broken::LongBody))));
}

#[test]
fn chunks_that_are_none_are_the_end() {
    let head = format!(
        "HTTP/1.1 206 OK\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes 0-16383/{LENGTH}\r\n\r\n"
    );
    for chunk in ["xyz\r\n", "\r\n", "fffffffffffffffff\r\n", "2\r\nabc", "2;\n", "-1\r\n"] {
        ends(format!("{head}{chunk}").as_bytes(), Broken::Chunk);
    }
}

#[test]
fn a_page_of_any_length_with_an_error_costs_no_more_than_is_read_for_nothing() {
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(b"HTTP/1.1 404 No\r\nContent-Length: 18446744073709551615\r\n\r\n");
    assert_eq!((line.take().len(), line.ended), (1, Some(CdnError::Abandoned)));
    let mut line = Line::new();
    line.ask(get(1, 0..1));
    line.come(b"HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = [&b"1000\r\n"[..], &[7; 0x1000], b"\r\n"].concat();
    let chunks = (0..1000).take_while(|_| {
        line.come(&chunk);
        line.ended.is_none()
    });
    assert_eq!(chunks.count() as u64 * 0x1000, Limits::DEFAULT.drain);
    assert_eq!(line.ended, Some(CdnError::Abandoned));
}
