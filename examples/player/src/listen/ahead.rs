//! What is here of the track that most likely follows: its decoder is opened while the one before still sounds.

use super::buffer::Held;
use super::decoding::{Primed, prime};
use super::play::Play;
use super::player::Listener;
use bytes::Bytes;
use core::time::Duration;
use spotp2p::planner::Kind;
use spotproto::content::FileId;
use spotproto::message::Opened;
use std::io;

/// A track that was fetched ahead, or some of it.
#[derive(Debug)]
pub(super) struct Ahead {
    file: FileId,
    at: Duration,
    held: Held,
    primed: Option<Primed>,
    /// Pieces that came, for its report: each with its length and its source.
    came: Vec<(u64, Kind)>,
}

impl Ahead {
    /// A piece of it came.
    pub(super) fn piece(&mut self, index: u32, data: Bytes, from: Kind) {
        self.came.push((data.len() as u64, from));
        self.held.put(index, data);
    }

    /// Its turn has come, if it is that track: what is here of it is the play's. The decoder, if it stands where the sound
    /// is to begin.
    pub(super) fn turn(mut self, opened: &Opened<FileId>, at: Duration, play: &mut Play) -> Option<Primed> {
        if self.file != opened.head.file {
            return None;
        }
        self.held.take_turn(play.control.clone());
        play.held = core::mem::take(&mut self.held);
        for (bytes, from) in self.came.drain(..) {
            play.report.pieces += 1;
            play.report.sources.add(from, bytes);
        }
        self.primed.take().filter(|_| self.at == at)
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Whoever opens it need not wait for bytes any more.
        self.held.fail(io::ErrorKind::Interrupted);
    }
}

impl Listener {
    /// What most likely follows is known, and comes from there on: its decoder is opened.
    pub(super) fn opened_ahead(&mut self, opened: &Opened<FileId>, at: Duration) {
        let (file, held) = (opened.head.file, Held::early());
        // Without a thread for it now, it is opened when its turn comes.
        let primed = prime(self.opener(&held, opened), at).ok();
        self.ahead = Some(Ahead { file, at, held, primed, came: Vec::new() });
    }
}
