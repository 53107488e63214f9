//! What waits for sockets and timers: one queue of events for the process, which tells of edges, and which the threads that run
//! tasks wait at themselves.
//!
//! async-io's reactor is told anew of each socket for each wait, of a timer for each wait, and of its notifier after each: five
//! calls of the system where this one makes one. The system is told of a socket once, when it is made, and once when it goes.
//!
//! Memory, in words: an entry for each socket, and one for each timer that somebody waits for.

mod news;
mod seats;
mod timers;

pub(crate) use news::Direction;
pub(crate) use seats::block_on;
pub use timers::Timer;

use alloc::sync::Arc;
use core::panic::AssertUnwindSafe;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use mio::event::Source;
use mio::{Events, Interest, Registry, Token};
use news::News;
use seats::{Seat, Seats};
use slab::Slab;
use std::io;
use std::panic::catch_unwind;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use timers::Timers;

/// Events that one call of the system tells of, at most; the next call tells of the others.
const EVENTS: usize = 256;

/// What has the thread that waits look up.
const BELL: Token = Token(usize::MAX);

/// The one of the process. If the system has no queue to give, whoever comes next asks again.
fn try_reactor() -> io::Result<&'static Reactor> {
    static REACTOR: OnceLock<Reactor> = OnceLock::new();
    match REACTOR.get() {
        Some(reactor) => Ok(reactor),
        None => Reactor::new().map(|new| REACTOR.get_or_init(|| new)),
    }
}

/// The same for those who can't go on without it, as on every runtime.
fn reactor() -> &'static Reactor {
    match try_reactor() {
        Ok(reactor) => reactor,
        Err(error) => panic!("the system gives no queue of events: {error}"),
    }
}

/// Whether there is one.
pub(crate) fn is_there() -> bool {
    try_reactor().is_ok()
}

struct Reactor {
    registry: Registry,
    bell: mio::Waker,
    /// Locked by the thread at the wheel alone.
    queue: Mutex<Queue>,
    sockets: Mutex<Slab<Arc<News>>>,
    timers: Mutex<Timers>,
    seats: Seats,
}

struct Queue {
    poll: mio::Poll,
    events: Events,
}

impl Reactor {
    fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        Ok(Self {
            registry: poll.registry().try_clone()?,
            bell: mio::Waker::new(poll.registry(), BELL)?,
            queue: Mutex::new(Queue { poll, events: Events::with_capacity(EVENTS) }),
            sockets: Mutex::new(Slab::new()),
            timers: Mutex::new(Timers::new()),
            seats: Seats::new(),
        })
    }

    /// Hears what there is of sockets and timers, and hands over who is to be woken for it. Waits until there is something,
    /// unless the seat's future was woken.
    fn turn(&self, seat: &Seat, wakers: &mut Vec<Waker>) {
        let mut queue = lock(&self.queue);
        let Queue { poll, events } = &mut *queue;
        let patience = if seat.sit_down() { lock(&self.timers).fall_asleep() } else { Some(Duration::ZERO) };
        if poll.poll(events, patience).is_err() {
            // A signal came, and nothing else did.
            events.clear();
        }
        seat.get_up();
        lock(&self.timers).wake_up(wakers);
        if !events.is_empty() {
            let sockets = lock(&self.sockets);
            for event in &*events {
                if let Some(news) = sockets.get(event.token().0) {
                    news.hear(event, wakers);
                }
            }
        }
        if !wakers.is_empty() {
            // An executor may have called another thread for what was just woken: this one is nearer.
            seat.be_woken();
        }
    }

    /// Has the thread that waits for events look up.
    fn ring(&self) {
        // It fails if the process has no memory left, or not at all.
        let _ = self.bell.wake();
    }

    fn is_waited_for(&self) -> bool {
        !lock(&self.sockets).is_empty() || !lock(&self.timers).is_empty()
    }
}

/// A socket that the reactor knows.
#[derive(Debug)]
pub(crate) struct Registered<S: Source> {
    io: S,
    key: usize,
    news: Arc<News>,
}

impl<S: Source> Registered<S> {
    /// Has the reactor tell of it. Nothing is known of it yet; what there is already is told as well.
    pub(crate) fn new(mut io: S) -> io::Result<Self> {
        let reactor = try_reactor()?;
        let news = Arc::new(News::default());
        let key = lock(&reactor.sockets).insert(news.clone());
        match reactor.registry.register(&mut io, Token(key), Interest::READABLE | Interest::WRITABLE) {
            Ok(()) => Ok(Self { io, key, news }),
            Err(error) => {
                lock(&reactor.sockets).remove(key);
                Err(error)
            }
        }
    }

    pub(crate) const fn io(&self) -> &S {
        &self.io
    }

    /// Takes the news that there may be something to do. The one who does it says afterwards how it went: that there may be
    /// [`more`](Self::more), or not.
    pub(crate) fn poll_news(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<()> {
        let taken = self.news.poll_take(direction, cx);
        if taken.is_pending() {
            reactor().seats.attend();
        }
        taken
    }

    pub(crate) fn more(&self, direction: Direction) {
        self.news.more(direction);
    }

    /// There was some, and it was all for now.
    pub(crate) fn nothing_yet(&self, direction: Direction) {
        self.news.nothing_yet(direction);
    }

    /// The system says that there is nothing.
    pub(crate) fn nothing(&self, direction: Direction) {
        self.news.nothing(direction);
    }
}

impl<S: Source> Drop for Registered<S> {
    fn drop(&mut self) {
        // It fails if the system does not know the socket, which is what is wanted.
        let _ = reactor().registry.deregister(&mut self.io);
        // An event of it that was taken out of the queue already may now be told of the next socket with this key, which
        // then finds nothing, and waits again.
        lock(&reactor().sockets).remove(self.key);
    }
}

/// Wakes all of them, whatever becomes of one: a waker is anybody's code, and its panic is not the others' fault.
fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
    }
}

pub(crate) fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can stop half way.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
