//! Which pieces are wanted, in what order, and when each is due.

use super::curve::Curve;
use super::pieces::PieceSet;
use core::time::Duration;
use spotproto::Instant;
use spotproto::message::Urgency;

/// How the music's time maps to the clock's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Clock {
    /// No sound yet, or none for now: playing starts from `position_ms` as soon as there is enough.
    Waiting {
        /// Where in the music, in milliseconds.
        position_ms: u32,
    },
    /// At the moment `at`, which may be to come (the end of the track before), `position_ms` sounds.
    Running {
        /// The moment.
        at: Instant,
        /// Where in the music, in milliseconds.
        position_ms: u32,
    },
    /// Nothing is ever due: kept for offline listening.
    Never,
}

/// What is to be expected of peers while there are none: how far ahead paid sources are asked hangs on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prospect {
    /// Some are searched for and may be here any moment.
    Soon,
    /// None were found, and some may be later.
    Later,
    /// None will come: nothing is saved by waiting.
    Never,
}

/// What may be done for this file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The class that requests carry. Nothing is due of an [`Urgency::Offline`] file.
    pub urgency: Urgency,
    /// Whether the server may be asked (of the next track: from 10 s before the end of this one).
    pub server_allowed: bool,
    /// Whether CDNs may be asked.
    pub cdn_allowed: bool,
    /// Whether any peers are to be expected while there are none.
    pub prospect: Prospect,
    /// How much of the music paid sources may bring, from where it starts; `Duration::MAX` for all.
    pub paid_music: Duration,
}

impl Policy {
    /// A track that plays: all may be asked, peers are searched for.
    pub const PLAYING: Self = Self {
        urgency: Urgency::Playing,
        server_allowed: true,
        cdn_allowed: true,
        prospect: Prospect::Soon,
        paid_music: Duration::MAX,
    };
    /// The track after it, fetched ahead from peers only; of others, once they are allowed, only the beginning.
    pub const NEXT: Self = Self {
        urgency: Urgency::Next,
        server_allowed: false,
        cdn_allowed: false,
        paid_music: Duration::from_secs(5),
        ..Self::PLAYING
    };
    /// A track kept for offline listening.
    pub const OFFLINE: Self = Self { urgency: Urgency::Offline, ..Self::PLAYING };
}

/// A place in the order of wants: headers first, then from the decoder to the end, then what lies behind it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Want {
    pub(super) stage: Stage,
    pub(super) piece: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    Headers,
    Ahead,
    Behind,
}

impl Want {
    pub(super) const FIRST: Self = Self { stage: Stage::Headers, piece: 0 };

    /// The place to go on from when pieces before `piece` are passed over.
    pub(super) const fn skip_to(self, piece: u32) -> Self {
        Self { stage: self.stage, piece }
    }
}

/// Deadlines and order of one file.
#[derive(Debug)]
pub(super) struct Demand {
    pub(super) curve: Curve,
    clock: Clock,
    /// Playing can't start earlier than this after the clock was set to wait.
    earliest: Instant,
    /// Where in the music it was begun to listen, and how much was heard before that, in milliseconds.
    from_ms: u32,
    heard_ms: u32,
    /// Where the decoder is.
    pub(super) reading: u32,
    /// Pieces ahead of the decoder that there is room for.
    keep: u32,
    /// Whether pieces behind the decoder are wanted too.
    whole: bool,
}

impl Demand {
    pub(super) fn new(curve: Curve, keep: u32, whole: bool) -> Self {
        let whole = whole && keep >= curve.pieces();
        let clock = Clock::Waiting { position_ms: 0 };
        Self { curve, clock, earliest: Instant::START, from_ms: 0, heard_ms: 0, reading: 0, keep, whole }
    }

    pub(super) const fn clock(&self) -> Clock {
        self.clock
    }

    pub(super) fn set_clock(&mut self, clock: Clock, earliest: Instant) {
        self.clock = clock;
        self.earliest = earliest;
    }

    /// The listener goes on at `position_ms`.
    pub(super) fn jump(&mut self, now: Instant, position_ms: u32) {
        self.heard_ms = self.heard(now);
        self.from_ms = position_ms;
    }

    /// Where in the music the listener is, in milliseconds; `None` if nobody listens.
    pub(super) fn position(&self, now: Instant) -> Option<u32> {
        match self.clock {
            Clock::Waiting { position_ms } => Some(position_ms),
            Clock::Running { at, position_ms } => {
                let gone = u32::try_from(now.since(at).as_millis()).unwrap_or(u32::MAX);
                Some(position_ms.saturating_add(gone))
            }
            Clock::Never => None,
        }
    }

    /// How much was heard so far, in milliseconds.
    pub(super) fn heard(&self, now: Instant) -> u32 {
        let position = self.position(now).unwrap_or(self.from_ms);
        self.heard_ms.saturating_add(position.saturating_sub(self.from_ms))
    }

    /// Whether that is another number than before.
    pub(super) const fn set_keep(&mut self, keep: u32, whole: bool) -> bool {
        let changed = self.keep != keep;
        self.keep = keep;
        self.whole = whole && keep >= self.curve.pieces();
        changed
    }

    /// Whether deadlines come nearer as time passes.
    pub(super) const fn is_running(&self) -> bool {
        matches!(self.clock, Clock::Running { .. })
    }

    /// When this piece is needed; `None` for never.
    pub(super) fn due(&self, now: Instant, piece: u32) -> Option<Instant> {
        let (at, position_ms) = self.start(now)?;
        let ms = if self.curve.is_header(piece) { 0 } else { self.curve.due_ms(piece) };
        Some(at + millis(ms.saturating_sub(position_ms)))
    }

    /// When playing begins, or began.
    pub(super) fn begins(&self, now: Instant) -> Option<Instant> {
        self.start(now).map(|(at, _)| at)
    }

    /// The first piece that is not needed before `at`.
    pub(super) fn reach(&self, now: Instant, at: Instant) -> u32 {
        let Some((start, position_ms)) = self.start(now) else { return 0 };
        let ahead = at.since(start).as_micros().div_ceil(1000);
        self.curve.first_due(position_ms.saturating_add(u32::try_from(ahead).unwrap_or(u32::MAX)))
    }

    /// The first of `lacking` at this place in the order or behind it.
    pub(super) fn next(&self, lacking: &PieceSet, from: Want) -> Option<Want> {
        let mut from = from;
        if from.stage == Stage::Headers {
            for range in self.curve.headers() {
                if let Some(piece) = lacking.first_in(range.start.max(from.piece)..range.end) {
                    return Some(from.skip_to(piece));
                }
            }
            from = Want { stage: Stage::Ahead, piece: 0 };
        }
        if from.stage == Stage::Ahead {
            if let Some(piece) = lacking.first_in(self.reading.max(from.piece)..self.limit()) {
                return Some(from.skip_to(piece));
            }
            from = Want { stage: Stage::Behind, piece: 0 };
        }
        let piece = self.whole.then(|| lacking.first_in(from.piece..self.reading)).flatten()?;
        Some(from.skip_to(piece))
    }

    /// The piece behind the last one that there is room for.
    pub(super) fn limit(&self) -> u32 {
        self.reading.saturating_add(self.keep).min(self.curve.pieces())
    }

    fn start(&self, now: Instant) -> Option<(Instant, u32)> {
        match self.clock {
            Clock::Waiting { position_ms } => Some((self.earliest.max(now), position_ms)),
            Clock::Running { at, position_ms } => Some((at, position_ms)),
            Clock::Never => None,
        }
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand() -> Demand {
        Demand::new(Curve::even(100, 2, 100_000).unwrap(), u32::MAX, true)
    }

    fn second(s: u64) -> Instant {
        Instant::after_start(Duration::from_secs(s))
    }

    #[test]
    fn headers_come_first_then_the_rest_of_the_music_then_what_was_passed() {
        let mut demand = demand();
        demand.reading = 90;
        let mut lacking = PieceSet::full(100);
        let mut order = alloc::vec::Vec::new();
        while let Some(want) = demand.next(&lacking, Want::FIRST) {
            lacking.remove(want.piece);
            order.push(want.piece);
        }
        assert_eq!(order, (0..2).chain(90..100).chain(2..90).collect::<alloc::vec::Vec<_>>());
    }

    #[test]
    fn only_what_there_is_room_for_is_wanted() {
        let mut demand = Demand::new(Curve::even(100, 1, 100_000).unwrap(), 10, true);
        demand.reading = 50;
        let lacking = PieceSet::full(100);
        assert_eq!(
            demand.next(&lacking, Want { stage: Stage::Ahead, piece: 59 }).map(|want| want.piece),
            Some(59)
        );
        assert_eq!(demand.next(&lacking, Want { stage: Stage::Ahead, piece: 60 }), None);
    }

    #[test]
    fn what_was_passed_is_wanted_only_where_there_is_room_for_the_whole_file() {
        for (whole, keep, wanted) in
            [(true, 100, true), (true, 99, false), (false, 100, false), (true, 101, true)]
        {
            let mut demand = demand();
            demand.reading = 50;
            demand.set_keep(keep, whole);
            let mut lacking = PieceSet::empty(100);
            lacking.insert(10);
            assert_eq!(demand.next(&lacking, Want::FIRST).is_some(), wanted, "{whole} {keep}");
        }
    }

    #[test]
    fn the_next_track_is_first_fetched_from_peers_alone_and_its_beginning_from_others() {
        let Policy { urgency, server_allowed, cdn_allowed, prospect, paid_music } = Policy::NEXT;
        assert_eq!((urgency, server_allowed, cdn_allowed), (Urgency::Next, false, false));
        assert_eq!((prospect, paid_music), (Prospect::Soon, Duration::from_secs(5)));
    }

    #[test]
    fn deadlines_follow_the_clock_and_slide_while_it_waits() {
        let mut demand = demand();
        assert_eq!(demand.due(second(7), 30), Some(second(37)));
        demand.set_clock(Clock::Running { at: second(10), position_ms: 20_000 }, second(0));
        assert_eq!(demand.due(second(15), 30), Some(second(20)));
        assert_eq!(demand.due(second(15), 5), Some(second(10)));
        assert_eq!(demand.reach(second(15), second(20)), 30);
        assert_eq!(demand.reach(second(15), second(5)), 20);
        demand.set_clock(Clock::Never, second(0));
        assert_eq!(demand.due(second(15), 30), None);
    }
}
