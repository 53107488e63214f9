//! Requests written by hand, as any client writes them, and as none should.

use super::world::World;
use spot_player::origin::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_served_whole_and_in_part_and_for_ever() {
    let world = World::new(Limits::default()).await;
    let (path, length) = (world.path(), world.ciphertext.len());
    let whole = world.ask("GET", &path, "").await;
    assert_eq!((whole.status, whole.body == world.ciphertext), (200, true));
    assert_eq!(whole.header("content-length"), Some(&*length.to_string()));
    assert_eq!(whole.header("etag"), Some(&*format!("\"{}\"", world.file)));
    assert_eq!(whole.header("cache-control"), Some("public, max-age=31536000, immutable"));
    assert_eq!(whole.header("accept-ranges"), Some("bytes"));
    assert_eq!(whole.header("content-type"), Some("application/octet-stream"));
    assert!(whole.header("date").is_some());

    for bytes in [0..1, 0..16_384, 16_383..16_385, 100..50_000, length - 1..length, 0..length] {
        let range = format!("Range: bytes={}-{}\r\n", bytes.start, bytes.end - 1);
        let part = world.ask("GET", &path, &range).await;
        assert_eq!((part.status, part.body == world.ciphertext[bytes.clone()]), (206, true), "{bytes:?}");
        let content = format!("bytes {}-{}/{length}", bytes.start, bytes.end - 1);
        assert_eq!(part.header("content-range"), Some(&*content));
        assert_eq!(part.header("content-length"), Some(&*bytes.len().to_string()));
        assert_eq!(part.header("etag"), whole.header("etag"));
    }
    let tail = world.ask("GET", &path, "Range: bytes=-20\r\n").await;
    assert_eq!((tail.status, tail.body == world.ciphertext[length - 20..]), (206, true));
    // Several ranges may be answered with all of it (RFC 9110 §14.2).
    let several = world.ask("GET", &path, "Range: bytes=0-1,4-5\r\n").await;
    assert_eq!((several.status, several.body == world.ciphertext), (200, true));
    let behind = world.ask("GET", &path, &format!("Range: bytes={length}-\r\n")).await;
    assert_eq!((behind.status, behind.body.len()), (416, 0));
    assert_eq!(behind.header("content-range"), Some(&*format!("bytes */{length}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_says_what_a_get_would_send() {
    let world = World::new(Limits::default()).await;
    let length = world.ciphertext.len().to_string();
    for headers in ["", "Range: bytes=0-1\r\n", "Range: bytes=99999999999-\r\n"] {
        let head = world.ask("HEAD", &world.path(), headers).await;
        assert_eq!((head.status, head.body.len()), (200, 0), "{headers}");
        assert_eq!(head.header("content-length"), Some(&*length));
    }
    assert_eq!(world.ask("HEAD", "/nothing", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_it_is_not_sent_it_again() {
    let world = World::new(Limits::default()).await;
    let tag = format!("\"{}\"", world.file);
    let known = world.ask("GET", &world.path(), &format!("If-None-Match: W/{tag}\r\n")).await;
    assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, Some(&*tag)));
    assert!(known.header("cache-control").unwrap().contains("immutable"));
    let range = |tag: &str| format!("Range: bytes=0-9\r\nIf-Range: {tag}\r\n");
    assert_eq!(world.ask("GET", &world.path(), &range(&tag)).await.status, 206);
    assert_eq!(world.ask("GET", &world.path(), &range("\"other\"")).await.status, 200);
    assert_eq!(world.ask("GET", &world.path(), "If-Match: \"other\"\r\n").await.status, 412);
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_nothing_but_files_under_their_one_name() {
    let world = World::new(Limits::default()).await;
    let name = world.file.to_string();
    for path in [
        "/".to_owned(),
        format!("/{}", "0".repeat(64)),
        format!("/{}", &name[1..]),
        format!("/{name}0"),
        format!("/{}", name.to_uppercase()),
        format!("//{name}"),
        format!("/{name}/"),
        format!("/{name}?x"),
        format!("/x/../{name}"),
        "/%2e%2e/etc/passwd".to_owned(),
    ] {
        let answer = world.ask("GET", &path, "").await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "BREW"] {
        let answer = world.ask(method, &world.path(), "Content-Length: 0\r\n").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD")), "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_are_none_are_refused_and_the_server_goes_on() {
    let world = World::new(Limits::default()).await;
    let path = world.path();
    let long = "x".repeat(20_000);
    for (request, status) in [
        ("\r\n\r\nnonsense\r\n\r\n".to_owned(), 400),
        (format!("GET {path}\r\n\r\n"), 400),
        (format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n"), 400),
        (format!("GET {path} HTTP/1.1\r\nHost : a\r\n\r\n"), 400),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n"), 400),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\nLong: {long}\r\n\r\n"), 431),
        (format!("GET {path} HTTP/1.1\r\nHost: a\r\n{}\r\n", "A: b\r\n".repeat(100)), 431),
    ] {
        let answer = world.say(&request).await;
        assert_eq!(answer.status, status, "{}", &request[..request.len().min(120)]);
    }
    assert_eq!(world.ask("GET", &path, "Range: bytes=0-0\r\n").await.status, 206);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_serves_many_requests_and_an_old_client_is_understood() {
    let world = World::new(Limits::default()).await;
    let path = world.path();
    let mut stream = world.connect().await;
    let first = format!("GET {path} HTTP/1.1\r\nHost: h\r\nRange: bytes=5-5\r\n\r\n");
    let last = format!("GET {path} HTTP/1.1\r\nHost: h\r\nRange: bytes=6-6\r\nConnection: close\r\n\r\n");
    stream.write_all((first + &last).as_bytes()).await.unwrap();
    let mut wire = Vec::new();
    stream.read_to_end(&mut wire).await.unwrap();
    let text = String::from_utf8_lossy(&wire);
    assert_eq!(text.matches("HTTP/1.1 206 Partial Content\r\n").count(), 2, "{text}");
    let old = world.say(&format!("GET {path} HTTP/1.0\r\n\r\n")).await;
    assert_eq!((old.status, old.body == world.ciphertext), (200, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changed_on_disk_is_never_sent_wrong() {
    let world = World::new(Limits::default()).await;
    let mut music = std::fs::read(world.music()).unwrap();
    let last = music.len() - 100;
    music[last] ^= 1;
    std::fs::write(world.music(), &music).unwrap();
    // The first pieces are what they were, and go out; the one that is not ends the connection.
    let whole = world.ask("GET", &world.path(), "").await;
    assert!(whole.body.len() < world.ciphertext.len());
    assert_eq!(whole.body, world.ciphertext[..whole.body.len()]);
    // From now on the catalogue knows, and says so before anything is promised.
    let again = world.ask("GET", &world.path(), "").await;
    assert_eq!((again.status, again.header("retry-after"), again.body.len()), (503, Some("60"), 0));
}
