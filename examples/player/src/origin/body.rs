//! The bytes of an answer: pieces, each read, sealed and compared with its leaf as it is needed.

use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::ops::Range;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use hyper::body::{Body, Frame, SizeHint};
use runtime_tokio::Store;
use spotproto::content::{FileId, Geometry, PIECE_LEN};
use spotproto::message::Refusal;
use tokio::task::JoinHandle;

/// A stretch of a file. Holds one piece at a time.
pub(super) struct Pieces<S>(Option<Reading<S>>);

struct Reading<S> {
    store: Arc<S>,
    file: FileId,
    geometry: Geometry,
    left: Range<u64>,
    /// The next piece.
    piece: Next,
}

enum Next {
    Here(Bytes),
    Read(JoinHandle<Result<Bytes, Refusal>>),
    Unasked,
}

/// A piece in the middle of an answer could not be served: the connection is cut, so that nobody takes what came for
/// all of it.
#[derive(Debug)]
pub(super) struct Lost(Refusal);

impl<S: Store> Pieces<S> {
    /// These bytes of a file, at least one, as soon as the first piece of them is here.
    pub(super) async fn open(
        store: Arc<S>,
        file: FileId,
        geometry: Geometry,
        bytes: Range<u64>,
    ) -> Result<Self, Refusal> {
        let mut reading = Reading { store, file, geometry, left: bytes, piece: Next::Unasked };
        let piece = reading.ask().await.unwrap_or(Err(Refusal::Unavailable))?;
        reading.piece = Next::Here(piece);
        Ok(Self(Some(reading)))
    }
}

impl<S> Pieces<S> {
    /// No bytes.
    pub(super) const fn none() -> Self {
        Self(None)
    }
}

impl<S: Store> Reading<S> {
    fn index(&self) -> u32 {
        u32::try_from(self.left.start / PIECE_LEN as u64).unwrap_or(u32::MAX)
    }

    /// Has the next piece read, on a thread that may block.
    fn ask(&self) -> JoinHandle<Result<Bytes, Refusal>> {
        let (store, file, index) = (self.store.clone(), self.file, self.index());
        tokio::task::spawn_blocking(move || store.piece(&file, index))
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Bytes, Refusal>> {
        loop {
            match &mut self.piece {
                Next::Here(piece) => {
                    let piece = core::mem::take(piece);
                    self.piece = Next::Unasked;
                    return Poll::Ready(Ok(piece));
                }
                Next::Read(job) => {
                    let read = ready!(Pin::new(job).poll(context)).unwrap_or(Err(Refusal::Unavailable));
                    self.piece = Next::Unasked;
                    return Poll::Ready(read);
                }
                Next::Unasked => self.piece = Next::Read(self.ask()),
            }
        }
    }

    /// What of a piece is asked for.
    fn cut(&mut self, piece: &Bytes) -> Option<Bytes> {
        let place = self.geometry.piece(self.index());
        let end = self.left.end.min(place.end);
        let first = usize::try_from(self.left.start.checked_sub(place.start)?).ok()?;
        let last = usize::try_from(end.checked_sub(place.start)?).ok()?;
        self.left.start = end;
        (first < last && last <= piece.len()).then(|| piece.slice(first..last))
    }
}

impl<S: Store> Body for Pieces<S> {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        let Some(reading) = self.0.as_mut().filter(|reading| !reading.left.is_empty()) else {
            return Poll::Ready(None);
        };
        let piece = ready!(reading.poll_piece(context));
        let data = piece.and_then(|piece| reading.cut(&piece).ok_or(Refusal::Unavailable));
        if data.is_err() {
            self.0 = None;
        }
        Poll::Ready(Some(data.map(Frame::data).map_err(Lost)))
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|reading| reading.left.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        let left = self.0.as_ref().map_or(0, |reading| reading.left.end - reading.left.start);
        SizeHint::with_exact(left)
    }
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a piece is {}", self.0)
    }
}

impl core::error::Error for Lost {}
