//! Timers: of the reactor on a thread that drives, on one that leaves that to others, and on another one than who drives; and
//! those on async-io.

use crate::parts::Parts;
use core::time::Duration;
use futures_lite::future::{self, or, poll_once, zip};
use runtime_smol::channel::bounded;
use runtime_smol::runtime::Runtime;
use runtime_smol::{On, Smol, block_on};
use std::thread;
use std::time::Instant;

fn after<R: Runtime>(millis: u64) -> R::Timer {
    R::timer(Duration::from_millis(millis))
}

async fn none_early<R: Runtime>() {
    let began = Instant::now();
    let times = |millis| async move {
        after::<R>(millis).await;
        began.elapsed()
    };
    let ((long, short), past) = zip(zip(times(60), times(20)), times(0)).await;
    // Where the machine is busy both may be late together.
    assert!(past <= short && short >= Duration::from_millis(20) && long >= Duration::from_millis(60));
}

#[test]
fn none_is_ready_before_its_time_whichever_was_waited_for_first() {
    block_on(none_early::<Smol>());
    future::block_on(none_early::<Smol>());
    future::block_on(none_early::<On<Parts>>());
}

async fn dropped_and_put_off<R: Runtime>() {
    let mut moved = after::<R>(10);
    or(after::<R>(5), after::<R>(10_000)).await;
    drop(after::<R>(1));
    R::reset(&mut moved, Duration::from_millis(30));
    let began = Instant::now();
    zip(&mut moved, after::<R>(15)).await;
    assert!(began.elapsed() >= Duration::from_millis(29));
}

#[test]
fn one_that_is_dropped_or_put_off_leaves_the_others_alone() {
    block_on(dropped_and_put_off::<Smol>());
    future::block_on(dropped_and_put_off::<Smol>());
    future::block_on(dropped_and_put_off::<On<Parts>>());
}

async fn far_off<R: Runtime>() {
    let mut timer = R::timer(Duration::MAX);
    assert!(poll_once(&mut timer).await.is_none());
    R::reset(&mut timer, Duration::MAX);
    assert!(poll_once(&mut timer).await.is_none());
    R::reset(&mut timer, Duration::ZERO);
    timer.await;
}

#[test]
fn one_may_be_as_far_off_as_can_be_said() {
    block_on(far_off::<Smol>());
    future::block_on(far_off::<On<Parts>>());
}

#[test]
fn one_that_is_set_on_another_thread_is_heard_of_by_a_sleeper() {
    thread::scope(|scope| {
        let (tell, told) = bounded::<()>(1);
        // It sleeps for a minute, as far as it knows.
        scope.spawn(move || {
            block_on(or(async { told.recv().await.is_ok() }, async {
                after::<Smol>(60_000).await;
                false
            }))
        });
        thread::sleep(Duration::from_millis(20));
        let began = Instant::now();
        future::block_on(after::<Smol>(20));
        assert!(began.elapsed() < Duration::from_secs(10));
        tell.send_blocking(()).expect("it waits");
    });
}
