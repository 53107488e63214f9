//! A connection whose server is the test.

use bytes::BytesMut;
use core::ops::Range;
use core::time::Duration;
use spotp2p::RequestId;
use spotp2p::cdn::{CdnError, Connection, Get, Input, Limits, Output, Refusal, Target};
use spotproto::content::{Geometry, PIECE_LEN};
use spotproto::machine::settle;
use spotproto::{ByteMachine, Instant, Machine};
use std::sync::LazyLock;

/// Bytes of [`file`]: three pieces and a bit.
pub(crate) const LENGTH: usize = 3 * PIECE_LEN + 100;

/// What the servers of these tests hold.
pub(crate) fn file() -> &'static [u8] {
    static FILE: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..LENGTH).map(|at| (at * 31 / 7 + at / 251 + at / PIECE_LEN) as u8).collect());
    &FILE
}

pub(crate) fn geometry() -> Geometry {
    Geometry::of_ciphertext(LENGTH as u64).unwrap()
}

pub(crate) fn target(url: &str) -> Target {
    Target::new(url.parse().unwrap())
}

/// The bytes of these pieces.
pub(crate) fn bytes_of(pieces: Range<u32>) -> Range<usize> {
    let last = geometry().piece(pieces.end - 1);
    geometry().piece(pieces.start).start as usize..last.end as usize
}

pub(crate) fn get(request: u64, pieces: Range<u32>) -> Get {
    Get { request: RequestId(request), target: target("http://h/file"), geometry: geometry(), pieces }
}

/// An [`Output`], as short as a test can compare and show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Came {
    /// Of this request, this piece, with the bytes that [`file`] has there.
    Piece(u64, u32),
    /// A piece with other bytes, so many of them.
    Wrong(u64, u32, usize),
    Finished(u64),
    Refused(u64, Refusal),
    Moved(u64, Target),
}

impl From<Output> for Came {
    fn from(output: Output) -> Self {
        match output {
            Output::Piece { request, index, data } => {
                let piece = geometry().piece(index);
                let genuine = data == file()[piece.start as usize..piece.end as usize];
                if genuine {
                    Self::Piece(request.0, index)
                } else {
                    Self::Wrong(request.0, index, data.len())
                }
            }
            Output::Finished { request } => Self::Finished(request.0),
            Output::Refused { request, why } => Self::Refused(request.0, why),
            Output::Moved { request, target } => Self::Moved(request.0, target),
        }
    }
}

/// What a whole answer to such a request comes to.
pub(crate) fn all(request: u64, pieces: Range<u32>) -> Vec<Came> {
    pieces.map(|index| Came::Piece(request, index)).chain([Came::Finished(request)]).collect()
}

/// The usual answer: 206 with a length.
pub(crate) fn partial(pieces: Range<u32>) -> Vec<u8> {
    let bytes = bytes_of(pieces);
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {}-{}/{LENGTH}\r\n\r\n",
        bytes.len(),
        bytes.start,
        bytes.end - 1
    );
    [head.as_bytes(), &file()[bytes]].concat()
}

/// Head and body of an answer without pieces.
pub(crate) fn page(head: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

pub(crate) struct Line {
    pub(crate) connection: Connection,
    pub(crate) now: Instant,
    /// Received and not used.
    inbox: Vec<u8>,
    pub(crate) outputs: Vec<Came>,
    /// How it ended.
    pub(crate) ended: Option<CdnError>,
}

impl Line {
    pub(crate) fn new() -> Self {
        Self::with(Limits::DEFAULT)
    }

    pub(crate) fn with(limits: Limits) -> Self {
        let origin = "http://h/".parse().unwrap();
        Self {
            connection: Connection::new(Instant::START, origin, limits),
            now: Instant::START,
            inbox: Vec::new(),
            outputs: Vec::new(),
            ended: None,
        }
    }

    pub(crate) fn tell(&mut self, input: Input) {
        let told = self.connection.handle_input(self.now, input);
        self.heed(told);
    }

    /// Asks, and gives the request's text.
    pub(crate) fn ask(&mut self, get: Get) -> String {
        self.tell(Input::Get(get));
        self.sent()
    }

    /// What the connection puts on the line.
    pub(crate) fn sent(&mut self) -> String {
        let mut wire = BytesMut::new();
        while self.connection.poll_transmit(self.now, &mut wire, 8192) {}
        String::from_utf8(wire.to_vec()).unwrap()
    }

    /// Lets bytes come, taking outputs as they come.
    pub(crate) fn come(&mut self, bytes: &[u8]) {
        self.inbox.extend_from_slice(bytes);
        while self.ended.is_none() {
            match self.connection.handle_bytes(self.now, &mut self.inbox) {
                Ok(used) => {
                    self.inbox.drain(..used);
                    let before = self.outputs.len();
                    self.drain();
                    if used == 0 && self.outputs.len() == before {
                        return;
                    }
                }
                Err(error) => self.heed(Err(error)),
            }
        }
    }

    pub(crate) fn eof(&mut self) {
        if self.ended.is_none() {
            let told = self.connection.handle_eof(self.now);
            self.heed(told);
        }
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        self.now = self.now + span;
        let outputs = &mut self.outputs;
        let settled = settle(&mut self.connection, self.now, |output| outputs.push(output.into()));
        self.heed(settled);
    }

    /// Takes the outputs so far away.
    pub(crate) fn take(&mut self) -> Vec<Came> {
        core::mem::take(&mut self.outputs)
    }

    fn heed(&mut self, told: Result<(), CdnError>) {
        self.drain();
        if let Err(error) = told {
            assert_eq!(*self.ended.get_or_insert(error), error);
            // A finished machine asks for nothing, and says the same whatever it is told.
            assert_eq!(self.connection.poll_timeout(), None);
            assert_eq!(self.connection.handle_timeout(self.now), Err(error));
            assert_eq!(self.connection.handle_bytes(self.now, &mut [1]), Err(error));
            assert_eq!(self.connection.handle_eof(self.now), Err(error));
            assert!(!self.connection.poll_transmit(self.now, &mut BytesMut::new(), 8192));
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            self.outputs.push(output.into());
        }
    }
}
