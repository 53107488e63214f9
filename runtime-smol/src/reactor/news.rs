//! What is known of a socket.

use super::lock;
use core::mem;
use core::task::{Context, Poll, Waker};
use mio::event::Event;
use std::sync::Mutex;

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
        let mut sides = lock(&self.0);
        let side = &mut sides[direction as usize];
        if mem::take(&mut side.ready) {
            return Poll::Ready(());
        }
        if !side.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            let before = side.waker.replace(cx.waker().clone());
            // Not under the lock: a task may go with it, and its sockets.
            drop(sides);
            drop(before);
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
        let side = &mut lock(&self.0)[direction as usize];
        // Unless it was told since.
        side.over &= side.ready;
    }

    /// Takes what the system tells, and hands over those who waited for it.
    pub(super) fn hear(&self, event: &Event, wakers: &mut Vec<Waker>) {
        let broken = event.is_error();
        let reading = (event.is_readable(), event.is_read_closed() || broken);
        let writing = (event.is_writable(), event.is_write_closed() || broken);
        self.take([reading, writing], wakers);
    }

    /// For either direction: whether there is something, and whether it was the last.
    fn take(&self, told: [(bool, bool); 2], wakers: &mut Vec<Waker>) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{Read, Write};

    const SOMETHING: (bool, bool) = (true, false);
    const THE_LAST: (bool, bool) = (true, true);
    const NOTHING: (bool, bool) = (false, false);

    fn is_there(news: &News, direction: Direction) -> bool {
        news.poll_take(direction, &mut Context::from_waker(Waker::noop())).is_ready()
    }

    fn woken(news: &News, told: [(bool, bool); 2]) -> usize {
        let mut wakers = Vec::new();
        news.take(told, &mut wakers);
        wakers.len()
    }

    #[test]
    fn news_is_taken_once_and_wakes_those_who_wait_for_it_alone() {
        let news = News::default();
        assert!(!is_there(&news, Read) && !is_there(&news, Write));
        assert_eq!(woken(&news, [SOMETHING, NOTHING]), 1);
        assert!(is_there(&news, Read) && !is_there(&news, Read) && !is_there(&news, Write));
        assert_eq!(woken(&news, [SOMETHING, SOMETHING]), 2);
        assert_eq!(woken(&news, [SOMETHING, SOMETHING]), 0, "they are on their way");
    }

    #[test]
    fn what_comes_while_somebody_tries_is_kept_whatever_comes_of_the_try() {
        for says_nothing in [News::nothing, News::nothing_yet] {
            let news = News::default();
            news.more(Read);
            assert!(is_there(&news, Read));
            woken(&news, [SOMETHING, NOTHING]);
            says_nothing(&news, Read);
            assert!(is_there(&news, Read) && !is_there(&news, Read));
        }
    }

    #[test]
    fn the_end_is_told_once_and_is_not_forgotten() {
        let news = News::default();
        woken(&news, [THE_LAST, NOTHING]);
        for _ in 0..3 {
            assert!(is_there(&news, Read));
            news.nothing_yet(Read);
        }
        assert!(!is_there(&news, Write));
    }

    #[test]
    fn an_end_that_comes_while_somebody_finds_nothing_is_not_forgotten() {
        let news = News::default();
        news.more(Read);
        assert!(is_there(&news, Read));
        woken(&news, [THE_LAST, NOTHING]);
        news.nothing(Read);
        assert!(is_there(&news, Read));
        news.nothing_yet(Read);
        assert!(is_there(&news, Read), "what came before the end was read, the end was not");
    }

    #[test]
    fn an_end_that_was_none_is_forgotten_once_there_is_nothing() {
        let news = News::default();
        woken(&news, [THE_LAST, NOTHING]);
        assert!(is_there(&news, Read));
        news.nothing(Read);
        assert!(!is_there(&news, Read));
    }
}
