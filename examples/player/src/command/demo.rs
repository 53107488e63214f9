//! `spot demo`: a server and a listener on this machine, over the real protocol; the second time, out of the cache.

use super::contact::{CachePlace, client};
use super::play::{Screen, hear};
use super::runtime;
use super::serve::{open_library, scan, start, stopped};
use crate::failure::{Exit, Failure};
use crate::library::State;
use crate::listen::{Listener, table};
use crate::server_name::ServerName;
use crate::settings::{ConfigFlag, Flags, OutputFlag, Settings};
use crate::tune::{Encoding, encode, prelude, render};
use clap::Args;
use core::net::Ipv4Addr;
use core::time::Duration;
use runtime_tokio::{SocketOptions, entropy, listen};
use spotcache::cache::Quota;
use spotproto::Gid;
use spotproto::crypto::{KeyPair, RustCrypto};
use std::fs;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// Bars of the demo's piece that are played: about half a minute.
const BARS: usize = 9;

/// Arguments of `spot demo`.
#[derive(Args, Debug)]
pub(super) struct Demo {
    /// Serve and play the music in this folder instead.
    #[arg(long, value_name = "FOLDER")]
    music: Option<PathBuf>,
    /// With --music: play so many tracks at most.
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    tracks: usize,
    #[command(flatten)]
    output: OutputFlag,
    #[command(flatten)]
    config: ConfigFlag,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let flags = Flags { output: self.output.clone(), config: self.config.clone(), ..Flags::default() };
        let settings = Settings::load(&flags)?;
        let folder = tempfile::tempdir().map_err(Failure::runtime)?;
        let music = match &self.music {
            Some(music) => music.clone(),
            None => {
                let music = folder.path().join("music");
                fs::create_dir(&music).map_err(Failure::runtime)?;
                eprintln!("making a piece of music: J. S. Bach, Prelude in C major, BWV 846");
                let tune = encode(&render(&prelude().first_bars(BARS)), Encoding::Vorbis { kbps: 160 });
                fs::write(music.join("prelude.ogg"), tune.map_err(Failure::runtime)?)
                    .map_err(Failure::runtime)?;
                music
            }
        };
        let state = State::open(&folder.path().join("state")).map_err(Failure::runtime)?;
        let library = open_library(&music, &state)?;
        let report = scan(&library)?;
        for skipped in &report.skipped {
            eprintln!("skipped {skipped}");
        }
        let tracks: Vec<Gid> = library
            .tracks()
            .map_err(Failure::runtime)?
            .iter()
            .filter_map(|track| track.link.gid())
            .take(self.tracks)
            .collect();
        if tracks.is_empty() {
            let line = format!("there is no music in {}", music.display());
            return Err(Failure::new(Exit::NotFound, line));
        }
        runtime()?.block_on(async {
            let loopback = (Ipv4Addr::LOCALHOST, 0).into();
            let listener = listen(loopback, &SocketOptions::default()).map_err(Failure::runtime)?;
            let address = listener.local_addr().map_err(Failure::runtime)?.to_string();
            let server = ServerName { address, key: Some(state.identity.public) };
            eprintln!("serving it at {}, and playing it over TCP", server.address);
            let (stop, wait) = oneshot::channel::<()>();
            let serving = start(listener, library, &state, async {
                let _ = wait.await;
            });
            let listening = async {
                let heard = self.listen(&settings, &server, &tracks, folder.path().join("cache")).await;
                let _ = stop.send(());
                heard
            };
            tokio::select! {
                ((), heard) = async { tokio::join!(serving, listening) } => heard,
                () = stopped() => Err(Failure::runtime("stopped")),
            }
        })
    }

    /// Plays everything twice: what comes over the network the first time is at hand the second time.
    async fn listen(
        &self,
        settings: &Settings,
        server: &ServerName,
        tracks: &[Gid],
        cache: PathBuf,
    ) -> Result<(), Failure> {
        let identity = KeyPair::new::<RustCrypto>(entropy::secret_key().map_err(Failure::runtime)?);
        let cache = CachePlace { folder: cache, quota: Quota::Auto };
        let mut listener = Listener::new(client(server, identity, 0, Some(cache))?, server.address.clone());
        let screen = Screen::new();
        let mut output = settings.output.value.output();
        let mut reports = Vec::new();
        for gid in tracks.iter().chain(tracks) {
            let (report, back) = hear(&mut listener, *gid, Duration::ZERO, output, &screen, None).await?;
            output = back;
            if self.json {
                println!("{}", report.json());
            }
            reports.push(report);
        }
        listener.leave().await;
        if !self.json {
            print!("{}", table(&reports));
        }
        Ok(())
    }
}
