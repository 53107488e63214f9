//! Two sessions in memory: what one puts on the wire the other takes from it.

use bytes::{Bytes, BytesMut};
use spotproto::content::{FileId, PIECE_LEN};
use spotproto::crypto::{Crypto, KeyPair, SecretKey};
use spotproto::message::{Message, PieceRange, Read, Refusal, Urgency, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Input, Output, Session, Setup};
use spotproto::{ByteMachine, Instant, Limits, Machine};

/// Pieces that the answering application keeps queued.
const QUEUED: u32 = 16;

/// Both ends of an established connection.
pub(crate) struct Sessions<C: Crypto> {
    client: Session<C>,
    server: Session<C>,
    wire: BytesMut,
    limit: usize,
    answer: Answer,
    channel: u32,
}

/// The application of the side that answers: one read at a time, a few pieces queued.
pub(crate) struct Answer {
    data: Bytes,
    open: Option<(u32, PieceRange)>,
    queued: u32,
}

impl<C: Crypto> Sessions<C> {
    /// `limit` is what a flush may hold.
    pub(crate) fn new(limit: usize) -> Self {
        let (client, server) = ends();
        let wire = BytesMut::with_capacity(128 << 10);
        let mut pair = Self { client, server, wire, limit, answer: Answer::new(), channel: 0 };
        for _ in 0..3 {
            pair.up(|_| ());
            pair.down(|_| ());
        }
        assert!(pair.client.stats().records_received > 0 && pair.server.stats().records_received > 0);
        pair
    }

    /// Asks for `pieces`, answers, and drops what came; it must be all.
    pub(crate) fn download(&mut self, pieces: u32) {
        self.channel += 1;
        give(&mut self.client, read(self.channel, pieces));
        let mut asked = Vec::new();
        self.up(|message| asked.push(message));
        for message in asked {
            self.answer.take(message);
        }
        let mut taken = Taken::default();
        while !taken.ended {
            self.answer.feed(|message| give(&mut self.server, message));
            self.down(|message| taken.take(message));
            self.answer.queued = 0;
        }
        assert_eq!(taken.pieces, pieces);
    }

    /// Sends `requests` reads of one piece, each of which is refused or ended. Twice as many messages go by.
    pub(crate) fn small_messages(&mut self, requests: u32) {
        for _ in 0..requests {
            self.channel += 1;
            give(&mut self.client, read(self.channel, 1));
        }
        let mut asked = Vec::with_capacity(requests as usize);
        self.up(|message| asked.extend(message.channel()));
        for channel in asked {
            give(
                &mut self.server,
                match channel % 2 {
                    0 => Message::End { channel },
                    _ => Message::Refuse { channel, why: Refusal::Busy },
                },
            );
        }
        let mut answered = 0;
        self.down(|_| answered += 1);
        assert_eq!(answered, requests);
    }

    fn up(&mut self, sink: impl FnMut(WireMessage)) {
        flush(&mut self.client, &mut self.server, &mut self.wire, self.limit, sink);
        while self.client.poll_output().is_some() {}
    }

    fn down(&mut self, sink: impl FnMut(WireMessage)) {
        flush(&mut self.server, &mut self.client, &mut self.wire, self.limit, sink);
        while self.server.poll_output().is_some() {}
    }
}

/// A client that knows the server's key, and the server.
pub(crate) fn ends<C: Crypto>() -> (Session<C>, Session<C>) {
    let [client, server] = [1, 2].map(|byte| KeyPair::new::<C>(SecretKey([byte; 32])));
    let remote = Some(server.public);
    let end = |role, identity, ephemeral, remote| {
        let setup = Setup {
            role,
            dialled: role == Role::Initiator,
            link: LinkId::ACCESS_POINT,
            identity,
            ephemeral: SecretKey([ephemeral; 32]),
            remote,
            limits: Limits::DEFAULT,
        };
        Session::new(Instant::START, setup).expect("usable keys")
    };
    (end(Role::Initiator, client, 3, remote), end(Role::Responder, server, 4, None))
}

pub(crate) fn read(channel: u32, count: u32) -> WireMessage {
    let pieces = PieceRange { start: 0, count };
    let read = Read { file: FileId([9; 32]), pieces, urgency: Urgency::Playing, leaves: None };
    Message::Read { channel, read }
}

fn give<C: Crypto>(session: &mut Session<C>, message: WireMessage) {
    session.handle_input(Instant::START, Input::Send(message)).expect("within the limits");
}

/// Everything that `from` has to say, to `to`.
fn flush<C: Crypto>(
    from: &mut Session<C>,
    to: &mut Session<C>,
    wire: &mut BytesMut,
    limit: usize,
    mut sink: impl FnMut(WireMessage),
) {
    loop {
        wire.clear();
        if !from.poll_transmit(Instant::START, wire, limit) {
            return;
        }
        let mut taken = 0;
        while taken < wire.len() {
            taken += to.handle_bytes(Instant::START, &mut wire[taken..]).expect("honest bytes");
            while let Some(output) = to.poll_output() {
                if let Output::Message(message) = output {
                    sink(message);
                }
            }
        }
    }
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self { data: Bytes::from(vec![0x5a; PIECE_LEN]), open: None, queued: 0 }
    }

    /// A request came.
    pub(crate) fn take(&mut self, message: WireMessage) {
        if let Message::Read { channel, read } = message {
            self.open = Some((channel, read.pieces));
        }
    }

    /// A piece went out.
    pub(crate) fn sent(&mut self) {
        self.queued -= 1;
    }

    /// Queues pieces while there is room, and the end behind the last.
    pub(crate) fn feed(&mut self, mut give: impl FnMut(WireMessage)) {
        let Some((channel, mut left)) = self.open.take() else { return };
        while left.count > 0 && self.queued < QUEUED {
            give(Message::Piece { channel, index: left.start, data: self.data.clone() });
            left = PieceRange { start: left.start + 1, count: left.count - 1 };
            self.queued += 1;
        }
        if left.count == 0 {
            give(Message::End { channel });
        } else {
            self.open = Some((channel, left));
        }
    }
}

/// What came of an answer.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) pieces: u32,
    pub(crate) ended: bool,
}

impl Taken {
    pub(crate) fn take(&mut self, message: WireMessage) {
        match message {
            Message::Piece { data, .. } => {
                assert_eq!(data.len(), PIECE_LEN);
                self.pieces += 1;
            }
            Message::End { .. } => self.ended = true,
            other => panic!("not an answer: {other:?}"),
        }
    }
}
