//! What is measured.

use crate::music::{Shelf, TRACK, keys};
use crate::runtimes::Bench;
use crate::toy::{Event, Order, Toy};
use alloc::sync::Arc;
use core::future::pending;
use core::marker::PhantomData;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use futures_lite::future::zip;
use spotp2p::access_point;
use spotp2p::node::{self, Command, Config, LogIn};
use spotp2p_adapter::{
    Client, ClientEvent, ClientOptions, Clock, DialOptions, Handle, Listener, ServerOptions, SocketOptions,
    connect_any, entropy, listen, serve, spawn,
};
use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
use spotproto::message::Wanted;
use spotproto::{Instant, Limits, Seed, UnixTime};
use std::fs;
use std::time::Instant as Watch;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Nanoseconds of CPU time that this process's threads have had so far.
fn cpu() -> f64 {
    let mut nanos = 0.0;
    for thread in fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        // What a thread had, what it waited for: proc(5), schedstat.
        let stat = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        nanos += stat.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    }
    nanos
}

fn port<R: Bench>() -> (Listener<R>, SocketAddr) {
    let listener = listen::<R>(LOOPBACK, &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn pair<R: Bench>() -> (Handle<Toy>, Handle<Toy>) {
    let (mut listener, to) = port::<R>();
    let (there, _) = connect_any::<R>([to], &DialOptions::default()).await.expect("it is listened at");
    let (here, _) = listener.accept().await.expect("it comes");
    let toy = |stream| spawn(stream, Toy::new(), Clock::<R>::start(), 8);
    (toy(here), toy(there))
}

async fn take(handle: &mut Handle<Toy>, size: usize) {
    let mut got = 0;
    while got < size {
        match handle.next().await {
            Some(Event::Parcel(content)) => got += content.len(),
            other => panic!("{other:?}"),
        }
    }
}

/// 64 MiB each way at once.
async fn bulk<R: Bench>() -> (f64, f64) {
    const SIZE: usize = 64 << 20;
    let (mut here, mut there) = pair::<R>().await;
    let (watch, before) = (Watch::now(), cpu());
    here.tell(Order::Bulk(SIZE)).await.expect("it lives");
    there.tell(Order::Bulk(SIZE)).await.expect("it lives");
    zip(take(&mut here, SIZE), take(&mut there, SIZE)).await;
    let kib = (2 * SIZE / 1024) as f64;
    (watch.elapsed().as_nanos() as f64 / kib, (cpu() - before) / kib)
}

pub(crate) async fn throughput<R: Bench>(_on: PhantomData<R>, _round: u32) -> f64 {
    bulk::<R>().await.0
}

pub(crate) async fn throughput_cpu<R: Bench>(_on: PhantomData<R>, _round: u32) -> f64 {
    bulk::<R>().await.1
}

/// From a click on a client that does not run yet to its first proved piece: the median of many.
pub(crate) async fn start<R: Bench>(_on: PhantomData<R>, _round: u32) -> f64 {
    const CLICKS: usize = 15;
    let (listener, address) = port::<R>();
    let config = access_point::Config {
        ticket_key: SecretKey([2; 32]),
        pseudonym_key: SecretKey([3; 32]),
        identity: keys(1).public,
        date: (Instant::START, UnixTime(1_800_000_000)),
        ticket_lasts: Duration::from_secs(3600),
        lease: access_point::LEASE,
        limits: access_point::Limits::DEFAULT,
    };
    let options = ServerOptions { identity: keys(1), limits: Limits::DEFAULT };
    let shelf = Arc::new(Shelf::new());
    let (stop, stopped) = spotp2p_adapter::channel::bounded::<()>(1);
    R::spawn(async move {
        let stop = async {
            let _ = stopped.recv().await;
        };
        serve(listener, shelf, options, Clock::<R>::start(), config, stop, |_| {}).await;
    });
    let mut spans = Vec::new();
    for _ in 0..CLICKS {
        let watch = Watch::now();
        let mut client = client::<R>(address);
        let open = Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 };
        client.tell(open).await.expect("the client lives");
        loop {
            if let ClientEvent::Node(node::Event::Piece { .. }) = client.next().await.expect("it lives") {
                break;
            }
        }
        spans.push(watch.elapsed().as_nanos() as f64 / 1000.0);
        client.leave().await;
    }
    drop(stop);
    crate::median(&mut spans)
}

fn client<R: Bench>(server: SocketAddr) -> Client {
    let options = ClientOptions {
        server: server.to_string(),
        server_key: Some(keys(1).public),
        identity: KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy")),
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    let clock = Clock::<R>::start();
    let log_in = LogIn { link_key: keys(9).public, seed: Seed([2; 32]) };
    let config = Config::new(log_in, "bench", Seed([1; 32]), (clock.now(), UnixTime(1_800_000_000)));
    Client::start(options, clock, config, None).expect("nothing is in its way")
}

/// Many connections that say a little now and then: CPU time of a message there and back.
pub(crate) async fn trickle<R: Bench>(_on: PhantomData<R>, _round: u32) -> f64 {
    const LINES: usize = 200;
    const TURNS: usize = 20;
    let mut lines = Vec::new();
    for _ in 0..LINES {
        let (here, mut there) = pair::<R>().await;
        there.tell(Order::Echo).await.expect("it lives");
        assert_eq!(there.next().await, Some(Event::Echoing));
        lines.push((here, there));
    }
    let before = cpu();
    for _ in 0..TURNS {
        for (here, _) in &lines {
            here.tell(Order::Parcel(vec![7; 100])).await.expect("it lives");
        }
        for (here, _) in &mut lines {
            take(here, 100).await;
        }
    }
    (cpu() - before) / 1000.0 / (LINES * TURNS) as f64
}

/// Connecting, a word there and back, and goodbye: one after the other.
pub(crate) async fn short<R: Bench>(_on: PhantomData<R>, _round: u32) -> f64 {
    const LINES: u32 = 200;
    let (listener, to) = port::<R>();
    let (into, come) = spotp2p_adapter::channel::bounded(4);
    R::spawn(listener.serve(into, pending(), |error| panic!("{error}")));
    R::spawn(async move {
        while let Ok((stream, _)) = come.recv().await {
            let mut echo = spawn(stream, Toy::new(), Clock::<R>::start(), 1);
            R::spawn(async move {
                while let Some(Event::Parcel(word)) = echo.next().await {
                    let _ = echo.tell(Order::Parcel(word)).await;
                }
            });
        }
    });
    let watch = Watch::now();
    for _ in 0..LINES {
        let (stream, _) = connect_any::<R>([to], &DialOptions::default()).await.expect("it is there");
        let mut line = spawn(stream, Toy::new(), Clock::<R>::start(), 1);
        line.tell(Order::Parcel(vec![7; 100])).await.expect("it lives");
        take(&mut line, 100).await;
        line.tell(Order::Close).await.expect("it lives");
        line.ended().await.expect("ends");
    }
    watch.elapsed().as_nanos() as f64 / 1000.0 / f64::from(LINES)
}
