//! Which tasks run next, and the threads that run them.

use crate::reactor::{self, lock};
use alloc::collections::VecDeque;
use async_task::Runnable;
use core::cell::Cell;
use core::future::{Future, pending, poll_fn};
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::env;
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, Once};
use std::thread::{self, ThreadId};

/// Tasks that a thread runs before it looks at sockets and timers.
const RUN: usize = 200;

/// The tasks of the process that can go on, the longest waiting first, and the threads that have nothing to run.
///
/// async-executor wakes another thread for each task that can go on, and again for each that is run. Here one that is alone is
/// left to the thread that had it go on: it runs next there, as on tokio. Another thread is woken when there are two, or when
/// whoever has a task go on runs none itself.
struct Line {
    tasks: VecDeque<Runnable>,
    idle: Vec<(ThreadId, Waker)>,
}

static LINE: Mutex<Line> = Mutex::new(Line { tasks: VecDeque::new(), idle: Vec::new() });

thread_local! {
    /// Whether this thread takes the next task as soon as it has done with what it does.
    static WORKS: Cell<bool> = const { Cell::new(false) };
}

/// Has a task run until it is done.
pub(crate) fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    static THREADS: Once = Once::new();
    THREADS.call_once(start);
    let (begun, task) = async_task::spawn(task, goes_on);
    task.detach();
    begun.schedule();
}

/// A task can go on.
fn goes_on(task: Runnable) {
    let mut line = lock(&LINE);
    line.tasks.push_back(task);
    if !WORKS.get() || line.tasks.len() > 1 {
        call_another(line);
    }
}

/// Wakes an idle thread, if there is one: not the calling one, which may be among them while it hands out what it has heard.
fn call_another(mut line: MutexGuard<'_, Line>) {
    let own = thread::current().id();
    let another = line.idle.iter().rposition(|(thread, _)| *thread != own);
    let called = another.map(|at| line.idle.swap_remove(at));
    drop(line);
    if let Some((_, called)) = called {
        called.wake();
    }
}

/// That the calling thread runs tasks. What is there when it ends falls to another one.
struct Worker {
    thread: ThreadId,
    /// Whether it did so before: a task may wait for another future.
    worked: bool,
}

impl Worker {
    fn new() -> Self {
        Self { thread: thread::current().id(), worked: WORKS.replace(true) }
    }

    /// Runs what there is.
    fn poll<T>(&self, cx: &Context<'_>) -> Poll<T> {
        let mut line = self.looks_up();
        for _ in 0..RUN {
            let Some(task) = line.tasks.pop_front() else {
                line.idle.push((self.thread, cx.waker().clone()));
                return Poll::Pending;
            };
            drop(line);
            task.run();
            line = lock(&LINE);
        }
        drop(line);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// It is not idle.
    fn looks_up(&self) -> MutexGuard<'static, Line> {
        let mut line = lock(&LINE);
        line.idle.retain(|(thread, _)| *thread != self.thread);
        line
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        WORKS.set(self.worked);
        let line = self.looks_up();
        if !line.tasks.is_empty() {
            call_another(line);
        }
    }
}

/// Runs `main` on the calling thread, and tasks beside it, which see their sockets and timers without help of another thread.
///
/// It needs no threads that run tasks, so `SMOL_THREADS` may be 0. A thread that is to wait and nothing else waits by
/// `smol::future::block_on`, or by `smol::block_on`.
///
/// Tasks are not to block, here as elsewhere: one that does holds up a task that it woke, and may hold up sockets and timers, even
/// while another thread is idle.
///
/// # Panics
/// The system has no descriptor left to wait with.
pub fn block_on<T>(main: impl Future<Output = T>) -> T {
    let worker = Worker::new();
    reactor::block_on(smol::future::or(main, poll_fn(|cx| worker.poll(cx))))
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
