//! Which thread waits for events: the threads that run futures do, one at a time.

use super::{Reactor, lock, reactor, wake_all};
use alloc::sync::Arc;
use alloc::task::Wake;
use core::future::Future;
use core::pin::pin;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use core::task::{Context, Poll, Waker};
use std::io;
use std::sync::Mutex;
use std::thread::{self, Thread};

/// Runs a future on the calling thread, which sees to the reactor whenever the future waits and no other thread does.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let seat = Arc::new(Seat::new());
    let waker = Waker::from(seat.clone());
    let mut cx = Context::from_waker(&waker);
    let _guest = Guest::enter();
    let mut wakers = Vec::new();
    loop {
        seat.attend_to_oneself();
        if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
            return done;
        }
        // If it was woken again already this is only a look: one run of an executor may be hundreds of tasks.
        reactor().wait(&seat, &mut wakers);
    }
}

/// The threads that run futures.
///
/// One at most is at the wheel: it waits for events, and wakes those whose events come. The others that have nothing to do are
/// idle. Whoever leaves the wheel to run a future comes back to it, unless another one that had something to do comes there first;
/// to call one that is idle each time would be a switch of context for each event. Whoever leaves for good calls one. So while
/// threads are idle and nobody is at the wheel, somebody is on the way to it, or runs a future.
///
/// If no thread is here and somebody waits for a socket or a timer all the same, on an executor that knows nothing of this, a
/// thread of its own stands in.
pub(super) struct Seats {
    present: AtomicUsize,
    inner: Mutex<Inner>,
}

struct Inner {
    /// Whether somebody is at the wheel.
    taken: bool,
    idle: Vec<Arc<Seat>>,
    /// Whether there is a thread that stands in.
    has_stand_in: bool,
    /// It, as soon as it runs.
    stand_in: Option<Arc<Seat>>,
}

/// A thread that runs a future.
pub(super) struct Seat {
    state: AtomicU8,
    thread: Thread,
}

/// It runs its future, or looks after itself otherwise.
const AWAKE: u8 = 0;
/// Its future was woken.
const WOKEN: u8 = 1;
/// It waits at the wheel.
const AT_THE_WHEEL: u8 = 2;
/// It sleeps.
const IDLE: u8 = 3;

impl Seats {
    pub(super) const fn new() -> Self {
        Self {
            present: AtomicUsize::new(0),
            inner: Mutex::new(Inner { taken: false, idle: Vec::new(), has_stand_in: false, stand_in: None }),
        }
    }

    /// Somebody waits: a thread has to see to that.
    pub(super) fn attend(&self) {
        if self.present.load(Ordering::SeqCst) == 0 {
            self.stand_in().expect("a thread that waits for sockets");
        }
    }

    /// Has a thread stand in, if none does yet.
    fn stand_in(&self) -> io::Result<()> {
        let mut inner = lock(&self.inner);
        if !inner.has_stand_in {
            thread::Builder::new().name("smol-reactor".into()).spawn(stand_in)?;
            inner.has_stand_in = true;
        }
        Ok(())
    }
}

/// Waits for events whenever nobody else is here to do so.
fn stand_in() {
    let seat = Arc::new(Seat::new());
    let mut wakers = Vec::new();
    let _gone = StandIn;
    lock(&reactor().seats.inner).stand_in = Some(seat.clone());
    loop {
        seat.attend_to_oneself();
        if reactor().seats.present.load(Ordering::SeqCst) == 0 {
            reactor().wait(&seat, &mut wakers);
        } else {
            lock(&reactor().seats.inner).pass_on();
            seat.sleep();
        }
    }
}

/// That a thread stands in; another one may when it is gone.
struct StandIn;

impl Drop for StandIn {
    fn drop(&mut self) {
        let mut inner = lock(&reactor().seats.inner);
        (inner.has_stand_in, inner.stand_in) = (false, None);
    }
}

impl Reactor {
    /// Waits until the seat's future is woken; at the wheel if that is free. `wakers` is empty, and is so afterwards.
    fn wait(&self, seat: &Arc<Seat>, wakers: &mut Vec<Waker>) {
        loop {
            let mut inner = lock(&self.seats.inner);
            let woken = seat.is_woken();
            if !inner.taken {
                inner.taken = true;
                drop(inner);
                let wheel = Wheel(self);
                while {
                    self.turn(seat, wakers);
                    !seat.is_woken()
                } {}
                // A waker is anybody's code, and may wait for events itself.
                drop(wheel);
                return wake_all(wakers.drain(..));
            }
            // What somebody else drives needs no look.
            if woken || !seat.change(AWAKE, IDLE) {
                return;
            }
            inner.idle.push(seat.clone());
            drop(inner);
            seat.sleep_on();
            lock(&self.seats.inner).idle.retain(|idle| !Arc::ptr_eq(idle, seat));
            if seat.is_woken() {
                return;
            }
        }
    }
}

impl Inner {
    /// Calls an idle thread to the wheel, if nobody is there.
    fn pass_on(&mut self) {
        if !self.taken
            && let Some(next) = self.idle.pop()
        {
            next.call();
        }
    }
}

/// That a thread is at the wheel, and nobody else is.
struct Wheel<'a>(&'a Reactor);

impl Drop for Wheel<'_> {
    fn drop(&mut self) {
        lock(&self.0.seats.inner).taken = false;
    }
}

/// That a thread is here.
struct Guest;

impl Guest {
    fn enter() -> Self {
        let seats = &reactor().seats;
        if seats.present.fetch_add(1, Ordering::SeqCst) == 0
            && let Some(stand_in) = &lock(&seats.inner).stand_in
        {
            stand_in.wake_by_ref();
        }
        Self
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let seats = &reactor().seats;
        if seats.present.fetch_sub(1, Ordering::SeqCst) > 1 {
            return lock(&seats.inner).pass_on();
        }
        let stand_in = lock(&seats.inner).stand_in.clone();
        match stand_in {
            Some(stand_in) => stand_in.wake_by_ref(),
            None if reactor().is_waited_for() => {
                // If the system has no thread to give, who waits next asks again.
                let _ = seats.stand_in();
            }
            None => {}
        }
    }
}

impl Seat {
    fn new() -> Self {
        Self { state: AtomicU8::new(AWAKE), thread: thread::current() }
    }

    /// Forgets that it was woken; what comes from now on counts.
    fn attend_to_oneself(&self) {
        self.state.swap(AWAKE, Ordering::AcqRel);
    }

    fn is_woken(&self) -> bool {
        self.state.load(Ordering::Acquire) == WOKEN
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.state.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// From now on the reactor is rung when the future is woken. Answers whether it has not been.
    pub(super) fn sit_down(&self) -> bool {
        self.change(AWAKE, AT_THE_WHEEL)
    }

    pub(super) fn get_up(&self) {
        self.change(AT_THE_WHEEL, AWAKE);
    }

    pub(super) fn be_woken(&self) {
        self.change(AWAKE, WOKEN);
    }

    fn sleep(&self) {
        if self.change(AWAKE, IDLE) {
            self.sleep_on();
        }
    }

    fn sleep_on(&self) {
        while self.state.load(Ordering::Acquire) == IDLE {
            thread::park();
        }
    }

    /// Ends its sleep, and its future has not been woken.
    fn call(&self) {
        if self.change(IDLE, AWAKE) {
            self.thread.unpark();
        }
    }
}

impl Wake for Seat {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        match self.state.swap(WOKEN, Ordering::AcqRel) {
            AT_THE_WHEEL => reactor().ring(),
            IDLE => self.thread.unpark(),
            _ => {}
        }
    }
}
