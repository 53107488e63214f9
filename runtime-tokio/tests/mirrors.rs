//! Pieces from web servers, over real sockets; the servers are a few lines of this test.

use bytes::Bytes;
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{Clock, DialOptions, MirrorOptions, Mirrors};
use spotp2p::RequestId;
use spotp2p::cdn::{Get, Limits, Target, Url};
use spotp2p::node::{Input, MirrorId, MirrorNews};
use spotproto::content::{FileId, Geometry, PIECE_LEN};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

/// Long enough for what happens at all, on a machine that is not overloaded.
const MOMENT: Duration = Duration::from_millis(100);

const MIRROR: MirrorId = MirrorId(1);

/// A client's mirrors, and one of them.
struct Bench {
    mirrors: Mirrors,
    inbox: channel::Receiver<Input<FileId, Bytes>>,
    listener: TcpListener,
}

impl Bench {
    async fn new() -> Self {
        Self::with(Limits::DEFAULT).await
    }

    async fn with(limits: Limits) -> Self {
        let (told, inbox) = channel::bounded(64);
        let options = MirrorOptions { dial: DialOptions::default(), limits };
        let mirrors = Mirrors::new(options, Clock::start(), told);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { mirrors, inbox, listener }
    }

    fn url(&self, path: &str) -> Url {
        format!("http://{}{path}", self.listener.local_addr().unwrap()).parse().unwrap()
    }

    /// Asks for two pieces of a file of so many.
    fn fetch_of(&mut self, request: u64, pieces: u32) {
        let geometry = Geometry::of_ciphertext(u64::from(pieces) * PIECE_LEN as u64).unwrap();
        let target = Target::new(self.url("/file"));
        let get = Get { request: RequestId(request), target, geometry, pieces: 0..pieces };
        assert!(self.mirrors.fetch(MIRROR, get));
    }

    fn fetch(&mut self, request: u64) {
        self.fetch_of(request, 2);
    }

    /// The next connection of the client, and the path that it asks for.
    async fn asked(&self) -> (TcpStream, String) {
        let (mut stream, _) = timeout(SOON, self.listener.accept()).await.expect("it dials").unwrap();
        let path = asked(&mut stream).await;
        (stream, path)
    }

    async fn dials_no_more(&self) {
        assert!(timeout(MOMENT, self.listener.accept()).await.is_err());
    }

    async fn next(&mut self) -> (u64, MirrorNews<Bytes>) {
        match timeout(SOON, self.inbox.recv()).await.expect("it is told") {
            Ok(Input::Mirror { request, news }) => (request.0, news),
            other => panic!("{other:?}"),
        }
    }

    async fn is_quiet(&mut self) {
        assert!(timeout(MOMENT, self.inbox.recv()).await.is_err());
    }

    /// The two pieces of a request come, and its end.
    async fn comes_whole(&mut self, request: u64) {
        for index in 0..2 {
            let data = vec![index as u8; PIECE_LEN].into();
            assert_eq!(self.next().await, (request, MirrorNews::Piece { index, data }));
        }
        assert_eq!(self.next().await, (request, MirrorNews::Finished));
    }
}

/// Reads a request to its end: which path is asked for.
async fn asked(server: &mut TcpStream) -> String {
    let mut wire = Vec::new();
    while !wire.ends_with(b"\r\n\r\n") {
        wire.push(timeout(SOON, server.read_u8()).await.expect("it asks").unwrap());
    }
    let text = String::from_utf8(wire).unwrap();
    text.split(' ').nth(1).unwrap().into()
}

/// The answer with the two pieces of a file.
fn answer() -> Vec<u8> {
    let head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 32768\r\nContent-Range: bytes 0-32767/32768\r\n\r\n";
    [&head[..], &[0; PIECE_LEN], &[1; PIECE_LEN]].concat()
}

/// Waits until the client closes.
async fn closed(mut server: TcpStream) {
    let end = timeout(SOON, server.read(&mut [0])).await.expect("it closes");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

#[tokio::test]
async fn two_are_asked_in_parallel_and_others_wait_for_their_turn() {
    let mut bench = Bench::new().await;
    bench.fetch(1);
    let (mut first, _) = bench.asked().await;
    bench.fetch(2);
    let (mut second, _) = bench.asked().await;
    (3..=4).for_each(|request| bench.fetch(request));
    bench.dials_no_more().await;
    // The second is done first, and each connection goes on with what waits.
    second.write_all(&answer()).await.unwrap();
    bench.comes_whole(2).await;
    asked(&mut second).await;
    first.write_all(&answer()).await.unwrap();
    bench.comes_whole(1).await;
    asked(&mut first).await;
    second.write_all(&answer()).await.unwrap();
    bench.comes_whole(3).await;
    first.write_all(&answer()).await.unwrap();
    bench.comes_whole(4).await;
    bench.dials_no_more().await;
}

#[tokio::test]
async fn a_kept_connection_that_is_dead_is_replaced_without_a_word() {
    let mut bench = Bench::new().await;
    bench.fetch(1);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(1).await;
    // It is closed just as it is asked again.
    bench.fetch(2);
    asked(&mut server).await;
    drop(server);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(2).await;
    // It was closed long before.
    drop(server);
    tokio::time::sleep(MOMENT).await;
    bench.fetch(3);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(3).await;
}

#[tokio::test]
async fn a_server_that_dies_in_mid_answer_has_failed() {
    let mut bench = Bench::new().await;
    bench.fetch(1);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()[..20_000]).await.unwrap();
    assert!(matches!(bench.next().await, (1, MirrorNews::Piece { index: 0, .. })));
    drop(server);
    assert_eq!(bench.next().await, (1, MirrorNews::Failed));
    // So has one that is not there.
    let get = {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/file", gone.local_addr().unwrap()).parse().unwrap();
        let geometry = Geometry::of_ciphertext(PIECE_LEN as u64).unwrap();
        Get { request: RequestId(2), target: Target::new(url), geometry, pieces: 0..1 }
    };
    assert!(bench.mirrors.fetch(MIRROR, get));
    assert_eq!(bench.next().await, (2, MirrorNews::Failed));
}

#[tokio::test]
async fn what_asking_again_would_not_cure_is_a_refusal() {
    let mut bench = Bench::new().await;
    for (request, (answer, news)) in (1..).zip([
        ("404 Not Found\r\nContent-Length: 0\r\n\r\n", MirrorNews::Refused),
        ("403 Forbidden\r\nContent-Length: 2\r\n\r\nno", MirrorNews::Refused),
        ("200 OK\r\nContent-Length: 5\r\n\r\nother", MirrorNews::Refused),
        ("503 Busy\r\nContent-Length: 0\r\nRetry-After: 9\r\n\r\n", MirrorNews::Failed),
        ("500 Oh\r\nContent-Length: 0\r\n\r\n", MirrorNews::Failed),
    ]) {
        bench.fetch(request);
        let (mut server, _) = bench.asked().await;
        let answer = format!("HTTP/1.1 {answer}");
        server
            .write_all(answer.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n").as_bytes())
            .await
            .unwrap();
        assert_eq!(bench.next().await, (request, news), "{answer}");
    }
    bench.fetch(9);
    let (mut server, _) = bench.asked().await;
    server.write_all(b"220 mail.example ESMTP\r\n").await.unwrap();
    assert_eq!(bench.next().await, (9, MirrorNews::Refused));
}

#[tokio::test]
async fn a_redirect_is_followed_at_the_same_host_and_told_to_another() {
    let mut bench = Bench::new().await;
    for (request, closes) in [(1, ""), (2, "Connection: close\r\n")] {
        bench.fetch(request);
        let (mut server, _) = bench.asked().await;
        let redirect = format!("HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n{closes}\r\n");
        server.write_all(redirect.as_bytes()).await.unwrap();
        let path = if closes.is_empty() {
            asked(&mut server).await
        } else {
            let (next, path) = bench.asked().await;
            server = next;
            path
        };
        assert_eq!(path, "/there");
        server.write_all(&answer()).await.unwrap();
        bench.comes_whole(request).await;
        // The next one is asked over a connection of its own.
        bench.mirrors.leave(MIRROR);
        closed(server).await;
    }
    bench.fetch(3);
    let (mut server, _) = bench.asked().await;
    let redirect = b"HTTP/1.1 302 Found\r\nLocation: http://other.example/x\r\nContent-Length: 0\r\n\r\n";
    server.write_all(redirect).await.unwrap();
    match bench.next().await {
        (3, MirrorNews::Moved(target)) => {
            assert_eq!((target.url().to_string(), target.redirects()), ("http://other.example/x".into(), 1));
        }
        other => panic!("{other:?}"),
    }
    // The connection serves on.
    bench.fetch(4);
    asked(&mut server).await;
}

#[tokio::test]
async fn what_is_withdrawn_is_told_no_more_and_its_connection_serves_again() {
    let mut bench = Bench::new().await;
    bench.fetch(1);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()[..20_000]).await.unwrap();
    assert!(matches!(bench.next().await, (1, MirrorNews::Piece { index: 0, .. })));
    bench.mirrors.fetch_no_more(RequestId(1));
    bench.is_quiet().await;
    bench.fetch(2);
    server.write_all(&answer()[20_000..]).await.unwrap();
    asked(&mut server).await;
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(2).await;
    // One that waits for its turn is never asked.
    bench.fetch(3);
    asked(&mut server).await;
    bench.fetch(4);
    let (mut other, _) = bench.asked().await;
    bench.fetch(5);
    bench.mirrors.fetch_no_more(RequestId(5));
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(3).await;
    other.write_all(&answer()).await.unwrap();
    bench.comes_whole(4).await;
    bench.is_quiet().await;
    for stream in [&server, &other] {
        assert!(stream.try_read(&mut [0]).is_err(), "nothing is asked");
    }
}

#[tokio::test]
async fn a_long_answer_that_nobody_wants_costs_its_connection_and_nothing_else() {
    let mut bench = Bench::new().await;
    bench.fetch_of(1, 100);
    let (server, _) = bench.asked().await;
    bench.mirrors.fetch_no_more(RequestId(1));
    closed(server).await;
    bench.fetch(2);
    let (mut server, _) = bench.asked().await;
    server.write_all(&answer()).await.unwrap();
    bench.comes_whole(2).await;
}

#[tokio::test]
async fn a_mirror_that_is_left_is_left_at_once_but_for_what_it_still_brings() {
    let mut bench = Bench::new().await;
    bench.fetch(1);
    let (mut first, _) = bench.asked().await;
    bench.fetch(2);
    let (mut second, _) = bench.asked().await;
    first.write_all(&answer()).await.unwrap();
    bench.comes_whole(1).await;
    bench.mirrors.leave(MIRROR);
    second.write_all(&answer()).await.unwrap();
    bench.comes_whole(2).await;
    closed(first).await;
    closed(second).await;
}

#[tokio::test]
async fn an_idle_connection_is_given_up() {
    let mut limits = Limits::DEFAULT;
    limits.idle = MOMENT;
    let mut bench = Bench::with(limits).await;
    for request in 1..=2 {
        bench.fetch(request);
        let (mut server, _) = bench.asked().await;
        server.write_all(&answer()).await.unwrap();
        bench.comes_whole(request).await;
        closed(server).await;
    }
}

#[tokio::test]
async fn nobody_may_ask_for_more_than_there_is_room_for() {
    let mut bench = Bench::new().await;
    (0..256).for_each(|request| bench.fetch(request));
    let geometry = Geometry::of_ciphertext(PIECE_LEN as u64).unwrap();
    let target = Target::new(bench.url("/file"));
    let get = Get { request: RequestId(999), target, geometry, pieces: 0..1 };
    assert!(!bench.mirrors.fetch(MIRROR, get.clone()));
    (0..256).for_each(|request| bench.mirrors.fetch_no_more(RequestId(request)));
    tokio::time::sleep(MOMENT).await;
    assert!(bench.mirrors.fetch(MIRROR, get));
}
