//! `spot demo`: a server and eight listeners on this machine, over the real protocol.

mod house;
mod table;

use super::play::{Screen, hear};
use super::runtime;
use super::serve::{open_library, scan, start, stopped};
use crate::failure::{Exit, Failure};
use crate::library::State;
use crate::listen::{Report, Voice, table};
use crate::output::Choice;
use crate::server_name::ServerName;
use crate::settings::{ConfigFlag, Flags, OutputFlag, Settings};
use crate::tune::{Encoding, encode, prelude, render};
use clap::Args;
use core::net::Ipv4Addr;
use core::time::Duration;
use house::{Holder, play_in_silence, player};
use runtime_tokio::{SocketOptions, listen};
use serde_json::json;
use spotproto::Gid;
use std::fs;
use std::path::{Path, PathBuf};
use table::{house_table, network, share_of_listeners};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

/// Bars of the demo's piece that are played: about three quarters of a minute.
const BARS: usize = 12;

/// Listeners that have heard the music before.
const HOLDERS: u32 = 4;

/// Listeners that play it.
const PLAYERS: u32 = 4;

/// They begin one after the other, as people do.
const STAGGER: Duration = Duration::from_millis(700);

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
        let library = open_library(&music, &state, None)?;
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
            eprintln!("serving it at {}, to {} listeners over TCP", server.address, HOLDERS + PLAYERS);
            let (stop, wait) = oneshot::channel::<()>();
            let serving = start(listener, library, &state, async {
                let _ = wait.await;
            });
            let listening = async {
                let heard = self.listen(&settings, &server, &tracks, folder.path()).await;
                let _ = stop.send(());
                heard
            };
            tokio::select! {
                ((), heard) = async { tokio::join!(serving, listening) } => heard,
                () = stopped() => Err(Failure::runtime("stopped")),
            }
        })
    }

    /// Four listeners have heard the music before, and serve it; four others play it, the first of them aloud. Then that
    /// one plays it again, out of its cache.
    async fn listen(
        &self,
        settings: &Settings,
        server: &ServerName,
        tracks: &[Gid],
        folder: &Path,
    ) -> Result<(), Failure> {
        let mut holders = Vec::new();
        for number in 0..HOLDERS {
            holders.push(Holder::new(server, folder.join(format!("holder-{number}")), tracks).await?);
        }
        eprintln!("{HOLDERS} listeners have heard it before; {PLAYERS} more play it now, one of them aloud");
        let mut others = JoinSet::new();
        for number in 1..PLAYERS {
            let cache = folder.join(format!("player-{number}"));
            others.spawn(play_in_silence(server.clone(), cache, tracks.to_vec(), STAGGER * number));
        }
        let (first, again) = self.aloud(settings, server, tracks, folder.join("player-0")).await?;
        let mut played = vec![first];
        while let Some(reports) = others.join_next().await {
            played.push(reports.map_err(Failure::runtime)??);
        }
        let mut gave = Vec::new();
        for holder in holders {
            gave.push(holder.leave().await);
        }
        if self.json {
            print_json(&played, &again, &gave);
        } else {
            print!("{}\n{}", table(&played[0]), house_table(&played, &again, &gave));
        }
        Ok(())
    }

    /// Plays everything for the person who looks on; and once more, as fast as it can be read again.
    async fn aloud(
        &self,
        settings: &Settings,
        server: &ServerName,
        tracks: &[Gid],
        cache: PathBuf,
    ) -> Result<(Vec<Report>, Vec<Report>), Failure> {
        let mut listener = player(server, cache)?;
        let screen = Screen::new();
        let mut voice = Voice::new(settings.output.value.output());
        let mut reports = Vec::new();
        for (number, gid) in tracks.iter().enumerate() {
            listener.expect(tracks.get(number + 1).map(|gid| (*gid, Duration::ZERO)));
            let heard = hear(&mut listener, *gid, Duration::ZERO, voice, &screen, None).await?;
            voice = heard.voice;
            reports.push(heard.report);
        }
        voice.finish().await?;
        let mut again = Vec::new();
        for gid in tracks {
            let silence = Voice::new(Choice::NullFast.output());
            again.push(listener.play(*gid, Duration::ZERO, silence, |_| {}).await?.report);
        }
        listener.leave().await;
        Ok((reports, again))
    }
}

fn print_json(played: &[Vec<Report>], again: &[Report], gave: &[u64]) {
    for (listener, report) in played.iter().enumerate().flat_map(|(n, of)| of.iter().map(move |it| (n, it))) {
        let mut object = report.json();
        object["listener"] = json!(listener + 1);
        println!("{object}");
    }
    for report in again {
        let mut object = report.json();
        object["listener"] = json!(1);
        object["again"] = json!(true);
        println!("{object}");
    }
    for (holder, bytes) in gave.iter().enumerate() {
        println!(
            "{}",
            json!({ "event": "served", "listener": PLAYERS as usize + holder + 1, "uploaded": bytes })
        );
    }
    let all = network(played);
    println!(
        "{}",
        json!({ "event": "demo", "bytes": all.json(), "from_listeners": share_of_listeners(all) })
    );
}
