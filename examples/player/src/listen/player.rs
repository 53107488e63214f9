//! Plays tracks one after the other over one standing connection.

use super::ahead::Ahead;
use super::buffer::Held;
use super::control::{Control, Order};
use super::decoding::{Decoded, Primed, Stopped, Told, Turn, decode, prime, spawn};
use super::gate::Gate;
use super::sound::Sound;
use super::starts::Starts;
use super::why::Step;
use super::{Report, Sources, Start, TrackBuffer, Voice};
use crate::decode::DecodeError;
use crate::failure::{Exit, Failure};
use crate::keys::Key;
use bytes::Bytes;
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent};
use spotcache::cache::Trouble;
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotp2p::playout::{Summary, Why};
use spotproto::content::FileId;
use spotproto::crypto::PublicKey;
use spotproto::message::{Opened, Wanted};
use spotproto::{Gid, UnixTime};
use std::io;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;

/// How long a listener waits for a server that does not answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Patience {
    /// Before the server has ever answered.
    pub at_first: Duration,
    /// In mid-track: whoever restarts a server, or changes the network, needs a while.
    pub midway: Duration,
}

impl Default for Patience {
    /// 20 seconds, and 5 minutes.
    fn default() -> Self {
        Self { at_first: Duration::from_secs(20), midway: Duration::from_secs(300) }
    }
}

/// How often progress is shown: what a wait is for is on the screen within 100 ms of its begin.
const TICK: Duration = Duration::from_millis(50);

/// A wait that is said.
const SAID: Duration = Duration::from_millis(40);

/// How long to wait for the node's last words on the link.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// How far an arrow key jumps.
const STEP: Duration = Duration::from_secs(10);

/// From here on "previous" means the beginning of this track, as with most players.
const RESTART: Duration = Duration::from_secs(3);

/// What a listener may want to see while a track plays.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Progress {
    /// First contact: the server's key. It is insisted on from now on.
    ServerKey(PublicKey),
    /// The track is known.
    Opened {
        /// Its artist.
        artist: String,
        /// Its title.
        title: String,
        /// Its length.
        duration: Duration,
    },
    /// The sound has come to here.
    At {
        /// Time in the track.
        position: Duration,
        /// What it waits for, if it does.
        waiting: Option<String>,
    },
    /// The connection is gone and will be tried again.
    Offline {
        /// Why, in plain words.
        why: String,
        /// After this long.
        retry_in: Duration,
        /// Whether the track comes out of the cache.
        cached: bool,
    },
    /// The cache's disk fails in some way; the track goes on from the network.
    CacheTrouble(Trouble),
}

/// A listener: one connection, one output, one track at a time.
#[derive(Debug)]
pub struct Listener {
    client: Client,
    pub(super) server: String,
    /// Whether the client has a cache.
    pub(super) cached: bool,
    patience: Patience,
    /// The starts of the track that plays, or did last.
    starts: Starts,
    /// What most likely follows.
    pub(super) next: Option<(Gid, Duration)>,
    /// What is here of it.
    pub(super) ahead: Option<Ahead>,
    keys: Option<mpsc::Receiver<Key>>,
}

/// A track that was heard, or left.
#[derive(Debug)]
pub struct Heard {
    /// What came of it.
    pub report: Report,
    /// The output, with what of the sound is still in it.
    pub voice: Voice,
    /// What the listener wants next.
    pub then: Then,
}

/// What a listener wants after a track.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Then {
    /// The track that follows: this one came to its end, or was skipped.
    Next,
    /// The track before this one.
    Previous,
    /// Nothing.
    Quit,
}

/// A track that plays.
pub(super) struct Play {
    pub(super) gid: Gid,
    clicked: Instant,
    /// The same moment as the node has it.
    began: spotproto::Instant,
    sound: Sound,
    at: Duration,
    pub(super) held: Held,
    gate: Gate,
    /// What a start waits for.
    pub(super) buffering: Option<Why>,
    pub(super) report: Report,
    /// Who knew the track, once somebody did.
    pub(super) from: Option<Kind>,
    /// The cache has it, but had to ask the server for leave; until when it had not.
    pub(super) lease_over: Option<UnixTime>,
    pub(super) offline_since: Option<Instant>,
    pub(super) ever_online: bool,
    control: Control,
    /// Where the sound is, after so many jumps; and how many were ordered.
    position: Duration,
    jumped: u32,
    jumps: u32,
    paused: bool,
    length: Duration,
    then: Then,
    left: bool,
}

impl Listener {
    /// A listener whose client talks to `server` (for the words of failures).
    #[must_use]
    pub fn new(client: Client, server: String) -> Self {
        let cached = client.has_cache();
        Self {
            client,
            server,
            cached,
            patience: Patience::default(),
            starts: Starts::new(),
            next: None,
            ahead: None,
            keys: None,
        }
    }

    /// Waits this long for a server that does not answer.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Listens to these keys.
    pub fn listen_to(&mut self, keys: mpsc::Receiver<Key>) {
        self.keys = Some(keys);
    }

    /// The next track to [`play`](Self::play) will most likely be followed by this one, from there: it is fetched ahead.
    pub const fn expect(&mut self, next: Option<(Gid, Duration)>) {
        self.next = next;
    }

    /// Plays a track from `at` to its end, and gives the output back for the next one.
    ///
    /// # Errors
    /// In plain words, with the exit code that goes with them.
    pub async fn play(
        &mut self,
        gid: Gid,
        at: Duration,
        voice: Voice,
        mut show: impl FnMut(Progress),
    ) -> Result<Heard, Failure> {
        let mut play = Play::new(gid, at, self.client.clock().now());
        self.starts = Starts::new();
        self.tell(Command::Open { wanted: Wanted::Track(gid), at_ms: millis(at) }).await?;
        let opened = loop {
            let event = self.next(&play, &mut show).await?;
            if let Some(opened) = self.heed(&mut play, event, &mut show)? {
                break opened;
            }
        };
        play.opened(&opened, &mut show);
        let primed = match self.ahead.take().and_then(|ahead| ahead.turn(&opened, at, &mut play)) {
            Some(primed) => primed,
            None => prime(self.buffer(&play.held, &opened), &opened, at)?,
        };
        let wanted = self.next.map(|(gid, _)| Wanted::Track(gid));
        let at_ms = self.next.map_or(0, |(_, at)| millis(at));
        self.tell(Command::Next { wanted, at_ms }).await?;
        let (told, mut tidings) = mpsc::channel(16);
        let (finish, mut finished) = oneshot::channel();
        let turn = play.turn(primed, told);
        spawn("decoder", move || {
            let _ = finish.send(decode(&turn, voice));
        })?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let decoded = loop {
            tokio::select! {
                event = self.client.next() => {
                    let event = event.ok_or_else(gone)?;
                    if let Err(failure) = self.heed(&mut play, event, &mut show) {
                        play.fail();
                        return Err(failure);
                    }
                }
                Some(told) = tidings.recv() => play.told(told),
                decoded = &mut finished => break decoded.map_err(|_| gone())?,
                key = pressed(&mut self.keys) => self.obey(&mut play, key),
                _ = tick.tick() => {
                    let waiting = play.waiting();
                    self.tell_sound(&mut play, waiting);
                    let waiting_for = waiting.filter(|wait| *wait >= SAID).map(|wait| self.wait(&play, wait));
                    show(Progress::At { position: play.position, waiting: waiting_for });
                    // What comes out of the cache needs no server.
                    if let (Some(_), Err(failure)) = (waiting, self.patience(&play)) {
                        play.fail();
                        return Err(failure);
                    }
                }
            }
        };
        while let Ok(told) = tidings.try_recv() {
            play.told(told);
        }
        if !play.was_left() {
            self.starts.ended();
        }
        play.report.starts = self.starts.so_far().to_vec();
        play.finish(decoded)
    }

    /// The plaintext of a track, of what is held of it.
    pub(super) fn buffer(&self, held: &Held, opened: &Opened<FileId>) -> TrackBuffer {
        TrackBuffer::new(held.clone(), opened.head.geometry, &opened.key, self.client.commands())
    }

    /// Does what the listener wants.
    fn obey(&mut self, play: &mut Play, key: Key) {
        match key {
            Key::Pause => self.pause(play),
            Key::Back => self.jump(play, play.position.saturating_sub(STEP)),
            Key::On => self.jump(play, play.position + STEP),
            Key::Previous if play.position >= RESTART => self.jump(play, Duration::ZERO),
            Key::Previous => play.leave(Then::Previous),
            Key::Next => play.leave(Then::Next),
            Key::Quit => play.leave(Then::Quit),
        }
    }

    /// Goes to another place of the track: what is held of it sounds at once.
    fn jump(&mut self, play: &mut Play, to: Duration) {
        let end = play.length.saturating_sub(Duration::from_millis(500));
        let to = to.min(end);
        if self.client.commands().try_send(Command::Seek { at_ms: millis(to) }).is_err() {
            // The node is busy: the person presses again.
            return;
        }
        self.starts.jumped();
        play.gate.close();
        (play.position, play.sound, play.paused) = (to, Sound::default(), false);
        play.jumps += 1;
        play.order(Order::Jump(to));
    }

    /// Silence, or sound again.
    fn pause(&mut self, play: &mut Play) {
        if !play.paused {
            let at_ms = millis(play.position);
            if self.client.commands().try_send(Command::Silent { at_ms }).is_err() {
                return;
            }
            self.starts.jumped();
            play.gate.close();
            play.sound = Sound::default();
        }
        play.paused = !play.paused;
        play.control.pause(play.paused);
    }

    /// Why and when the sound of the track that plays, or did last, started.
    #[must_use]
    pub fn starts(&self) -> &[Start] {
        self.starts.so_far()
    }

    /// Stops, makes safe what is cached, and says goodbye to the server. What is known of the link by now, if anything.
    pub async fn leave(mut self) -> Option<Summary> {
        let words = async {
            self.client.tell(Command::Stop).await.ok()?;
            loop {
                if let ClientEvent::Node(Event::Link(link)) = self.client.next().await? {
                    break Some(link);
                }
            }
        };
        let link = tokio::time::timeout(LAST_WORDS, words).await.ok().flatten();
        self.client.leave().await;
        link.filter(Summary::is_known)
    }

    /// Tells the node where the sound is, if that is news. After a stop the sound waits for the node's word.
    fn tell_sound(&mut self, play: &mut Play, waiting: Option<Duration>) {
        let before = play.sound;
        if play.paused || play.jumped != play.jumps {
            return;
        }
        let Some(command) = play.sound.look(play.position, waiting, play.report.first_sound) else { return };
        let stops = matches!(command, Command::Silent { .. });
        if self.client.commands().try_send(command).is_err() {
            // There is no room for it: the next tick tells it.
            play.sound = before;
        } else if stops {
            play.gate.close();
            self.starts.stuttered();
        }
    }

    async fn tell(&self, command: Command<FileId>) -> Result<(), Failure> {
        self.client.tell(command).await.map_err(|_| gone())
    }

    /// The next event before the track is known.
    async fn next(&mut self, play: &Play, show: &mut impl FnMut(Progress)) -> Result<ClientEvent, Failure> {
        loop {
            match tokio::time::timeout(TICK, self.client.next()).await {
                Ok(event) => return event.ok_or_else(gone),
                Err(_) => {
                    self.patience(play)?;
                    let waiting = Some(self.wait(play, play.clicked.elapsed()));
                    show(Progress::At { position: play.at, waiting });
                }
            }
        }
    }

    fn patience(&self, play: &Play) -> Result<(), Failure> {
        let most = if play.ever_online { self.patience.midway } else { self.patience.at_first };
        let since = play.offline_since.or((!play.ever_online).then_some(play.clicked));
        if since.is_some_and(|since| since.elapsed() > most) {
            return Err(Failure::new(Exit::Unreachable, self.missing(play)));
        }
        Ok(())
    }

    /// Takes one event; the head of the track when it is that.
    fn heed(
        &mut self,
        play: &mut Play,
        event: ClientEvent,
        show: &mut impl FnMut(Progress),
    ) -> Result<Option<Box<Opened<FileId>>>, Failure> {
        let event = match event {
            ClientEvent::ServerKey(key) => {
                show(Progress::ServerKey(key));
                return Ok(None);
            }
            ClientEvent::Node(event) => event,
            _ => return Ok(None),
        };
        match event {
            Event::LoggedIn => play.online(),
            Event::Opened { opened, from } => {
                play.from = Some(from);
                if from != Kind::Cache {
                    play.online();
                }
                return Ok(Some(opened));
            }
            // What was said of the track before is of no use any more.
            Event::Piece { .. } | Event::Buffering(_) | Event::Start(_) if play.from.is_none() => {}
            Event::Piece { index, data, from } => play.piece(index, data, from),
            Event::Buffering(why) => {
                play.buffering = Some(why);
                self.starts.buffering(&why);
            }
            Event::Start(why) => {
                play.buffering = None;
                self.starts.made(&why);
                play.gate.open();
            }
            Event::NextOpened { opened, .. } => self.opened_ahead(&opened),
            Event::NextPiece { index, data, from } => {
                if let Some(ahead) = self.ahead.as_mut() {
                    ahead.piece(index, data, from);
                }
            }
            Event::NextDropped { wasted } => {
                self.ahead = None;
                play.report.wasted.add_all(&Sources::of(wasted));
            }
            Event::LeaseOver { until } => play.lease_over = Some(until),
            Event::CacheTrouble(error) => show(Progress::CacheTrouble(error)),
            Event::Drop(range) => play.held.drop_range(range),
            Event::Decided(decision) => play.report.steps.push(Step::of(&decision, play.began)),
            Event::Gave { bytes } => play.report.uploaded += bytes as u64,
            Event::Forged { .. } => play.report.forged += 1,
            Event::Refused(why) => return Err(self.refused(play, why)),
            Event::GaveUp { why } => return Err(self.gave_up(why)),
            Event::Offline { retry_in, why } => {
                let known = play.offline_since.is_some();
                play.offline();
                let why = why.map_or_else(|| "no answer".into(), |why| why.to_string());
                match play.from {
                    // It is said once, and matters only if the cache lacks something after all.
                    Some(Kind::Cache) if known => {}
                    from => show(Progress::Offline { why, retry_in, cached: from == Some(Kind::Cache) }),
                }
            }
            _ => {}
        }
        Ok(None)
    }
}

impl Play {
    fn new(gid: Gid, at: Duration, began: spotproto::Instant) -> Self {
        Self {
            gid,
            clicked: Instant::now(),
            began,
            sound: Sound::default(),
            at,
            held: Held::default(),
            gate: Gate::default(),
            buffering: None,
            report: Report { gid: Some(gid), ..Report::default() },
            from: None,
            lease_over: None,
            offline_since: None,
            ever_online: false,
            control: Control::default(),
            position: at,
            jumped: 0,
            jumps: 0,
            paused: false,
            length: Duration::MAX,
            then: Then::Next,
            left: false,
        }
    }

    fn turn(&self, primed: Primed, told: mpsc::Sender<Told>) -> Turn {
        let (held, gate, control) = (self.held.clone(), self.gate.clone(), self.control.clone());
        Turn { primed, held, gate, control, at: self.at, told }
    }

    /// The decoder tells something.
    fn told(&mut self, told: Told) {
        match told {
            Told::FirstSound(when) => {
                self.report.first_sound = Some(when.saturating_duration_since(self.clicked));
            }
            Told::At(position, jumps) if jumps == self.jumps => {
                (self.position, self.jumped) = (position, jumps)
            }
            Told::At(..) => {}
        }
    }

    /// The decoder has an order, wherever it waits.
    fn order(&self, order: Order) {
        self.control.order(order);
        self.held.call();
        self.gate.call();
    }

    fn leave(&mut self, then: Then) {
        self.then = then;
        self.left = true;
        self.order(Order::Leave);
    }

    /// Whether the listener had enough of it before its end.
    const fn was_left(&self) -> bool {
        self.left
    }

    /// For how long the decoder has been waiting, for a piece or for the word to start.
    fn waiting(&self) -> Option<Duration> {
        let piece = self.held.waiting().map(|(_, since)| since);
        let since = [piece, self.gate.waiting()].into_iter().flatten().min();
        since.map(|since| since.elapsed())
    }

    /// Ends the wait of whoever waits.
    fn fail(&self) {
        self.held.fail(io::ErrorKind::Interrupted);
        self.gate.give_up();
    }

    fn online(&mut self) {
        self.ever_online = true;
        self.offline_since = None;
    }

    fn offline(&mut self) {
        if self.ever_online && self.offline_since.is_none() {
            self.report.breaks += 1;
        }
        self.offline_since.get_or_insert_with(Instant::now);
    }

    fn opened(&mut self, opened: &Opened<FileId>, show: &mut impl FnMut(Progress)) {
        self.report.opened = Some(self.clicked.elapsed());
        self.report.title = opened.title.to_string();
        self.report.artist = opened.artist.to_string();
        let head = &opened.head;
        self.length = Duration::from_millis(head.duration_ms.into());
        self.report.format = format!("{}, {} kbit/s", head.format, head.bit_rate / 1000);
        show(Progress::Opened {
            artist: self.report.artist.clone(),
            title: self.report.title.clone(),
            duration: self.length,
        });
    }

    pub(super) fn piece(&mut self, index: u32, data: Bytes, from: Kind) {
        self.report.pieces += 1;
        self.report.sources.add(from, data.len() as u64);
        if from != Kind::Cache {
            self.online();
        }
        self.held.put(index, data);
    }

    fn finish(mut self, decoded: Decoded) -> Result<Heard, Failure> {
        match decoded.result {
            Ok(()) => {}
            Err(Stopped::Decode(DecodeError::Stopped)) => return Err(Failure::runtime("stopped")),
            Err(Stopped::Decode(error)) => return Err(Failure::runtime(error)),
            Err(Stopped::Output(error)) => return Err(Failure::new(Exit::NoOutput, error.to_string())),
        }
        self.report.heard = decoded.heard.saturating_sub(self.at);
        self.report.stutters = decoded.stutters;
        self.report.damaged = decoded.damaged;
        self.report.gap = decoded.gap;
        self.report.waited = self.held.waited();
        self.report.output = decoded.voice.name();
        Ok(Heard { report: self.report, voice: decoded.voice, then: self.then })
    }
}

/// The next key; never, where there are none.
async fn pressed(keys: &mut Option<mpsc::Receiver<Key>>) -> Key {
    if let Some(from) = keys {
        if let Some(key) = from.recv().await {
            return key;
        }
        *keys = None;
    }
    core::future::pending().await
}

fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn gone() -> Failure {
    Failure::runtime("the network task ended; this is a mistake in the program")
}
