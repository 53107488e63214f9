//! The client as one machine: it opens tracks, fetches what playing needs from where it is, keeps it, seeks, and comes
//! back after a break.

mod announce;
mod bits;
mod fetch;
mod giving;
mod interface;
mod jump;
mod keep;
mod lines;
mod links;
mod log_ins;
mod member;
mod mirrors;
mod next;
mod open;
mod overlay;
mod playout;
mod proofs;
mod requests;
mod server;
mod shelf;
mod sources;
mod timer;
mod track;
mod why;

pub use interface::{
    CacheSetup, Command, Config, Effect, Event, Input, LogIn, MirrorId, MirrorNews, NotKept, Output,
};
pub use log_ins::LogIns;
pub use next::Guesses;

use crate::payload::{FileKey, Payload};
use crate::planner;
use crate::reach::BackoffInput;
use crate::swarm::{Mode, Pressure, Swarm};
use crate::{RequestId, SessionId};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use announce::Untold;
use core::marker::PhantomData;
use giving::Giving;
use keep::Keeping;
use links::Links;
use member::Member;
use mirrors::Mirror;
use next::Upcoming;
use playout::Playout;
use requests::Requests;
use server::Server;
use shelf::Shelf;
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::message::{Hello, Message, Urgency};
use spotproto::{Instant, Machine, Outbox, Seed, SessionError, Timers, UnixTime};
use timer::Timer;
use track::{File, Track};

/// Every node takes every input: there is nothing that ends it.
pub type Never = core::convert::Infallible;

/// The client as one machine.
///
/// It runs beside any number of connections, which its owner drives: messages, effects and events go out by
/// [`Machine::poll_output`], and what comes of them is told by [`Machine::handle_input`]. It never ends.
///
/// What is wanted of a track is planned over all who may have it ([`Planner`](crate::Planner)): peers, web servers, the
/// access point. What the cache has counts as here. What comes goes to the program and to the cache; what the program
/// needs only later goes to the cache alone. What the cache has whole is served to others ([`Swarm`]).
///
/// Nothing is done for an idle neighbour, whatever happens.
///
/// Memory, in words: a node that is logged in, has sixty neighbours and nothing to do takes 4 KiB in all, where files have
/// names of four bytes and nodes share their numbers ([`Config`]); a cache with nothing in it 1.7 KiB more. The pieces
/// themselves belong to the program and to the disk. Of what goes on the node keeps, for each of at most three tracks, its
/// plan, a byte and two bits for each piece, and 2 KiB of leaves for each MiB in reach; for the one that plays 3 KiB of
/// what is known of the link, and 12 KiB more until the sound runs; 12 bytes for each neighbour that
/// was asked for something, beside what the swarm keeps; for each of at most eight files that are served 64 bytes for each
/// piece; and the cache's index.
#[derive(Debug)]
pub struct Node<K: FileKey, B, C = RustCrypto> {
    settings: Settings,
    server: Server,
    /// What the log-in that is being made goes by.
    log_in: Option<Box<LogIn>>,
    /// What the next one will.
    next_log_in: Option<LogIn>,
    member: Option<Box<Member>>,
    mode: Mode,
    swarm: Swarm<K>,
    pressure: Pressure,
    links: Links<K, B>,
    /// What is on its way to neighbours, if anything is.
    giving: Option<Box<Giving<K, B>>>,
    untold: Option<Box<Untold<K>>>,
    mirrors: Vec<Mirror>,
    requests: Requests<K>,
    /// What is fetched, by urgency: one track of each class at a time.
    tracks: [Option<Box<Track<K, B>>>; Urgency::ALL.len()],
    /// What is known of the link, and what the sound of the playing track hangs on.
    playout: Option<Box<Playout>>,
    /// What most likely follows, once that was said.
    upcoming: Option<Box<Upcoming<K>>>,
    shelf: Option<Box<Shelf<K, B>>>,
    /// What is to be kept, if anything is.
    keeping: Option<Box<Keeping<K>>>,
    /// It was told to leave, and the cache is not safe yet.
    leaving: bool,
    next_session: u64,
    next_mirror: u32,
    next_fetch: u64,
    timers: Timers<{ Timer::COUNT }>,
    out: Outbox<Output<K, B>>,
    crypto: PhantomData<C>,
}

/// What a node goes by all its life, of its [`Config`].
#[derive(Debug)]
struct Settings {
    port: u16,
    explain: bool,
    keep: u32,
    agent: Arc<str>,
    seed: Seed,
    date: (Instant, UnixTime),
    planner: Arc<planner::Config>,
}

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// A node that is not connected and plays nothing.
    #[must_use]
    pub fn new(now: Instant, config: Config) -> Self {
        let shelf = config.cache.map(|setup| Box::new(Shelf::new(setup, &config.seed.part(1))));
        let mut node = Self {
            server: Server::new(now, &config.seed),
            log_in: None,
            next_log_in: Some(config.log_in),
            member: None,
            mode: config.mode,
            swarm: Swarm::new(config.swarm),
            pressure: Pressure::Fine,
            links: Links::new(),
            giving: None,
            untold: None,
            mirrors: Vec::new(),
            requests: Requests::new(),
            tracks: [None, None, None],
            playout: Playout::of(config.link),
            upcoming: None,
            shelf,
            keeping: None,
            leaving: false,
            next_session: 0,
            next_mirror: 0,
            next_fetch: 0,
            timers: Timers::new(),
            out: Outbox::new(config.outputs),
            settings: Settings {
                port: config.port,
                explain: config.explain,
                keep: config.keep,
                agent: config.agent,
                seed: config.seed,
                date: config.date,
                planner: config.planner,
            },
            crypto: PhantomData,
        };
        node.swarm.set_mode(now, node.mode);
        node.settle(now);
        node
    }

    /// What the cache holds, if there is one.
    #[must_use]
    pub fn cache(&self) -> Option<&spotcache::cache::Cache<K, B>> {
        self.shelf.as_ref().map(|shelf| &shelf.cache)
    }

    /// This client's part in the overlay.
    #[must_use]
    pub const fn swarm(&self) -> &Swarm<K> {
        &self.swarm
    }

    /// Whether anything may follow from it.
    fn command(&mut self, now: Instant, command: Command<K>) -> bool {
        match command {
            Command::Connect => self.connect(now),
            Command::Open { wanted, at_ms } => {
                self.open(now, wanted, at_ms);
            }
            Command::Next { wanted, at_ms } => self.expect_next(now, wanted, at_ms),
            Command::Seek { at_ms } => self.seek(now, at_ms),
            Command::Reading { piece } => return self.reading(now, piece),
            Command::Sounds { at_ms } => self.sounds(now, at_ms),
            Command::Silent { at_ms } => self.silent(now, at_ms),
            Command::Stop => self.stop(now),
            Command::Keep { wanted } => self.keep_offline(now, wanted),
            Command::Peers(mode) => self.set_mode(now, mode),
            Command::Leave => self.leave(now),
        }
        true
    }

    /// Makes sure that there is a connection, or will be: somebody waits, so no wait between tries is sat out.
    fn connect(&mut self, now: Instant) {
        if self.server.tell(now, BackoffInput::Want) || self.server.tell(now, BackoffInput::Hope) {
            self.dial(now);
        }
    }

    fn dial(&mut self, now: Instant) {
        let Some(log_in) = self.next_log_in.take() else {
            self.server.owes_dial = true;
            return;
        };
        self.log_in = Some(Box::new(log_in));
        let session = SessionId(self.next_session);
        let request = RequestId(self.next_session);
        self.next_session += 1;
        self.server.begin(now, session);
        self.out.push(Output::Effect(Effect::Connect { session, request }));
        let Settings { port, agent, .. } = &self.settings;
        let hello = Hello { link_key: log_in.link_key, port: *port, agent: agent.as_ref().into() };
        self.send_server(Message::Hello(Box::new(hello)));
    }

    /// What the next log-in goes by is known.
    fn take_log_in(&mut self, now: Instant, log_in: LogIn) {
        self.next_log_in = Some(log_in);
        if core::mem::take(&mut self.server.owes_dial) {
            self.dial(now);
        }
    }

    /// The connection to the access point stands: it may be asked for what is fetched.
    fn server_connected(&mut self, now: Instant) {
        self.server.tell(now, BackoffInput::Connected);
        self.server.connected = true;
        for class in Urgency::ALL {
            self.rely_on_server(now, class, &[], now);
        }
    }

    /// The connection to the access point is gone. What peers serve goes on.
    fn server_gone(&mut self, now: Instant, why: Option<SessionError>) {
        let Some(session) = self.server.end() else { return };
        for (_, request) in self.requests.take_session(session) {
            if let requests::Request::Connect(holders) = request {
                holders.into_iter().for_each(|holder| self.swarm.dial_failed(now, holder));
            }
        }
        for track in self.tracks.iter_mut().flatten() {
            // The next log-in has other peers.
            track.names_holders = false;
            if matches!(track.stage, track::Stage::Asked(_)) {
                track.stage = track::Stage::Unasked;
            }
            if let Some(file) = track.file.as_mut() {
                file.recalled.retain(|_, source| *source != sources::SERVER);
                file.leaves_asked.retain(|(of, _), _| *of != session);
                file.plan.lost(now, sources::SERVER);
                file.drop_unprovable(now);
            }
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

    fn server_says(&mut self, now: Instant, session: SessionId, message: Message<K, B>) {
        match message {
            Message::Welcome(welcome) => self.welcomed(now, &welcome),
            Message::Renewed(renewed) => self.renewed(now, &renewed),
            Message::Opened { channel, opened } => self.opened(now, channel, opened),
            Message::Leaves { channel, leaves } => self.leaves(now, (session, channel), &leaves),
            Message::Piece { channel, index, data } => self.piece(now, (session, channel), index, data),
            Message::End { channel } => self.ended(now, (session, channel), None),
            Message::Refuse { channel, why } => self.ended(now, (session, channel), Some(why)),
            Message::Peers { channel, peers } => self.holders_named(now, (session, channel), &peers),
            Message::Mirrors { channel, mirrors } => {
                if let Some(class) = self.requests.class((session, channel)) {
                    self.mirrors_named(now, class, &mirrors);
                }
            }
            Message::Dial(dial) => self.dial_link(now, dial),
            // What only an access point is asked is no fault between strangers' versions, and nothing to act on.
            _ => {}
        }
    }

    fn said(&mut self, now: Instant, from: SessionId, message: Message<K, B>) {
        if self.server.is(from) {
            return self.server_says(now, from, message);
        }
        let Some(peer) = links::peer(from) else { return };
        if self.swarm.is_neighbour(peer) {
            self.peer_says(now, peer, message)
        } else {
            self.early(now, peer, message)
        }
    }

    fn send(&mut self, to: SessionId, message: Message<K, B>) {
        self.out.push(Output::Send { to, message });
    }

    fn send_server(&mut self, message: Message<K, B>) {
        if let Some(to) = self.server.session {
            self.out.push(Output::Send { to, message });
        }
    }

    fn track(&self, class: Urgency) -> Option<&Track<K, B>> {
        self.tracks[class as usize].as_deref()
    }

    fn file(&self, class: Urgency) -> Option<&File<K, B>> {
        self.track(class)?.file.as_ref()
    }

    fn file_mut(&mut self, class: Urgency) -> Option<&mut File<K, B>> {
        self.tracks[class as usize].as_mut()?.file.as_mut()
    }

    /// The date, as far as it is known: a clock that was put back does not bring an old one back.
    fn date(&self, now: Instant) -> UnixTime {
        let (at, date) = self.settings.date;
        let date = date.plus(now.since(at));
        self.shelf.as_ref().map_or(date, |shelf| shelf.cache.date().max(date))
    }

    /// How many pieces of a track the program has at most.
    fn keep(&self, class: Urgency) -> u32 {
        if class == Urgency::Offline {
            return 0;
        }
        let shelved = class == Urgency::Next || self.file(class).is_some_and(|file| file.shelved);
        if shelved { self.settings.keep.min(shelf::AHEAD) } else { self.settings.keep }
    }

    /// Ends every input: the parts hear of each other until none has anything to say.
    fn settle(&mut self, now: Instant) {
        loop {
            let mut more = self.drain_shelf(now);
            more |= self.ask_shelf(now);
            self.ask_again(now);
            self.give_back_slots(now);
            more |= self.carry_out_swarm(now);
            for class in Urgency::ALL {
                more |= self.carry_out_plan(now, class);
            }
            // What is to be kept after it begins at once.
            more |= self.give_up_hopeless(now);
            if !more && !self.look_at_playout(now) {
                break;
            }
        }
        self.ask_to_open(now);
        self.explain();
        match self.links.deadline() {
            Some(at) => self.timers.set(Timer::Links, at),
            None => self.timers.clear(Timer::Links),
        }
    }
}

impl<K: FileKey, B: Payload, C: Crypto> Machine for Node<K, B, C> {
    type Input = Input<K, B>;
    type Output = Output<K, B>;
    type Error = Never;

    fn handle_input(&mut self, now: Instant, input: Input<K, B>) -> Result<(), Never> {
        match input {
            Input::Command(command) => {
                if !self.command(now, command) {
                    return Ok(());
                }
            }
            Input::LogIn(log_in) => self.take_log_in(now, log_in),
            Input::Connected { session, .. } if self.server.is(session) => self.server_connected(now),
            Input::Connected { session, confirmed, address } => {
                if let Some(peer) = links::peer(session) {
                    self.link_connected(now, peer, confirmed, address);
                }
            }
            Input::Confirmed { session } => {
                if let Some(peer) = links::peer(session) {
                    self.link_confirmed(now, peer);
                }
            }
            Input::Disconnected { session, why } if self.server.is(session) => self.server_gone(now, why),
            Input::Disconnected { session, why } => {
                if let Some(peer) = links::peer(session) {
                    self.link_gone(now, peer, why);
                }
            }
            Input::RoundTrip { session, span } if self.server.is(session) => {
                self.server_round_trip(now, span)
            }
            Input::RoundTrip { session, span } => {
                if let Some(peer) = links::peer(session) {
                    self.link_round_trip(now, peer, span);
                }
            }
            Input::Message { from, message } => self.said(now, from, message),
            Input::Sent { session, channel, index } => {
                if let Some(peer) = links::peer(session) {
                    self.sent(now, peer, channel, index);
                }
            }
            Input::Mirror { request, news } => self.mirror_says(now, request, news),
            Input::Disk(request, done) => self.disk(now, request, done),
        }
        self.settle(now);
        Ok(())
    }

    fn handle_timeout(&mut self, now: Instant) -> Result<(), Never> {
        if self.server.fire(now) {
            self.dial(now);
        }
        let _ = self.server.may_be_asked_again(now);
        self.shelf_timeout(now);
        self.swarm.handle_timeout(now);
        for file in self.tracks.iter_mut().flatten().filter_map(|track| track.file.as_mut()) {
            file.plan.handle_timeout(now);
        }
        if self.timers.take_due(Timer::Search, now) {
            self.search_again(now);
        }
        if self.timers.take_due(Timer::Renew, now) {
            self.renew();
        }
        if self.timers.take_due(Timer::Links, now) {
            self.expire_links(now);
        }
        if self.timers.take_due(Timer::Mirrors, now) {
            self.mirrors_back(now);
        }
        if self.timers.take_due(Timer::Holdings, now) {
            self.tell_holdings(now);
        }
        if self.timers.take_due(Timer::Playout, now) {
            self.playout_is_due();
        }
        self.settle(now);
        Ok(())
    }

    fn poll_output(&mut self) -> Option<Output<K, B>> {
        let output = self.out.pop();
        if output.is_none() && self.tracks.iter().all(Option::is_none) {
            self.out.give_back();
        }
        output
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let shelf = self.shelf.as_ref().and_then(|shelf| shelf.cache.poll_timeout());
        let files = self.tracks.iter().flatten().filter_map(|track| track.file.as_ref());
        let plans = files.filter_map(|file| file.plan.poll_timeout());
        let own = [
            self.server.retry_at(),
            self.server.busy_until,
            shelf,
            self.swarm.poll_timeout(),
            self.timers.next(),
        ];
        own.into_iter().flatten().chain(plans).min()
    }

    fn wants_input(&self) -> bool {
        self.out.has_room() && self.swarm.wants_input()
    }
}
