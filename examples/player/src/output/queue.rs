//! Sound on its way to a thread that asks for it in its own time.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::io::Read;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use pulseaudio::PlaybackSource;

use super::{OutputError, PATIENCE};

/// Bytes between the player, which waits while it is full, and the sound server's thread.
#[derive(Clone, Debug)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    taken: Condvar,
    limit: usize,
}

#[derive(Default, Debug)]
struct State {
    bytes: VecDeque<u8>,
    /// The other side, when it found nothing.
    hungry: Option<Waker>,
    is_gone: bool,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self(Arc::new(Shared { state: Mutex::default(), taken: Condvar::new(), limit: limit.max(1) }))
    }

    /// The end that the sound server's thread takes from. There is one; once it is dropped, nothing is taken.
    pub(super) fn source(&self) -> Source {
        Source(self.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.lock().bytes.len()
    }

    pub(super) fn clear(&self) {
        self.lock().bytes.clear();
    }

    /// Adds bytes in whole frames, waiting while there is no room.
    pub(super) fn push(&self, mut bytes: &[u8], frame_len: usize) -> Result<(), OutputError> {
        let frame_len = frame_len.max(1);
        let limit = (self.0.limit / frame_len).max(1) * frame_len;
        while !bytes.is_empty() {
            let mut state = self.wait(|state| state.bytes.len() + frame_len > limit)?;
            let room = (limit - state.bytes.len()) / frame_len * frame_len;
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            state.bytes.extend(now);
            bytes = later;
            let hungry = state.hungry.take();
            drop(state);
            if let Some(waker) = hungry {
                waker.wake();
            }
        }
        Ok(())
    }

    /// Waits until everything was taken.
    pub(super) fn wait_until_taken(&self) -> Result<(), OutputError> {
        self.wait(|state| !state.bytes.is_empty()).map(drop)
    }

    /// Waits while `is_blocked`, as long as something is taken now and then.
    fn wait(&self, is_blocked: impl Fn(&State) -> bool) -> Result<MutexGuard<'_, State>, OutputError> {
        let mut state = self.lock();
        let mut left = state.bytes.len();
        let mut deadline = Instant::now() + PATIENCE;
        while is_blocked(&state) {
            if state.is_gone {
                return Err(OutputError::Gone);
            }
            let patience = deadline.saturating_duration_since(Instant::now());
            if patience.is_zero() {
                return Err(OutputError::Stalled);
            }
            let woken = self.0.taken.wait_timeout(state, patience);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
            if state.bytes.len() < left {
                left = state.bytes.len();
                deadline = Instant::now() + PATIENCE;
            }
        }
        if state.is_gone { Err(OutputError::Gone) } else { Ok(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The end of a [`Queue`] that is taken from.
#[derive(Debug)]
pub(super) struct Source(Queue);

impl PlaybackSource for Source {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<usize> {
        let mut state = self.0.lock();
        let count = state.bytes.read(into).unwrap_or(0);
        if count == 0 {
            // Zero would mean the end of the stream.
            state.hungry = Some(context.waker().clone());
            return Poll::Pending;
        }
        // A `VecDeque` reads its first half only when it wraps around.
        let rest = state.bytes.read(&mut into[count..]).unwrap_or(0);
        self.0.0.taken.notify_one();
        Poll::Ready(count + rest)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.lock().is_gone = true;
        self.0.0.taken.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;
    use std::thread;

    use super::*;

    fn take(source: &mut Source, count: usize) -> Option<Vec<u8>> {
        let mut into = vec![0; count];
        match Pin::new(source).poll_read(&mut Context::from_waker(Waker::noop()), &mut into) {
            Poll::Ready(count) => Some(into[..count].to_vec()),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_full_queue_makes_the_writer_wait_for_the_reader() {
        let queue = Queue::new(8);
        let mut source = queue.source();
        assert_eq!(take(&mut source, 4), None);
        let writer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(&[7; 20], 4).and_then(|()| queue.wait_until_taken())
        });
        let mut taken = 0;
        while taken < 20 {
            taken += take(&mut source, 8).map_or(0, |bytes| bytes.len());
            thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(writer.join().unwrap(), Ok(()));
    }

    #[test]
    fn a_reader_that_goes_away_frees_the_writer() {
        let queue = Queue::new(4);
        let source = queue.source();
        let writer = thread::spawn({
            let queue = queue.clone();
            move || queue.push(&[0; 100], 4)
        });
        drop(source);
        assert_eq!(writer.join().unwrap(), Err(OutputError::Gone));
    }
}
