//! What a piece of the track that plays costs: the same whatever the number of neighbours that lie idle.

use crate::counted::{Name, compared};
use crate::neighbourhood::{NOW, Neighbourhood, named};
use crate::world::{self, DATE, Piece, TRACK, log_in};
use allocation_counter::measure;
use core::time::Duration;
use spotp2p::SessionId;
use spotp2p::node::{Command, Config, Input, Output};
use spotp2p::planner;
use spotproto::Seed;
use spotproto::content::{ContentKey, Head};
use spotproto::message::{Channel, Message, Opened, PieceRange, Slot, Wanted};

/// What one input cost.
#[derive(PartialEq, Eq, Debug)]
struct Cost {
    /// Growing what was allocated included.
    allocations: u64,
    bytes: u64,
    compared: u64,
    outputs: usize,
}

fn head() -> Head<Name> {
    let it = world::head();
    Head {
        file: Name(it.file.0),
        geometry: it.geometry,
        format: it.format,
        bit_rate: it.bit_rate,
        duration_ms: it.duration_ms,
        sample_rate: it.sample_rate,
        channels: it.channels,
        samples: it.samples,
        delay: it.delay,
        gain: it.gain,
        headers: it.headers,
        seek: it.seek,
    }
}

/// Plays the tune out of what the first neighbour has, or the access point if nobody `serves`; what each piece cost.
fn play(neighbours: u8, serves: bool) -> Vec<Cost> {
    // Nothing sounds, so nothing moves a bound on.
    let planner = planner::Config { free_ahead: Duration::MAX, ..planner::Config::DEFAULT }.into();
    let config = Config { planner, ..Config::new(log_in(), "test", Seed([3; 32]), (NOW, DATE)) };
    let mut it = Neighbourhood::new(config, neighbours);
    let mut outputs = it.is_told(Input::Command(Command::Open { wanted: Wanted::Track(TRACK), at_ms: 0 }));
    let channel = outputs.iter().find_map(|output| match output {
        Output::Send { message: Message::Open { channel, .. }, .. } => Some(*channel),
        _ => None,
    });
    let channel = channel.expect("it opens the tune");
    let opened = Opened {
        head: head(),
        key: ContentKey::new([5; 32]),
        lease_s: 60,
        title: "Tune".into(),
        artist: "Nobody".into(),
        first: Vec::new(),
        proofs: Vec::new(),
    };
    outputs.extend(it.hears(Message::Opened { channel, opened: Box::new(opened) }));
    if serves {
        outputs.extend(it.hears(Message::Peers { channel, peers: vec![named(0)] }));
    }
    outputs.extend(it.hears(Message::End { channel }));
    let mut costs = Vec::new();
    while costs.len() < 250 {
        while !outputs.is_empty() {
            outputs = answers(&mut it, &outputs, &mut costs);
        }
        outputs = it.waits();
    }
    costs
}

/// Answers all that is asked; what is asked then.
fn answers(
    it: &mut Neighbourhood,
    outputs: &[Output<Name, Piece>],
    costs: &mut Vec<Cost>,
) -> Vec<Output<Name, Piece>> {
    let mut next = Vec::new();
    for output in outputs {
        let Output::Send { to, message } = output else { continue };
        match message {
            Message::Read { channel, read } => {
                next.extend(sends(it, *to, *channel, read.pieces, costs));
            }
            Message::Want { channel, .. } => {
                let slot = Slot { place: 0, held: Vec::new() };
                let message = Message::Slot { channel: *channel, slot };
                next.extend(it.is_told(Input::Message { from: *to, message }));
            }
            _ => {}
        }
    }
    next
}

fn sends(
    it: &mut Neighbourhood,
    from: SessionId,
    channel: Channel,
    pieces: PieceRange,
    costs: &mut Vec<Cost>,
) -> Vec<Output<Name, Piece>> {
    let mut next = Vec::new();
    for index in pieces.start..pieces.end() {
        it.now = it.now + Duration::from_millis(10);
        let data = Piece { size: head().geometry.piece_len(index), genuine: true };
        let input = Input::Message { from, message: Message::Piece { channel, index, data } };
        let (before, mut outputs) = (compared(), Vec::new());
        let asked = measure(|| outputs = it.is_told(input));
        costs.push(Cost {
            allocations: asked.count_total,
            bytes: asked.bytes_total,
            compared: compared() - before,
            outputs: outputs.len(),
        });
        next.extend(outputs);
    }
    next.extend(it.is_told(Input::Message { from, message: Message::End { channel } }));
    next
}

#[test]
fn a_piece_costs_the_same_with_two_and_with_sixty_idle_neighbours() {
    for serves in [false, true] {
        let (two, sixty) = (play(2, serves), play(60, serves));
        let other = two.iter().zip(&sixty).position(|(two, sixty)| two != sixty);
        assert_eq!(other.map(|at| (at, &two[at], &sixty[at])), None);
        assert_eq!(two.len(), sixty.len());
    }
}
