//! Two sessions, two careful applications, and a line between them that cuts and delays as it likes.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the harness")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use super::app::App;
use super::pair::{keys_of, setup_of};
use bytes::BytesMut;
use core::time::Duration;
use proptest::prelude::*;
use spotproto::crypto::Crypto;
use spotproto::message::{Urgency, WireMessage};
use spotproto::noise::Role;
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Instant, Limits, Machine, SessionError};

#[derive(Clone, Debug)]
pub enum Op {
    Ask {
        who: usize,
        start: u32,
        count: u32,
        urgency: u8,
    },
    /// Asks for a slot.
    Want {
        who: usize,
        urgency: u8,
    },
    /// Says something that belongs to no channel.
    Say {
        who: usize,
    },
    Abort {
        who: usize,
        nth: usize,
    },
    Answer {
        who: usize,
        nth: usize,
        times: usize,
    },
    Refuse {
        who: usize,
        nth: usize,
    },
    /// Puts on the line what fits.
    Flush {
        who: usize,
        limit: usize,
    },
    /// Takes up to so many bytes off the line, in chunks.
    Deliver {
        who: usize,
        bytes: usize,
        chunk: usize,
    },
    /// Takes outputs; otherwise they stay where they are.
    Drain {
        who: usize,
    },
    Wait(u64),
}

pub fn op() -> impl Strategy<Value = Op> {
    let who = 0usize..2;
    let sizes = prop_oneof![1usize..40, 40usize..5_000, 5_000usize..80_000];
    prop_oneof![
        4 => (who.clone(), 0u32..5000, 1u32..9, 0u8..3)
            .prop_map(|(who, start, count, urgency)| Op::Ask { who, start, count, urgency }),
        2 => (who.clone(), 0u8..3).prop_map(|(who, urgency)| Op::Want { who, urgency }),
        2 => who.clone().prop_map(|who| Op::Say { who }),
        1 => (who.clone(), 0usize..8).prop_map(|(who, nth)| Op::Abort { who, nth }),
        5 => (who.clone(), 0usize..8, 1usize..9).prop_map(|(who, nth, times)| Op::Answer { who, nth, times }),
        1 => (who.clone(), 0usize..8).prop_map(|(who, nth)| Op::Refuse { who, nth }),
        5 => (who.clone(), sizes.clone()).prop_map(|(who, limit)| Op::Flush { who, limit }),
        5 => (who.clone(), sizes.clone(), sizes)
            .prop_map(|(who, bytes, chunk)| Op::Deliver { who, bytes, chunk: chunk.max(bytes / 50) }),
        3 => who.prop_map(|who| Op::Drain { who }),
        1 => (0u64..3_000).prop_map(Op::Wait),
    ]
}

pub struct World<C: Crypto> {
    now: Instant,
    pub ends: [End<C>; 2],
}

pub struct End<C: Crypto> {
    pub session: Session<C>,
    pub app: App,
    /// All that the other end put on the line.
    pub sent: Vec<u8>,
    /// Bytes under way to this end.
    pub line: Vec<u8>,
    /// All that came off the line, and how much of it the session took.
    pub came: Vec<u8>,
    pub taken: usize,
    /// Bytes that came and are not taken yet.
    inbox: Vec<u8>,
    /// The other side is known to be who it says, and live.
    pub confirmed: bool,
    pub ended: Option<SessionError>,
}

impl<C: Crypto> World<C> {
    pub fn new() -> Self {
        let remote = Some(keys_of::<C>(2).public);
        let mut limits = Limits::DEFAULT;
        // The line may be as slow as it likes, and keys change under way.
        let never = Duration::from_secs(1 << 20);
        (limits.stall, limits.trickle, limits.dead_after, limits.handshake) = (never, never, never, never);
        limits.rekey_after = Duration::from_secs(2);
        let ends =
            [setup_of::<C>(Role::Initiator, 1, 11, remote), setup_of::<C>(Role::Responder, 2, 12, None)];
        let ends = ends.map(|mut setup| {
            setup.limits = limits;
            End {
                session: Session::new(Instant::START, setup).expect("keys of use"),
                app: App::default(),
                sent: Vec::new(),
                line: Vec::new(),
                came: Vec::new(),
                taken: 0,
                inbox: Vec::new(),
                confirmed: false,
                ended: None,
            }
        });
        Self { now: Instant::START, ends }
    }

    /// All of these on an honest line, to the end: nothing is lost, and nobody is blamed.
    pub fn all_of(ops: &[Op]) {
        let mut world = Self::new();
        for op in ops {
            world.run(op);
            assert!(world.ends.iter().all(|end| end.ended.is_none()), "an honest peer, an honest line");
        }
        world.finish();
        for end in &world.ends {
            assert_eq!(end.session.outstanding(), 0);
            assert_eq!(end.session.stats().pieces_received, end.app.came as u64);
        }
    }

    pub fn run(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Ask { who, start, count, urgency } => {
                let urgency = Urgency::from_number(urgency).expect("a class");
                self.ends[who].give(now, |app| app.ask(start, count, urgency));
            }
            Op::Want { who, urgency } => {
                let urgency = Urgency::from_number(urgency).expect("a class");
                self.ends[who].give(now, |app| app.want(urgency));
            }
            Op::Say { who } => {
                let heard = self.ends[1 - who].app.heard;
                self.ends[who].give(now, |app| app.say(heard));
            }
            Op::Abort { who, nth } => self.ends[who].give(now, |app| app.abort(nth)),
            Op::Answer { who, nth, times } => {
                (0..times).for_each(|_| self.ends[who].give(now, |app| app.answer(nth)));
            }
            Op::Refuse { who, nth } => self.ends[who].give(now, |app| app.refuse(nth)),
            Op::Flush { who, limit } => self.flush(who, limit),
            Op::Deliver { who, bytes, chunk } => self.ends[who].deliver(now, bytes, chunk),
            Op::Drain { who } => self.ends[who].drain(),
            Op::Wait(ms) => {
                self.now = now + Duration::from_millis(ms);
                self.ends.iter_mut().for_each(|end| end.fire(self.now));
            }
        }
    }

    fn flush(&mut self, who: usize, limit: usize) {
        let mut wire = BytesMut::new();
        self.ends[who].session.poll_transmit(self.now, &mut wire, limit);
        let other = &mut self.ends[1 - who];
        other.sent.extend_from_slice(&wire);
        other.line.extend_from_slice(&wire);
    }

    /// Both applications answer all, and the line delivers all.
    fn finish(&mut self) {
        for _ in 0..20_000 {
            self.turn();
            assert!(self.ends.iter().all(|end| end.ended.is_none()), "an honest peer, an honest line");
            let [one, other] = &self.ends;
            let heard = one.app.is_heard(&other.app) && other.app.is_heard(&one.app);
            let quiet = |end: &End<C>| end.app.is_done() && end.line.is_empty() && end.inbox.is_empty();
            if heard && self.ends.iter().all(quiet) {
                return;
            }
        }
        panic!("deadlock");
    }

    /// Each end answers, sends, and takes what is under way to it.
    pub fn turn(&mut self) {
        for who in [0, 1] {
            self.ends[who].drain();
            (0..16).for_each(|nth| self.ends[who].give(self.now, |app| app.answer(nth)));
            self.flush(who, 8192);
            self.ends[who].deliver(self.now, usize::MAX, usize::MAX);
            self.ends[who].drain();
        }
    }
}

impl<C: Crypto> End<C> {
    fn give(&mut self, now: Instant, act: impl FnOnce(&mut App) -> Option<WireMessage>) {
        if self.ended.is_none()
            && self.session.wants_input()
            && let Some(message) = act(&mut self.app)
        {
            self.ended = self.session.handle_input(now, Input::Send(message)).err();
        }
    }

    fn deliver(&mut self, now: Instant, bytes: usize, chunk: usize) {
        let came: Vec<u8> = self.line.drain(..bytes.min(self.line.len())).collect();
        self.came.extend_from_slice(&came);
        if came.is_empty() {
            self.offer(now);
        }
        for chunk in came.chunks(chunk) {
            self.inbox.extend(chunk);
            self.offer(now);
        }
    }

    fn offer(&mut self, now: Instant) {
        if self.ended.is_some() {
            return;
        }
        match self.session.handle_bytes(now, &mut self.inbox) {
            Ok(taken) => {
                self.inbox.drain(..taken);
                self.taken += taken;
            }
            Err(error) => self.ended = Some(error),
        }
    }

    /// The line says that nothing more comes.
    pub fn cut(&mut self, now: Instant) {
        if self.ended.is_none() {
            self.ended = self.session.handle_eof(now).err();
        }
    }

    pub fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.confirmed |=
                matches!(output, Output::Confirmed | Output::Established { confirmed: true, .. });
            self.app.take(output);
        }
    }

    fn fire(&mut self, now: Instant) {
        if self.ended.is_none() && self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.ended = self.session.handle_timeout(now).err();
        }
    }
}
