//! Sockets and timers come though nobody who waits for them knows of the reactor. Each test has a process of its own, since the
//! reactor is the process's, and no other test may have called a thread for it.

use crate::{pair, read, write};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;
use futures_lite::future::{self, zip};
use runtime_smol::runtime::Runtime;
use runtime_smol::{Smol, block_on};
use smol::Executor;
use std::env;
use std::fs::File;
use std::panic::catch_unwind;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Instant;

/// In the environment of such a process.
const OWN: &str = "RUNTIME_SMOL_TEST_HAS_ITS_OWN_PROCESS";

/// Runs a test in a process of its own, and not for ever.
fn apart(name: &str, test: fn()) {
    apart_within(None, name, test);
}

/// The same, in a process that may have so many file descriptors.
fn apart_within(descriptors: Option<u32>, name: &str, test: fn()) {
    if env::var_os(OWN).is_some() {
        return test();
    }
    let own = env::current_exe().expect("its own name");
    let mut command = match descriptors {
        None => Command::new(own),
        Some(most) => {
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("ulimit -n {most}; exec \"$0\" \"$@\"")]).arg(own);
            shell
        }
    };
    let mut child =
        command.args(["--exact", name]).env(OWN, "").stdout(Stdio::piped()).spawn().expect("it runs");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if child.try_wait().expect("a child").is_some() {
            let output = child.wait_with_output().expect("it has ended");
            let said = String::from_utf8_lossy(&output.stdout);
            // A name that no test has passes as well, with none.
            return assert!(output.status.success() && said.contains("1 passed"), "{said}");
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("a child");
    child.wait().expect("a child");
    panic!("what was waited for did not come");
}

/// Panics when it wakes.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("as no waker should");
    }
}

#[test]
fn sockets_alone() {
    apart("stand_in::sockets_alone", || {
        let (mut here, mut there) = future::block_on(pair());
        let word = async {
            future::yield_now().await;
            write(&mut there).await
        };
        assert_eq!(future::block_on(zip(read(&mut here), word)), (1, 1));
    });
}

#[test]
fn timers_alone() {
    apart("stand_in::timers_alone", || {
        let began = Instant::now();
        future::block_on(Smol::timer(Duration::from_millis(10)));
        smol::block_on(Smol::timer(Duration::from_millis(10)));
        assert!(began.elapsed() >= Duration::from_millis(20));
    });
}

#[test]
fn waits_that_were_begun_by_a_thread_that_is_gone() {
    apart("stand_in::waits_that_were_begun_by_a_thread_that_is_gone", || {
        let executor = Executor::new();
        let (task, mut there) = block_on(executor.run(async {
            let (mut here, there) = pair().await;
            let task = executor.spawn(async move { read(&mut here).await });
            future::yield_now().await;
            (task, there)
        }));
        assert!(!task.is_finished());
        // Nothing is waited for anew from here on.
        assert_eq!(future::block_on(write(&mut there)), 1);
        assert_eq!(future::block_on(executor.run(task)), 1);
    });
}

#[test]
fn a_timer_that_was_begun_by_a_thread_that_is_gone() {
    apart("stand_in::a_timer_that_was_begun_by_a_thread_that_is_gone", || {
        let executor = Executor::new();
        let task = executor.spawn(Smol::timer(Duration::from_millis(50)));
        block_on(executor.run(future::yield_now()));
        assert!(!task.is_finished());
        future::block_on(executor.run(task));
    });
}

#[test]
fn drivers_that_come_and_go_and_one_who_never_drives() {
    apart("stand_in::drivers_that_come_and_go_and_one_who_never_drives", || {
        let (mut here, mut there) = future::block_on(pair());
        thread::scope(|scope| {
            let coming_and_going = scope.spawn(|| {
                for _ in 0..300 {
                    block_on(Smol::timer(Duration::from_micros(200)));
                }
            });
            while !coming_and_going.is_finished() {
                let word = async {
                    future::yield_now().await;
                    write(&mut there).await
                };
                assert_eq!(future::block_on(zip(read(&mut here), word)), (1, 1));
            }
        });
    });
}

#[test]
fn a_waker_that_panics_keeps_nobody_else_from_being_woken() {
    apart("stand_in::a_waker_that_panics_keeps_nobody_else_from_being_woken", || {
        let panics = Waker::from(Arc::new(Panics));
        // Whoever waits for events wakes it: first the thread that stands in, then this one.
        for drives in [false, true] {
            let mut timer = Smol::timer(Duration::from_millis(20));
            assert!(Pin::new(&mut timer).poll(&mut Context::from_waker(&panics)).is_pending());
            let (mut here, mut there) = future::block_on(pair());
            let word = async {
                Smol::timer(Duration::from_millis(20)).await;
                write(&mut there).await
            };
            let both = zip(read(&mut here), word);
            assert_eq!(if drives { block_on(both) } else { future::block_on(both) }, (1, 1));
        }
    });
}

#[test]
fn a_waker_may_wait_for_events_itself() {
    struct Waits;

    impl Wake for Waits {
        fn wake(self: Arc<Self>) {
            block_on(Smol::timer(Duration::from_millis(5)));
        }
    }

    apart("stand_in::a_waker_may_wait_for_events_itself", || {
        let waits = Waker::from(Arc::new(Waits));
        let mut timer = Smol::timer(Duration::from_millis(20));
        assert!(Pin::new(&mut timer).poll(&mut Context::from_waker(&waits)).is_pending());
        block_on(Smol::timer(Duration::from_millis(40)));
    });
}

#[cfg(unix)]
#[test]
fn a_process_without_descriptors_can_wait_as_soon_as_it_has_some() {
    apart_within(Some(64), "stand_in::a_process_without_descriptors_can_wait_as_soon_as_it_has_some", || {
        let own = env::current_exe().expect("its own name");
        let mut taken: Vec<File> = core::iter::from_fn(|| File::open(&own).ok()).collect();
        assert!(catch_unwind(|| block_on(Smol::timer(Duration::from_millis(1)))).is_err());
        taken.truncate(taken.len() - 8);
        block_on(Smol::timer(Duration::from_millis(1)));
    });
}
