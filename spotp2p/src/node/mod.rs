//! The client as one machine: it opens tracks, fetches what playing needs, seeks, and comes back after a break.

mod fetch;
mod play;
mod server;

use crate::payload::{FileKey, Payload};
use crate::reach::BackoffInput;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use core::time::Duration;
use play::Play;
use server::Server;
use spotproto::crypto::PublicKey;
use spotproto::message::{Hello, Message, Opened, PieceRange, Refusal, Urgency, Wanted};
use spotproto::{CloseCode, Instant, Machine, Outbox, Seed, SessionError};

/// What a node is told once.
#[derive(Clone, Debug)]
pub struct Config {
    /// What peers will know this log-in by.
    pub link_key: PublicKey,
    /// The port on which this client takes connections; 0 for none.
    pub port: u16,
    /// Name and version of the program.
    pub agent: Box<str>,
    /// Pieces of the playing track that are kept; beyond that the ones furthest behind go.
    pub keep: u32,
    /// Outputs queued before the node wants to be drained.
    pub outputs: usize,
    /// Decides every throw: jitter of retries.
    pub seed: Seed,
}

impl Config {
    /// 64 MiB of the playing track kept, no port.
    #[must_use]
    pub fn new(link_key: PublicKey, agent: &str, seed: Seed) -> Self {
        Self { link_key, port: 0, agent: agent.into(), keep: 4096, outputs: 64, seed }
    }
}

/// What the person, or the program on their behalf, wants.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Command<K> {
    /// Log in now, so that the first click finds a standing connection.
    Connect,
    /// Play this from here on; what played before is dropped.
    Open {
        /// A track or a file.
        wanted: Wanted<K>,
        /// Where to start, in milliseconds.
        at_ms: u32,
    },
    /// Go to this time of the playing track.
    Seek {
        /// In milliseconds.
        at_ms: u32,
    },
    /// The decoder has come to this piece.
    Reading {
        /// The piece.
        piece: u32,
    },
    /// Play nothing any more.
    Stop,
    /// Leave the access point.
    Leave,
}

/// What a node is told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Input<K, B> {
    /// Somebody wants something.
    Command(Command<K>),
    /// The connection stands and the access point has shown its key.
    Connected {
        /// As named in [`Effect::Connect`].
        session: SessionId,
    },
    /// The connection could not be made, or ended.
    Disconnected {
        /// As named in [`Effect::Connect`].
        session: SessionId,
        /// Why it ended; `None` if no address answered.
        why: Option<SessionError>,
    },
    /// A round trip was measured.
    RoundTrip {
        /// On which connection.
        session: SessionId,
        /// How long it took.
        span: Duration,
    },
    /// A message came.
    Message {
        /// On which connection.
        from: SessionId,
        /// The message.
        message: Message<K, B>,
    },
}

/// What a node wants done.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Effect {
    /// Connect to the access point. Messages for the session follow at once: they are to be given to it before its
    /// first flush, so that they ride in the first message.
    Connect {
        /// What to call the connection.
        session: SessionId,
        /// The number of the effect.
        request: RequestId,
    },
    /// Close the connection.
    HangUp {
        /// Which one.
        session: SessionId,
        /// What the other side is told.
        code: CloseCode,
    },
}

/// What a node tells the program.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event<K, B> {
    /// The access point answered the log-in.
    LoggedIn,
    /// The connection is gone; it will be tried again.
    Offline {
        /// After this long.
        retry_in: Duration,
        /// Why it ended, if it ever stood.
        why: Option<SessionError>,
    },
    /// The connection is gone for good: trying again would not help.
    GaveUp {
        /// Why.
        why: SessionError,
    },
    /// The track is known; its first pieces are coming.
    Opened(Box<Opened<K>>),
    /// The track can't be had.
    Refused(Refusal),
    /// A piece came and was proved.
    Piece {
        /// Which one.
        index: u32,
        /// Its ciphertext.
        data: B,
    },
    /// These pieces may be dropped; if they are needed after all the node will fetch them again.
    Drop(PieceRange),
    /// A piece was wrong: the connection it came on is closed.
    Forged {
        /// Which one.
        index: u32,
    },
}

/// What a node asks of its owner, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Output<K, B> {
    /// Send a message.
    Send {
        /// On which connection.
        to: SessionId,
        /// The message.
        message: Message<K, B>,
    },
    /// Do something.
    Effect(Effect),
    /// Know something.
    Event(Event<K, B>),
}

/// Every node takes every input: there is nothing that ends it.
pub type Never = core::convert::Infallible;

/// The client as one machine.
///
/// It runs beside any number of connections, which its owner drives: messages, effects and events go out by
/// [`Machine::poll_output`], and what comes of them is told by [`Machine::handle_input`]. It never ends.
///
/// Memory, in words: the pieces themselves belong to the program; the node keeps a bit per piece of the playing track,
/// 2 KiB of leaves for each MiB of what is kept of it, and what is outstanding.
#[derive(Debug)]
pub struct Node<K, B> {
    config: Config,
    server: Server,
    play: Option<Play<K, B>>,
    next_session: u64,
    out: Outbox<Output<K, B>>,
}

impl<K: FileKey, B: Payload> Node<K, B> {
    /// A node that is not connected and plays nothing.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        Self {
            server: Server::new(now, &config.seed),
            play: None,
            next_session: 0,
            out: Outbox::new(config.outputs),
            config,
        }
    }

    fn command(&mut self, now: Instant, command: Command<K>) {
        match command {
            Command::Connect => self.connect(now),
            Command::Open { wanted, at_ms } => {
                self.stop();
                self.play = Some(Play::new(wanted, at_ms));
                self.connect(now);
                self.ask(now);
            }
            Command::Seek { at_ms } => self.seek(now, at_ms),
            Command::Reading { piece } => self.reading(now, piece),
            Command::Stop => self.stop(),
            Command::Leave => self.leave(now),
        }
    }

    /// Makes sure that there is a connection, or will be: somebody waits, so no wait between tries is sat out.
    fn connect(&mut self, now: Instant) {
        if self.server.tell(now, BackoffInput::Want) || self.server.tell(now, BackoffInput::Hope) {
            self.dial(now);
        }
    }

    fn dial(&mut self, now: Instant) {
        let session = SessionId(self.next_session);
        let request = RequestId(self.next_session);
        self.next_session += 1;
        self.server.begin(now, session);
        self.out.push(Output::Effect(Effect::Connect { session, request }));
        let hello = Hello {
            link_key: self.config.link_key,
            port: self.config.port,
            agent: self.config.agent.clone(),
        };
        self.send(Message::Hello(Box::new(hello)));
    }

    fn leave(&mut self, now: Instant) {
        self.stop();
        self.server.tell(now, BackoffInput::Unwant);
        if let Some(session) = self.server.session.take() {
            self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Done }));
        }
    }

    fn disconnected(&mut self, now: Instant, why: Option<SessionError>) {
        self.server.session = None;
        if let Some(play) = self.play.as_mut() {
            play.forget_requests();
        }
        if let Some(why) = why.filter(server::is_final) {
            self.play = None;
            self.server.tell(now, BackoffInput::Unwant);
            self.out.push(Output::Event(Event::GaveUp { why }));
            return;
        }
        self.server.tell(now, BackoffInput::Gone);
        let retry_in = self.server.retry_in(now);
        self.out.push(Output::Event(Event::Offline { retry_in, why }));
    }

    fn message(&mut self, now: Instant, message: Message<K, B>) {
        match message {
            Message::Welcome(_) => self.out.push(Output::Event(Event::LoggedIn)),
            Message::Opened { channel, opened } => self.opened(now, channel, opened),
            Message::Leaves { channel, leaves } => self.leaves(now, channel, &leaves),
            Message::Piece { channel, index, data } => self.piece(now, channel, index, data),
            Message::End { channel } => self.ended(now, channel, None),
            Message::Refuse { channel, why } => self.ended(now, channel, Some(why)),
            // What only an access point is asked is no fault between strangers' versions, and nothing to act on.
            _ => {}
        }
    }

    fn send(&mut self, message: Message<K, B>) {
        if let Some(to) = self.server.session {
            self.out.push(Output::Send { to, message });
        }
    }
}

impl<K: FileKey, B: Payload> Machine for Node<K, B> {
    type Input = Input<K, B>;
    type Output = Output<K, B>;
    type Error = Never;

    fn handle_input(&mut self, now: Instant, input: Input<K, B>) -> Result<(), Never> {
        match input {
            Input::Command(command) => self.command(now, command),
            Input::Connected { session } if self.server.is(session) => {
                self.server.tell(now, BackoffInput::Connected);
            }
            Input::Disconnected { session, why } if self.server.is(session) => self.disconnected(now, why),
            Input::RoundTrip { session, span } if self.server.is(session) => {
                self.server.flow.round_trip(now, span);
            }
            Input::Message { from, message } if self.server.is(from) => self.message(now, message),
            // Of a connection that was given up: it may still have been under way.
            _ => {}
        }
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Never> {
        if self.server.fire(now) {
            self.dial(now);
            self.ask(now);
        }
        if let Some(play) = self.play.as_mut().filter(|play| play.busy_until.is_some_and(|at| at <= now)) {
            play.busy_until = None;
            self.ask(now);
        }
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output<K, B>> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let busy_until = self.play.as_ref().and_then(|play| play.busy_until);
        self.server.retry_at().into_iter().chain(busy_until).min()
    }

    fn wants_input(&self) -> bool {
        self.out.has_room()
    }
}

/// How urgent what plays is.
const PLAYING: Urgency = Urgency::Playing;
