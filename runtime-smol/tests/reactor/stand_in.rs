//! Sockets and timers come though nobody who waits for them knows of the reactor. Each test has a process of its own, since the
//! reactor is the process's, and no other test may have called a thread for it.

use crate::{pair, read, write};
use core::time::Duration;
use futures_lite::future::{self, zip};
use runtime_smol::runtime::Runtime;
use runtime_smol::{Smol, block_on};
use smol::Executor;
use std::env;
use std::process::Command;
use std::thread;
use std::time::Instant;

/// In the environment of such a process.
const OWN: &str = "RUNTIME_SMOL_TEST_HAS_ITS_OWN_PROCESS";

/// Runs a test in a process of its own, and not for ever.
fn apart(name: &str, test: fn()) {
    if env::var_os(OWN).is_some() {
        return test();
    }
    let mut command = Command::new(env::current_exe().expect("its own name"));
    let mut child = command.args(["--exact", name]).env(OWN, "").spawn().expect("it runs");
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Some(status) = child.try_wait().expect("a child") {
            return assert!(status.success());
        }
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().expect("a child");
    child.wait().expect("a child");
    panic!("what was waited for did not come");
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
