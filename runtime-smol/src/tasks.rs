//! smol's executor, and the threads that run it.

use crate::reactor;
use core::future::{Future, pending};
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use smol::Executor;
use std::panic::catch_unwind;
use std::sync::Once;
use std::{env, thread};

static EXECUTOR: Executor<'static> = Executor::new();

/// Has a task run until it is done.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    static THREADS: Once = Once::new();
    THREADS.call_once(start);
    EXECUTOR.spawn(task).detach();
}

/// Runs `main` on the calling thread, and tasks beside it, which see their sockets and timers without help of another thread.
///
/// It needs no threads that run tasks, so `SMOL_THREADS` may be 0. A thread that is to wait and nothing else waits by
/// `smol::future::block_on`, or by `smol::block_on`.
///
/// Tasks are not to block, here as elsewhere: while all threads that run them do, nobody sees to sockets and timers.
///
/// # Panics
/// The system has no descriptor left to wait with.
pub fn block_on<T>(main: impl Future<Output = T>) -> T {
    reactor::block_on(EXECUTOR.run(main))
}

/// As many as the variable says that smol's own go by.
fn start() {
    let count = env::var("SMOL_THREADS").ok().and_then(|count| count.parse().ok()).unwrap_or(1);
    for number in 1..=count {
        let run = || {
            loop {
                // The panic of a task ends that task alone.
                let _ = catch_unwind(AssertUnwindSafe(|| block_on(pending::<()>())));
                if !reactor::is_there() {
                    thread::sleep(Duration::from_millis(100));
                }
            }
        };
        thread::Builder::new().name(format!("smol-{number}")).spawn(run).expect("a thread to run tasks");
    }
}
