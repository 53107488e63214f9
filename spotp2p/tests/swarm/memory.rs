//! What a swarm holds, measured as what dropping it gives back to the allocator, plus its own size.

use allocation_counter::measure;
use core::time::Duration;
use spotp2p::swarm::{
    Config, Direction, Hit, Holding, Origin, PeerId, PeerMessage, PieceRequest, Pressure, Query, QueryId,
    Slot, SlotState, Swarm, Want,
};
use spotproto::content::FileId;
use spotproto::message::{PieceRange, Urgency};
use spotproto::ticket::Pseudonym;
use spotproto::{Instant, Seed};

const NOW: Instant = Instant::START;

/// A whole simulated client's overlay with sixty idle neighbours.
const IDLE: usize = 4 * 1024;

/// With production's names, everything full and nothing drained but outputs.
const FULL: usize = 64 * 1024;

fn held_by<T>(value: T) -> usize {
    let given_back = -measure(|| drop(value)).bytes_current;
    size_of::<T>() + usize::try_from(given_back).expect("a drop gives back")
}

fn name(n: u32) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Pseudonym(bytes)
}

fn swarm<K: Copy + Eq>(neighbours: u32) -> Swarm<K> {
    let mut config = Config::default();
    // Nobody is pruned, so that all is full.
    (config.neighbours.soft, config.neighbours.prune_to) = (config.neighbours.hard, config.neighbours.hard);
    let mut swarm = Swarm::new(config);
    swarm.new_log_in(NOW, name(u32::MAX), Seed([1; 32]));
    for n in 0..neighbours {
        swarm.opened(NOW, PeerId(n), name(n), Direction::Theirs).unwrap();
    }
    swarm
}

fn drain<K: Copy + Eq>(swarm: &mut Swarm<K>) {
    while swarm.poll_output().is_some() {}
}

#[test]
fn idle_neighbours_cost_less_than_44_bytes_each_and_the_swarm_with_sixty_of_them_four_kibibytes() {
    let (none, sixty) = (held_by(swarm::<u32>(0)), held_by(swarm::<u32>(60)));
    println!("swarm of nobody {none} B, of sixty {sixty} B");
    assert!(sixty - none <= 60 * 44, "{}", sixty - none);
    assert!(sixty <= IDLE, "{sixty}");
}

#[test]
fn after_a_busy_time_memory_is_given_back() {
    let mut busy = swarm::<u32>(60);
    let idle = held_by(swarm::<u32>(60));
    let mut now = NOW;
    for n in 0..60 {
        fill(&mut busy, now, n, |file| file);
    }
    (0..8).for_each(|file| busy.unwant(now, file));
    for n in 0..60 {
        (0..4).for_each(|file| {
            let want = PeerMessage::Want(Want { file: n * 4 + file, urgency: None });
            busy.message(now, PeerId(n), want, &|_: &u32| Holding::Whole);
        });
    }
    while let Some(at) = busy.poll_timeout() {
        now = at;
        busy.handle_timeout(now);
        drain(&mut busy);
    }
    let left = held_by(busy);
    println!("after a busy time {left} B, before it {idle} B");
    assert!(left <= idle + 4 * 1024, "{left}");
}

#[test]
fn everything_full_stays_within_its_bound_however_long_it_goes_on() {
    let key = |n: u32| FileId::from(spotproto::content::Hash([n as u8; 32]));
    for minutes in 1..=4 {
        let mut full = swarm::<FileId>(60);
        let mut now = NOW;
        for _ in 0..minutes {
            now = now + Duration::from_secs(61);
            full.handle_timeout(now);
            (0..60).for_each(|n| fill(&mut full, now, n, key));
        }
        assert_eq!(full.neighbours(), 60, "nobody goes too far");
        let held = held_by(full);
        println!("full for {minutes} minutes: {held} B");
        assert!(held <= FULL, "{held}");
    }
}

/// One neighbour says and asks all that it may.
fn fill<K: Copy + Eq>(swarm: &mut Swarm<K>, now: Instant, n: u32, key: impl Fn(u32) -> K) {
    let holds = |_: &K| Holding::Whole;
    swarm.set_pressure(now, Pressure::Fine);
    for file in 0..8 {
        swarm.want(now, key(file), Urgency::Playing);
        swarm.found(now, key(file), &(100..130).map(name).collect::<Vec<_>>(), Origin::Tracker);
        swarm.found(now, key(file), &[name(n)], Origin::Lan);
        let slot = Slot { file: key(file), state: SlotState::Served };
        swarm.message(now, PeerId(n), PeerMessage::Slot(slot), &holds);
        swarm.requested(now, PeerId(n), key(file), 9);
    }
    for file in 0..4 {
        let want = Want { file: key(n * 4 + file), urgency: Some(Urgency::Playing) };
        swarm.message(now, PeerId(n), PeerMessage::Want(want), &holds);
        for channel in 0..20 {
            let pieces = PieceRange { start: 0, count: 256 };
            let request = PieceRequest { channel, file: key(n * 4 + file), pieces };
            swarm.request(now, PeerId(n), request);
        }
        drain(swarm);
    }
    for query in 0..4 {
        let id = QueryId(u64::from(n * 4 + query) + now.micros());
        let query = Query { id, file: key(query), forward: true };
        swarm.message(now, PeerId(n), PeerMessage::Query(query), &holds);
        swarm.message(now, PeerId(n), PeerMessage::Hit(Hit { id, holder: name(n) }), &holds);
        drain(swarm);
    }
}
