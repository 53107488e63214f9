//! One swarm, with neighbours whose part the test plays.

use core::time::Duration;
use spotp2p::swarm::{
    Config, Direction, Holding, Output, PeerId, PeerMessage, PieceRequest, Query, QueryId, Slot, SlotState,
    Swarm, Want,
};
use spotproto::message::{PieceRange, Urgency};
use spotproto::ticket::Pseudonym;
use spotproto::{Instant, Seed};

/// What the swarm under test is called.
pub(crate) const ME: Pseudonym = Pseudonym([0xee; 16]);

pub(crate) struct Rig {
    pub(crate) swarm: Swarm<u32>,
    pub(crate) now: Instant,
}

impl Rig {
    /// A swarm that is logged in, with `neighbours` links that others made.
    pub(crate) fn new(neighbours: u32) -> Self {
        Self::with(neighbours, Config::default())
    }

    pub(crate) fn with(neighbours: u32, config: Config) -> Self {
        let mut rig = Self { swarm: Swarm::new(config), now: Instant::START };
        rig.swarm.new_log_in(rig.now, ME, Seed([1; 32]));
        for n in 0..neighbours {
            assert_eq!(rig.open(n), Ok(()));
        }
        assert_eq!(rig.outputs(), []);
        rig
    }

    pub(crate) fn open(&mut self, n: u32) -> Result<(), spotp2p::swarm::NoRoom> {
        self.swarm.opened(self.now, PeerId(n), name(n), Direction::Theirs)
    }

    pub(crate) fn say(&mut self, from: u32, message: PeerMessage<u32>) {
        self.swarm.message(self.now, PeerId(from), message, &holding);
    }

    pub(crate) fn says_query(&mut self, from: u32, id: u64, file: u32, forward: bool) {
        self.say(from, PeerMessage::Query(Query { id: QueryId(id), file, forward }));
    }

    pub(crate) fn says_want(&mut self, from: u32, file: u32, urgency: Urgency) {
        self.say(from, PeerMessage::Want(Want { file, urgency: Some(urgency) }));
    }

    pub(crate) fn says_want_no_more(&mut self, from: u32, file: u32) {
        self.say(from, PeerMessage::Want(Want { file, urgency: None }));
    }

    pub(crate) fn says_slot(&mut self, from: u32, file: u32, state: SlotState) {
        self.say(from, PeerMessage::Slot(Slot { file, state }));
    }

    pub(crate) fn requests(&mut self, from: u32, channel: u32, file: u32, start: u32, count: u32) {
        let pieces = PieceRange { start, count };
        self.swarm.request(self.now, PeerId(from), PieceRequest { channel, file, pieces });
    }

    pub(crate) fn outputs(&mut self) -> Vec<Output<u32>> {
        core::iter::from_fn(|| self.swarm.poll_output()).collect()
    }

    /// Lets time pass, firing what is due on the way; what came out.
    pub(crate) fn wait(&mut self, span: Duration) -> Vec<Output<u32>> {
        let end = self.now + span;
        let mut outputs = self.outputs();
        while let Some(at) = self.swarm.poll_timeout().filter(|at| *at <= end) {
            assert!(at > self.now || outputs.is_empty(), "stays due");
            self.now = self.now.max(at);
            self.swarm.handle_timeout(self.now);
            outputs.extend(self.outputs());
        }
        self.now = end;
        outputs
    }

    pub(crate) fn wait_seconds(&mut self, seconds: u64) -> Vec<Output<u32>> {
        self.wait(Duration::from_secs(seconds))
    }
}

/// Files below 1,000 are here, files below 2,000 in part.
pub(crate) fn holding(file: &u32) -> Holding {
    match file {
        0..1000 => Holding::Whole,
        1000..2000 => Holding::Part,
        _ => Holding::Nothing,
    }
}

/// What neighbour `n` is called.
pub(crate) fn name(n: u32) -> Pseudonym {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    Pseudonym(bytes)
}

/// What was said to whom.
pub(crate) fn messages(outputs: &[Output<u32>]) -> Vec<(u32, PeerMessage<u32>)> {
    let said = outputs.iter().filter_map(|output| match output {
        Output::Send { to, message } => Some((to.0, *message)),
        _ => None,
    });
    said.collect()
}

/// The slots that were told, as `(to, file, state)`.
pub(crate) fn slots(outputs: &[Output<u32>]) -> Vec<(u32, u32, SlotState)> {
    let told = messages(outputs).into_iter().filter_map(|(to, message)| match message {
        PeerMessage::Slot(slot) => Some((to, slot.file, slot.state)),
        _ => None,
    });
    told.collect()
}

/// Those to whom a query went, and the last one's name.
pub(crate) fn queries(outputs: &[Output<u32>]) -> Vec<(u32, Query<u32>)> {
    let asked = messages(outputs).into_iter().filter_map(|(to, message)| match message {
        PeerMessage::Query(query) => Some((to, query)),
        _ => None,
    });
    asked.collect()
}

/// Pieces that are to be read, as `(to, channel, piece)`.
pub(crate) fn reads(outputs: &[Output<u32>]) -> Vec<(u32, u32, u32)> {
    let read = outputs.iter().filter_map(|output| match output {
        Output::Read { to, channel, piece, .. } => Some((to.0, *channel, *piece)),
        _ => None,
    });
    read.collect()
}
