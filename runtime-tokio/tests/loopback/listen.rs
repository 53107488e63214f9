//! Accepting, on loopback.

use crate::toy::{Event, Order, Toy};
use alloc::sync::Arc;
use core::net::SocketAddr;
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{Clock, DialOptions, SocketOptions, connect_any, listen, listen_everywhere, spawn};
use std::process::Command;
use std::time::Instant;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

#[tokio::test]
async fn listening_everywhere_shows_ipv4_callers_as_such() {
    let mut listener = listen_everywhere(0, &SocketOptions::default()).unwrap();
    let port = listener.local_addr().unwrap().port();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (_, from) = listener.accept().await.unwrap();
    assert_eq!(from, stream.local_addr().unwrap());
    if let Ok(stream) = TcpStream::connect(("::1", port)).await {
        assert_eq!(listener.accept().await.unwrap().1, stream.local_addr().unwrap());
    }
}

#[tokio::test]
async fn a_taken_port_is_an_error_even_by_one_family_only() {
    let taken = std::net::TcpListener::bind("0.0.0.0:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let error = listen_everywhere(port, &SocketOptions::default()).unwrap_err();
    assert_eq!(error.cause.kind(), std::io::ErrorKind::AddrInUse);
}

#[tokio::test]
async fn serving_stops_when_asked_and_closes_the_port() {
    let listener = listen(loopback(), &SocketOptions::default()).unwrap();
    let address = listener.local_addr().unwrap();
    let (into, connections) = channel::bounded(1);
    let (stop, stopped) = oneshot::channel::<()>();
    let stopping = async { drop(stopped.await) };
    let serving = tokio::spawn(listener.serve(into, stopping, |error| panic!("{error}")));
    let kept = TcpStream::connect(address).await.unwrap();
    let (served, from) = connections.recv().await.unwrap();
    assert_eq!(from, kept.local_addr().unwrap());
    stop.send(()).unwrap();
    timeout(SOON, serving).await.unwrap().unwrap();
    assert!(TcpStream::connect(address).await.is_err());
    assert!(connections.recv().await.is_err());
    // What was handed out lives on.
    assert!(served.try_write(b"x").is_ok());
}

#[tokio::test]
async fn serving_ends_with_its_receiver() {
    let listener = listen(loopback(), &SocketOptions::default()).unwrap();
    let (into, connections) = channel::bounded(1);
    let serving = tokio::spawn(listener.serve(into, core::future::pending(), |error| panic!("{error}")));
    drop(connections);
    timeout(SOON, serving).await.unwrap().unwrap();
}

async fn greet(address: SocketAddr, n: usize) {
    let greeting = format!("caller {n}").into_bytes();
    let (stream, _) = connect_any([address], &DialOptions::default()).await.unwrap();
    let mut caller = spawn(stream, Toy::new(), Clock::start(), 2);
    caller.tell(Order::Parcel(greeting.clone())).await.unwrap();
    assert_eq!(caller.next().await, Some(Event::Parcel(greeting)));
    caller.tell(Order::Close).await.unwrap();
    caller.ended().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thousands_of_short_connections_come_and_go() {
    const CALLERS: usize = 2_000;
    let listener = listen(loopback(), &SocketOptions::default()).unwrap();
    let address = listener.local_addr().unwrap();
    let (into, connections) = channel::bounded(16);
    tokio::spawn(listener.serve(into, core::future::pending(), |error| panic!("{error}")));
    tokio::spawn(async move {
        while let Ok((stream, _)) = connections.recv().await {
            let mut callee = spawn(stream, Toy::new(), Clock::start(), 2);
            tokio::spawn(async move {
                let Some(Event::Parcel(greeting)) = callee.next().await else { return };
                callee.tell(Order::Parcel(greeting)).await.unwrap();
                callee.ended().await.unwrap();
            });
        }
    });
    let began = Instant::now();
    let places = Arc::new(Semaphore::new(64));
    let mut callers = tokio::task::JoinSet::new();
    for n in 0..CALLERS {
        let place = places.clone().acquire_owned().await.unwrap();
        callers.spawn(async move {
            timeout(SOON, greet(address, n)).await.unwrap();
            drop(place);
        });
    }
    assert_eq!(callers.join_all().await.len(), CALLERS);
    println!("{CALLERS} connections in {:?}", began.elapsed());
}

#[cfg(unix)]
#[test]
fn running_out_of_file_descriptors_pauses_and_passes() {
    // The limit is the process's, so the test runs in one of its own.
    let own = std::env::current_exe().unwrap();
    let limited = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 32; exec \"$0\" --exact --ignored --nocapture listen::with_few_file_descriptors",
        ])
        .arg(own)
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&limited.stdout);
    assert!(limited.status.success() && output.contains("1 passed"), "{output}");
}

#[tokio::test]
#[ignore = "needs a limit of 32 file descriptors: run by running_out_of_file_descriptors_pauses_and_passes"]
async fn with_few_file_descriptors() {
    let mut listener = listen(loopback(), &SocketOptions::default()).unwrap();
    let address = listener.local_addr().unwrap();
    let mut callers = Vec::new();
    while let Ok(stream) = TcpStream::connect(address).await {
        callers.push(stream);
    }
    let (began, mut pauses) = (Instant::now(), Vec::new());
    for _ in 0..4 {
        let error = timeout(SOON, listener.accept()).await.unwrap().unwrap_err();
        pauses.push(error.pause.as_millis());
    }
    assert_eq!(pauses, [10, 20, 40, 80]);
    assert!(began.elapsed() >= Duration::from_millis(70));
    // One connection's end makes room for another one, from the queue.
    drop(callers.pop());
    let (_accepted, _) = timeout(SOON, listener.accept()).await.unwrap().unwrap();
}
