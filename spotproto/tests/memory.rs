//! What sessions hold: measured as what dropping them gives back to the allocator, plus their own size.

mod forger;
mod pair;

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use core::convert::Infallible;
use core::time::Duration;
use forger::Forger;
use pair::{keys, piece, read, setup};
use spotproto::content::{Hash, LeafRange, PIECE_LEN};
use spotproto::frame::kind;
use spotproto::message::{Message, Urgency, WireMessage};
use spotproto::noise::Role;
use spotproto::pump::{BATCH, SCRATCH};
use spotproto::record::MAX_PLAINTEXT;
use spotproto::session::{Input, Output, Session};
use spotproto::{ByteMachine, Instant, Limits, Machine, Pump};

/// What an idle connection may hold in all: what [`Limits`] says, of the 8 KiB that the design allows.
const IDLE: usize = 2 * 1024;

/// What a connection may hold at any moment of its handshake, lines' buffers apart.
const SHAKING: usize = 4 * 1024;

/// Bytes that `value` holds, its own included.
fn held_by<T>(value: T) -> usize {
    let given_back = -measure(|| drop(value)).bytes_current;
    size_of::<T>() + usize::try_from(given_back).expect("a drop gives back")
}

/// Two pumped sessions, each of which asks and answers.
struct Peers {
    now: Instant,
    scratch: Vec<u8>,
    ends: [Peer; 2],
}

struct Peer {
    pump: Pump<Session>,
    /// The application: what is still to be answered, and how much came.
    answers: Vec<(u32, u32)>,
    room: usize,
    came: usize,
    open: usize,
}

impl Peers {
    fn new() -> Self {
        let server = keys(2).public;
        let setups = [setup(Role::Initiator, 1, 11, Some(server)), setup(Role::Responder, 2, 12, None)];
        let ends = setups.map(|setup| Peer {
            pump: Pump::new(Session::new(Instant::START, setup).unwrap(), BATCH),
            answers: Vec::new(),
            room: 16,
            came: 0,
            open: 0,
        });
        Self { now: Instant::START, scratch: vec![0; SCRATCH], ends }
    }

    /// Turns both until neither has anything to do; `look` sees both after every turn.
    fn settle(&mut self) {
        for _ in 0..100_000 {
            let [a, b] = &mut self.ends;
            let busy = [
                a.turn(self.now, &mut b.pump, &mut self.scratch),
                b.turn(self.now, &mut a.pump, &mut self.scratch),
            ];
            if busy == [false, false] {
                return;
            }
        }
        panic!("the peers never settle");
    }

    fn ask(&mut self, who: usize, channel: u32, pieces: u32) {
        let peer = &mut self.ends[who];
        peer.open += 1;
        peer.pump.command(self.now, Input::Send(read(channel, 0, pieces, Urgency::Playing)));
    }

    fn wait(&mut self, span: Duration) {
        let until = self.now + span;
        while let Some(at) = self.ends.iter().filter_map(|end| end.pump.machine().poll_timeout()).min() {
            if at > until {
                break;
            }
            self.now = at;
            self.settle();
        }
        self.now = until;
        self.settle();
    }
}

impl Peer {
    fn turn(&mut self, now: Instant, other: &mut Pump<Session>, scratch: &mut [u8]) -> bool {
        let (answers, room, came, open) = (&mut self.answers, &mut self.room, &mut self.came, &mut self.open);
        let mut busy = false;
        let wants = self.pump.turn(now, |output| {
            busy = true;
            match output {
                Output::Message(Message::Read { channel, read }) => {
                    answers.push((channel, read.pieces.count))
                }
                Output::Message(Message::Piece { data, .. }) => *came += data.len(),
                Output::Message(Message::End { .. }) => *open -= 1,
                Output::Sent { .. } => *room += 1,
                _ => {}
            }
            Ok(())
        });
        busy |= wants.pause | self.answer(now);
        if wants.write && other.turn(now, Err).read {
            let unsent = self.pump.unsent();
            let moved = unsent.len();
            let Ok(()) = other.receive(now, scratch, |space| {
                space[..moved].copy_from_slice(unsent);
                Ok::<_, Infallible>(moved)
            });
            self.pump.sent(moved);
            busy = true;
        }
        busy
    }

    fn answer(&mut self, now: Instant) -> bool {
        let mut busy = false;
        while let Some((channel, left)) = self.answers.first_mut().filter(|_| self.room > 0) {
            busy = true;
            let channel = *channel;
            if *left == 0 {
                self.answers.remove(0);
                self.pump.command(now, Input::Send(Message::End { channel }));
            } else {
                *left -= 1;
                self.room -= 1;
                self.pump.command(now, Input::Send(piece(channel, *left)));
            }
        }
        busy
    }
}

#[test]
fn a_connection_gone_idle_after_megabytes_both_ways_holds_next_to_nothing() {
    let mut peers = Peers::new();
    peers.settle();
    for round in 0..4 {
        for channel in 1..=32 {
            peers.ask(0, round * 100 + channel, 4);
            peers.ask(1, round * 100 + channel, 4);
        }
        peers.settle();
    }
    peers.wait(Duration::from_secs(300));
    for end in &peers.ends {
        assert_eq!((end.came, end.open), (4 * 32 * 4 * PIECE_LEN, 0));
        assert_eq!(end.pump.buffered(), (0, 0));
    }
    for end in peers.ends {
        let held = held_by(end.pump);
        println!("idle: {held} bytes, of which {} are the pump's own", size_of::<Pump<Session>>());
        assert!(held <= IDLE, "{held}");
    }
}

#[test]
fn a_connection_in_its_handshake_holds_little() {
    let mut most = 0;
    for remote in [Some(keys(2).public), None] {
        for turns in 0..6 {
            let mut client: Session =
                Session::new(Instant::START, setup(Role::Initiator, 1, 11, remote)).unwrap();
            let mut server = Session::new(Instant::START, setup(Role::Responder, 2, 12, None)).unwrap();
            client.handle_input(Instant::START, Input::Send(read(1, 0, 8, Urgency::Playing))).unwrap();
            for turn in 0..turns {
                let (from, to) =
                    if turn % 2 == 0 { (&mut client, &mut server) } else { (&mut server, &mut client) };
                let mut wire = BytesMut::new();
                from.poll_transmit(Instant::START, &mut wire, BATCH);
                let taken = to.handle_bytes(Instant::START, &mut wire).unwrap();
                assert_eq!(taken, wire.len());
            }
            let held = held_by(client).max(held_by(server));
            most = most.max(held);
        }
    }
    println!("shaking hands: at most {most} bytes");
    assert!(most <= SHAKING, "{most}");
}

#[test]
fn a_peer_that_fills_everything_stays_within_the_documented_worst_case() {
    let limits = Limits::DEFAULT;
    let now = Instant::START;
    let mut victim = Session::new(now, setup(Role::Responder, 2, 12, None)).unwrap();
    let mut forger = Forger::dial(&mut victim, now);
    let channels = limits.channels as u32;
    let pieces = limits.credit / channels;
    for channel in 1..=channels {
        give(&mut victim, now, read(channel, 0, pieces, Urgency::Playing));
        feed(&mut victim, now, &mut forger.record(&forger::read_frame(channel, 0, pieces)));
        while victim.poll_output().is_some() {}
    }
    let mut wire = BytesMut::new();
    while victim.poll_transmit(now, &mut wire, BATCH) {
        wire.clear();
    }
    // Every request's first piece begins and never ends.
    for channel in 1..=channels {
        feed(&mut victim, now, &mut forger.record(&forger::piece_frame(channel, 0, PIECE_LEN, &[1])));
    }
    // The application queues as much as it may, and nothing goes out any more.
    for n in 0..limits.queued_pieces as u32 {
        let data = Bytes::from(vec![n as u8; PIECE_LEN]);
        give(&mut victim, now, Message::Piece { channel: n % channels + 1, index: n, data });
    }
    for n in 0..limits.control as u32 {
        give(&mut victim, now, Message::Leaves { channel: n % channels + 1, leaves: longest_leaves() });
    }
    // It takes no output, while the peer sends whole pieces, and at last as many small ones as a record has room for.
    for channel in 1..limits.outputs as u32 {
        for rest in [&[1; 8 << 10][..], &[1; (8 << 10) - 1]] {
            feed(&mut victim, now, &mut forger.record(&forger::frame(kind::REST, channel, rest)));
        }
        feed(&mut victim, now, &mut forger.record(&forger::piece_frame(channel, 1, PIECE_LEN, &[1])));
    }
    let shortest = forger::frame(kind::RENEW, 0, &[0; 2]);
    let most_frames = shortest.repeat(MAX_PLAINTEXT / shortest.len());
    feed(&mut victim, now, &mut forger.record(&most_frames));
    assert!(!victim.wants_input());
    let mut more = forger.record(&forger::frame(kind::PING, 0, &[0; 8]));
    assert_eq!(victim.handle_bytes(now, &mut more), Ok(0), "a full session takes nothing");
    let (held, most) = (held_by(victim), limits.most_memory());
    println!("filled: {held} bytes of at most {most}");
    assert!(held <= most, "{held}");
    assert!(held > most / 10 * 9, "the bound is far from what can be reached: {held}");
}

/// As many leaves as a frame has room for.
fn longest_leaves() -> Box<LeafRange> {
    Box::new(LeafRange { start: 0, leaves: vec![Hash([1; 32]); 511], uncles: Vec::new() })
}

fn give(session: &mut Session, now: Instant, message: WireMessage) {
    session.handle_input(now, Input::Send(message)).unwrap();
}

/// Feeds a record, and takes no output.
fn feed(session: &mut Session, now: Instant, wire: &mut [u8]) {
    assert_eq!(session.handle_bytes(now, wire), Ok(wire.len()));
}
