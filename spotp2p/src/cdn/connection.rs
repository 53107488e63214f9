//! The machine: one connection to one web server.

mod liveness;
mod receive;

use super::body::Body;
use super::error::CdnError;
use super::head::Finder;
use super::limits::Limits;
use super::pieces::Pieces;
use super::refusal::Refusal;
use super::request::Get;
use super::target::Target;
use super::url::Url;
use crate::RequestId;
use bytes::{Bytes, BytesMut};
use liveness::Timer;
use spotproto::{ByteMachine, Instant, Machine, Outbox, Timers};

/// What the owner of a [`Connection`] wants.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// Ask for pieces. One request at a time; while another one is under way it is refused with
    /// [`Refusal::OneAtATime`].
    Get(Get),
    /// The pieces that have not come yet are not wanted any more. Nothing more comes of the request, and the next one
    /// may be given at once: it waits until the rest of the answer went by, or the connection ends with
    /// [`CdnError::Abandoned`] where that rest is long. Of an unknown or finished request it means nothing.
    Cancel(RequestId),
}

/// What comes of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// A whole piece, as soon as its last byte is here. Not proved yet.
    Piece {
        /// The request's number.
        request: RequestId,
        /// The piece's place in the file.
        index: u32,
        /// What the server sent for it.
        data: Bytes,
    },
    /// All pieces of the request came.
    Finished {
        /// The request's number.
        request: RequestId,
    },
    /// The request brings no pieces, or no more of them. The connection goes on.
    Refused {
        /// The request's number.
        request: RequestId,
        /// Why.
        why: Refusal,
    },
    /// The server sends its client elsewhere and this connection cannot follow: it is another host, or this one is
    /// about to close. Whether to dial there is for the owner to decide: the address is the server's word, and may
    /// lead into the owner's own network.
    Moved {
        /// The request's number.
        request: RequestId,
        /// Where to ask instead.
        target: Target,
    },
}

/// Asks one web server for pieces of files, over one connection.
///
/// # Contract
///
/// That of [`Machine`] and [`ByteMachine`], and:
///
/// - A request is answered by pieces in ascending order and then, unless it was cancelled or the connection ended, by
///   exactly one of [`Output::Finished`], [`Output::Refused`] and [`Output::Moved`].
/// - The next request goes out when the answer before it is over. Redirects to the same host are followed.
/// - [`CdnError`] ends it, an orderly close included, and with it the request under way; its pieces so far are good to
///   be proved. The owner dials again if it wants more.
/// - The server is given up when it is silent, trickles, or breaks HTTP/1.1 in a way that leaves open where an answer
///   ends. An owner who takes no outputs for longer than [`Limits::silence`] may see that blamed on the server.
///
/// Memory: see [`Limits`].
#[derive(Debug)]
pub struct Connection {
    origin: Url,
    limits: Limits,
    /// The request that goes out when the line is free.
    owed: Option<Get>,
    answer: Answer,
    finder: Finder,
    /// Interim answers before the one that counts.
    interim: u8,
    /// An answer came whole over this connection.
    served: bool,
    /// Bytes of the body since the trickle's timer was set.
    progress: u64,
    outputs: Outbox<Output>,
    timers: Timers<{ Timer::COUNT }>,
    ended: Option<CdnError>,
}

/// What is on the line.
#[derive(Debug)]
enum Answer {
    /// Nothing.
    None,
    /// A head is to come; without a request, one that was cancelled.
    Head(Option<Get>),
    /// A body, with pieces in it.
    Body(Taking),
    /// A body that nobody wants.
    Rest(Rest),
}

#[derive(Debug)]
struct Taking {
    request: RequestId,
    body: Body,
    pieces: Pieces,
    keeps: bool,
    /// More of the file follows the pieces.
    whole: bool,
}

#[derive(Debug)]
struct Rest {
    body: Body,
    keeps: bool,
    /// Bytes that may still come.
    budget: u64,
    /// What it means if more of them come.
    beyond: CdnError,
}

impl Connection {
    /// A connection, just made, to where `origin` is; its path does not matter.
    #[must_use]
    pub fn new(now: Instant, origin: Url, limits: Limits) -> Self {
        let outputs = Outbox::new(limits.outputs.max(1));
        let mut connection = Self {
            origin,
            limits,
            owed: None,
            answer: Answer::None,
            finder: Finder::default(),
            interim: 0,
            served: false,
            progress: 0,
            outputs,
            timers: Timers::new(),
            ended: None,
        };
        connection.rest_from(now);
        connection
    }

    /// The request under way.
    #[must_use]
    pub fn request(&self) -> Option<RequestId> {
        match (&self.owed, &self.answer) {
            (Some(get), _) | (None, Answer::Head(Some(get))) => Some(get.request),
            (None, Answer::Body(taking)) => Some(taking.request),
            _ => None,
        }
    }

    fn get(&mut self, get: Get) {
        let request = get.request;
        let fits = if self.request().is_some() { Err(Refusal::OneAtATime) } else { get.check(&self.origin) };
        match fits {
            Ok(()) => self.owed = Some(get),
            Err(why) => self.outputs.push(Output::Refused { request, why }),
        }
    }

    fn cancel(&mut self, now: Instant, request: RequestId) -> Result<(), CdnError> {
        if self.request() != Some(request) {
            return Ok(());
        }
        if self.owed.take().is_some() {
            return Ok(());
        }
        match core::mem::replace(&mut self.answer, Answer::None) {
            Answer::Head(Some(get)) => {
                let asked = get.bytes();
                if asked.end.saturating_sub(asked.start) > self.limits.drain {
                    return Err(CdnError::Abandoned);
                }
                self.answer = Answer::Head(None);
                Ok(())
            }
            Answer::Body(taking) => self.drain(now, taking.body, taking.keeps),
            other => {
                self.answer = other;
                Ok(())
            }
        }
    }

    fn alive(&self) -> Result<(), CdnError> {
        self.ended.map_or(Ok(()), Err)
    }

    /// What `done` says, remembered if it is the end.
    fn heed<T>(&mut self, done: Result<T, CdnError>) -> Result<T, CdnError> {
        if let Err(error) = &done {
            self.ended = Some(*error);
            self.timers.clear_all();
            self.owed = None;
            self.answer = Answer::None;
        }
        done
    }
}

impl Machine for Connection {
    type Input = Input;
    type Output = Output;
    type Error = CdnError;

    fn handle_input(&mut self, now: Instant, input: Input) -> Result<(), CdnError> {
        self.alive()?;
        let done = match input {
            _ if !self.wants_input() => Err(CdnError::Misuse),
            Input::Get(get) => {
                self.get(get);
                Ok(())
            }
            Input::Cancel(request) => self.cancel(now, request),
        };
        self.heed(done)
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), CdnError> {
        self.alive()?;
        let done = self.fire(now);
        self.heed(done)
    }

    fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    fn wants_input(&self) -> bool {
        self.outputs.has_room()
    }
}

impl ByteMachine for Connection {
    fn handle_bytes(&mut self, now: Instant, wire: &mut [u8]) -> Result<usize, CdnError> {
        self.alive()?;
        let done = self.receive(now, wire);
        self.heed(done)
    }

    fn handle_eof(&mut self, _now: Instant) -> Result<(), CdnError> {
        self.alive()?;
        let why = match &self.answer {
            Answer::None if self.owed.is_none() => CdnError::Closed,
            Answer::None | Answer::Head(_) if self.served && !self.has_begun() => CdnError::Stale,
            Answer::Rest(_) => CdnError::Closed,
            _ => CdnError::Cut,
        };
        self.heed(Err(why))
    }

    fn poll_transmit(&mut self, now: Instant, wire: &mut BytesMut, limit: usize) -> bool {
        if wire.len() >= limit || !matches!(self.answer, Answer::None) {
            return false;
        }
        let Some(get) = self.owed.take() else { return false };
        get.write(wire);
        self.answer = Answer::Head(Some(get));
        self.interim = 0;
        self.asked(now);
        true
    }
}
