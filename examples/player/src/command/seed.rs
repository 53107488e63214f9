//! `spot seed`: keeps serving what the cache holds, without playing.

use super::contact::Party;
use super::offline::not_kept;
use super::play::track;
use super::serve::stopped;
use super::{device, runtime, server};
use crate::failure::{Exit, Failure};
use crate::listen::bytes;
use crate::settings::{
    CacheFlags, ConfigFlag, ContactFlags, DeviceFlag, Flags, PatienceFlag, PeersFlags, PeersMode, Settings,
};
use clap::Args;
use core::pin::pin;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use runtime_tokio::{Client, ClientEvent};
use serde_json::json;
use spotp2p::node::{Command, Event};
use spotproto::Gid;
use spotproto::SessionError;
use spotproto::error::Refused;
use spotproto::message::Wanted;
use tokio::time::{interval, sleep};

/// How often it is said how things stand.
const TICK: Duration = Duration::from_secs(1);

/// Arguments of `spot seed`.
#[derive(Args, Debug)]
pub(super) struct Seed {
    /// Tracks to fetch first, as far as the cache lacks them, and to keep.
    #[arg(value_name = "LINK")]
    links: Vec<String>,
    /// Stop after this long: seconds.
    #[arg(long = "for", value_name = "SECONDS")]
    lasts: Option<u64>,
    #[command(flatten)]
    contact: ContactFlags,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    cache: CacheFlags,
    #[command(flatten)]
    patience: PatienceFlag,
    #[command(flatten)]
    peers: PeersFlags,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines, one a second.
    #[arg(long)]
    json: bool,
}

/// How things stand.
#[derive(Default)]
struct Standing {
    online: bool,
    neighbours: usize,
    uploaded: u64,
    kept: usize,
}

impl Seed {
    pub(super) fn run(self) -> Result<(), Failure> {
        let tracks = self.links.iter().map(|text| track(text)).collect::<Result<Vec<_>, _>>()?;
        let settings = Settings::load(&Flags {
            config: self.config.clone(),
            contact: self.contact.clone(),
            device: self.device.clone(),
            cache: self.cache.clone(),
            patience: self.patience.clone(),
            peers: self.peers.clone(),
            ..Flags::default()
        })?;
        if settings.peers.mode.value != PeersMode::Full {
            let line = format!("with peers.mode {} there is nobody to serve", settings.peers.mode.value);
            return Err(Failure::new(Exit::Usage, line));
        }
        let device = device(&settings)?;
        let server = server(&settings, &device)?;
        runtime()?.block_on(async {
            let client = Party::of(&settings, &server, &device)?.client()?;
            if !client.has_cache() {
                return Err(Failure::runtime("without a cache there is nothing to serve"));
            }
            device.remember(&server)?;
            eprintln!("serving what the cache holds to listeners of {}; Ctrl-C ends it", server.address);
            let gids: Vec<Gid> = tracks.into_iter().map(|(gid, _)| gid).collect();
            self.serve(client, &server.address, &gids).await
        })
    }

    async fn serve(&self, mut client: Client, server: &str, tracks: &[Gid]) -> Result<(), Failure> {
        let gone = || Failure::runtime("the network task ended; this is a mistake in the program");
        client.tell(Command::Connect).await.map_err(|_| gone())?;
        for gid in tracks {
            client.tell(Command::Keep { wanted: Wanted::Track(*gid) }).await.map_err(|_| gone())?;
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg}") {
            bar.set_style(style);
        }
        let mut over = pin!(async {
            tokio::select! {
                () = stopped() => {}
                () = sleep(Duration::from_secs(self.lasts.unwrap_or(0))), if self.lasts.is_some() => {}
            }
        });
        let mut tick = interval(TICK);
        let mut standing = Standing::default();
        loop {
            tokio::select! {
                event = client.next() => {
                    if let ClientEvent::Node(event) = event.ok_or_else(gone)? {
                        standing.heed(server, event, &bar)?;
                    }
                }
                _ = tick.tick() => self.show(&standing, &bar),
                () = &mut over => break,
            }
        }
        bar.finish_and_clear();
        client.leave().await;
        if !self.json {
            println!("served {} to other listeners", bytes(standing.uploaded));
        }
        Ok(())
    }

    fn show(&self, standing: &Standing, bar: &ProgressBar) {
        let Standing { online, neighbours, uploaded, kept } = standing;
        if self.json {
            println!(
                "{}",
                json!({
                    "event": "seeding", "online": online, "neighbours": neighbours, "uploaded": uploaded, "kept": kept,
                })
            );
            return;
        }
        let link = if *online { "online" } else { "the server is away" };
        bar.set_message(format!("{link}, {neighbours} neighbours, {} served", bytes(*uploaded)));
        bar.tick();
    }
}

impl Standing {
    fn heed<K, B>(&mut self, server: &str, event: Event<K, B>, bar: &ProgressBar) -> Result<(), Failure> {
        match event {
            Event::LoggedIn => self.online = true,
            Event::Offline { .. } => self.online = false,
            Event::Neighbours(count) => self.neighbours = count,
            Event::Gave { bytes } => self.uploaded += bytes as u64,
            Event::Kept { .. } => self.kept += 1,
            Event::NotKept { wanted: Wanted::Track(gid), why } => {
                bar.suspend(|| eprintln!("spot: {}", not_kept(server, gid, why)));
            }
            Event::CacheTrouble(trouble) => bar.suspend(|| eprintln!("spot: {trouble}")),
            Event::GaveUp { why: SessionError::Refused(Refused::WrongKey) } => {
                let line = format!("{server} does not have the key it is expected to have");
                return Err(Failure::new(Exit::Untrusted, line));
            }
            Event::GaveUp { why } => return Err(Failure::new(Exit::Unreachable, format!("{server}: {why}"))),
            _ => {}
        }
        Ok(())
    }
}
