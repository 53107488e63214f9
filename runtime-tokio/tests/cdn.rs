//! A connection to a web server, over real sockets, with a server that is a few lines of this test.

use core::time::Duration;
use runtime_tokio::connection::Why;
use runtime_tokio::dial::DialError;
use runtime_tokio::{Clock, DialOptions, Handle, cdn};
use spotp2p::RequestId;
use spotp2p::cdn::{CdnError, Connection, Get, Input, Limits, Output, Target, Url};
use spotproto::content::{Geometry, PIECE_LEN};
use spotproto::pump::Fault;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SOON: Duration = Duration::from_secs(30);

/// A connection, and the server's end of it.
async fn connected(limits: Limits) -> (Url, Handle<Connection>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/file", listener.local_addr().unwrap()).parse().unwrap();
    let handle = cdn::open(&url, &DialOptions::default(), Clock::start(), limits).await.unwrap();
    (url, handle, listener.accept().await.unwrap().0)
}

fn get(url: &Url, request: u64) -> Input {
    let geometry = Geometry::of_ciphertext(2 * PIECE_LEN as u64).unwrap();
    Input::Get(Get { request: RequestId(request), target: Target::new(url.clone()), geometry, pieces: 0..2 })
}

/// Reads a request to its end.
async fn asked(server: &mut TcpStream) {
    let mut wire = Vec::new();
    while !wire.ends_with(b"\r\n\r\n") {
        wire.push(tokio::time::timeout(SOON, server.read_u8()).await.expect("it asks").unwrap());
    }
    assert!(wire.starts_with(b"GET /file HTTP/1.1\r\n"));
}

fn answer() -> Vec<u8> {
    let head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 32768\r\nContent-Range: bytes 0-32767/32768\r\n\r\n";
    [&head[..], &[1; PIECE_LEN], &[2; PIECE_LEN]].concat()
}

async fn next(handle: &mut Handle<Connection>) -> Option<Output> {
    tokio::time::timeout(SOON, handle.next()).await.expect("it goes on")
}

async fn ended(handle: Handle<Connection>) -> CdnError {
    match tokio::time::timeout(SOON, handle.ended()).await.expect("it ends").unwrap().why {
        Why::Finished(Fault::Machine(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pieces_come_one_by_one_and_the_connection_serves_again() {
    let (url, mut handle, mut server) = connected(Limits::DEFAULT).await;
    for number in 0..2 {
        handle.tell(get(&url, number)).await.unwrap();
        asked(&mut server).await;
        let request = RequestId(number);
        let wire = answer();
        let (first, second) = wire.split_at(wire.len() - 1);
        server.write_all(first).await.unwrap();
        // The first piece is delivered while the last byte of the second one is missing.
        let data = vec![1; PIECE_LEN].into();
        assert_eq!(next(&mut handle).await, Some(Output::Piece { request, index: 0, data }));
        server.write_all(second).await.unwrap();
        let data = vec![2; PIECE_LEN].into();
        assert_eq!(next(&mut handle).await, Some(Output::Piece { request, index: 1, data }));
        assert_eq!(next(&mut handle).await, Some(Output::Finished { request }));
    }
    drop(server);
    assert_eq!(ended(handle).await, CdnError::Closed);
}

#[tokio::test]
async fn an_answer_cut_short_is_told_after_its_pieces() {
    let (url, mut handle, mut server) = connected(Limits::DEFAULT).await;
    handle.tell(get(&url, 1)).await.unwrap();
    asked(&mut server).await;
    server.write_all(&answer()[..20_000]).await.unwrap();
    drop(server);
    assert!(matches!(next(&mut handle).await, Some(Output::Piece { index: 0, .. })));
    assert_eq!(next(&mut handle).await, None);
    assert_eq!(ended(handle).await, CdnError::Cut);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let mut limits = Limits::DEFAULT;
    limits.answer = Duration::from_millis(50);
    let (url, handle, mut server) = connected(limits).await;
    handle.tell(get(&url, 1)).await.unwrap();
    asked(&mut server).await;
    assert!(ended(handle).await.is_servers_fault());
}

#[tokio::test]
async fn a_server_that_is_not_there_is_the_dialling_word() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: Url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let error = cdn::open(&url, &DialOptions::default(), Clock::start(), Limits::DEFAULT).await.unwrap_err();
    assert!(matches!(error, DialError::Unreachable(..)), "{error}");
}
