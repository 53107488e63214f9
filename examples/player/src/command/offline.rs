//! `spot offline`: tracks that are kept for listening without the server.

use super::cache::Look;
use super::contact::Party;
use super::play::track;
use super::serve::stopped;
use super::{device, runtime, server};
use crate::failure::{Exit, Failure};
use crate::listen::{bytes, clock};
use crate::settings::{
    CacheFlags, ConfigFlag, ContactFlags, DeviceFlag, Flags, PatienceFlag, PeersFlags, Settings,
};
use crate::shown::named;
use clap::{Args, Subcommand};
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use runtime_tokio::{Client, ClientEvent};
use serde_json::json;
use spotcache::cache::PinRefused;
use spotp2p::node::{Command, Event, NotKept};
use spotproto::Gid;
use spotproto::message::{Refusal, Wanted};

/// Arguments of `spot offline`.
#[derive(Args, Debug)]
pub(super) struct Offline {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Fetch tracks, and keep them.
    Add(Box<Add>),
    /// Keep tracks no longer. They stay in the cache until there is need of room.
    Remove(Remove),
    /// Print what is kept.
    List(Look),
}

#[derive(Args, Debug)]
struct Add {
    /// Links of tracks, in any form.
    #[arg(required = true, value_name = "LINK")]
    links: Vec<String>,
    #[command(flatten)]
    contact: ContactFlags,
    #[command(flatten)]
    device: DeviceFlag,
    #[command(flatten)]
    patience: PatienceFlag,
    #[command(flatten)]
    peers: PeersFlags,
    #[command(flatten)]
    cache: CacheFlags,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

#[derive(Args, Debug)]
struct Remove {
    /// Links of tracks, in any form.
    #[arg(required = true, value_name = "LINK")]
    links: Vec<String>,
    #[command(flatten)]
    look: Look,
}

impl Offline {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self.what {
            What::Add(add) => add.run(),
            What::Remove(remove) => remove.run(),
            What::List(look) => list(&look),
        }
    }
}

impl Add {
    fn run(self) -> Result<(), Failure> {
        let tracks = self.links.iter().map(|text| track(text)).collect::<Result<Vec<_>, _>>()?;
        let settings = Settings::load(&Flags {
            config: self.config.clone(),
            contact: self.contact.clone(),
            device: self.device.clone(),
            patience: self.patience.clone(),
            cache: self.cache.clone(),
            peers: self.peers.clone(),
            ..Flags::default()
        })?;
        runtime()?.block_on(async {
            let adding = async {
                let device = device(&settings)?;
                let server = server(&settings, &device)?;
                let mut client = Party::of(&settings, &server, &device)?.client()?;
                device.remember(&server)?;
                if !client.has_cache() {
                    return Err(Failure::runtime("there is no cache to keep tracks in"));
                }
                let patience = settings.patience.value.unwrap_or(Duration::from_secs(20));
                let mut added = Ok(());
                for (gid, _) in tracks {
                    added = added.and(self.add(&mut client, gid, &server.address, patience).await);
                }
                client.leave().await;
                added
            };
            tokio::select! {
                added = adding => added,
                () = stopped() => Err(Failure::runtime("stopped")),
            }
        })
    }

    /// Fetches one track; answers when it is safe.
    async fn add(
        &self,
        client: &mut Client,
        gid: Gid,
        server: &str,
        patience: Duration,
    ) -> Result<(), Failure> {
        let wanted = Wanted::Track(gid);
        let gone = || Failure::runtime("the network task ended; this is a mistake in the program");
        client.tell(Command::Keep { wanted }).await.map_err(|_| gone())?;
        let bar = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{prefix} [{bar:30}] {percent} %");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_prefix(gid.to_string());
        loop {
            // Whatever comes shows that somebody is there.
            let event = tokio::time::timeout(patience, client.next()).await;
            let event = event.map_err(|_| unreachable(server, gid))?.ok_or_else(gone)?;
            let ClientEvent::Node(event) = event else { continue };
            match event {
                Event::Keeping { held, of, .. } => {
                    bar.set_length(of.into());
                    bar.set_position(held.into());
                }
                Event::Kept { .. } => {
                    bar.finish_and_clear();
                    if self.json {
                        println!("{}", json!({ "event": "kept", "track": gid.to_string() }));
                    } else {
                        println!("{gid} is kept");
                    }
                    return Ok(());
                }
                Event::NotKept { why, .. } => return Err(not_kept(server, gid, why)),
                Event::GaveUp { why } => {
                    return Err(Failure::new(Exit::Unreachable, format!("{server}: {why}")));
                }
                _ => {}
            }
        }
    }
}

fn unreachable(server: &str, gid: Gid) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("{server} does not answer, and the cache does not have all of {gid}"),
    )
}

/// Why a track is not kept, in plain words.
pub(super) fn not_kept(server: &str, gid: Gid, why: NotKept) -> Failure {
    match why {
        NotKept::Pin(PinRefused::NoRoom { .. }) => Failure::runtime(format!(
            "{gid} is not kept: with what is kept already it does not fit the cache's limit (spot cache limit SIZE)"
        )),
        NotKept::Refused(Refusal::NotFound) => {
            Failure::new(Exit::NotFound, format!("{server} has no track {gid}"))
        }
        NotKept::Refused(why) => Failure::runtime(format!("{server} can't deliver {gid}: {why}")),
        NotKept::Pin(why) => Failure::runtime(format!("{gid} is not kept: {why}")),
        NotKept::Trouble(trouble) => Failure::runtime(format!("{gid} is not kept: {trouble}")),
        _ => Failure::runtime(format!("{gid} is not kept: there is no cache")),
    }
}

impl Remove {
    fn run(self) -> Result<(), Failure> {
        let tracks = self.links.iter().map(|text| track(text)).collect::<Result<Vec<_>, _>>()?;
        let mut folder = self.look.open()?;
        for (gid, _) in tracks {
            let kept = folder.files().into_iter().find(|cached| {
                cached.holding.pinned && cached.sheet.as_ref().is_some_and(|sheet| sheet.gid == Some(gid))
            });
            let line = || Failure::new(Exit::NotFound, format!("{gid} is not kept"));
            folder.unpin(kept.ok_or_else(line)?.file)?;
            if self.look.json {
                println!("{}", json!({ "event": "removed", "track": gid.to_string() }));
            }
        }
        folder.close()
    }
}

fn list(look: &Look) -> Result<(), Failure> {
    let mut folder = look.open()?;
    for cached in folder.files().iter().filter(|cached| cached.holding.pinned) {
        let sheet = cached.sheet.as_ref();
        let link = sheet.and_then(|sheet| sheet.gid).map(|gid| format!("spotify:track:{gid}"));
        let size = sheet.map_or(0, |sheet| sheet.head.length());
        let (title, artist) = sheet.map_or(("", ""), |sheet| (&sheet.title, &sheet.artist));
        let complete = cached.holding.complete && sheet.is_some();
        if look.json {
            println!(
                "{}",
                json!({
                    "event": "kept", "track": link, "title": title, "artist": artist, "bytes": size,
                    "complete": complete, "lease_until": sheet.map(|sheet| sheet.lease_until.0),
                })
            );
            continue;
        }
        let name = named(artist, title);
        let length =
            sheet.map_or(Duration::ZERO, |sheet| Duration::from_millis(sheet.head.duration_ms.into()));
        let lacks =
            if complete { "" } else { "  (not all of it is here: spot offline add fetches the rest)" };
        println!(
            "{}  {}  {}  {name}{lacks}",
            link.unwrap_or_else(|| cached.file.to_string()),
            clock(length),
            bytes(size)
        );
    }
    folder.close()
}
