//! `spot measure`: how fast a server answers.

use super::contact::{Party, Peers};
use super::{device, link, runtime, server};
use crate::device::Device;
use crate::failure::{Exit, Failure};
use crate::server_name::ServerName;
use crate::settings::{ConfigFlag, ContactFlags, DeviceFlag, Flags, Settings};
use alloc::collections::BTreeSet;
use clap::Args;
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent};
use serde_json::json;
use spotp2p::node::{Command, Event};
use spotp2p::playout::Summary;
use spotproto::Gid;
use spotproto::content::{FileId, Head, PIECE_LEN};
use spotproto::message::Wanted;
use std::time::Instant;

/// Pieces of music that make a start: 64 KiB.
const START: u32 = (64 * 1024 / PIECE_LEN) as u32;

/// Pause between two starts on the standing connection: long enough for a kernel to think it idle.
const PAUSE: Duration = Duration::from_millis(1500);

/// How long a download runs before a seek breaks into it.
const INTO_DOWNLOAD: Duration = Duration::from_millis(1200);

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Arguments of `spot measure`.
#[derive(Args, Debug)]
pub(super) struct Measure {
    /// The track to measure with; four minutes or longer.
    link: String,
    /// Measurements of each kind.
    #[arg(long, value_name = "COUNT", default_value_t = 7)]
    runs: usize,
    #[command(flatten)]
    contact: ContactFlags,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Whom to connect to, as whom, and from which port.
struct Contact {
    server: ServerName,
    device: Device,
    port: u16,
}

/// What was measured, in the order of the runs.
#[derive(Default, Debug)]
struct Figures {
    cold: Vec<Duration>,
    warm: Vec<Duration>,
    seek: Vec<Duration>,
    /// Bytes a second.
    download: Vec<f64>,
}

impl Measure {
    pub(super) fn run(self) -> Result<(), Failure> {
        let gid = link::parse(&self.link)?
            .gid()
            .ok_or_else(|| Failure::new(Exit::NotFound, format!("{} is no track", self.link)))?;
        let flags = Flags {
            contact: self.contact.clone(),
            device: self.device.clone(),
            config: self.config.clone(),
            ..Flags::default()
        };
        let settings = Settings::load(&flags)?;
        let device = device(&settings)?;
        let server = server(&settings, &device)?;
        let contact = Contact { server, device, port: settings.port.value };
        let figures = runtime()?.block_on(self.measure(&contact, gid))?;
        if self.json {
            println!("{}", figures.json());
        } else {
            print!("{}", figures.table());
        }
        Ok(())
    }

    async fn measure(&self, contact: &Contact, gid: Gid) -> Result<Figures, Failure> {
        let mut figures = Figures::default();
        for _ in 0..self.runs {
            let mut probe = Probe::new(contact)?;
            figures.cold.push(probe.start(gid).await?);
            drop(probe);
            tokio::time::sleep(PAUSE / 3).await;
        }
        let mut probe = Probe::new(contact)?;
        probe.start(gid).await?;
        figures.download.push(probe.download().await?);
        for _ in 0..self.runs {
            probe.stop().await?;
            tokio::time::sleep(PAUSE).await;
            figures.warm.push(probe.start(gid).await?);
        }
        for run in 0..self.runs {
            probe.stop().await?;
            tokio::time::sleep(PAUSE / 3).await;
            probe.start(gid).await?;
            figures.seek.push(probe.seek(run, self.runs).await?);
        }
        probe.stop().await?;
        tokio::time::sleep(PAUSE / 3).await;
        probe.start(gid).await?;
        figures.download.push(probe.download().await?);
        Ok(figures)
    }
}

/// A client whose pieces are counted and thrown away.
struct Probe {
    client: Client,
    head: Option<Head<FileId>>,
    held: BTreeSet<u32>,
    bytes: u64,
}

impl Probe {
    fn new(contact: &Contact) -> Result<Self, Failure> {
        let identity = contact.device.identity()?;
        let party = Party {
            server: &contact.server,
            identity,
            port: contact.port,
            cache: None,
            // It is the server that is measured.
            peers: Peers::ALONE,
            link: Summary::UNKNOWN,
        };
        let client = party.client()?;
        Ok(Self { client, head: None, held: BTreeSet::new(), bytes: 0 })
    }

    /// From the click to 64 KiB that can be played.
    async fn start(&mut self, gid: Gid) -> Result<Duration, Failure> {
        self.head = None;
        self.held.clear();
        let clicked = Instant::now();
        self.tell(Command::Open { wanted: Wanted::Track(gid), at_ms: 0 }).await?;
        while !self.playable(0) {
            self.event().await?;
        }
        Ok(clicked.elapsed())
    }

    /// Into a download at full speed: from the click to 64 KiB at a place that is not here yet.
    async fn seek(&mut self, run: usize, runs: usize) -> Result<Duration, Failure> {
        let since = Instant::now();
        while let Some(left) = INTO_DOWNLOAD.checked_sub(since.elapsed()) {
            // Silence means that the download is over; what follows says so.
            if let Ok(event) = tokio::time::timeout(left, self.event()).await {
                event?;
            }
        }
        let Some(head) = &self.head else { return Err(gone()) };
        // Another place each time, in the last third of the track.
        let thirds = u64::from(head.duration_ms) * (2 * runs as u64 + run as u64) / (3 * runs as u64);
        let at_ms = u32::try_from(thirds).unwrap_or(0);
        let place = head.piece_at(at_ms);
        if self.held.contains(&place) || place + START > head.pieces() {
            return Err(Failure::new(
                Exit::Usage,
                "the track is too short, or the line too fast, to seek ahead in it",
            ));
        }
        let clicked = Instant::now();
        self.tell(Command::Seek { at_ms }).await?;
        while !self.playable(place) {
            self.event().await?;
        }
        Ok(clicked.elapsed())
    }

    /// The rate of the rest of the track at full speed, in bytes of pieces a second.
    async fn download(&mut self) -> Result<f64, Failure> {
        let (since, before) = (Instant::now(), self.bytes);
        let pieces = self.head.as_ref().map_or(0, Head::pieces);
        while self.held.len() < pieces as usize {
            self.event().await?;
        }
        Ok((self.bytes - before) as f64 / since.elapsed().as_secs_f64())
    }

    async fn stop(&mut self) -> Result<(), Failure> {
        self.tell(Command::Stop).await
    }

    fn playable(&self, from: u32) -> bool {
        self.head.as_ref().is_some_and(|head| {
            let music = from..from.saturating_add(START).min(head.pieces());
            head.header_pieces().chain(music).all(|piece| self.held.contains(&piece))
        })
    }

    async fn event(&mut self) -> Result<(), Failure> {
        let event = tokio::time::timeout(PATIENCE, self.client.next()).await.map_err(|_| gone())?;
        match event.ok_or_else(gone)? {
            ClientEvent::Node(Event::Opened { opened, .. }) => self.head = Some(opened.head),
            ClientEvent::Node(Event::Piece { index, data, .. }) => {
                self.held.insert(index);
                self.bytes += data.len() as u64;
            }
            ClientEvent::Node(Event::Refused(why)) => {
                return Err(Failure::new(Exit::NotFound, format!("the server refuses: {why}")));
            }
            ClientEvent::Node(Event::GaveUp { why }) => {
                return Err(Failure::new(Exit::Untrusted, why.to_string()));
            }
            ClientEvent::Node(Event::Offline { .. }) => return Err(gone()),
            _ => {}
        }
        Ok(())
    }

    async fn tell(&self, command: Command<FileId>) -> Result<(), Failure> {
        self.client.tell(command).await.map_err(|_| gone())
    }
}

fn gone() -> Failure {
    Failure::new(
        Exit::Unreachable,
        "the server does not answer, or the connection broke while it was measured",
    )
}

impl Figures {
    fn json(&self) -> serde_json::Value {
        let ms = |spans: &[Duration]| spans.iter().map(|s| s.as_secs_f64() * 1000.0).collect::<Vec<_>>();
        json!({
            "cold_ms": ms(&self.cold),
            "warm_ms": ms(&self.warm),
            "seek_ms": ms(&self.seek),
            "download_bytes_per_s": self.download.iter().copied().fold(0.0, f64::max),
            "downloads_bytes_per_s": self.download,
        })
    }

    fn table(&self) -> String {
        let row = |name: &str, spans: &[Duration]| {
            let mut ms: Vec<f64> = spans.iter().map(|span| span.as_secs_f64() * 1000.0).collect();
            ms.sort_by(f64::total_cmp);
            let at = |index: usize| ms.get(index).copied().unwrap_or(0.0);
            let (least, median, most) = (at(0), at(ms.len() / 2), at(ms.len().saturating_sub(1)));
            format!("{name:<34} {median:>8.1} {least:>8.1} {most:>8.1}\n")
        };
        let best = self.download.iter().copied().fold(0.0, f64::max);
        [
            format!(
                "{:<34} {:>8} {:>8} {:>8}\n",
                "milliseconds to 64 KiB playable", "median", "least", "most"
            ),
            row("cold: connect, log in, start", &self.cold),
            row("warm: start on a connection", &self.warm),
            row("seek into a running download", &self.seek),
            format!("{:<34} {:>8.2} MB/s\n", "download", best / 1e6),
        ]
        .concat()
    }
}
