//! Scenarios of one machine over one connection.

use crate::runtimes::Bench;
use crate::toy::{Event, Order, Over, PARCEL, Toy};
use crate::{LOOPBACK, Outcome, moment};
use core::future::pending;
use core::time::Duration;
use futures_lite::future::{poll_once, zip};
use runtime_smol::channel;
use spotp2p_adapter::{Clock, DialOptions, Ended, Handle, SocketOptions, Why, connect_any, listen, spawn};
use spotproto::pump::Fault;

/// Two ends of a connection.
async fn pair<R: Bench>() -> (R::Stream, R::Stream) {
    let mut listener = listen::<R>(LOOPBACK, &SocketOptions::default()).expect("a free port");
    let to = listener.local_addr().expect("an address");
    let (there, _) = connect_any::<R>([to], &DialOptions::default()).await.expect("it is listened at");
    let (here, _) = listener.accept().await.expect("it comes");
    (here, there)
}

fn toy<R: Bench>(stream: R::Stream, queue: usize) -> Handle<Toy> {
    spawn(stream, Toy::new(), Clock::<R>::start(), queue)
}

/// Takes parcels until so many bytes came, or no more do.
async fn take(handle: &mut Handle<Toy>, size: usize) -> usize {
    let mut got = 0;
    while got < size {
        match handle.next().await {
            Some(Event::Parcel(content)) => got += content.len(),
            Some(event) => panic!("{event:?}"),
            None => break,
        }
    }
    got
}

fn end(ended: &Ended<Toy>) -> &'static str {
    match &ended.why {
        Why::Closed => "the other side closed",
        Why::Finished(Fault::Machine(Over::Closed)) => "closed by itself",
        Why::Finished(_) => "a fault",
        Why::Line(_) => "the line broke",
        Why::Abandoned => "abandoned",
    }
}

/// Both directions are full all the time, through queues of one and small buffers.
pub(crate) async fn saturated<R: Bench>() -> Outcome {
    const SIZE: usize = 256 << 10;
    let (here, there) = pair::<R>().await;
    R::narrow(&here);
    R::narrow(&there);
    let (mut here, mut there) = (toy::<R>(here, 1), toy::<R>(there, 1));
    here.tell(Order::Bulk(SIZE)).await.expect("it lives");
    there.tell(Order::Bulk(SIZE)).await.expect("it lives");
    let got = zip(take(&mut here, SIZE), take(&mut there, SIZE)).await;
    vec![format!("{} and {} bytes", got.0, got.1)]
}

/// One side reads a little now and then: the other is held up, and nothing is lost.
pub(crate) async fn slow_reader<R: Bench>() -> Outcome {
    const SIZE: usize = 8 << 20;
    let (here, there) = pair::<R>().await;
    let (here, mut there) = (toy::<R>(here, 1), toy::<R>(there, 1));
    here.tell(Order::Bulk(SIZE)).await.expect("it lives");
    let mut got = 0;
    for _ in 0..10 {
        moment::<R>(5).await;
        got += take(&mut there, 1).await;
    }
    let slowly = got / PARCEL;
    got += take(&mut there, SIZE - got).await;
    vec![format!("{slowly} parcels slowly, {got} bytes in all")]
}

/// Waits are given up all the time, and connections in mid-stream.
pub(crate) async fn cancel_storm<R: Bench>() -> Outcome {
    const SIZE: usize = 1 << 20;
    const LINES: usize = 60;
    let (here, there) = pair::<R>().await;
    let (here, mut there) = (toy::<R>(here, 1), toy::<R>(there, 1));
    here.tell(Order::Bulk(SIZE)).await.expect("it lives");
    let mut got = 0;
    while got < SIZE {
        match poll_once(there.next()).await {
            Some(Some(Event::Parcel(content))) => got += content.len(),
            Some(other) => panic!("{other:?}"),
            None => moment::<R>(1).await,
        }
    }
    let mut ends = Vec::new();
    for _ in 0..LINES {
        let (here, there) = pair::<R>().await;
        let (here, mut there) = (toy::<R>(here, 1), toy::<R>(there, 1));
        here.tell(Order::Bulk(SIZE)).await.expect("it lives");
        assert!(take(&mut there, 1).await > 0);
        drop(there);
        ends.push(here);
    }
    let mut over = 0;
    for here in ends {
        here.ended().await.expect("its task ends");
        over += 1;
    }
    vec![format!("{got} bytes through waits given up"), format!("{over} of {LINES} left lines over")]
}

/// One side says goodbye; what it said last arrives. Another goes without a word, with something unread.
pub(crate) async fn closes<R: Bench>() -> Outcome {
    let (here, there) = pair::<R>().await;
    let (here, mut there) = (toy::<R>(here, 4), toy::<R>(there, 4));
    here.tell(Order::Parcel(b"first".to_vec())).await.expect("it lives");
    here.tell(Order::Close).await.expect("it lives");
    let mut outcome = Vec::new();
    while let Some(event) = there.next().await {
        match event {
            Event::Parcel(content) => outcome.push(format!("heard {:?}", String::from_utf8_lossy(&content))),
            Event::Echoing => {}
        }
    }
    let (here, there) = zip(here.ended(), there.ended()).await;
    outcome.push(format!("{}; {}", end(&here.expect("ends")), end(&there.expect("ends"))));

    let (here, there) = pair::<R>().await;
    let there = toy::<R>(there, 4);
    there.tell(Order::Bulk(1 << 20)).await.expect("it lives");
    moment::<R>(50).await;
    drop(here);
    outcome.push(end(&there.ended().await.expect("ends")).into());
    outcome
}

/// Time jumps: all that became due meanwhile is due at once, and not before; no clock goes back.
pub(crate) async fn clock_jump<R: Bench>() -> Outcome {
    let (here, there) = pair::<R>().await;
    let (here, mut there) = (toy::<R>(here, 1), toy::<R>(there, 1));
    here.tell(Order::Bulk(1 << 20)).await.expect("it lives");
    let before = take(&mut there, 1).await;
    let mut woken = sleepers_over_a_jump::<R>().await;
    while woken.is_none() {
        woken = sleepers_over_a_jump::<R>().await;
    }
    let got = before + take(&mut there, (1 << 20) - before).await;
    let woken = woken.unwrap_or_default();
    vec![format!("woken after the jump: {woken:?}"), format!("{got} bytes")]
}

/// Which of three sleepers that were due during a jump woke after it, and how long each was to sleep; `None` if the machine
/// was so busy that the jump came late.
async fn sleepers_over_a_jump<R: Bench>() -> Option<Vec<u64>> {
    let clock = Clock::<R>::start();
    let until = |millis| spotproto::Instant::START + Duration::from_millis(millis);
    let (tell, told) = channel::bounded(4);
    for after in [100, 150, 200] {
        let tell = tell.clone();
        R::spawn(async move {
            clock.sleep_until(until(after)).await;
            let _ = tell.send((after, clock.now())).await;
        });
    }
    // By now they sleep.
    moment::<R>(10).await;
    let (began, over) = R::jump(clock, Duration::from_secs(3600)).await;
    let mut woken = Vec::new();
    for _ in 0..3 {
        let (after, at) = told.recv().await.expect("it wakes");
        assert!(at >= until(after), "too early");
        if at >= over {
            woken.push(after);
        }
    }
    woken.sort_unstable();
    (began < until(100)).then_some(woken)
}

/// Thousands of connections, each of which says one thing and hears it again.
pub(crate) async fn short_connections<R: Bench>() -> Outcome {
    const LANES: usize = 8;
    const EACH: usize = 300;
    let listener = listen::<R>(LOOPBACK, &SocketOptions::default()).expect("a free port");
    let to = listener.local_addr().expect("an address");
    let (into, come) = channel::bounded(4);
    R::spawn(listener.serve(into, pending(), |error| panic!("{error}")));
    R::spawn(async move {
        while let Ok((stream, _)) = come.recv().await {
            let mut echo = toy::<R>(stream, 1);
            R::spawn(async move {
                while let Some(Event::Parcel(word)) = echo.next().await {
                    let _ = echo.tell(Order::Parcel(word)).await;
                }
            });
        }
    });
    let (tell, told) = channel::bounded(LANES);
    for lane in 0..LANES {
        let tell = tell.clone();
        R::spawn(async move {
            let mut heard = 0;
            for number in 0..EACH {
                let (stream, _) = connect_any::<R>([to], &DialOptions::default()).await.expect("it is there");
                let mut line = toy::<R>(stream, 1);
                let word = format!("lane {lane}, number {number}").into_bytes();
                line.tell(Order::Parcel(word.clone())).await.expect("it lives");
                heard += usize::from(line.next().await == Some(Event::Parcel(word)));
                line.tell(Order::Close).await.expect("it lives");
                assert_eq!(end(&line.ended().await.expect("ends")), "closed by itself");
            }
            let _ = tell.send(heard).await;
        });
    }
    let mut heard = 0;
    for _ in 0..LANES {
        heard += told.recv().await.expect("it comes to its end");
    }
    vec![format!("{heard} of {} answered", LANES * EACH)]
}
