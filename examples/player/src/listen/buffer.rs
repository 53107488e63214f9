//! The pieces of the track that plays, between the network that brings them and the decoder that waits for them.

use super::control::Control;
use crate::decode::TrackBytes;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;
use runtime_tokio::channel;
use spotcache::seal::PieceCipher;
use spotp2p::node::Command;
use spotproto::content::{ContentKey, FileId, Geometry};
use spotproto::crypto::RustCrypto;
use spotproto::message::PieceRange;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The network's end: proved pieces come in here, by the node's word, and go by its word.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    pieces: BTreeMap<u32, Bytes>,
    failed: Option<io::ErrorKind>,
    /// An order is to be done first.
    control: Control,
    /// Another track plays: what the decoder reads is no news for the node.
    early: bool,
    /// Since when the decoder has been waiting, and for which piece.
    waiting: Option<(u32, Instant)>,
    waited: Duration,
}

impl Held {
    /// A piece came.
    pub fn put(&self, index: u32, data: Bytes) {
        self.lock().pieces.insert(index, data);
        self.0.changed.notify_all();
    }

    /// Pieces that are not needed any more.
    pub fn drop_range(&self, range: PieceRange) {
        let mut state = self.lock();
        for piece in range.start..range.end() {
            state.pieces.remove(&piece);
        }
    }

    /// For a track that does not play yet.
    #[must_use]
    pub fn early() -> Self {
        let held = Self::default();
        held.lock().early = true;
        held
    }

    /// Its turn has come, by these orders. Nobody has waited for what the decoder waited for until now.
    pub(super) fn take_turn(&self, control: Control) {
        let mut state = self.lock();
        (state.early, state.control, state.waited) = (false, control, Duration::ZERO);
        if let Some((_, since)) = state.waiting.as_mut() {
            *since = Instant::now();
        }
    }

    /// Whoever waits for a piece looks whether there is an order.
    pub(super) fn wake(&self) {
        drop(self.lock());
        self.0.changed.notify_all();
    }

    /// No more pieces will come: whoever waits is told.
    pub fn fail(&self, kind: io::ErrorKind) {
        self.lock().failed.get_or_insert(kind);
        self.0.changed.notify_all();
    }

    /// Since when, and for which piece, the decoder waits.
    #[must_use]
    pub fn waiting(&self) -> Option<(u32, Instant)> {
        self.lock().waiting
    }

    /// For how long the decoder waited in all.
    #[must_use]
    pub fn waited(&self) -> Duration {
        self.lock().waited
    }

    /// Blocks until the piece is here.
    fn take(&self, index: u32) -> io::Result<Bytes> {
        let mut state = self.lock();
        loop {
            if let Some(data) = state.pieces.get(&index).cloned() {
                if let Some((_, since)) = state.waiting.take() {
                    state.waited += since.elapsed();
                }
                return Ok(data);
            }
            if let Some(kind) = state.failed {
                return Err(kind.into());
            }
            if state.control.is_ordered() {
                state.waiting = None;
                return Err(io::ErrorKind::Interrupted.into());
            }
            state.waiting.get_or_insert((index, Instant::now()));
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The decoder's end: the canonical plaintext, piece by piece.
pub struct TrackBuffer {
    held: Held,
    geometry: Geometry,
    cipher: PieceCipher<RustCrypto>,
    commands: channel::Sender<Command<FileId>>,
    /// The piece that is open, decrypted in place.
    open: Option<u32>,
    piece: Vec<u8>,
}

impl TrackBuffer {
    /// The plaintext of the file with this geometry and key, of what `held` gets.
    #[must_use]
    pub fn new(
        held: Held,
        geometry: Geometry,
        key: &ContentKey,
        commands: channel::Sender<Command<FileId>>,
    ) -> Self {
        Self { held, geometry, cipher: PieceCipher::new(key), commands, open: None, piece: Vec::new() }
    }

    fn open(&mut self, index: u32) -> io::Result<()> {
        if self.open == Some(index) {
            return Ok(());
        }
        self.open = None;
        if !self.held.lock().early {
            // Full means that the node is busy with what it was told before: it will be told of the next piece too.
            let _ = self.commands.try_send(Command::Reading { piece: index });
        }
        let data = self.held.take(index)?;
        self.piece.clear();
        self.piece.extend_from_slice(&data);
        let text = self.cipher.open(index, &mut self.piece).map_err(|_| io::ErrorKind::InvalidData)?;
        let length = text.len();
        self.piece.truncate(length);
        self.open = Some(index);
        Ok(())
    }
}

impl fmt::Debug for TrackBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrackBuffer").field("geometry", &self.geometry).finish_non_exhaustive()
    }
}

impl TrackBytes for TrackBuffer {
    fn len(&self) -> u64 {
        self.geometry.plaintext_len()
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        if offset >= self.geometry.plaintext_len() || into.is_empty() {
            return Ok(0);
        }
        let index = self.geometry.piece_of(offset);
        self.open(index)?;
        let at = usize::try_from(offset - self.geometry.block(index).start).unwrap_or(usize::MAX);
        let rest = self.piece.get(at..).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }
}
