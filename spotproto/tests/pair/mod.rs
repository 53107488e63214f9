//! Two sessions on a line with a delay, under one virtual clock.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the harness")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use bytes::{Bytes, BytesMut};
use core::time::Duration;
use spotproto::content::FileId;
use spotproto::crypto::{Crypto, KeyPair, PublicKey, RustCrypto, SecretKey};
use spotproto::message::{Message, PieceRange, Read, Urgency, WireMessage};
use spotproto::noise::Role;
use spotproto::preamble::LinkId;
use spotproto::session::{Input, Output, Session, Setup};
use spotproto::{ByteMachine, Instant, Limits, Machine, SessionError};
use std::collections::VecDeque;

/// One end of the line.
pub struct End {
    pub session: Session,
    /// Bytes that arrived and are not taken yet.
    pub inbox: Vec<u8>,
    /// Bytes under way to this end.
    pub line: VecDeque<(Instant, Vec<u8>)>,
    pub outputs: Vec<Output>,
    pub error: Option<SessionError>,
}

impl End {
    pub fn messages(&self) -> Vec<WireMessage> {
        self.outputs
            .iter()
            .filter_map(|output| match output {
                Output::Message(message) => Some(message.clone()),
                _ => None,
            })
            .collect()
    }

    pub fn confirmed(&self) -> bool {
        self.outputs
            .iter()
            .any(|output| matches!(output, Output::Confirmed | Output::Established { confirmed: true, .. }))
    }

    pub fn peer(&self) -> Option<PublicKey> {
        self.outputs.iter().find_map(|output| match output {
            Output::Established { peer, .. } => Some(*peer),
            _ => None,
        })
    }
}

pub struct Pair {
    pub now: Instant,
    pub client: End,
    pub server: End,
    pub delay: Duration,
    /// Bytes that a flush may hold.
    pub batch: usize,
}

pub fn keys(byte: u8) -> KeyPair {
    keys_of::<RustCrypto>(byte)
}

pub fn keys_of<C: Crypto>(byte: u8) -> KeyPair {
    KeyPair::new::<C>(SecretKey([byte; 32]))
}

pub fn setup(role: Role, identity: u8, ephemeral: u8, remote: Option<PublicKey>) -> Setup {
    setup_of::<RustCrypto>(role, identity, ephemeral, remote)
}

pub fn setup_of<C: Crypto>(role: Role, identity: u8, ephemeral: u8, remote: Option<PublicKey>) -> Setup {
    Setup {
        role,
        dialled: role == Role::Initiator,
        link: LinkId::ACCESS_POINT,
        identity: keys_of::<C>(identity),
        ephemeral: SecretKey([ephemeral; 32]),
        remote,
        limits: Limits::DEFAULT,
    }
}

impl Pair {
    pub fn of(client: Setup, server: Setup) -> Self {
        let end = |setup| End {
            session: Session::new(Instant::START, setup).expect("usable keys"),
            inbox: Vec::new(),
            line: VecDeque::new(),
            outputs: Vec::new(),
            error: None,
        };
        Self {
            now: Instant::START,
            client: end(client),
            server: end(server),
            delay: Duration::from_millis(25),
            batch: 8192,
        }
    }

    /// A client that knows the server's key, and a server.
    pub fn ik() -> Self {
        let server = keys(2).public;
        Self::of(setup(Role::Initiator, 1, 11, Some(server)), setup(Role::Responder, 2, 12, None))
    }

    /// A client at first contact.
    pub fn xx() -> Self {
        Self::of(setup(Role::Initiator, 1, 11, None), setup(Role::Responder, 2, 12, None))
    }

    /// Both ends established and confirmed.
    pub fn connected() -> Self {
        let mut pair = Self::ik();
        pair.run(Duration::from_secs(1));
        assert!(pair.client.confirmed() && pair.server.confirmed());
        pair.client.outputs.clear();
        pair.server.outputs.clear();
        pair
    }

    pub fn client_sends(&mut self, message: WireMessage) {
        give(&mut self.client, self.now, Input::Send(message));
    }

    pub fn server_sends(&mut self, message: WireMessage) {
        give(&mut self.server, self.now, Input::Send(message));
    }

    /// Lets `span` pass, moving bytes as the line delivers them.
    pub fn run(&mut self, span: Duration) {
        let until = self.now + span;
        loop {
            self.settle();
            let next = [&self.client, &self.server]
                .into_iter()
                .filter(|end| end.error.is_none())
                .flat_map(|end| {
                    end.line.front().map(|(at, _)| *at).into_iter().chain(end.session.poll_timeout())
                })
                .min();
            match next {
                Some(at) if at <= until => self.now = at.max(self.now),
                _ => break,
            }
        }
        self.now = until;
        self.settle();
    }

    /// Does all that is to be done now.
    pub fn settle(&mut self) {
        for _ in 0..10_000 {
            let a = step(self.now, self.delay, self.batch, &mut self.client, &mut self.server);
            let b = step(self.now, self.delay, self.batch, &mut self.server, &mut self.client);
            if !a && !b {
                return;
            }
        }
        panic!("the pair never settles");
    }
}

fn give(end: &mut End, now: Instant, input: Input) {
    if let Err(error) = end.session.handle_input(now, input) {
        end.error.get_or_insert(error);
    }
}

/// One turn of one end; whether anything happened.
fn step(now: Instant, delay: Duration, batch: usize, end: &mut End, other: &mut End) -> bool {
    let mut busy = false;
    while end.line.front().is_some_and(|(at, _)| *at <= now) {
        end.inbox.extend(end.line.pop_front().expect("looked").1);
        busy = true;
    }
    if end.error.is_none() {
        let mut result = Ok(());
        if end.session.poll_timeout().is_some_and(|at| at <= now) {
            busy = true;
            result = end.session.handle_timeout(now);
        }
        if result.is_ok() && !end.inbox.is_empty() {
            match end.session.handle_bytes(now, &mut end.inbox) {
                Ok(taken) => {
                    busy |= taken > 0;
                    end.inbox.drain(..taken);
                }
                Err(error) => result = Err(error),
            }
        }
        if let Err(error) = result {
            end.error = Some(error);
            busy = true;
        }
    }
    while let Some(output) = end.session.poll_output() {
        end.outputs.push(output);
        busy = true;
    }
    let mut wire = BytesMut::new();
    if end.session.poll_transmit(now, &mut wire, batch) {
        other.line.push_back((now + delay, wire.to_vec()));
        busy = true;
    }
    busy
}

pub const FILE: FileId = FileId([9; 32]);

pub fn read(channel: u32, start: u32, count: u32, urgency: Urgency) -> WireMessage {
    let pieces = PieceRange { start, count };
    Message::Read { channel, read: Read { file: FILE, pieces, urgency, leaves: None } }
}

pub fn piece(channel: u32, index: u32) -> WireMessage {
    let data = Bytes::from(vec![index as u8; spotproto::content::PIECE_LEN]);
    Message::Piece { channel, index, data }
}

pub fn feed(session: &mut Session, now: Instant, wire: &mut BytesMut) -> Result<usize, SessionError> {
    let mut taken = 0;
    while taken < wire.len() {
        match session.handle_bytes(now, &mut wire[taken..])? {
            0 => break,
            n => taken += n,
        }
        while session.poll_output().is_some() {}
    }
    Ok(taken)
}
