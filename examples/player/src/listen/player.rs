//! Plays tracks one after the other over one standing connection.

use super::ahead::Ahead;
use super::buffer::Held;
use super::decoding::{Decoded, Opener, Told, decode, prime, spawn};
use super::line::Line;
use super::obey::leaving;
use super::play::Play;
use super::starts::Starts;
use super::why::Step;
use super::{Report, Sources, Start, TrackBuffer, Voice, layout_of};
use crate::failure::{Exit, Failure};
use crate::keys::Key;
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent};
use spotcache::cache::Trouble;
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotp2p::playout::Summary;
use spotproto::Gid;
use spotproto::content::FileId;
use spotproto::crypto::PublicKey;
use spotproto::message::{Opened, Wanted};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Interval, MissedTickBehavior};

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
    pub(super) client: Client,
    pub(super) server: String,
    /// Whether the client has a cache.
    pub(super) cached: bool,
    patience: Patience,
    pub(super) line: Line,
    /// The starts of the track that plays, or did last.
    pub(super) starts: Starts,
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
            line: Line::default(),
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
        let mut play = Play::new(gid, at, self.client.now(), voice.is_timed());
        self.starts = Starts::new();
        self.tell(Command::Open { wanted: Wanted::Track(gid), at_ms: millis(at) }).await?;
        let Some(opened) = self.open(&mut play, &mut show).await? else { return Ok(play.unheard(voice)) };
        play.opened(&opened, &mut show);
        let primed = match self.ahead.take().and_then(|ahead| ahead.turn(&opened, at, &mut play)) {
            Some(primed) => primed,
            None => prime(self.opener(&play.held, &opened), at)?,
        };
        let wanted = self.next.map(|(gid, _)| Wanted::Track(gid));
        let at_ms = self.next.map_or(0, |(_, at)| millis(at));
        self.tell(Command::Next { wanted, at_ms }).await?;
        let (told, tidings) = mpsc::channel(16);
        let (finish, finished) = oneshot::channel();
        let turn = play.turn(primed, told);
        spawn("decoder", move || {
            let _ = finish.send(decode(&turn, voice));
        })?;
        let decoded = self.sound(&mut play, tidings, finished, &mut show).await;
        let decoded = decoded.inspect_err(|_| play.fail())?;
        if play.stutters < decoded.stutters {
            self.starts.stuttered();
        }
        if !play.left && play.timed {
            self.starts.ended();
        }
        play.report.starts = self.starts.so_far().to_vec();
        if play.then == Then::Quit {
            self.call_back_next(&mut play, &mut show).await?;
        }
        play.finish(decoded)
    }

    /// Waits for the head of the track; nothing if the listener leaves before that.
    async fn open(
        &mut self,
        play: &mut Play,
        show: &mut impl FnMut(Progress),
    ) -> Result<Option<Box<Opened<FileId>>>, Failure> {
        let mut tick = ticks();
        loop {
            tokio::select! {
                event = self.client.next() => {
                    let opened = self.heed(play, event.ok_or_else(gone)?, show)?;
                    if opened.is_some() {
                        return Ok(opened);
                    }
                }
                key = pressed(&mut self.keys) => if let Some(then) = leaving(key) {
                    (play.left, play.then) = (true, then);
                    return Ok(None);
                },
                _ = tick.tick() => {
                    self.patience(play)?;
                    let wait = play.clicked.elapsed();
                    let waiting = (wait >= SAID).then(|| self.wait(play, wait));
                    show(Progress::At { position: play.at, waiting });
                }
            }
        }
    }

    /// Goes with the sound, until the track ends or is left.
    async fn sound(
        &mut self,
        play: &mut Play,
        mut tidings: mpsc::Receiver<Told>,
        mut finished: oneshot::Receiver<Decoded>,
        show: &mut impl FnMut(Progress),
    ) -> Result<Decoded, Failure> {
        let mut tick = ticks();
        let decoded = loop {
            tokio::select! {
                event = self.client.next() => {
                    let _ = self.heed(play, event.ok_or_else(gone)?, show)?;
                }
                Some(told) = tidings.recv() => self.told(play, told),
                decoded = &mut finished => break decoded.map_err(|_| gone())?,
                key = pressed(&mut self.keys) => self.obey(play, key),
                _ = tick.tick() => {
                    let waiting = play.waiting();
                    self.tell_sound(play, waiting);
                    let waiting_for = waiting.filter(|wait| *wait >= SAID).map(|wait| self.wait(play, wait));
                    show(Progress::At { position: play.position, waiting: waiting_for });
                    // What comes out of the cache needs no server.
                    if waiting.is_some() {
                        self.patience(play)?;
                    }
                }
            }
        };
        while let Ok(told) = tidings.try_recv() {
            self.told(play, told);
        }
        Ok(decoded)
    }

    fn told(&mut self, play: &mut Play, told: Told) {
        if play.told(told) {
            self.starts.stuttered();
        }
    }

    /// Nothing will follow: what was fetched of it is waste, and counted.
    async fn call_back_next(
        &mut self,
        play: &mut Play,
        show: &mut impl FnMut(Progress),
    ) -> Result<(), Failure> {
        self.tell(Command::Next { wanted: None, at_ms: 0 }).await?;
        let words = async {
            while self.ahead.is_some() {
                let event = self.client.next().await.ok_or_else(gone)?;
                let _ = self.heed(play, event, show)?;
            }
            Ok(())
        };
        tokio::time::timeout(LAST_WORDS, words).await.unwrap_or(Ok(()))
    }

    /// What decoders of a track are made from, of what is held of it.
    pub(super) fn opener(&self, held: &Held, opened: &Opened<FileId>) -> Opener {
        let (held, key) = (held.clone(), opened.key.clone());
        let (geometry, commands) = (opened.head.geometry, self.client.commands());
        let buffer = move || TrackBuffer::new(held.clone(), geometry, &key, commands.clone());
        Opener { buffer: Box::new(buffer), layout: layout_of(&opened.head) }
    }

    /// Why and when the sound of the track that plays, or did last, started. Where the output keeps no time, nobody hears
    /// what came of it.
    #[must_use]
    pub fn starts(&self) -> &[Start] {
        self.starts.so_far()
    }

    /// Plays nothing until `over`; other listeners are served meanwhile.
    ///
    /// # Errors
    /// In plain words: the server has another key than it should, or will have nothing to do with this device.
    pub async fn rest(&mut self, over: impl Future<Output = ()>) -> Result<(), Failure> {
        self.ahead = None;
        self.tell(Command::Stop).await?;
        let mut over = core::pin::pin!(over);
        loop {
            tokio::select! {
                event = self.client.next() => match event.ok_or_else(gone)? {
                    ClientEvent::Node(Event::LoggedIn) => self.line.up(),
                    ClientEvent::Node(Event::Offline { .. }) => {
                        self.line.down();
                    }
                    ClientEvent::Node(Event::GaveUp { why }) => return Err(self.gave_up(why)),
                    _ => {}
                },
                () = &mut over => return Ok(()),
            }
        }
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
            self.starts.stopped();
        }
    }

    async fn tell(&self, command: Command<FileId>) -> Result<(), Failure> {
        self.client.tell(command).await.map_err(|_| gone())
    }

    fn patience(&self, play: &Play) -> Result<(), Failure> {
        let most = if self.line.was_up() { self.patience.midway } else { self.patience.at_first };
        if self.line.waits_since(play.clicked).is_some_and(|since| since.elapsed() > most) {
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
            Event::LoggedIn => self.line.up(),
            Event::Opened { opened, from } => {
                play.from = Some(from);
                if from != Kind::Cache {
                    self.line.up();
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
            Event::NextOpened { opened, at_ms, .. } => {
                self.opened_ahead(&opened, Duration::from_millis(at_ms.into()));
            }
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
                let known = self.line.is_down();
                play.report.breaks += u32::from(self.line.down());
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

fn ticks() -> Interval {
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tick
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

pub(super) fn millis(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

fn gone() -> Failure {
    Failure::runtime("the network task ended; this is a mistake in the program")
}
