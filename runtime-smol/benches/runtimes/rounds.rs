//! One machine over one connection, measured.

use crate::Cost;
use crate::toy::{Event, Order, Toy};
use core::future::pending;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::time::Duration;
use futures_lite::future::zip;
use runtime_tokio::runtime::Runtime;
use rustix::time::{ClockId, clock_gettime};
use spotp2p_adapter::{Clock, DialOptions, Handle, Listener, SocketOptions, connect_any, listen, spawn};
use std::time::Instant;

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Real time, and the CPU time of all threads of the process.
pub(crate) struct Meter {
    began: Instant,
    cpu: Duration,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self { began: Instant::now(), cpu: cpu() }
    }

    /// What has passed, in units of so many nanoseconds.
    pub(crate) fn cost(&self, unit: f64) -> Cost {
        let in_units = |span: Duration| span.as_nanos() as f64 / unit;
        Cost { time: in_units(self.began.elapsed()), cpu: in_units(cpu() - self.cpu) }
    }
}

fn cpu() -> Duration {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(spent.tv_sec as u64, spent.tv_nsec as u32)
}

pub(crate) fn port<R: Runtime>() -> (Listener<R>, SocketAddr) {
    let listener = listen::<R>(LOOPBACK, &SocketOptions::default()).expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

async fn pair<R: Runtime>() -> (Handle<Toy>, Handle<Toy>) {
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
pub(crate) async fn throughput<R: Runtime>() -> Cost {
    const SIZE: usize = 64 << 20;
    let (mut here, mut there) = pair::<R>().await;
    let meter = Meter::start();
    here.tell(Order::Bulk(SIZE)).await.expect("it lives");
    there.tell(Order::Bulk(SIZE)).await.expect("it lives");
    zip(take(&mut here, SIZE), take(&mut there, SIZE)).await;
    meter.cost((2 * SIZE / 1024) as f64)
}

/// Many connections that say a little now and then: a message there and back.
pub(crate) async fn trickle<R: Runtime>() -> Cost {
    const LINES: usize = 200;
    const TURNS: usize = 20;
    let mut lines = Vec::new();
    for _ in 0..LINES {
        let (here, mut there) = pair::<R>().await;
        there.tell(Order::Echo).await.expect("it lives");
        assert_eq!(there.next().await, Some(Event::Echoing));
        lines.push((here, there));
    }
    let meter = Meter::start();
    for _ in 0..TURNS {
        for (here, _) in &lines {
            here.tell(Order::Parcel(vec![7; 100])).await.expect("it lives");
        }
        for (here, _) in &mut lines {
            take(here, 100).await;
        }
    }
    meter.cost((1000 * LINES * TURNS) as f64)
}

/// Connecting, a word there and back, and goodbye: one after the other.
pub(crate) async fn short<R: Runtime>() -> Cost {
    const LINES: usize = 200;
    let (listener, to) = port::<R>();
    let (into, come) = spotp2p_adapter::channel::bounded(4);
    R::spawn(listener.serve(into, pending(), |error| panic!("{error}")));
    R::spawn(async move {
        while let Ok((stream, _)) = come.recv().await {
            let mut echo = spawn(stream, Toy::new(), Clock::<R>::start(), 1);
            R::spawn(async move {
                // The word, and not the last one: whether that is echoed before the line ends would be chance.
                if let Some(Event::Parcel(word)) = echo.next().await {
                    let _ = echo.tell(Order::Parcel(word)).await;
                }
                let _ = echo.ended().await;
            });
        }
    });
    let meter = Meter::start();
    for _ in 0..LINES {
        let (stream, _) = connect_any::<R>([to], &DialOptions::default()).await.expect("it is there");
        let mut line = spawn(stream, Toy::new(), Clock::<R>::start(), 1);
        line.tell(Order::Parcel(vec![7; 100])).await.expect("it lives");
        take(&mut line, 100).await;
        line.tell(Order::Close).await.expect("it lives");
        line.ended().await.expect("ends");
    }
    meter.cost((1000 * LINES) as f64)
}
