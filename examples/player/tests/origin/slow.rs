//! Clients that take a place and do nothing with it.

use super::world::{SOON, World};
use core::time::Duration;
use spot_player::origin::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn impatient() -> Limits {
    let short = Duration::from_millis(300);
    Limits { connections: 2, head: short, pace: short }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_never_finishes_a_request_or_never_asks_loses_the_place() {
    let world = World::new(impatient()).await;
    let mut silent = world.connect().await;
    let mut slow = world.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nHost: h\r\n").await.unwrap();
    // Both places are taken; the third waits until one is free.
    let answer = world.ask("GET", &world.path(), "Range: bytes=0-0\r\n").await;
    assert_eq!(answer.status, 206);
    let mut rest = Vec::new();
    for stream in [&mut silent, &mut slow] {
        tokio::time::timeout(SOON, stream.read_to_end(&mut rest)).await.expect("it is closed").unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_does_not_read_loses_the_place() {
    let world = World::new(impatient()).await;
    let mut greedy = Vec::new();
    for _ in 0..2 {
        let mut stream = world.connect().await;
        // Far more than the kernel keeps for a reader that does not read.
        let request = format!("GET {} HTTP/1.1\r\nHost: h\r\n\r\n", world.path());
        stream.write_all(request.repeat(60).as_bytes()).await.unwrap();
        greedy.push(stream);
    }
    let answer = tokio::time::timeout(SOON, world.ask("GET", &world.path(), "Range: bytes=0-0\r\n")).await;
    assert_eq!(answer.expect("a place comes free").status, 206);
}
