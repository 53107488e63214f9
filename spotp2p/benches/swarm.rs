//! What the overlay costs: an event among sixty idle neighbours against one, and choosing whom to prune.
//!
//! Ratios are taken inside one run and asserted; absolute times are printed.

#[path = "../../spotproto/benches/ratio/mod.rs"]
mod ratio;

use core::hint::black_box;
use core::time::Duration;
use criterion::{Criterion, criterion_group};
use spotp2p::swarm::{
    Config, Direction, Holding, Origin, PeerId, PeerMessage, PieceRequest, Query, QueryId, Slot, SlotState,
    Swarm, Want,
};
use spotproto::content::PIECE_LEN;
use spotproto::message::{PieceRange, Urgency};
use spotproto::ticket::Pseudonym;
use spotproto::{Instant, Seed};

/// What an event may cost among sixty neighbours, in events among one.
const IDLE_LIMIT: f64 = 1.5;

/// What a pruning may cost, in events: there is one a minute at most.
const PRUNE_LIMIT: f64 = 500.0;

fn name(n: u32) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Pseudonym(bytes)
}

/// A swarm in which one neighbour gives a file and gets another, and all others are idle.
struct Busy {
    swarm: Swarm<u32>,
    now: Instant,
    peer: PeerId,
    turn: u32,
}

impl Busy {
    fn new(neighbours: u32) -> Self {
        let mut swarm = Swarm::new(Config::default());
        let now = Instant::START;
        swarm.new_log_in(now, name(u32::MAX), Seed([1; 32]));
        for n in 0..neighbours {
            swarm.opened(now, PeerId(n), name(n), Direction::Theirs).expect("there is room");
        }
        let peer = PeerId(neighbours / 2);
        let mut busy = Self { swarm, now, peer, turn: 0 };
        busy.swarm.want(now, 7, Urgency::Playing);
        busy.swarm.found(now, 7, &[name(peer.0)], Origin::Tracker);
        busy.say(PeerMessage::Slot(Slot { file: 7, state: SlotState::Served }));
        busy.say(PeerMessage::Want(Want { file: 8, urgency: Some(Urgency::Playing) }));
        busy.drain();
        busy
    }

    fn say(&mut self, message: PeerMessage<u32>) {
        self.swarm.message(self.now, self.peer, message, &|_: &u32| Holding::Whole);
    }

    fn drain(&mut self) -> usize {
        core::iter::from_fn(|| self.swarm.poll_output()).map(black_box).count()
    }

    /// A piece taken, a piece given, a query answered, and the deadline looked at.
    fn event(&mut self) -> usize {
        self.turn = self.turn.wrapping_add(1);
        self.now = self.now + Duration::from_millis(1500);
        self.swarm.requested(self.now, self.peer, 7, 1);
        self.swarm.arrived(self.now, self.peer, 7, PIECE_LEN);
        let pieces = PieceRange { start: 0, count: 1 };
        self.swarm.request(self.now, self.peer, PieceRequest { channel: self.turn, file: 8, pieces });
        self.swarm.sent(self.now, self.peer, self.turn, PIECE_LEN);
        self.say(PeerMessage::Query(Query { id: QueryId(self.turn.into()), file: 9, forward: false }));
        if self.swarm.poll_timeout().is_some_and(|at| at <= self.now) {
            self.swarm.handle_timeout(self.now);
        }
        self.drain()
    }
}

/// Sixty neighbours, each of some use, that come down to 45 and are filled up again.
struct Pruning {
    swarm: Swarm<u32>,
    now: Instant,
    next: u32,
}

impl Pruning {
    fn new() -> Self {
        let mut swarm = Swarm::new(Config::default());
        swarm.new_log_in(Instant::START, name(u32::MAX), Seed([1; 32]));
        let mut pruning = Self { swarm, now: Instant::START, next: 0 };
        pruning.fill();
        pruning
    }

    fn fill(&mut self) {
        while self.swarm.may_accept() {
            let peer = PeerId(self.next);
            self.swarm.opened(self.now, peer, name(self.next), Direction::Theirs).expect("there is room");
            self.swarm.sent(self.now, peer, 0, (self.next % 7) as usize * PIECE_LEN);
            self.next += 1;
        }
    }

    /// A minute passes; pruning comes, and fifteen new links.
    fn minute(&mut self) -> usize {
        self.now = self.now + Duration::from_secs(61);
        self.swarm.handle_timeout(self.now);
        let outputs = core::iter::from_fn(|| self.swarm.poll_output()).count();
        self.fill();
        outputs
    }
}

fn swarm(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("swarm");
    for neighbours in [1, 60] {
        let mut busy = Busy::new(neighbours);
        group.bench_function(format!("event among {neighbours}"), |bencher| bencher.iter(|| busy.event()));
    }
    let mut pruning = Pruning::new();
    assert!(pruning.minute() >= 10, "nobody was pruned");
    group.bench_function("sixty links pruned and made again", |bencher| bencher.iter(|| pruning.minute()));
    group.finish();
}

criterion_group!(groups, swarm);

fn main() {
    groups();
    let (mut sixty, mut one) = (Busy::new(60), Busy::new(1));
    assert_eq!((sixty.event(), one.event()), (2, 2), "both do the same");
    ratio::check("swarm/60 idle neighbours against 1", IDLE_LIMIT, || sixty.event(), || one.event());
    let (mut pruning, mut one) = (Pruning::new(), Busy::new(1));
    ratio::check("swarm/pruning against an event", PRUNE_LIMIT, || pruning.minute(), || one.event());
    println!("swarm without neighbours: {} bytes", size_of::<Swarm<u32>>());
    Criterion::default().configure_from_args().final_summary();
}
