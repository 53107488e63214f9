//! One machine over one connection, on loopback.

use crate::ends::{pair, spawn};
use crate::toy::{Event, Order, Over, PARCEL, Toy, last_word, parcel};
use core::sync::atomic::Ordering;
use core::time::Duration;
use runtime_tokio::channel;
use runtime_tokio::{Clock, Handle, Why, drive, drive_into};
use spotproto::pump::{BATCH, Fault, Pump};
#[cfg(target_os = "linux")]
use std::os::fd::AsFd;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const SOON: Duration = Duration::from_secs(20);

/// Takes outputs until so many bytes came; answers how many did.
async fn take(handle: &mut Handle<Toy>, size: usize) -> usize {
    let mut got = 0;
    while got < size {
        match timeout(SOON, handle.next()).await.expect("stuck") {
            Some(Event::Parcel(content)) => got += content.len(),
            Some(event) => panic!("{event:?}"),
            None => break,
        }
    }
    got
}

fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

#[tokio::test]
async fn bulk_both_ways_at_once_with_a_short_queue() {
    const SIZE: usize = 32 << 20;
    let (here, there) = pair().await;
    let (mut here, mut there) = (spawn(here, 4), spawn(there, 4));
    let began = Instant::now();
    here.tell(Order::Bulk(SIZE)).await.unwrap();
    there.tell(Order::Bulk(SIZE)).await.unwrap();
    let got = tokio::join!(take(&mut here, SIZE), take(&mut there, SIZE));
    assert_eq!(got, (SIZE, SIZE));
    println!("32 MiB each way in {:?}", began.elapsed());
}

#[tokio::test]
async fn a_slow_reader_slows_the_sender_and_loses_nothing() {
    const SIZE: usize = 16 << 20;
    let (here, there) = pair().await;
    let (here, mut there) = (spawn(here, 1), spawn(there, 1));
    here.tell(Order::Bulk(SIZE)).await.unwrap();
    let mut got = 0;
    for _ in 0..20 {
        sleep(Duration::from_millis(5)).await;
        got += take(&mut there, 1).await;
    }
    assert_eq!(got, 20 * PARCEL);
    assert_eq!(take(&mut there, SIZE - got).await, SIZE - got);
}

#[tokio::test]
async fn a_trickle_arrives_as_what_it_was() {
    let (here, mut there) = pair().await;
    there.set_nodelay(true).unwrap();
    let mut here = spawn(here, 4);
    let mut wire = Vec::new();
    parcel(&mut wire, b"drop by drop");
    for byte in wire {
        there.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(timeout(SOON, here.next()).await.unwrap(), Some(Event::Parcel(b"drop by drop".to_vec())));
}

/// Linux takes a connection on which an answer follows at once for a conversation, and delays acknowledgements from then
/// on: tcp(7), `TCP_QUICKACK`.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn after_a_first_answer_what_comes_is_still_acknowledged_at_once() {
    let (here, mut there) = pair().await;
    let kernel = here.as_fd().try_clone_to_owned().unwrap();
    let mut here = spawn(here, 4);
    here.tell(Order::Echo).await.unwrap();
    assert_eq!(timeout(SOON, here.next()).await.unwrap(), Some(Event::Echoing));
    let mut wire = Vec::new();
    parcel(&mut wire, b"and you?");
    there.write_all(&wire).await.unwrap();
    timeout(SOON, there.read_exact(&mut wire)).await.unwrap().unwrap();
    let at_once = async {
        while !socket2::SockRef::from(&kernel).tcp_quickack().unwrap() {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(2), at_once).await.expect("the kernel waits for something to say");
}

#[tokio::test]
async fn a_reset_ends_the_connection_with_the_lines_error_after_what_came_before() {
    let (here, mut there) = pair().await;
    let mut here = spawn(here, 1);
    let mut wire = Vec::new();
    (0..5).for_each(|n| parcel(&mut wire, &[n; 9]));
    there.write_all(&wire).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    reset(there);
    for n in 0..5 {
        assert_eq!(timeout(SOON, here.next()).await.unwrap(), Some(Event::Parcel(vec![n; 9])));
    }
    let ended = timeout(SOON, here.ended()).await.unwrap().unwrap();
    assert!(matches!(&ended.why, Why::Line(error) if error.kind() == std::io::ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_reset_while_sending_does_not_spin_or_hang() {
    let (here, there) = pair().await;
    let here = spawn(here, 1);
    here.tell(Order::Bulk(1 << 30)).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    reset(there);
    let ended = timeout(SOON, here.ended()).await.unwrap().unwrap();
    assert!(matches!(ended.why, Why::Line(_)), "{:?}", ended.why);
}

#[tokio::test]
async fn after_a_half_close_the_rest_is_still_sent() {
    const SIZE: usize = 3 << 20;
    let (here, mut there) = pair().await;
    let here = spawn(here, 1);
    here.tell(Order::Bulk(SIZE)).await.unwrap();
    sleep(Duration::from_millis(20)).await;
    there.shutdown().await.unwrap();
    let mut got = Vec::new();
    timeout(SOON, there.read_to_end(&mut got)).await.unwrap().unwrap();
    assert_eq!(got.len(), SIZE + SIZE / PARCEL * 4);
    assert!(matches!(timeout(SOON, here.ended()).await.unwrap().unwrap().why, Why::Closed));
}

#[tokio::test]
async fn outputs_that_are_queued_at_the_end_of_the_stream_are_all_delivered() {
    let (here, mut there) = pair().await;
    let mut here = spawn(here, 1);
    let mut wire = Vec::new();
    (0..100).for_each(|n| parcel(&mut wire, &[n; 100]));
    there.write_all(&wire).await.unwrap();
    drop(there);
    sleep(Duration::from_millis(100)).await;
    for n in 0..100 {
        assert_eq!(timeout(SOON, here.next()).await.unwrap(), Some(Event::Parcel(vec![n; 100])));
    }
    assert_eq!(timeout(SOON, here.next()).await.unwrap(), None);
    assert!(matches!(here.ended().await.unwrap().why, Why::Closed));
}

#[tokio::test]
async fn commands_are_taken_while_outputs_are_full() {
    let (here, mut there) = pair().await;
    let mut here = spawn(here, 1);
    let mut wire = Vec::new();
    (0..100).for_each(|n| parcel(&mut wire, &[n; 100]));
    there.write_all(&wire).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    // The machine has room for eight outputs and was left most of it by four parcels that had to wait.
    timeout(SOON, here.tell(Order::Parcel(b"now".to_vec()))).await.unwrap().unwrap();
    assert_eq!(timeout(SOON, here.next()).await.unwrap(), Some(Event::Parcel(vec![0; 100])));
    let mut answer = [0; 7];
    timeout(SOON, there.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer[4..], b"now");
}

#[tokio::test]
async fn a_last_word_is_not_lost_to_a_reset() {
    let (here, mut there) = pair().await;
    let here = spawn(here, 1);
    // A fault, and behind it far more than is read before the machine ends.
    let mut wire = u32::MAX.to_be_bytes().to_vec();
    wire.resize(512 << 10, 0);
    there.write_all(&wire).await.unwrap();
    sleep(Duration::from_millis(50)).await;
    let mut got = Vec::new();
    there.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, last_word(Over::TooLong));
    drop(there);
    let ended = timeout(SOON, here.ended()).await.unwrap().unwrap();
    assert!(matches!(ended.why, Why::Finished(Fault::Machine(Over::TooLong))));
}

#[tokio::test]
async fn a_peer_that_never_closes_does_not_hold_a_finished_connection() {
    let (here, there) = pair().await;
    let here = spawn(here, 1);
    here.tell(Order::Close).await.unwrap();
    let ended = timeout(Duration::from_secs(4), here.ended()).await.unwrap().unwrap();
    assert!(matches!(ended.why, Why::Finished(Fault::Machine(Over::Closed))));
    drop(there);
}

#[tokio::test]
async fn an_abandoned_connection_closes() {
    let (here, mut there) = pair().await;
    let here = spawn(here, 4);
    here.tell(Order::Parcel(b"farewell".to_vec())).await.unwrap();
    drop(here);
    let mut got = Vec::new();
    timeout(SOON, there.read_to_end(&mut got)).await.unwrap().unwrap();
    assert_eq!(&got[4..], b"farewell");
}

#[tokio::test]
async fn a_fast_peer_leaves_time_for_others_on_the_same_thread() {
    let (here, there) = pair().await;
    let (mut here, there) = (spawn(here, 64), spawn(there, 64));
    there.tell(Order::Bulk(64 << 20)).await.unwrap();
    let busy = tokio::spawn(async move { take(&mut here, 64 << 20).await });
    let mut longest = Duration::ZERO;
    while !busy.is_finished() {
        let began = Instant::now();
        tokio::task::yield_now().await;
        longest = longest.max(began.elapsed());
    }
    assert_eq!(busy.await.unwrap(), 64 << 20);
    println!("longest wait for a turn: {longest:?}");
    assert!(longest < Duration::from_millis(200), "{longest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_connections_share_one_small_channel() {
    const LINKS: usize = 40;
    const EACH: usize = 20;
    let (outputs, shared) = channel::bounded(2);
    let mut others = Vec::new();
    for link in 0..LINKS {
        let (here, mut there) = pair().await;
        let (commands, commanded) = channel::bounded(1);
        let pump = Pump::new(Toy::new(), BATCH);
        let clock = Clock::start();
        tokio::spawn(drive_into(here, pump, clock, commanded, outputs.clone(), move |event| (link, event)));
        let mut wire = Vec::new();
        (0..EACH).for_each(|n| parcel(&mut wire, &[n as u8; 500]));
        there.write_all(&wire).await.unwrap();
        others.push((commands, there));
    }
    let mut next = [0; LINKS];
    for _ in 0..LINKS * EACH {
        let (link, event) = timeout(SOON, shared.recv()).await.unwrap().unwrap();
        assert_eq!(event, Event::Parcel(vec![next[link]; 500]));
        next[link] += 1;
    }
    assert!(next.iter().all(|&n| usize::from(n) == EACH));
}

#[tokio::test]
async fn a_line_that_takes_nothing_is_waited_for_and_not_asked_again_and_again() {
    let (here, mut there) = pair().await;
    let toy = Toy::new();
    let turns = toy.turns();
    let here = runtime_tokio::spawn(here, toy, Clock::start(), 1);
    here.tell(Order::Bulk(1 << 30)).await.unwrap();
    let mut wire = Vec::new();
    (0..100).for_each(|n| parcel(&mut wire, &[n; 100]));
    there.write_all(&wire).await.unwrap();
    there.shutdown().await.unwrap();
    // The peer reads nothing and has closed its half, and the owner takes no output.
    sleep(Duration::from_millis(200)).await;
    let settled = turns.load(Ordering::Relaxed);
    sleep(Duration::from_millis(200)).await;
    let later = turns.load(Ordering::Relaxed);
    assert!(later - settled < 10, "{settled} turns, then {later}");
}

#[tokio::test]
async fn a_connection_that_is_driven_is_small() {
    let (here, _there) = pair().await;
    let ((_commands, commanded), (outputs, _events)) = (channel::bounded(1), channel::bounded(1));
    let driven = drive(here, Pump::new(Toy::new(), BATCH), Clock::start(), commanded, outputs);
    println!("{} bytes, of which {} are the machine's", size_of_val(&driven), size_of::<Toy>());
    assert!(size_of_val(&driven) < 3 << 10);
}

#[tokio::test]
async fn an_echo_answers_while_nobody_takes_outputs() {
    let (here, there) = pair().await;
    let (here, mut there) = (spawn(here, 1), spawn(there, 4));
    here.tell(Order::Echo).await.unwrap();
    for n in 0..50u8 {
        there.tell(Order::Parcel(vec![n; 1000])).await.unwrap();
        if n == 0 {
            // Which of command and parcel comes first is open, unless one waits.
            sleep(Duration::from_millis(20)).await;
        }
    }
    for n in 0..50u8 {
        assert_eq!(timeout(SOON, there.next()).await.unwrap(), Some(Event::Parcel(vec![n; 1000])));
    }
}
