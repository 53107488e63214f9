//! Plays tracks one after the other over one standing connection.

use super::buffer::Held;
use super::decoding::{Decoded, Stopped, Told, decode};
use super::gate::Gate;
use super::sound::Sound;
use super::starts::Starts;
use super::why::Step;
use super::{Report, Start, TrackBuffer};
use crate::decode::DecodeError;
use crate::failure::{Exit, Failure};
use crate::output::Output;
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
}

/// A track that plays.
pub(super) struct Play {
    pub(super) gid: Gid,
    clicked: Instant,
    /// The same moment as the node has it.
    began: spotproto::Instant,
    sound: Sound,
    at: Duration,
    held: Held,
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
}

impl Listener {
    /// A listener whose client talks to `server` (for the words of failures).
    #[must_use]
    pub fn new(client: Client, server: String) -> Self {
        let cached = client.has_cache();
        Self { client, server, cached, patience: Patience::default(), starts: Starts::new() }
    }

    /// Waits this long for a server that does not answer.
    #[must_use]
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, ..self }
    }

    /// Plays a track from `at` to its end, and gives the output back for the next one.
    ///
    /// # Errors
    /// In plain words, with the exit code that goes with them.
    pub async fn play(
        &mut self,
        gid: Gid,
        at: Duration,
        output: Box<dyn Output>,
        mut show: impl FnMut(Progress),
    ) -> Result<(Report, Box<dyn Output>), Failure> {
        let mut play = Play::new(gid, at, self.client.clock().now());
        self.starts = Starts::new();
        let at_ms = u32::try_from(at.as_millis()).unwrap_or(u32::MAX);
        self.tell(Command::Open { wanted: Wanted::Track(gid), at_ms }).await?;
        let opened = loop {
            let event = self.next(&play, &mut show).await?;
            if let Some(opened) = self.heed(&mut play, event, &mut show)? {
                break opened;
            }
        };
        play.opened(&opened, &mut show);
        let (told, mut tidings) = mpsc::channel(16);
        let (finish, mut finished) = oneshot::channel();
        let buffer =
            TrackBuffer::new(play.held.clone(), opened.head.geometry, &opened.key, self.client.commands());
        let gate = play.gate.clone();
        std::thread::Builder::new()
            .name("decoder".into())
            .spawn(move || {
                let _ = finish.send(decode(buffer, &gate, &opened, at, output, &told));
            })
            .map_err(|error| Failure::runtime(format!("cannot start a thread: {error}")))?;
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut position = at;
        let decoded = loop {
            tokio::select! {
                event = self.client.next() => {
                    let event = event.ok_or_else(gone)?;
                    if let Err(failure) = self.heed(&mut play, event, &mut show) {
                        play.fail();
                        return Err(failure);
                    }
                }
                Some(told) = tidings.recv() => match told {
                    Told::FirstSound(when) => play.report.first_sound = Some(when.duration_since(play.clicked)),
                    Told::At(now) => position = now,
                },
                decoded = &mut finished => break decoded.map_err(|_| gone())?,
                _ = tick.tick() => {
                    let waiting = play.waiting();
                    self.tell_sound(&mut play, position, waiting);
                    let waiting_for = waiting.filter(|wait| *wait >= SAID).map(|wait| self.wait(&play, wait));
                    show(Progress::At { position, waiting: waiting_for });
                    // What comes out of the cache needs no server.
                    if let (Some(_), Err(failure)) = (waiting, self.patience(&play)) {
                        play.fail();
                        return Err(failure);
                    }
                }
            }
        };
        while let Ok(Told::FirstSound(when)) = tidings.try_recv() {
            play.report.first_sound = Some(when.duration_since(play.clicked));
        }
        self.starts.ended();
        play.report.starts = self.starts.so_far().to_vec();
        play.finish(decoded)
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
    fn tell_sound(&mut self, play: &mut Play, position: Duration, waiting: Option<Duration>) {
        let before = play.sound;
        let Some(command) = play.sound.look(position, waiting, play.report.first_sound) else { return };
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
        }
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
        self.report.format = format!("{}, {} kbit/s", head.format, head.bit_rate / 1000);
        show(Progress::Opened {
            artist: self.report.artist.clone(),
            title: self.report.title.clone(),
            duration: Duration::from_millis(head.duration_ms.into()),
        });
    }

    fn piece(&mut self, index: u32, data: Bytes, from: Kind) {
        self.report.pieces += 1;
        self.report.sources.add(from, data.len() as u64);
        if from != Kind::Cache {
            self.online();
        }
        self.held.put(index, data);
    }

    fn finish(mut self, decoded: Decoded) -> Result<(Report, Box<dyn Output>), Failure> {
        match decoded.result {
            Ok(()) => {}
            Err(Stopped::Decode(DecodeError::Stopped)) => return Err(Failure::runtime("stopped")),
            Err(Stopped::Decode(error)) => return Err(Failure::runtime(error)),
            Err(Stopped::Output(error)) => return Err(Failure::new(Exit::NoOutput, error.to_string())),
        }
        self.report.heard = decoded.heard.saturating_sub(self.at);
        self.report.stutters = decoded.stutters;
        self.report.damaged = decoded.damaged;
        self.report.waited = self.held.waited();
        self.report.output = decoded.output.name();
        Ok((self.report, decoded.output))
    }
}

fn gone() -> Failure {
    Failure::runtime("the network task ended; this is a mistake in the program")
}
