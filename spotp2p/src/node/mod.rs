//! The client as one machine: it opens tracks, fetches what playing needs from where it is, keeps it, seeks, and comes
//! back after a break.

mod bits;
mod fetch;
mod interface;
mod jump;
mod keep;
mod server;
mod shelf;
mod track;

pub use interface::{CacheSetup, Command, Config, Effect, Event, Input, NotKept, Output, Source};

use crate::payload::{FileKey, Payload};
use crate::reach::BackoffInput;
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use keep::Keeping;
use server::Server;
use shelf::Shelf;
use spotproto::message::{Hello, Message, Urgency, Wanted};
use spotproto::{CloseCode, Instant, Machine, Outbox, SessionError, UnixTime};
use track::Track;

/// Every node takes every input: there is nothing that ends it.
pub type Never = core::convert::Infallible;

/// The client as one machine.
///
/// It runs beside any number of connections, which its owner drives: messages, effects and events go out by
/// [`Machine::poll_output`], and what comes of them is told by [`Machine::handle_input`]. It never ends.
///
/// A piece is looked for in the cache first, and comes from the server otherwise. What comes from the server goes to
/// the program and to the cache; what the program needs only later goes to the cache alone.
///
/// Memory, in words: the pieces themselves belong to the program and to the disk; the node keeps, for each of at most
/// three tracks, a bit per piece and 2 KiB of leaves for each MiB in reach, what is outstanding, and the cache's index.
#[derive(Debug)]
pub struct Node<K: FileKey, B> {
    config: Config,
    server: Server,
    /// What is fetched, by urgency: one track of each class at a time.
    tracks: [Option<Track<K, B>>; Urgency::ALL.len()],
    shelf: Option<Shelf<K, B>>,
    /// The track that is being kept, which is the one of the class `Offline`.
    keeping: Option<Keeping<K>>,
    waiting: VecDeque<Wanted<K>>,
    /// It was told to leave, and the cache is not safe yet.
    leaving: bool,
    next_session: u64,
    out: Outbox<Output<K, B>>,
}

impl<K: FileKey, B: Payload> Node<K, B> {
    /// A node that is not connected and plays nothing.
    #[must_use]
    pub fn new(now: Instant, mut config: Config) -> Self {
        let shelf = config.cache.take().map(|setup| Shelf::new(setup, &config.seed.part(1)));
        let mut node = Self {
            server: Server::new(now, &config.seed),
            tracks: [None, None, None],
            shelf,
            keeping: None,
            waiting: VecDeque::new(),
            leaving: false,
            next_session: 0,
            out: Outbox::new(config.outputs),
            config,
        };
        node.drain_shelf(now);
        node
    }

    /// What the cache holds, if there is one.
    #[must_use]
    pub fn cache(&self) -> Option<&spotcache::cache::Cache<K, B>> {
        self.shelf.as_ref().map(|shelf| &shelf.cache)
    }

    fn command(&mut self, now: Instant, command: Command<K>) {
        match command {
            Command::Connect => self.connect(now),
            Command::Open { wanted, at_ms } => {
                self.close(now, Urgency::Playing);
                self.tracks[Urgency::Playing as usize] = Some(Track::new(wanted, at_ms));
                self.connect(now);
                self.look_up(now, Urgency::Playing);
            }
            Command::Seek { at_ms } => self.seek(now, at_ms),
            Command::Reading { piece } => self.reading(now, piece),
            Command::Stop => self.close(now, Urgency::Playing),
            Command::Keep { wanted } => self.keep_offline(now, wanted),
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
        for class in Urgency::ALL {
            self.close(now, class);
        }
        self.keeping = None;
        self.waiting.clear();
        self.server.tell(now, BackoffInput::Unwant);
        if let Some(session) = self.server.session.take() {
            self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Done }));
        }
        self.put_away();
    }

    fn disconnected(&mut self, now: Instant, why: Option<SessionError>) {
        self.server.session = None;
        self.server.busy_until = None;
        for track in self.tracks.iter_mut().flatten() {
            track.forget_requests();
        }
        if let Some(why) = why.filter(server::is_final) {
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
            Message::Welcome(_) => {
                self.server.logged_in = true;
                self.out.push(Output::Event(Event::LoggedIn));
                self.say_playing();
            }
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

    fn track(&self, class: Urgency) -> Option<&Track<K, B>> {
        self.tracks[class as usize].as_ref()
    }

    /// The date, as far as it is known: a clock that was put back does not bring an old one back.
    fn date(&self, now: Instant) -> UnixTime {
        let (at, date) = self.config.date;
        let date = date.plus(now.since(at));
        self.shelf.as_ref().map_or(date, |shelf| shelf.cache.date().max(date))
    }

    /// How many pieces of a track the program has at most.
    fn keep(&self, class: Urgency) -> u32 {
        if class != Urgency::Playing {
            return 0;
        }
        let shelved =
            self.track(class).and_then(|track| track.file.as_ref()).is_some_and(|file| file.shelved);
        if shelved { self.config.keep.min(shelf::AHEAD) } else { self.config.keep }
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
            Input::Disk(request, done) => self.disk(now, request, done),
            // Of a connection that was given up: it may still have been under way.
            _ => {}
        }
        self.drain_shelf(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Never> {
        if self.server.fire(now) {
            self.dial(now);
            self.ask(now);
        }
        if self.server.may_be_asked_again(now) {
            self.ask(now);
        }
        self.shelf_timeout(now);
        self.drain_shelf(now);
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output<K, B>> {
        self.out.pop()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let shelf = self.shelf.as_ref().and_then(|shelf| shelf.cache.poll_timeout());
        self.server.retry_at().into_iter().chain(self.server.busy_until).chain(shelf).min()
    }

    fn wants_input(&self) -> bool {
        self.out.has_room()
    }
}
