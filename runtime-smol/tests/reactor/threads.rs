//! Many threads at once: what is waited for comes, whoever drives.

use crate::{alone, pair, read, write};
use alloc::sync::Arc;
use core::future::{Future, poll_fn};
use core::net::{Ipv4Addr, SocketAddr};
use core::sync::atomic::{AtomicUsize, Ordering};
use core::task::{Poll, Waker};
use core::time::Duration;
use futures_lite::future::{self, or, poll_once};
use runtime_smol::channel::bounded;
use runtime_smol::runtime::Runtime;
use runtime_smol::{Smol, SocketOptions, Stream, block_on};
use smol::Executor;
use std::sync::mpsc::sync_channel;
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

/// What is lost never comes, or comes by chance, when something else wakes the one who waits: a test says so.
async fn soon<T>(what: impl Future<Output = T>) -> T {
    let began = Instant::now();
    let late = async {
        Smol::timer(Duration::from_secs(30)).await;
        panic!("it did not come");
    };
    let come = or(what, late).await;
    assert!(began.elapsed() < Duration::from_secs(30), "it came late");
    come
}

async fn echo(mut stream: Stream) {
    while read(&mut stream).await > 0 {
        write(&mut stream).await;
    }
}

#[test]
fn nothing_is_lost_between_many_tasks_on_many_threads() {
    const LINES: usize = 40;
    const TURNS: usize = 200;
    let _alone = alone();
    let executor = Arc::new(Executor::new());
    let (stop, stopped) = bounded::<()>(1);
    thread::scope(|scope| {
        for _ in 0..4 {
            let (executor, stopped) = (executor.clone(), stopped.clone());
            scope.spawn(move || block_on(executor.run(stopped.recv())));
        }
        let (done, all) = bounded(LINES);
        for _ in 0..LINES {
            let (inner, done) = (executor.clone(), done.clone());
            let line = async move {
                let (mut here, there) = pair().await;
                inner.spawn(echo(there)).detach();
                for turn in 0..TURNS {
                    write(&mut here).await;
                    if turn % 16 == 0 {
                        Smol::timer(Duration::from_millis(1)).await;
                    }
                    assert_eq!(read(&mut here).await, 1);
                }
                done.send(()).await.expect("it is waited for");
            };
            executor.spawn(line).detach();
        }
        future::block_on(soon(async {
            for _ in 0..LINES {
                all.recv().await.expect("all come");
            }
        }));
        drop(stop);
    });
}

#[test]
fn a_wake_from_another_thread_is_never_lost() {
    const TURNS: usize = 20_000;
    let _alone = alone();
    // Three in a ring: one is at the wheel, the others are idle, and each wakes the next, whatever that one does just now.
    let baton = AtomicUsize::new(0);
    let wakers: [_; 3] = core::array::from_fn(|_| Mutex::new(None::<Waker>));
    let begin = Barrier::new(3);
    thread::scope(|scope| {
        for own in 0..3 {
            let (baton, wakers, begin) = (&baton, &wakers, &begin);
            scope.spawn(move || {
                begin.wait();
                let run = poll_fn(|cx| {
                    *wakers[own].lock().unwrap() = Some(cx.waker().clone());
                    while baton.load(Ordering::SeqCst) % 3 == own {
                        let turn = baton.fetch_add(1, Ordering::SeqCst);
                        let next = wakers[(own + 1) % 3].lock().unwrap().clone();
                        if let Some(next) = next {
                            next.wake();
                        }
                        if turn >= TURNS {
                            return Poll::Ready(());
                        }
                    }
                    Poll::Pending
                });
                block_on(soon(run));
            });
        }
    });
    assert!(baton.load(Ordering::SeqCst) > TURNS);
}

#[test]
fn the_wheel_is_taken_by_one_who_is_idle_when_it_is_left_and_by_one_who_comes_by_when_it_stands_still() {
    let _alone = alone();
    for ends in [true, false] {
        thread::scope(|scope| {
            let (leave, left) = bounded::<()>(1);
            let (begun, begins) = sync_channel(0);
            let (release, released) = sync_channel::<()>(0);
            // At the wheel; then gone, or busy with something else.
            scope.spawn(move || {
                block_on(async {
                    begun.send(()).unwrap();
                    let _ = left.recv().await;
                    if !ends {
                        released.recv().unwrap();
                    }
                });
            });
            begins.recv().unwrap();
            thread::sleep(Duration::from_millis(20));
            let (sent, got) = sync_channel(1);
            let (show, shown) = sync_channel(1);
            let (nudge, nudged) = bounded::<()>(1);
            scope.spawn(move || {
                block_on(soon(async {
                    let (mut here, there) = pair().await;
                    show.send(there).unwrap();
                    if !ends {
                        nudged.recv().await.unwrap();
                    }
                    assert_eq!(read(&mut here).await, 1);
                    sent.send(()).unwrap();
                }));
            });
            let mut there = shown.recv().unwrap();
            thread::sleep(Duration::from_millis(20));
            leave.send_blocking(()).unwrap();
            thread::sleep(Duration::from_millis(20));
            nudge.send_blocking(()).unwrap();
            future::block_on(write(&mut there));
            got.recv_timeout(Duration::from_secs(30)).expect("somebody took the wheel");
            if !ends {
                release.send(()).unwrap();
            }
        });
    }
}

#[test]
fn a_socket_that_is_dropped_while_waited_for_disturbs_nobody() {
    let _alone = alone();
    block_on(soon(async {
        for _ in 0..50 {
            let (mut here, mut there) = pair().await;
            assert!(poll_once(read(&mut here)).await.is_none());
            write(&mut there).await;
            // It has something by now, which nobody hears of.
            drop(here);
            let (mut next, mut beyond) = pair().await;
            assert!(poll_once(read(&mut next)).await.is_none(), "that was the other one's");
            write(&mut beyond).await;
            assert_eq!(read(&mut next).await, 1);
        }
    }));
}

#[test]
fn all_that_was_said_is_read_and_the_end_after_it() {
    let _alone = alone();
    block_on(soon(async {
        let (mut here, mut there) = pair().await;
        write(&mut there).await;
        poll_fn(|cx| Smol::poll_close(&mut there, cx)).await.expect("it stands");
        Smol::timer(Duration::from_millis(5)).await;
        assert_eq!(read(&mut here).await, 1);
        for _ in 0..3 {
            assert_eq!(read(&mut here).await, 0);
        }
        write(&mut here).await;
        assert_eq!(read(&mut there).await, 1);
    }));
}

#[test]
fn nobody_who_listens_is_an_error() {
    let _alone = alone();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let port = Smol::listen(address, &SocketOptions::default()).expect("a free port");
    let to = Smol::port_addr(&port).expect("an address");
    drop(port);
    let connected = block_on(soon(Smol::connect(to, None, SocketOptions::default())));
    assert!(connected.is_err());
}

#[test]
fn the_thread_that_waits_may_be_left_by_a_panic() {
    let _alone = alone();
    let left = thread::spawn(|| block_on(async { panic!("as a test should not") })).join();
    assert!(left.is_err());
    block_on(soon(async {
        let (mut here, there) = pair().await;
        or(echo(there), async {
            write(&mut here).await;
            assert_eq!(read(&mut here).await, 1);
        })
        .await;
    }));
}

#[test]
fn a_future_that_never_waits_hears_of_sockets_after_each_of_its_runs() {
    const RUNS: usize = 4;
    let _alone = alone();
    let executor = Executor::new();
    block_on(executor.run(async {
        let (mut here, mut there) = pair().await;
        // Whoever stood in before is called away by then.
        Smol::timer(Duration::from_millis(20)).await;
        for _ in 0..16 {
            let task = executor.spawn(async move {
                assert_eq!(read(&mut here).await, 1);
                here
            });
            future::yield_now().await;
            write(&mut there).await;
            let mut runs = 0;
            while !task.is_finished() {
                assert!(runs < RUNS, "nobody looks");
                runs += 1;
                future::yield_now().await;
            }
            here = task.await;
        }
    }));
}
