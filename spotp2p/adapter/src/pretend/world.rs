//! Tasks and time.

use super::Network;
use super::network::Waiting;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::cell::RefCell;
use core::future::Future;
use core::mem;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::sync::{Mutex, PoisonError};

/// The number of the future that was given to [`run`].
const MAIN: u64 = 0;

type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// All that there is.
pub(super) struct World {
    pub(super) network: Network,
    now: Duration,
    timers: BTreeMap<(Duration, u64), Waker>,
    tasks: BTreeMap<u64, Task>,
    ready: Ready,
    /// The next number of a timer or a task.
    next: u64,
    /// Who listens, by port.
    pub(super) ports: BTreeMap<u16, Arc<Mutex<Waiting>>>,
    /// The port that the next connection leaves from.
    pub(super) free_port: u16,
}

/// Tasks that were woken, in that order, each once.
type Ready = Arc<Mutex<VecDeque<u64>>>;

/// Wakes a task.
struct Bell {
    task: u64,
    ready: Ready,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        if !ready.contains(&self.task) {
            ready.push_back(self.task);
        }
    }
}

/// Looks at the world, or changes it. Nothing in `act` may wake or poll a task of which this is a part.
pub(super) fn with<T>(act: impl FnOnce(&mut World) -> T) -> T {
    WORLD.with_borrow_mut(|world| act(world.as_mut().expect("inside of `run`")))
}

/// The same, if there still is a world.
pub(super) fn with_rest<T>(act: impl FnOnce(&mut World) -> T) -> Option<T> {
    WORLD.with_borrow_mut(|world| world.as_mut().map(act))
}

/// The time since the world began.
pub(super) fn now() -> Duration {
    with(|world| world.now)
}

pub(super) fn spawn(task: Task) {
    with(|world| {
        let number = world.number();
        world.tasks.insert(number, task);
        world.bell(number).wake();
    });
}

/// Jumps over a span, as a computer does that sleeps: what became due meanwhile is so all at once.
pub fn skip(span: Duration) {
    with(|world| world.now += span);
}

/// Runs `main` and the tasks that come of it until `main` is done; the others are dropped then.
///
/// # Panics
/// When all wait for each other, or inside of another run.
pub fn run<T>(network: Network, main: impl Future<Output = T>) -> T {
    let ended = End;
    WORLD.with_borrow_mut(|world| {
        assert!(world.is_none(), "one world at a time");
        *world = Some(World::new(network));
    });
    let mut main = pin!(main);
    let bell = Waker::from(with(|world| world.bell(MAIN)));
    bell.wake_by_ref();
    let done = loop {
        match with(World::pop) {
            Some(MAIN) => {
                if let Poll::Ready(done) = main.as_mut().poll(&mut Context::from_waker(&bell)) {
                    break done;
                }
            }
            Some(number) => poll(number),
            None => wait(),
        }
    };
    drop(ended);
    done
}

/// Ends the world, also when something panics in it.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        // They look at the world when they are dropped, and may start others.
        while let Some(task) = WORLD.with_borrow_mut(|world| world.as_mut()?.tasks.pop_first()) {
            drop(task);
        }
        let world = WORLD.with_borrow_mut(Option::take);
        drop(world);
    }
}

fn poll(number: u64) {
    let Some((mut task, bell)) =
        with(|world| Some((world.tasks.remove(&number)?, Waker::from(world.bell(number)))))
    else {
        return;
    };
    if task.as_mut().poll(&mut Context::from_waker(&bell)).is_pending() {
        with(|world| world.tasks.insert(number, task));
    }
}

/// Nobody is ready: it becomes later.
fn wait() {
    let due = with(|world| {
        let (next, _) = *world.timers.first_key_value().expect("all wait for each other").0;
        world.now = world.now.max(next);
        let later = world.timers.split_off(&(world.now + Duration::from_nanos(1), 0));
        mem::replace(&mut world.timers, later)
    });
    for waker in due.into_values() {
        waker.wake();
    }
}

impl World {
    pub(super) const fn now(&self) -> Duration {
        self.now
    }

    fn new(network: Network) -> Self {
        Self {
            network,
            now: Duration::ZERO,
            timers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            ready: Ready::default(),
            next: MAIN + 1,
            ports: BTreeMap::new(),
            free_port: 49_152,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    fn bell(&self, task: u64) -> Arc<Bell> {
        Arc::new(Bell { task, ready: self.ready.clone() })
    }

    fn pop(&mut self) -> Option<u64> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

/// Ready when a span has passed.
#[derive(Debug)]
pub struct Timer {
    at: Duration,
    number: u64,
}

impl Timer {
    pub(super) fn after(span: Duration) -> Self {
        Self::at(now() + span)
    }

    pub(super) fn at(at: Duration) -> Self {
        Self { at, number: with(World::number) }
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        with(|world| {
            if world.now >= self.at {
                return Poll::Ready(());
            }
            world.timers.insert((self.at, self.number), cx.waker().clone());
            Poll::Pending
        })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        with_rest(|world| world.timers.remove(&(self.at, self.number)));
    }
}
