//! Plays tracks one after the other over one standing connection.

use super::buffer::Held;
use super::report::date;
use super::sound::Sound;
use super::why::Step;
use super::{Report, TrackBuffer, layout_of};
use crate::decode::{DecodeError, Decoder, Samples};
use crate::failure::{Exit, Failure};
use crate::output::{Output, OutputError};
use bytes::Bytes;
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent};
use spotcache::cache::Trouble;
use spotp2p::node::{Command, Event};
use spotp2p::planner::Kind;
use spotproto::content::FileId;
use spotproto::crypto::PublicKey;
use spotproto::error::Refused;
use spotproto::message::{Opened, Refusal, Wanted};
use spotproto::{Gid, SessionError, UnixTime};
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

/// How often progress is shown.
const TICK: Duration = Duration::from_millis(100);

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
        /// For how long the decoder has been waiting for a piece from the server, if it is.
        waiting: Option<Duration>,
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
    server: String,
    /// Whether the client has a cache.
    cached: bool,
    patience: Patience,
}

/// A track that plays.
struct Play {
    gid: Gid,
    clicked: Instant,
    /// The same moment as the node has it.
    began: spotproto::Instant,
    sound: Sound,
    at: Duration,
    held: Held,
    report: Report,
    /// Who knew the track, once somebody did.
    from: Option<Kind>,
    /// The cache has it, but had to ask the server for leave; until when it had not.
    lease_over: Option<UnixTime>,
    offline_since: Option<Instant>,
    ever_online: bool,
}

/// What the decoding thread tells.
#[derive(Clone, Copy, Debug)]
enum Told {
    FirstSound(Instant),
    At(Duration),
}

/// What the decoding thread leaves behind.
struct Decoded {
    output: Box<dyn Output>,
    result: Result<(), Stopped>,
    heard: Duration,
    stutters: u32,
    damaged: u64,
}

/// Why a thread stopped decoding.
#[derive(Debug)]
enum Stopped {
    Decode(DecodeError),
    Output(OutputError),
}

impl Listener {
    /// A listener whose client talks to `server` (for the words of failures).
    #[must_use]
    pub fn new(client: Client, server: String) -> Self {
        let cached = client.has_cache();
        Self { client, server, cached, patience: Patience::default() }
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
        let mut play = Play::new(gid, at, self.client.now());
        let at_ms = u32::try_from(at.as_millis()).unwrap_or(u32::MAX);
        self.tell(Command::Open { wanted: Wanted::Track(gid), at_ms }).await?;
        let opened = loop {
            let event = self.next(&play).await?;
            if let Some(opened) = self.heed(&mut play, event, &mut show)? {
                break opened;
            }
        };
        play.opened(&opened, &mut show);
        let (told, mut tidings) = mpsc::channel(16);
        let (finish, mut finished) = oneshot::channel();
        let buffer =
            TrackBuffer::new(play.held.clone(), opened.head.geometry, &opened.key, self.client.commands());
        std::thread::Builder::new()
            .name("decoder".into())
            .spawn(move || {
                let _ = finish.send(decode(buffer, &opened, at, output, &told));
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
                        play.held.fail(io::ErrorKind::Interrupted);
                        return Err(failure);
                    }
                }
                Some(told) = tidings.recv() => match told {
                    Told::FirstSound(when) => play.report.first_sound = Some(when.duration_since(play.clicked)),
                    Told::At(now) => position = now,
                },
                decoded = &mut finished => break decoded.map_err(|_| gone())?,
                _ = tick.tick() => {
                    let waiting = play.held.waiting().map(|(_, since)| since.elapsed());
                    if let Some(command) = play.sound.look(position, waiting, play.report.first_sound) {
                        // If there is no room for it, the next tick tells it.
                        let _ = self.client.commands().try_send(command);
                    }
                    show(Progress::At { position, waiting });
                    // What comes out of the cache needs no server.
                    if let (Some(_), Err(failure)) = (waiting, self.patience(&play)) {
                        play.held.fail(io::ErrorKind::Interrupted);
                        return Err(failure);
                    }
                }
            }
        };
        while let Ok(Told::FirstSound(when)) = tidings.try_recv() {
            play.report.first_sound = Some(when.duration_since(play.clicked));
        }
        self.tell(Command::Stop).await?;
        play.finish(decoded)
    }

    /// Makes safe what is cached, and says goodbye to the server.
    pub async fn leave(self) {
        self.client.leave().await;
    }

    async fn tell(&self, command: Command<FileId>) -> Result<(), Failure> {
        self.client.tell(command).await.map_err(|_| gone())
    }

    async fn next(&mut self, play: &Play) -> Result<ClientEvent, Failure> {
        loop {
            match tokio::time::timeout(Duration::from_millis(500), self.client.next()).await {
                Ok(event) => return event.ok_or_else(gone),
                Err(_) => self.patience(play)?,
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

    /// What was missing when the server did not answer, in one line.
    fn missing(&self, play: &Play) -> String {
        let Self { server, .. } = self;
        let gid = play.gid;
        match (play.from, play.lease_over) {
            (None, Some(until)) => format!(
                "{server} does not answer; the cache has track {gid}, but only the server can let it be played \
                 again: its lease ended on {}",
                date(until)
            ),
            (None, None) if self.cached => {
                format!("{server} does not answer, and the cache does not have track {gid}")
            }
            (None, None) => {
                format!("{server} does not answer; is the server running, and the address right?")
            }
            (Some(_), _) => {
                format!("{server} does not answer, and the cache does not have all of track {gid}")
            }
        }
    }

    /// Takes one event; the head of the track when it is that.
    fn heed(
        &self,
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
            Event::Piece { index, data, from } => play.piece(index, data, from),
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

    fn refused(&self, play: &Play, why: Refusal) -> Failure {
        let server = &self.server;
        if play.report.forged > 0 {
            let line =
                format!("{server} sends pieces that are not what it published; nothing of them was played");
            return Failure::new(Exit::Untrusted, line);
        }
        match why {
            Refusal::NotFound => Failure::new(Exit::NotFound, format!("{server} has no track {}", play.gid)),
            Refusal::NoRight => {
                Failure::new(Exit::Unreachable, format!("{server} does not let this device play it"))
            }
            why => Failure::runtime(format!("{server} can't deliver the track: {why}")),
        }
    }

    fn gave_up(&self, why: SessionError) -> Failure {
        let server = &self.server;
        match why {
            SessionError::Refused(Refused::WrongKey) => Failure::new(
                Exit::Untrusted,
                format!(
                    "{server} does not have the key it is expected to have: it was set up anew, or somebody is in \
                     between; nothing was sent. If the change is right, name it with its new key (HOST:PORT#KEY)"
                ),
            ),
            why => Failure::new(Exit::Unreachable, format!("{server}: {why}")),
        }
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
            report: Report { gid: Some(gid), ..Report::default() },
            from: None,
            lease_over: None,
            offline_since: None,
            ever_online: false,
        }
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

/// The decoding thread: waits for bytes, decodes, waits for the output.
fn decode(
    buffer: TrackBuffer,
    opened: &Opened<FileId>,
    at: Duration,
    output: Box<dyn Output>,
    told: &mpsc::Sender<Told>,
) -> Decoded {
    let mut decoded = Decoded { output, result: Ok(()), heard: at, stutters: 0, damaged: 0 };
    decoded.result = run(buffer, opened, at, &mut decoded, told);
    decoded
}

fn run(
    buffer: TrackBuffer,
    opened: &Opened<FileId>,
    at: Duration,
    decoded: &mut Decoded,
    told: &mpsc::Sender<Told>,
) -> Result<(), Stopped> {
    let mut decoder =
        Decoder::open(Box::new(buffer), layout_of(&opened.head), at).map_err(Stopped::Decode)?;
    let Some(mut spec) = decoder.spec() else { return Ok(()) };
    decoded.output.start(spec).map_err(Stopped::Output)?;
    let mut samples = Samples::new();
    let mut written = 0u64;
    while decoder.next(&mut samples).map_err(Stopped::Decode)? {
        if samples.spec() != spec {
            spec = samples.spec();
            written = 0;
            decoded.output.start(spec).map_err(Stopped::Output)?;
        }
        if written == 0 {
            let _ = told.try_send(Told::FirstSound(Instant::now()));
        } else if decoded.output.is_timed() && decoded.output.played() >= written {
            decoded.stutters += 1;
        }
        decoded.output.write(&samples).map_err(Stopped::Output)?;
        written += samples.frames() as u64;
        let end = samples.at + samples.frames() as u64;
        decoded.heard = Duration::from_secs_f64(end as f64 / f64::from(spec.rate.max(1)));
        let _ = told.try_send(Told::At(decoded.heard));
    }
    decoded.damaged = decoder.skipped();
    decoded.output.drain().map_err(Stopped::Output)
}
