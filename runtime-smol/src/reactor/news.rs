//! What is known of a socket.

use core::mem;
use core::task::{Context, Poll, Waker};
use mio::event::Event;
use std::sync::Mutex;

use super::lock;

/// What a socket is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// Something to read, or somebody who connects.
    Read,
    /// Room to write, or that a connection stands.
    Write,
}

/// Whether there may be something to do, either way.
///
/// The system tells of it once. So the news is *taken* before anything is tried, and put back afterwards unless there was
/// nothing: an event in between puts it back as well, and can't get lost.
#[derive(Default, Debug)]
pub(super) struct News(Mutex<[Side; 2]>);

#[derive(Default, Debug)]
struct Side {
    ready: bool,
    /// Nothing further will be told: the other side closed, or the line broke.
    over: bool,
    waker: Option<Waker>,
}

impl News {
    /// Takes the news, if there is any. Otherwise the task is woken when there is some: one task for either direction.
    pub(super) fn poll_take(&self, direction: Direction, cx: &mut Context<'_>) -> Poll<()> {
        let side = &mut lock(&self.0)[direction as usize];
        if mem::take(&mut side.ready) {
            return Poll::Ready(());
        }
        match &mut side.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            waiting @ None => *waiting = Some(cx.waker().clone()),
        }
        Poll::Pending
    }

    /// There may be more to do.
    pub(super) fn more(&self, direction: Direction) {
        let waker = lock(&self.0)[direction as usize].be_ready();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// There is nothing more to do until it is told of.
    pub(super) fn nothing_yet(&self, direction: Direction) {
        let side = &mut lock(&self.0)[direction as usize];
        side.ready |= side.over;
    }

    /// There was nothing to do, whatever was told.
    pub(super) fn nothing(&self, direction: Direction) {
        lock(&self.0)[direction as usize].over = false;
    }

    /// Takes what the system tells, and hands over those who waited for it.
    pub(super) fn hear(&self, event: &Event, wakers: &mut Vec<Waker>) {
        let broken = event.is_error();
        let told = [
            (event.is_readable(), event.is_read_closed() || broken),
            (event.is_writable(), event.is_write_closed() || broken),
        ];
        let mut sides = lock(&self.0);
        for (side, (ready, over)) in sides.iter_mut().zip(told) {
            side.over |= over;
            if ready || over {
                wakers.extend(side.be_ready());
            }
        }
    }
}

impl Side {
    fn be_ready(&mut self) -> Option<Waker> {
        self.ready = true;
        self.waker.take()
    }
}
