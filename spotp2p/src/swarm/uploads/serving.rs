//! One slot that is served: what was asked over it, and what is under way.

use super::Wish;
use crate::flow::{Flow, Sample};
use crate::swarm::config::UploadConfig;
use crate::swarm::output::Output;
use crate::swarm::words::{PeerId, PieceRequest};
use alloc::collections::VecDeque;
use core::time::Duration;
use spotproto::message::{Channel, MAX_READ, PieceRange, Refusal};
use spotproto::{Instant, Outbox};

/// Pieces read ahead of what the line has taken, at most: what waits in memory for it, and fewer than a session queues
/// ([`spotproto::Limits::queued_pieces`]).
const AHEAD: u32 = 16;

/// A slot that is served.
///
/// Pieces under way are bounded by bandwidth × delay, measured ([`Flow`]): what is read ahead of the line is memory, and
/// what an urgent request to somebody else waits behind.
#[derive(Debug)]
pub(super) struct Serving<K> {
    pub(super) wish: Wish<K>,
    /// When the slot was given.
    pub(super) since: Instant,
    /// When something was last asked or taken.
    active: Instant,
    flow: Flow,
    requests: VecDeque<Request>,
    /// Pieces that the owner reads, or that the line has not taken yet.
    under_way: VecDeque<(Channel, Sample)>,
    /// The number of the turn in which a piece was last read for it.
    pub(super) turn: u32,
}

#[derive(Debug)]
struct Request {
    channel: Channel,
    left: PieceRange,
}

impl<K: Copy> Serving<K> {
    pub(super) fn new(now: Instant, wish: Wish<K>) -> Self {
        Self {
            wish,
            since: now,
            active: now,
            flow: Flow::new(now),
            requests: VecDeque::new(),
            under_way: VecDeque::new(),
            turn: 0,
        }
    }

    /// Takes a request; `false` if it names too much, or is one too many.
    pub(super) fn request(&mut self, now: Instant, request: PieceRequest<K>, config: &UploadConfig) -> bool {
        let PieceRequest { channel, pieces, .. } = request;
        let fits = (1..=MAX_READ).contains(&pieces.count) && pieces.start.checked_add(pieces.count).is_some();
        let known = self.requests.iter().any(|request| request.channel == channel);
        if !fits || known || self.requests.len() >= usize::from(config.requests) {
            return false;
        }
        self.active = now;
        self.requests.push_back(Request { channel, left: pieces });
        true
    }

    /// Whether a piece could be read now, as far as this line goes.
    pub(super) fn is_ready(&self) -> bool {
        !self.requests.is_empty() && self.flow.in_flight() < self.flow.window().min(AHEAD)
    }

    /// Reads the next piece.
    pub(super) fn read(&mut self, now: Instant, out: &mut Outbox<Output<K>>) {
        let Some(request) = self.requests.front_mut() else { return };
        let (channel, piece) = (request.channel, request.left.start);
        request.left = PieceRange { start: piece + 1, count: request.left.count - 1 };
        let last = request.left.count == 0;
        if last {
            self.requests.pop_front();
        }
        self.under_way.push_back((channel, self.flow.asked(now)));
        out.push(Output::Read { to: self.wish.peer, channel, file: self.wish.file, piece, last });
    }

    /// The line took a piece.
    pub(super) fn sent(&mut self, now: Instant, channel: Channel, bytes: usize) {
        let Some(at) = self.under_way.iter().position(|(of, _)| *of == channel) else { return };
        if let Some((_, sample)) = self.under_way.remove(at) {
            self.flow.arrived(now, sample, bytes);
            self.active = now;
        }
    }

    /// A request is over before its end; whether there was one.
    pub(super) fn cancel(&mut self, channel: Channel) -> bool {
        let before = self.requests.len() + self.under_way.len();
        self.requests.retain(|request| request.channel != channel);
        let flow = &mut self.flow;
        self.under_way.retain(|(of, _)| {
            if *of == channel {
                flow.withdrawn();
            }
            *of != channel
        });
        self.requests.len() + self.under_way.len() < before
    }

    pub(super) fn round_trip(&mut self, now: Instant, span: Duration) {
        self.flow.round_trip(now, span);
    }

    /// The slot ends: what was not begun is refused, what is under way still goes.
    pub(super) fn end(&self, out: &mut Outbox<Output<K>>) {
        for request in &self.requests {
            out.push(Output::Refuse { to: self.peer(), channel: request.channel, why: Refusal::Busy });
        }
    }

    pub(super) const fn peer(&self) -> PeerId {
        self.wish.peer
    }

    /// Bytes a second that the line to this peer took, if any were measured.
    pub(super) fn speed(&self) -> Option<u32> {
        self.flow.rate().map(|rate| rate as u32)
    }

    /// When the slot counts as wasted: nothing is asked, or nothing taken. `None` while it is us that are slow.
    pub(super) fn idle_at(&self, config: &UploadConfig) -> Option<Instant> {
        match (self.under_way.is_empty(), self.requests.is_empty()) {
            (true, true) => Some(self.active + config.idle_slot),
            // What was read has to be taken. Twice the patience: it includes the disk's time.
            (false, _) => Some(self.active + config.idle_slot.saturating_mul(2)),
            (true, false) => None,
        }
    }
}
