//! Two sessions, two careful applications, and a line that cuts and delays as it likes: nothing is lost.

mod app;
mod pair;

use app::App;
use bytes::BytesMut;
use core::time::Duration;
use pair::{keys, setup};
use proptest::prelude::*;
use spotproto::message::{Urgency, WireMessage};
use spotproto::noise::Role;
use spotproto::session::{Input, Session};
use spotproto::{ByteMachine, Instant, Limits, Machine};

#[derive(Clone, Debug)]
enum Op {
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

fn op() -> impl Strategy<Value = Op> {
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

struct World {
    now: Instant,
    ends: [End; 2],
}

struct End {
    session: Session,
    app: App,
    /// Bytes under way to this end, and bytes that it has not taken yet.
    line: Vec<u8>,
    inbox: Vec<u8>,
}

impl World {
    fn new() -> Self {
        let remote = Some(keys(2).public);
        let mut limits = Limits::DEFAULT;
        // The line may be as slow as it likes, and keys change under way.
        let never = Duration::from_secs(1 << 20);
        (limits.stall, limits.trickle, limits.dead_after, limits.handshake) = (never, never, never, never);
        limits.rekey_after = Duration::from_secs(2);
        let ends =
            [setup(Role::Initiator, 1, 11, remote), setup(Role::Responder, 2, 12, None)].map(|mut setup| {
                setup.limits = limits;
                let session = Session::new(Instant::START, setup).unwrap();
                End { session, app: App::default(), line: Vec::new(), inbox: Vec::new() }
            });
        Self { now: Instant::START, ends }
    }

    fn run(&mut self, op: &Op) {
        let now = self.now;
        match *op {
            Op::Ask { who, start, count, urgency } => {
                let urgency = Urgency::from_number(urgency).unwrap();
                self.ends[who].give(now, |app| app.ask(start, count, urgency));
            }
            Op::Want { who, urgency } => {
                let urgency = Urgency::from_number(urgency).unwrap();
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
            Op::Flush { who, limit } => {
                let wire = self.ends[who].flush(now, limit);
                self.ends[1 - who].line.extend(wire);
            }
            Op::Deliver { who, bytes, chunk } => self.ends[who].deliver(now, bytes, chunk),
            Op::Drain { who } => self.ends[who].drain(),
            Op::Wait(ms) => {
                self.now = now + Duration::from_millis(ms);
                self.ends.iter_mut().for_each(|end| end.fire(self.now));
            }
        }
    }

    /// Both applications answer all, and the line delivers all.
    fn finish(&mut self) {
        for _ in 0..20_000 {
            for who in [0, 1] {
                self.ends[who].drain();
                (0..16).for_each(|nth| self.ends[who].give(self.now, |app| app.answer(nth)));
                let wire = self.ends[who].flush(self.now, 8192);
                self.ends[1 - who].line.extend(wire);
                self.ends[who].deliver(self.now, usize::MAX, usize::MAX);
                self.ends[who].drain();
            }
            let [one, other] = &self.ends;
            let heard = one.app.is_heard(&other.app) && other.app.is_heard(&one.app);
            if heard
                && self
                    .ends
                    .iter()
                    .all(|end| end.app.is_done() && end.line.is_empty() && end.inbox.is_empty())
            {
                return;
            }
        }
        panic!("deadlock");
    }
}

impl End {
    fn give(&mut self, now: Instant, act: impl FnOnce(&mut App) -> Option<WireMessage>) {
        if self.session.wants_input()
            && let Some(message) = act(&mut self.app)
        {
            self.session.handle_input(now, Input::Send(message)).expect("a careful application");
        }
    }

    fn flush(&mut self, now: Instant, limit: usize) -> BytesMut {
        let mut wire = BytesMut::new();
        self.session.poll_transmit(now, &mut wire, limit);
        wire
    }

    fn deliver(&mut self, now: Instant, bytes: usize, chunk: usize) {
        let came: Vec<u8> = self.line.drain(..bytes.min(self.line.len())).collect();
        if came.is_empty() {
            self.offer(now);
        }
        for chunk in came.chunks(chunk) {
            self.inbox.extend(chunk);
            self.offer(now);
        }
    }

    fn offer(&mut self, now: Instant) {
        let taken = self.session.handle_bytes(now, &mut self.inbox).expect("an honest peer");
        self.inbox.drain(..taken);
    }

    fn drain(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.app.take(output);
        }
    }

    fn fire(&mut self, now: Instant) {
        if self.session.poll_timeout().is_some_and(|at| at <= now) {
            self.session.handle_timeout(now).expect("patient limits");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn what_is_asked_and_not_given_up_comes_once_and_whole(ops in proptest::collection::vec(op(), 0..120)) {
        let mut world = World::new();
        for op in &ops {
            world.run(op);
        }
        world.finish();
        for end in &world.ends {
            prop_assert_eq!(end.session.outstanding(), 0);
            prop_assert_eq!(end.session.stats().pieces_received, end.app.came as u64);
        }
    }
}
