//! A line and the connections over it: who sends next, how much at a time, and when it arrives.
//!
//! A connection sends a window a round trip, as TCP does: slow start from `lines.first_window`; half of it when something is
//! lost or held up too long; about a second back to what it was, and a segment more a round from there on (RFC 5681, RFC
//! 9438). A window that would be more than the narrower of both lines takes is cut to what that line and its queue hold.
//! Small messages go at once, as they do from the front of a session's queue; pieces share the line in turns, by urgency on
//! each connection.

use super::names::Text;
use super::net::{Key, Net, What};
use super::wire;
use super::world::Who;
use alloc::collections::VecDeque;
use core::time::Duration;
use spotproto::message::{Channel, Message, Urgency};

/// A segment of TCP.
const SEGMENT: u32 = 1460;

/// How long a small message waits at least if it is lost (RFC 6298 says a second; what is in use is this).
const LEAST_WAIT: u64 = 200_000;

/// Rounds in which a window that was cut comes near what it was: about a second.
const RECOVERS: u32 = 16;

/// What goes out in one go takes a slow line no longer than this, so that a small message is not behind it for long.
const TURN: f32 = 0.04;
const LEAST_TURN: u32 = 4096;

/// One end of a connection. 56 bytes while nothing goes on.
#[derive(Debug)]
pub(crate) struct End {
    /// What its owner calls it; at an access point, whose it is.
    pub(crate) key: Key,
    /// Who is at the other end.
    pub(crate) peer: Who,
    /// What that one calls it; [`NOBODY`] as long as that is not known.
    pub(crate) theirs: Key,
    /// One way, in microseconds.
    pub(crate) away: u32,
    /// The slower of both lines, in bytes a second.
    pub(crate) narrow: f32,
    /// Nothing arrives before what was sent before it.
    pub(crate) arrives: u64,
    window: u32,
    threshold: u32,
    used_at: u64,
    /// What queues on the way add to a round trip, as far as was heard, in microseconds.
    late: u32,
    /// The window before it was cut last: from there on it grows slowly again (RFC 9438, as Linux has had it since 2006).
    peak: u32,
    /// The window is cut no more before then: what was lost in one round counts once.
    cut_until: u64,
    /// The whole number of the session, where a key is not all of it.
    pub(crate) session: u64,
    pub(crate) sending: Option<Box<Sending>>,
}

/// No end, or none that is known.
pub(crate) const NOBODY: Key = Key::MAX;

/// What there is to send, and what was asked for.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    queues: [VecDeque<Item>; Urgency::ALL.len()],
    asked: Vec<(Channel, Urgency)>,
    round_ends: u64,
    sent: u32,
    /// It has its turn, or a round is waited for.
    waits: bool,
    /// There was nothing to send before what there is now.
    rested: bool,
}

#[derive(Debug)]
struct Item {
    text: Text,
    size: u32,
    gone: u32,
    /// When the first byte of it arrived.
    first: u64,
}

/// The ends of an owner's connections.
#[derive(Debug)]
pub(crate) enum Ends {
    /// In the order of their keys.
    Few(Vec<End>),
    /// By whose they are.
    Many(Vec<Option<Box<End>>>),
}

impl Ends {
    pub(crate) fn get(&mut self, key: Key) -> Option<&mut End> {
        match self {
            Self::Few(ends) => {
                let at = ends.binary_search_by_key(&key, |end| end.key).ok()?;
                ends.get_mut(at)
            }
            Self::Many(ends) => ends.get_mut(key as usize)?.as_deref_mut(),
        }
    }

    pub(crate) fn put(&mut self, end: End) {
        match self {
            Self::Few(ends) => {
                let at = ends.partition_point(|it| it.key < end.key);
                ends.insert(at, end);
            }
            Self::Many(ends) => {
                let at = end.key as usize;
                if let Some(place) = ends.get_mut(at) {
                    *place = Some(Box::new(end));
                }
            }
        }
    }

    pub(crate) fn take(&mut self, key: Key) -> Option<End> {
        match self {
            Self::Few(ends) => {
                let at = ends.binary_search_by_key(&key, |end| end.key).ok()?;
                Some(ends.remove(at))
            }
            Self::Many(ends) => ends.get_mut(key as usize)?.take().map(|end| *end),
        }
    }

    /// All of them, which are none any more.
    pub(crate) fn take_all(&mut self) -> Vec<End> {
        match self {
            Self::Few(ends) => core::mem::take(ends),
            Self::Many(ends) => ends.iter_mut().filter_map(|end| end.take().map(|end| *end)).collect(),
        }
    }
}

impl End {
    pub(crate) fn new(net: &Net<'_>, key: Key, peer: Who, away: u32, narrow: f32) -> Self {
        Self {
            key,
            peer,
            theirs: NOBODY,
            away,
            narrow,
            arrives: 0,
            window: net.world.scenario.lines.first_window,
            threshold: u32::MAX,
            used_at: net.now,
            late: 0,
            peak: 0,
            cut_until: 0,
            session: 0,
            sending: None,
        }
    }

    /// The other side asks for something, which is to go out by its urgency.
    pub(crate) fn hears(&mut self, text: &Text) {
        match text {
            Message::Abort { channel } => {
                if let Some(sending) = self.sending.as_mut() {
                    for queue in &mut sending.queues {
                        queue.retain(|item| item.text.channel() != Some(*channel));
                    }
                    sending.asked.retain(|(asked, _)| asked != channel);
                }
                self.rest();
            }
            Message::Open { channel, open } => self.is_asked(*channel, open.urgency),
            Message::Read { channel, read } => self.is_asked(*channel, read.urgency),
            _ => {}
        }
    }

    fn is_asked(&mut self, channel: Channel, urgency: Urgency) {
        self.sending.get_or_insert_default().asked.push((channel, urgency));
    }

    /// Gives the memory back of what is not needed.
    fn rest(&mut self) {
        let idle = |it: &mut Box<Sending>| it.asked.is_empty() && it.is_empty() && !it.waits;
        self.sending.take_if(idle);
    }

    /// More came than there was room for, so that what comes now is so late; or something was lost.
    pub(crate) fn congested(&mut self, now: u64, late: u32) {
        self.late = self.late.max(late);
        if now >= self.cut_until {
            self.peak = self.window;
            self.threshold = (self.window / 2).max(2 * SEGMENT);
            self.window = self.threshold;
            self.cut_until = now + self.round_trip() + u64::from(late);
        }
    }

    const fn round_trip(&self) -> u64 {
        2 * self.away as u64
    }

    /// A round begins: the window grows if all of it was in use.
    fn begins_round(&mut self, net: &Net<'_>, idle_reset: bool) {
        let lines = &net.world.scenario.lines;
        let most = self.narrow * (self.round_trip() as f32 / 1e6 + lines.queue_ms as f32 / 1e3);
        let most = (most as u32).max(lines.first_window.min(4 * SEGMENT));
        let unused = net.now.saturating_sub(self.used_at) > self.round_trip() + LEAST_WAIT;
        let round_trip = self.round_trip();
        let Some(sending) = self.sending.as_mut() else { return };
        // Who waits for a round has something to send, and is not idle however long that takes.
        let idle = core::mem::take(&mut sending.rested) && unused;
        if idle && idle_reset {
            // RFC 5681 §4.1; what was learnt of the path is kept.
            self.threshold = self.threshold.max(self.window * 3 / 4);
            self.window = self.window.min(lines.first_window);
        }
        if sending.sent >= self.window && !idle {
            let slowly = SEGMENT.max(self.peak.saturating_sub(self.window) / RECOVERS);
            let grown = if self.window < self.threshold { self.window * 2 } else { self.window + slowly };
            self.window = grown;
        }
        self.window = self.window.min(most);
        sending.sent = 0;
        let pace = (f64::from(self.window) / f64::from(self.narrow) * 1e6) as u64;
        let late = u64::from(core::mem::take(&mut self.late));
        sending.round_ends = net.now + (round_trip + late).max(pace);
    }
}

impl Sending {
    fn is_empty(&self) -> bool {
        self.queues.iter().all(VecDeque::is_empty)
    }

    fn urgency(&self, channel: Channel) -> Urgency {
        self.asked
            .iter()
            .find(|(asked, _)| *asked == channel)
            .map_or(Urgency::Playing, |(_, urgency)| *urgency)
    }

    fn has(&self, channel: Channel) -> bool {
        self.queues.iter().flatten().any(|item| item.text.channel() == Some(channel))
    }
}

/// A line from somewhere, and all connections over it.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) ends: Ends,
    /// Bytes a second.
    rate: f32,
    idle_reset: bool,
    /// When what goes out now has gone.
    free_at: u64,
    turns: VecDeque<Key>,
    /// A look at the line is due.
    looks: bool,
    /// Bytes that went out, all of them.
    pub(crate) sent: u64,
}

impl Line {
    pub(crate) const fn new(ends: Ends, rate: f32, idle_reset: bool) -> Self {
        Self { ends, rate, idle_reset, free_at: 0, turns: VecDeque::new(), looks: false, sent: 0 }
    }

    /// Sends a message, or puts it in its queue.
    pub(crate) fn send(&mut self, net: &mut Net<'_>, key: Key, text: Text) {
        let Some(end) = self.ends.get(key) else { return };
        let size = wire::size(&text);
        let over = match (&text, &mut end.sending) {
            (Message::End { channel } | Message::Refuse { channel, .. }, Some(sending)) => {
                let behind = sending.has(*channel);
                if !behind {
                    sending.asked.retain(|(asked, _)| asked != channel);
                }
                behind
            }
            (Message::Leaves { channel, .. }, Some(sending)) => sending.has(*channel),
            (Message::Piece { .. }, _) => true,
            _ => false,
        };
        if !over {
            self.sent += u64::from(size);
            let gone = self.takes(net, size);
            if let Some(end) = self.ends.get(key) {
                arrives(net, end, gone, (size, 0), text, true);
                end.rest();
            }
            return;
        }
        let sending = end.sending.get_or_insert_default();
        let urgency = text.channel().map_or(Urgency::Playing, |channel| sending.urgency(channel));
        sending.queues[urgency as usize].push_back(Item { text, size, gone: 0, first: 0 });
        if !sending.waits {
            (sending.waits, sending.rested) = (true, true);
            self.turns.push_back(key);
        }
        self.goes_on(net);
    }

    /// A round of a connection is over.
    pub(crate) fn round(&mut self, net: &mut Net<'_>, key: Key) {
        if self.ends.get(key).is_some_and(|end| end.sending.as_ref().is_some_and(|it| it.waits)) {
            self.turns.push_back(key);
            self.goes_on(net);
        }
    }

    /// What went out has gone.
    pub(crate) fn looks(&mut self, net: &mut Net<'_>) {
        self.looks = false;
        self.goes_on(net);
    }

    /// When the line has taken so many bytes.
    fn takes(&mut self, net: &Net<'_>, size: u32) -> u64 {
        let span = (f64::from(size) / f64::from(self.rate) * 1e6) as u64;
        self.free_at = self.free_at.max(net.now) + span;
        self.free_at
    }

    fn goes_on(&mut self, net: &mut Net<'_>) {
        while self.free_at <= net.now {
            let Some(key) = self.turns.pop_front() else { return };
            self.turn(net, key);
        }
        if !self.looks && !self.turns.is_empty() {
            self.looks = true;
            net.later(self.free_at, What::Line);
        }
    }

    /// A connection has its turn.
    fn turn(&mut self, net: &mut Net<'_>, key: Key) {
        let turn = ((self.rate * TURN) as u32).max(LEAST_TURN);
        let idle_reset = self.idle_reset;
        let Some(end) = self.ends.get(key) else { return };
        let Some(sending) = end.sending.as_mut() else { return };
        let Some(class) = sending.queues.iter().position(|queue| !queue.is_empty()) else {
            sending.waits = false;
            return end.rest();
        };
        let front = sending.queues[class].front();
        if front.is_some_and(|item| !matches!(item.text, Message::Piece { .. })) {
            let Some(item) = sending.queues[class].pop_front() else { return };
            if let Message::End { channel } | Message::Refuse { channel, .. } = &item.text {
                sending.asked.retain(|(asked, _)| asked != channel);
            }
            self.turns.push_front(key);
            self.sent += u64::from(item.size);
            let gone = self.takes(net, item.size);
            if let Some(end) = self.ends.get(key) {
                arrives(net, end, gone, (item.size, 0), item.text, true);
            }
            return;
        }
        if net.now >= sending.round_ends {
            end.begins_round(net, idle_reset);
        }
        let window = end.window;
        let Some(sending) = end.sending.as_mut() else { return };
        if sending.sent >= window {
            let at = sending.round_ends;
            return net.later(at, What::Round(key));
        }
        let Some(item) = sending.queues[class].front_mut() else { return };
        let part = (item.size - item.gone).min(window - sending.sent).min(turn);
        item.gone += part;
        sending.sent += part;
        end.used_at = net.now;
        let whole = item.gone == item.size;
        if item.first == 0 {
            item.first = net.now;
        }
        let item = if whole { sending.queues[class].pop_front() } else { None };
        self.sent += u64::from(part);
        let gone = self.takes(net, part);
        self.turns.push_back(key);
        let Some(Item { text, size, first, .. }) = item else { return };
        if let Message::Piece { channel, index, .. } = &text {
            net.later(gone, What::Sent { to: key, channel: *channel, index: *index });
        }
        let spread = u32::try_from(gone - first).unwrap_or(u32::MAX);
        if let Some(end) = self.ends.get(key) {
            arrives(net, end, gone, (size, spread), text, false);
        }
    }
}

/// Sends a message on its way, which it takes at `gone`.
fn arrives(net: &mut Net<'_>, end: &mut End, gone: u64, (size, spread): (u32, u32), text: Text, small: bool) {
    let scenario = &net.world.scenario;
    let throw = super::names::mix(u64::from(net.me) << 32 ^ gone.rotate_left(21) ^ u64::from(*net.count));
    let jitter = (scenario.distances.jitter_ms * 1000.0 * f64::from(throw as u32) / 4_294_967_296.0) as u64;
    let lost = f64::from((throw >> 32) as u32) / 4_294_967_296.0 < scenario.lines.loss;
    let late = match (lost, small) {
        (false, _) => 0,
        (true, true) => end.round_trip() + LEAST_WAIT,
        (true, false) => {
            end.congested(net.now, 0);
            end.round_trip()
        }
    };
    let at = (gone + u64::from(end.away) + jitter + late).max(end.arrives + 1);
    end.arrives = at;
    let to = end.theirs;
    net.travels(at, end.peer, What::Text { to, size, spread, text });
}

/// A line towards a house, which has a queue at its far end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Down {
    rate: f32,
    free_at: u64,
}

impl Down {
    pub(crate) const fn new(rate: f32) -> Self {
        Self { rate, free_at: 0 }
    }

    /// When what came is through, of which the first byte came so long before the last.
    pub(crate) fn takes(&mut self, now: u64, size: u32, spread: u32) -> u64 {
        let begins = self.free_at.max(now.saturating_sub(spread.into()));
        let span = (f64::from(size) / f64::from(self.rate) * 1e6) as u64;
        self.free_at = (begins + span).max(now);
        self.free_at
    }

    /// How long what comes now waits.
    pub(crate) const fn waits(&self, now: u64) -> Duration {
        Duration::from_micros(self.free_at.saturating_sub(now))
    }
}
