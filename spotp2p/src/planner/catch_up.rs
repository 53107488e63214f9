//! The catch-up point: the first piece from which on peers deliver everything in time.

use super::Planner;
use super::demand::{Stage, Want};
use super::source::Source;
use super::why::Outcome;
use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::time::Duration;
use spotproto::Instant;

/// Lacking pieces that are looked at.
pub(super) const WINDOW: usize = 128;

/// The point is worked out again when the first lacking piece has moved on by this many.
const RECHECK: u32 = 32;

/// The point moves back only if peers deliver this much more than when it was set, so that it doesn't flap.
const FASTER: f64 = 1.1;

/// A source whose time a piece changed by one part in this many changes the point.
const CHANGED: u32 = 8;

/// The point, and what it was worked out from.
#[derive(Debug)]
pub(super) struct CatchUp {
    point: Option<u32>,
    /// Pieces a second that peers delivered together.
    capacity: f64,
    stale: bool,
    /// The first lacking piece.
    front: u32,
    /// Kept for its memory.
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
    promises: Vec<Promise>,
}

#[derive(Debug)]
struct Promise {
    source: Source,
    margin: Duration,
    each: Duration,
}

impl CatchUp {
    pub(super) const fn new() -> Self {
        Self {
            point: None,
            capacity: 0.0,
            stale: true,
            front: 0,
            heap: BinaryHeap::new(),
            promises: Vec::new(),
        }
    }

    /// What it follows from changed.
    pub(super) const fn spoil(&mut self) {
        self.stale = true;
    }

    /// Playing goes on elsewhere.
    pub(super) const fn reset(&mut self) {
        self.point = None;
        self.stale = true;
    }

    pub(super) const fn point(&self) -> Option<u32> {
        self.point
    }

    /// The same where peers are too slow for what comes before it.
    pub(super) fn gap_ends(&self) -> Option<u32> {
        self.point.filter(|point| *point > self.front)
    }

    /// A source delivered: what follows from its pace holds unless that changed.
    pub(super) fn delivered(&mut self, counted: Duration, each: Duration) {
        if counted.abs_diff(each) > counted / CHANGED {
            self.stale = true;
        }
    }
}

impl Planner {
    /// The point, as things are now.
    pub(super) fn catch_up_from(&mut self, now: Instant, front: u32) -> u32 {
        let known = &self.catch_up;
        let moved = front > known.front.saturating_add(RECHECK);
        match known.point {
            Some(point) if !known.stale && !moved => point,
            _ => self.work_out(now),
        }
    }

    /// What peers do changed: works the point out again if something is with paid sources that they may do without.
    pub(super) fn reconsider(&mut self, now: Instant) {
        let stale = self.catch_up.stale && self.catch_up.point.is_some();
        if stale && self.lines.paid().any(|(_, line)| !line.out.is_empty()) {
            self.work_out(now);
        }
    }

    fn work_out(&mut self, now: Instant) -> u32 {
        let capacity = self.gather(now);
        // What paid sources have not begun to send can be called back, so it is there for peers to take.
        let with_paid = self.not_begun(now);
        with_paid.iter().for_each(|(piece, _)| _ = self.lacking.insert(*piece));
        let found = self.first_point(now);
        with_paid.iter().for_each(|(piece, _)| _ = self.lacking.remove(*piece));
        let catch_up = &mut self.catch_up;
        catch_up.stale = false;
        let before = catch_up.point;
        let point = match before {
            Some(before) if found < before && capacity < catch_up.capacity * FASTER => before,
            _ => {
                catch_up.capacity = capacity;
                found
            }
        };
        catch_up.point = Some(point);
        if before.is_some_and(|before| point < before) {
            for (piece, source) in with_paid.into_iter().filter(|(piece, _)| *piece >= point) {
                self.withdraw(now, source, piece, Outcome::Cancelled);
            }
        }
        point
    }

    /// Pieces that only a paid source was asked for, and that it has not begun to send.
    fn not_begun(&self, now: Instant) -> Vec<(u32, Source)> {
        let mut found = Vec::new();
        for (source, line) in self.lines.paid() {
            let begun = now + line.flow.least_round_trip().unwrap_or_default() + line.estimate.each();
            let waits = |piece: &u32| {
                let ticket = self.ledger.get(*piece, source);
                ticket.is_some_and(|ticket| ticket.predicted > begun) && !self.ledger.is_doubled(*piece)
            };
            found.extend(line.out.iter().filter(|piece| waits(piece)).map(|piece| (*piece, source)));
        }
        found
    }

    /// Collects what free sources promise; answers how many pieces a second that is.
    fn gather(&mut self, now: Instant) -> f64 {
        self.catch_up.heap.clear();
        self.catch_up.promises.clear();
        let mut capacity = 0.0;
        for (source, line) in self.lines.iter_mut() {
            if line.kind.is_paid() || !line.is_trusted() {
                continue;
            }
            let each = line.estimate.each();
            line.counted = each;
            capacity += line.estimate.pieces_per_s();
            let index = self.catch_up.promises.len() as u32;
            self.catch_up.heap.push(Reverse((line.arrival(now), index)));
            self.catch_up.promises.push(Promise { source, margin: line.estimate.margin(), each });
        }
        capacity
    }

    /// Peers deliver their next pieces at F(0) ≤ F(1) ≤ …, whichever pieces those are. If they begin with the lacking
    /// piece number j, piece j + k is here at F(k). So j is the least for which each F(k), with its margin, is before the
    /// deadline of lacking piece j + k, and one walk finds it: where F(k) comes too late, j is one more.
    fn first_point(&mut self, now: Instant) -> u32 {
        let from = Want { stage: Stage::Ahead, piece: 0 };
        let front = self.front(from).unwrap_or(self.demand.limit());
        self.catch_up.front = front;
        let (mut point, mut piece) = (front, front);
        let mut skipped = Vec::new();
        let mut looked = 0;
        while let Some(sure) = self.next_promise(piece, &mut skipped) {
            while self.demand.due(now, piece).is_some_and(|due| due < sure) {
                // Too late for this one: peers begin one piece later, and so does what they deliver now.
                looked += 1;
                let Some(later) = self.lacking_after(point) else { return self.demand.limit() };
                // Behind the last there is nothing that could come too late.
                let Some(next) = self.lacking_after(piece) else { return later };
                if looked >= WINDOW {
                    return next;
                }
                (point, piece) = (later, next);
            }
            looked += 1;
            match self.lacking_after(piece) {
                Some(next) if looked < WINDOW => piece = next,
                _ => return point,
            }
        }
        self.demand.limit()
    }

    /// The soonest promise of a source that holds `piece`, with its margin; its next one takes its place.
    fn next_promise(&mut self, piece: u32, skipped: &mut Vec<Reverse<(Instant, u32)>>) -> Option<Instant> {
        let CatchUp { heap, promises, .. } = &mut self.catch_up;
        let mut found = None;
        while let Some(Reverse((at, index))) = heap.pop() {
            let Some(promise) = promises.get(index as usize) else { continue };
            if self.lines.get(promise.source).is_some_and(|line| line.holds.has(piece)) {
                heap.push(Reverse((at + promise.each, index)));
                found = Some(at + promise.margin);
                break;
            }
            skipped.push(Reverse((at, index)));
        }
        heap.extend(skipped.drain(..));
        found
    }

    fn lacking_after(&self, piece: u32) -> Option<u32> {
        self.front(Want { stage: Stage::Ahead, piece: piece + 1 })
    }

    /// The first lacking piece ahead of the decoder.
    fn front(&self, from: Want) -> Option<u32> {
        let want = self.demand.next(&self.lacking, from)?;
        (want.stage == Stage::Ahead).then_some(want.piece)
    }
}

#[cfg(test)]
mod tests;
