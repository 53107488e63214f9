//! The threads that run tasks: none is left lying, whoever began it and whoever goes.

use crate::{alone, pair, read, write};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::{Future, pending};
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;
use futures_lite::future::{self, or};
use runtime_smol::channel::bounded;
use runtime_smol::runtime::Runtime;
use runtime_smol::{Smol, block_on};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

const PATIENCE: Duration = Duration::from_secs(30);

/// Runs this beside two more threads that run tasks.
fn among_workers(test: impl FnOnce()) {
    let _alone = alone();
    let (stop, stopped) = bounded::<()>(1);
    thread::scope(|scope| {
        for _ in 0..2 {
            let stopped = stopped.clone();
            scope.spawn(move || block_on(stopped.recv()));
        }
        test();
        drop(stop);
    });
}

/// A task that is begun; what it says when it runs.
fn begun() -> Receiver<()> {
    let (ran, runs) = sync_channel(1);
    Smol::spawn(async move { ran.send(()).expect("it is waited for") });
    runs
}

fn runs(task: &Receiver<()>) {
    task.recv_timeout(PATIENCE).expect("it runs");
}

#[test]
fn thousands_of_tasks_that_wake_each_other_all_end() {
    const LINES: usize = 30;
    const TURNS: usize = 300;
    among_workers(|| {
        let (done, all) = bounded(LINES);
        for line in 0..LINES {
            let done = done.clone();
            Smol::spawn(async move {
                let ((tell, told), (answer, answers)) = (bounded(1), bounded(1));
                Smol::spawn(async move {
                    while let Ok(word) = told.recv().await {
                        let answer = answer.clone();
                        Smol::spawn(async move { answer.send(word).await.expect("it is waited for") });
                    }
                });
                let (mut here, mut there) = pair().await;
                for turn in 0..TURNS {
                    tell.send(turn).await.expect("it is heard");
                    assert_eq!(answers.recv().await, Ok(turn));
                    if turn % 10 == line % 10 {
                        write(&mut there).await;
                        assert_eq!(read(&mut here).await, 1);
                    }
                }
                done.send(()).await.expect("it is waited for");
            });
        }
        let late = async {
            Smol::timer(PATIENCE).await;
            panic!("some did not end");
        };
        future::block_on(or(late, async {
            for _ in 0..LINES {
                all.recv().await.expect("all end");
            }
        }));
    });
}

/// Begins two tasks of which the first blocks until the second runs.
fn two_begin(ended: &SyncSender<()>) {
    let (say, said) = sync_channel(1);
    let (first, second) = (ended.clone(), ended.clone());
    Smol::spawn(async move {
        said.recv_timeout(PATIENCE).expect("the other one runs");
        first.send(()).expect("it is waited for");
    });
    Smol::spawn(async move {
        say.send(()).expect("it is waited for");
        second.send(()).expect("it is waited for");
    });
}

#[test]
fn of_two_that_a_task_begins_one_runs_elsewhere_while_the_other_blocks() {
    among_workers(|| {
        for _ in 0..200 {
            let (both, ended) = sync_channel(2);
            Smol::spawn(async move { two_begin(&both) });
            (0..2).for_each(|_| runs(&ended));
        }
    });
}

#[test]
fn of_two_that_an_event_wakes_one_runs_elsewhere_while_the_other_blocks() {
    struct Both(SyncSender<()>);

    impl Wake for Both {
        fn wake(self: Arc<Self>) {
            two_begin(&self.0);
        }
    }

    among_workers(|| {
        for _ in 0..50 {
            // Whoever waits for events was the last to be idle, so that it would be the first to be called.
            let (heard, hears) = sync_channel(1);
            Smol::spawn(async move {
                Smol::timer(Duration::from_millis(2)).await;
                heard.send(()).expect("it is waited for");
            });
            runs(&hears);
            let (both, ended) = sync_channel(2);
            let waker = Waker::from(Arc::new(Both(both)));
            let mut timer = Smol::timer(Duration::from_millis(2));
            assert!(Pin::new(&mut timer).poll(&mut Context::from_waker(&waker)).is_pending());
            (0..2).for_each(|_| runs(&ended));
        }
    });
}

#[test]
fn what_a_thread_leaves_behind_runs_elsewhere() {
    among_workers(|| {
        for _ in 0..200 {
            // It ends as soon as it has begun a task.
            runs(&block_on(async { begun() }));
        }
    });
}

#[test]
fn tasks_that_are_begun_by_a_thread_that_runs_none_are_heard_of() {
    among_workers(|| {
        for _ in 0..200 {
            runs(&begun());
        }
    });
}

#[test]
fn a_task_that_panics_leaves_others_to_be_run() {
    // By the one thread that is always there.
    let _alone = alone();
    for _ in 0..3 {
        Smol::spawn(async { panic!("as no task should") });
        let tasks = [begun(), begun()];
        tasks.iter().for_each(runs);
    }
}

#[test]
fn one_future_may_wait_for_another_in_the_midst_of_a_task() {
    among_workers(|| {
        let (done, ended) = sync_channel(1);
        Smol::spawn(async move {
            let inner = block_on(async {
                let task = begun();
                let late = async {
                    Smol::timer(Duration::from_millis(5)).await;
                    task
                };
                or(late, pending()).await
            });
            runs(&inner);
            done.send(()).expect("it is waited for");
        });
        ended.recv_timeout(PATIENCE).expect("it ends");
    });
}
