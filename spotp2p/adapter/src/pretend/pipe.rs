//! One direction of a connection.

use super::Network;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::io;

/// Bytes under way or unread.
#[derive(Debug)]
pub(super) struct Pipe {
    network: Network,
    /// With the time at which each comes.
    chunks: VecDeque<(Duration, Vec<u8>)>,
    held: usize,
    /// Until when the line is busy with what was written.
    busy: Duration,
    /// When it is known that nothing more comes.
    closed: Option<Duration>,
    /// The reader is gone, or was rude.
    reset: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// What a reader finds.
pub(super) enum Read {
    Some(usize),
    /// Nothing before then.
    At(Duration),
    /// Nothing yet.
    Nothing,
    Reset,
}

impl Pipe {
    pub(super) const fn new(network: Network) -> Self {
        Self {
            network,
            chunks: VecDeque::new(),
            held: 0,
            busy: Duration::ZERO,
            closed: None,
            reset: false,
            reader: None,
            writer: None,
        }
    }

    pub(super) fn read(&mut self, now: Duration, cx: &Context<'_>, into: &mut [u8]) -> Read {
        let mut came = 0;
        while let Some((at, chunk)) = self.chunks.front_mut()
            && *at <= now
            && came < into.len()
        {
            let part = chunk.len().min(into.len() - came);
            into[came..came + part].copy_from_slice(&chunk[..part]);
            chunk.drain(..part);
            came += part;
            if chunk.is_empty() {
                self.chunks.pop_front();
            }
        }
        if came > 0 {
            self.held -= came;
            wake(&mut self.writer);
            return Read::Some(came);
        }
        if self.reset {
            return Read::Reset;
        }
        match (self.chunks.front(), self.closed) {
            (Some((at, _)), _) => Read::At(*at),
            (None, Some(at)) if at <= now => Read::Some(0),
            (None, Some(at)) => Read::At(at),
            (None, None) => {
                self.reader = Some(cx.waker().clone());
                Read::Nothing
            }
        }
    }

    pub(super) fn write(&mut self, now: Duration, cx: &Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.reset || self.closed.is_some() {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = bytes.len().min(self.network.window.max(1).saturating_sub(self.held));
        if count == 0 && !bytes.is_empty() {
            self.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let nanos = (count as u64).saturating_mul(1_000_000_000) / self.network.rate.max(1);
        self.busy = self.busy.max(now) + Duration::from_nanos(nanos);
        self.chunks.push_back((self.busy + self.network.delay, bytes[..count].to_vec()));
        self.held += count;
        wake(&mut self.reader);
        Poll::Ready(Ok(count))
    }

    pub(super) const fn narrow(&mut self, window: usize) {
        self.network.window = window;
    }

    /// The writer has nothing more.
    pub(super) fn close(&mut self, now: Duration) {
        self.closed.get_or_insert(self.busy.max(now) + self.network.delay);
        wake(&mut self.reader);
    }

    /// Whether something came that nobody has read.
    pub(super) fn is_unread(&self, now: Duration) -> bool {
        self.chunks.front().is_some_and(|(at, _)| *at <= now)
    }

    /// Nothing goes through any more, nor what is under way.
    pub(super) fn reset(&mut self) {
        self.reset = true;
        self.chunks.clear();
        self.held = 0;
        wake(&mut self.reader);
        wake(&mut self.writer);
    }
}

fn wake(waiting: &mut Option<Waker>) {
    if let Some(waker) = waiting.take() {
        waker.wake();
    }
}
