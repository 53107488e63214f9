//! A small world on virtual time: sources of given pace, delay and character, a decoder, and a planner between them.

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::time::Duration;
use spotp2p::planner::{Ask, Clock, Config, Curve, Holds, Kind, Output, Planner, Policy, Slot, Source};
use spotproto::content::PIECE_LEN;
use spotproto::message::PieceRange;
use spotproto::{Dice, Instant, Seed};

/// Three and a half minutes at 160 kbit/s: 256 pieces of 820 ms.
pub(crate) const PIECES: u32 = 256;
pub(crate) const PIECE_MS: u32 = 820;

/// What a source does with what it is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Character {
    Honest,
    /// Takes requests and delivers nothing after so many pieces.
    StallsAfter(u32),
    /// Sends what was not published from this piece on.
    ForgesAfter(u32),
}

#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    bytes_per_s: u64,
    delay: Duration,
    /// A piece takes up to this many percent longer or shorter.
    jitter: u32,
    character: Character,
    sent: u32,
    queue: VecDeque<(Instant, u32)>,
    sending: Option<(Instant, u32)>,
    free_at: Instant,
}

/// As far ahead as sources bring: how they share the work is seen best while they have some.
pub(crate) const FAR_AHEAD: Config = Config { free_ahead: Duration::MAX, ..Config::PLAYER };

pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) planner: Planner,
    pub(crate) lines: BTreeMap<Source, Line>,
    /// All requests: when, for what, and how long before the play point needs it.
    pub(crate) asks: Vec<(Instant, Ask, i64)>,
    pub(crate) cancels: Vec<(Instant, Source, PieceRange)>,
    /// What the planner was told to have arrived, by piece: from whom.
    pub(crate) came: BTreeMap<u32, Source>,
    pub(crate) points: Vec<(Instant, u32)>,
    pub(crate) stalls: u32,
    /// How often the planner was woken by its own timers.
    pub(crate) wakes: u32,
    pub(crate) started_at: Option<Instant>,
    curve: Curve,
    dice: Dice,
    joins: Vec<(Instant, Source, Line)>,
    /// The next piece that the decoder needs.
    next: u32,
    clock: Option<(Instant, u32)>,
    waits_from_ms: u32,
}

pub(crate) fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

pub(crate) fn at(millis: u64) -> Instant {
    Instant::after_start(ms(millis))
}

impl World {
    /// A listener who stays: peers are asked as far ahead as they can bring.
    pub(crate) fn new(seed: u8) -> Self {
        Self::with(seed, FAR_AHEAD, Policy::PLAYING)
    }

    pub(crate) fn with(seed: u8, config: Config, policy: Policy) -> Self {
        let curve = Curve::even(PIECES, 1, PIECES * PIECE_MS).unwrap();
        let mut planner = Planner::new(Instant::START, config, curve.clone(), policy);
        planner.keep_decisions(4096);
        Self {
            now: Instant::START,
            planner,
            lines: BTreeMap::new(),
            asks: Vec::new(),
            cancels: Vec::new(),
            came: BTreeMap::new(),
            points: Vec::new(),
            stalls: 0,
            wakes: 0,
            started_at: None,
            curve,
            dice: Dice::new(&Seed([7; 32]).part(seed.into())),
            joins: Vec::new(),
            next: 0,
            clock: None,
            waits_from_ms: 0,
        }
    }

    /// A source that is there from `from_ms` on. Paces are in kB/s, delays in milliseconds.
    pub(crate) fn join(
        &mut self,
        from_ms: u64,
        number: u32,
        kind: Kind,
        pace: u64,
        delay: u64,
        character: Character,
    ) {
        let line = Line {
            kind,
            bytes_per_s: pace * 1000,
            delay: ms(delay),
            jitter: 10,
            character,
            sent: 0,
            queue: VecDeque::new(),
            sending: None,
            free_at: Instant::START,
        };
        self.joins.push((at(from_ms), Source(number), line));
    }

    /// The usual server: 1 MB/s at 50 ms.
    pub(crate) fn with_server(mut self) -> Self {
        self.join(0, 0, Kind::Server, 1000, 50, Character::Honest);
        self
    }

    /// So many peers, from 200 ms on, each of this pace, at 40 ms and more.
    pub(crate) fn with_peers(mut self, peers: u32, pace: u64) -> Self {
        for n in 0..peers {
            self.join(
                200 + u64::from(n) * 20,
                10 + n,
                Kind::Peer,
                pace,
                40 + u64::from(n) * 5,
                Character::Honest,
            );
        }
        self
    }

    pub(crate) fn no_jitter(mut self) -> Self {
        self.joins.iter_mut().for_each(|(_, _, line)| line.jitter = 0);
        self
    }

    pub(crate) fn line(&mut self, number: u32) -> &mut Line {
        let joining =
            self.joins.iter_mut().find(|(_, source, _)| source.0 == number).map(|(_, _, line)| line);
        joining.or(self.lines.get_mut(&Source(number))).expect("a source")
    }

    /// Runs until `millis`, or until everything is here and nothing moves.
    pub(crate) fn run_until(&mut self, millis: u64) {
        let end = at(millis);
        self.carry_out();
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
        }
        self.now = end;
        self.planner.handle_timeout(end);
        self.carry_out();
    }

    pub(crate) fn run(&mut self) {
        self.run_until(u64::from(PIECES * PIECE_MS) + 60_000);
        assert!(self.planner.is_complete(), "{} pieces of {PIECES}", self.came.len());
        assert_eq!(self.planner.outstanding().count(), 0);
    }

    pub(crate) fn bytes(&self, kind: Kind) -> u64 {
        self.planner.stats().from(kind)
    }

    pub(crate) fn share(&self, kind: Kind) -> f64 {
        self.bytes(kind) as f64 / (u64::from(PIECES) * PIECE_LEN as u64) as f64
    }

    /// The listener stops playing for good.
    pub(crate) fn pause(&mut self) {
        self.clock = None;
        self.next = PIECES;
        self.planner.set_clock(self.now, Clock::Waiting { position_ms: 0 });
    }

    /// A source goes for good.
    pub(crate) fn lose(&mut self, number: u32) {
        self.lines.remove(&Source(number));
        self.planner.lost(self.now, Source(number));
        self.carry_out();
    }

    /// The listener jumps to a piece.
    pub(crate) fn seek(&mut self, piece: u32) {
        self.next = piece;
        self.clock = None;
        self.waits_from_ms = piece * PIECE_MS;
        self.planner.seek(self.now, piece, self.waits_from_ms);
        self.carry_out();
    }

    fn next_event(&self) -> Option<Instant> {
        let joins = self.joins.iter().map(|(at, _, _)| *at);
        let sent = self.lines.values().filter_map(|line| line.sending.map(|(at, _)| at));
        let decoder = self.clock.map(|(at, from)| at + ms((self.next * PIECE_MS - from).into()));
        joins
            .chain(sent)
            .chain(decoder.filter(|_| self.next < PIECES))
            .chain(self.planner.poll_timeout())
            .min()
    }

    fn step(&mut self) {
        let now = self.now;
        while let Some(index) = self.joins.iter().position(|(at, _, _)| *at <= now) {
            let (_, source, line) = self.joins.remove(index);
            assert!(self.planner.add(now, source, line.kind, Holds::All, Slot::Served));
            self.planner.round_trip(now, source, line.delay);
            self.lines.insert(source, line);
            self.carry_out();
        }
        let due = |line: &Line| line.sending.filter(|(at, _)| *at <= now);
        let sent: Vec<(Source, u32)> =
            self.lines.iter().filter_map(|(source, line)| Some((*source, due(line)?.1))).collect();
        for (source, piece) in sent {
            self.deliver(source, piece);
        }
        if self.planner.poll_timeout().is_some_and(|at| at <= now) {
            self.planner.handle_timeout(now);
            self.wakes += 1;
            assert!(self.planner.poll_timeout().is_none_or(|at| at > now), "the planner stays due");
            self.carry_out();
        }
        self.decode();
    }

    fn deliver(&mut self, source: Source, piece: u32) {
        let Some(line) = self.lines.get_mut(&source) else { return };
        line.sending = None;
        line.sent += 1;
        let forges = matches!(line.character, Character::ForgesAfter(after) if line.sent > after);
        if forges {
            self.planner.forged(self.now, source, piece, PIECE_LEN);
        } else {
            self.planner.arrived(self.now, source, piece, PIECE_LEN);
            self.came.entry(piece).or_insert(source);
        }
        self.send_next(source);
        self.carry_out();
    }

    /// A decoder that starts as soon as a second of music is here, and stops when a piece is missing.
    fn decode(&mut self) {
        match self.clock {
            None if self.next < PIECES
                && (self.next..(self.next + 2).min(PIECES)).all(|piece| self.planner.has(piece))
                && self.planner.has(0) =>
            {
                self.started_at.get_or_insert(self.now);
                self.clock = Some((self.now, self.waits_from_ms));
                let clock = Clock::Running { at: self.now, position_ms: self.waits_from_ms };
                self.planner.set_clock(self.now, clock);
            }
            Some((at, from))
                if self.next < PIECES && at + ms((self.next * PIECE_MS - from).into()) <= self.now =>
            {
                if self.planner.has(self.next) {
                    self.next += 1;
                    self.planner.reading(self.now, self.next.min(PIECES - 1));
                } else {
                    self.stalls += 1;
                    self.clock = None;
                    self.waits_from_ms = self.next * PIECE_MS;
                    let clock = Clock::Waiting { position_ms: self.waits_from_ms };
                    self.planner.set_clock(self.now, clock);
                }
            }
            _ => {}
        }
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let mut touched = BTreeSet::new();
        while let Some(output) = self.planner.poll_output() {
            match output {
                Output::Ask(ask) => {
                    self.note(ask);
                    let line =
                        self.lines.get_mut(&ask.source).expect("only sources that are there are asked");
                    line.queue.extend((ask.pieces.start..ask.pieces.end()).map(|piece| (self.now, piece)));
                    touched.insert(ask.source);
                }
                Output::Cancel { source, pieces } => {
                    self.cancels.push((self.now, source, pieces));
                    if let Some(line) = self.lines.get_mut(&source) {
                        line.queue.retain(|(_, piece)| !pieces.contains(*piece));
                    }
                }
            }
        }
        touched.into_iter().for_each(|source| self.send_next(source));
        if let Some(point) = self.planner.catch_up() {
            self.points.push((self.now, point));
        }
    }

    fn note(&mut self, ask: Ask) {
        let position = match self.clock {
            Some((at, from)) => i64::from(from) + self.now.since(at).as_millis() as i64,
            None => i64::from(self.waits_from_ms),
        };
        self.asks.push((self.now, ask, i64::from(self.curve.due_ms(ask.pieces.end() - 1)) - position));
    }

    fn send_next(&mut self, source: Source) {
        let Some(line) = self.lines.get_mut(&source).filter(|line| line.sending.is_none()) else { return };
        if matches!(line.character, Character::StallsAfter(after) if line.sent >= after) {
            return;
        }
        let Some((asked, piece)) = line.queue.pop_front() else { return };
        let spread = 100 - line.jitter + self.dice.below(2 * line.jitter + 1);
        let each = ms(PIECE_LEN as u64 * 1000 / line.bytes_per_s.max(1)) * spread / 100;
        line.free_at = line.free_at.max(asked + line.delay) + each;
        line.sending = Some((line.free_at.max(self.now), piece));
    }
}

impl Line {
    pub(crate) fn turns(&mut self, character: Character) {
        self.character = character;
    }

    pub(crate) fn slows_to(&mut self, pace: u64) {
        self.bytes_per_s = pace * 1000;
    }
}
