//! `spot serve`: serves the music in a folder.

use super::network::Door;
use super::runtime;
use crate::failure::{Exit, Failure};
use crate::library::{Library, Options, Progress, Report, State};
use crate::listen::bytes;
use crate::origin;
use crate::server_name::ServerName;
use crate::settings::{ConfigFlag, Flags, ServeFlags, Settings};
use crate::shown::{named, printable};
use alloc::sync::Arc;
use clap::Args;
use core::future::Future;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::ops::ControlFlow;
use core::time::Duration;
use indicatif::{ProgressBar, ProgressStyle};
use runtime_tokio::kernel;
use runtime_tokio::{Listener, ServerEvent, ServerOptions, SocketOptions, Store, listen};
use serde_json::json;
use spotp2p::access_point::{self, Limits};
use spotp2p::cdn::Url;
use spotproto::UnixTime;
use spotproto::message::Wanted;
use std::io::Write;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long a ticket is good for.
const TICKET_LASTS: Duration = Duration::from_secs(3600);

/// How often the folder is looked at again for what was added, changed or removed.
const RESCAN: Duration = Duration::from_secs(60);

/// Arguments of `spot serve`.
#[derive(Args, Debug)]
pub(super) struct Serve {
    /// The folder with the music.
    folder: PathBuf,
    #[command(flatten)]
    serve: ServeFlags,
    #[command(flatten)]
    config: ConfigFlag,
    /// Serve the encrypted files by plain HTTP too, for web caches to fetch from. Off if not named.
    #[arg(long, value_name = "ADDRESS:PORT")]
    http: Option<SocketAddr>,
    /// Leave the choice of congestion control to the system, instead of asking for BBR where the kernel has it.
    #[arg(long)]
    system_congestion_control: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), Failure> {
        let flags = Flags { serve: self.serve.clone(), config: self.config.clone(), ..Flags::default() };
        let settings = Settings::load(&flags)?;
        let state = State::open(settings.state_folder()?).map_err(Failure::runtime)?;
        let library = open_library(&self.folder, &state, settings.serve.cdn.value.clone())?;
        let report = scan(&library)?;
        let talk = Talk { json: self.json };
        talk.report(&report);
        let runtime = runtime()?;
        runtime.block_on(async {
            let listener = self.listener(&settings)?;
            let http = self.http()?;
            let address = listener.local_addr().map_err(Failure::runtime)?;
            let name = ServerName { address: shown(address).to_string(), key: Some(state.identity.public) };
            talk.tracks(&library)?;
            let beside = http.as_ref().map(Listener::local_addr).transpose().map_err(Failure::runtime)?;
            talk.listening(&name, beside.map(shown));
            if let Some(advice) = kernel::advice() {
                eprintln!("{advice}");
            }
            keep_up(library.clone(), talk);
            if let Some(listener) = http {
                let limits = origin::Limits::default();
                let trouble = |error| eprintln!("{error}");
                tokio::spawn(origin::serve(listener, library.clone(), limits, stopped(), trouble));
            }
            start(listener, library, &state, stopped()).await;
            Ok(())
        })
    }

    fn listener(&self, settings: &Settings) -> Result<Door, Failure> {
        Door::open(settings.serve.listen.value, &self.sockets())
    }

    fn http(&self) -> Result<Option<Listener>, Failure> {
        self.http.map(|address| listen(address, &self.sockets())).transpose().map_err(Failure::runtime)
    }

    fn sockets(&self) -> SocketOptions {
        SocketOptions { prefer_bbr: !self.system_congestion_control, ..SocketOptions::default() }
    }
}

/// The library of a folder.
pub(super) fn open_library(
    folder: &std::path::Path,
    state: &State,
    cdn: Option<Url>,
) -> Result<Arc<Library>, Failure> {
    if !folder.is_dir() {
        return Err(Failure::new(Exit::NotFound, format!("{} is not a folder", folder.display())));
    }
    Library::open(folder, &state.database(), state.epochs.clone(), Options::default())
        .map(|library| Arc::new(library.with_cdn(cdn)))
        .map_err(Failure::runtime)
}

/// Brings the library up to date, with a bar when a person looks on.
pub(super) fn scan(library: &Library) -> Result<Report, Failure> {
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("scanning [{bar:30}] {bytes}/{total_bytes} {wide_msg}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
    let report = library.scan(|progress: Progress<'_>| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes);
        let name = progress.name.to_string_lossy();
        bar.set_message(format!("{}/{} {}", progress.files, progress.files_total, printable(&name)));
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    report.map_err(Failure::runtime)
}

/// Serves `library` until `stop` is ready.
pub(super) async fn start(
    listener: Door,
    library: Arc<Library>,
    state: &State,
    stop: impl Future<Output = ()>,
) {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let config = |now| access_point::Config {
        ticket_key: state.ticket_key.clone(),
        pseudonym_key: state.pseudonym_key.clone(),
        identity: state.identity.public,
        date: (now, UnixTime(since_1970.as_secs())),
        ticket_lasts: TICKET_LASTS,
        lease: access_point::LEASE,
        limits: Limits::DEFAULT,
    };
    let options = ServerOptions { identity: state.identity.clone(), limits: spotproto::Limits::DEFAULT };
    let mut turned_away = 0u64;
    let trouble = |event| match event {
        ServerEvent::AccessPoint(access_point::Event::TurnedAway { .. }) => {
            turned_away += 1;
            // The first one, and then ever fewer: a flood must not fill the log too.
            if turned_away.is_power_of_two() {
                eprintln!("turned away {turned_away} connections for want of room");
            }
        }
        ServerEvent::Accept(error) => eprintln!("{error}"),
        _ => {}
    };
    listener.serve(library, options, config, stop, trouble).await;
}

/// Looks at the folder again from time to time.
fn keep_up(library: Arc<Library>, talk: Talk) {
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(RESCAN).await;
            let library = library.clone();
            let scanned = tokio::task::spawn_blocking(move || {
                library.scan(|_| ControlFlow::Continue(())).map(|report| (report, library))
            });
            match scanned.await {
                Ok(Ok((report, library))) if report.added + report.changed + report.removed > 0 => {
                    talk.report(&report);
                    if report.added + report.changed > 0 {
                        let _ = talk.tracks(&library);
                    }
                }
                Ok(Err(error)) => eprintln!("{error}"),
                _ => {}
            }
        }
    });
}

/// Ready when the person or the system wants the program to stop.
pub(super) async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = async {
            match signal(SignalKind::terminate()) {
                Ok(mut signal) => {
                    signal.recv().await;
                }
                Err(_) => core::future::pending().await,
            }
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            () = terminate => {}
        }
    }
    #[cfg(not(unix))]
    let _ = tokio::signal::ctrl_c().await;
}

/// An address that others can use: a listener on all addresses is shown by the one that leads outside.
fn shown(address: SocketAddr) -> SocketAddr {
    if !address.ip().is_unspecified() {
        return address;
    }
    // Connecting a datagram socket sends nothing; it only asks which of our addresses would be used (RFC 5737 names
    // the other one).
    let outside = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    SocketAddr::new(outside().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST)), address.port())
}

/// How a server talks: results on standard output, the rest beside it.
#[derive(Clone, Copy, Debug)]
struct Talk {
    json: bool,
}

impl Talk {
    fn report(self, report: &Report) {
        for skipped in &report.skipped {
            if self.json {
                let why = &skipped.why;
                say(&json!({ "event": "skipped", "path": skipped.path.to_string_lossy(), "why": why })
                    .to_string());
            } else {
                eprintln!("skipped {skipped}");
            }
        }
        if let Some(moved) = &report.rebuilt {
            eprintln!("the catalogue was damaged; it was made anew, the old one is {}", moved.display());
        }
        if self.json {
            say(&json!({
                "event": "scanned", "added": report.added, "changed": report.changed,
                "unchanged": report.unchanged, "removed": report.removed, "skipped": report.skipped.len(),
                "bytes_read": report.bytes_read,
            })
            .to_string());
        } else {
            eprintln!(
                "{} new, {} changed, {} as before, {} gone, {} skipped; read {}",
                report.added,
                report.changed,
                report.unchanged,
                report.removed,
                report.skipped.len(),
                bytes(report.bytes_read)
            );
        }
    }

    fn tracks(self, library: &Library) -> Result<(), Failure> {
        for track in library.tracks().map_err(Failure::runtime)? {
            if self.json {
                let entry = library.find(&Wanted::File(track.file)).ok();
                let bytes = entry.map(|entry| entry.head.geometry.ciphertext_len());
                say(&json!({
                    "event": "track", "link": track.link.to_string(), "path": track.path.to_string_lossy(),
                    "title": track.title, "artist": track.artist, "album": track.album,
                    "duration_ms": track.duration.as_millis() as u64, "format": track.format.to_string(),
                    "file": track.file.to_string(), "bytes": bytes,
                })
                .to_string());
            } else {
                let length = crate::listen::clock(track.duration);
                say(&format!("{}  {length:>6}  {}", track.link, named(&track.artist, &track.title)));
            }
        }
        Ok(())
    }

    fn listening(self, name: &ServerName, http: Option<SocketAddr>) {
        let http = http.map(|address| format!("http://{address}/"));
        if self.json {
            say(&json!({ "event": "listening", "address": name.to_string(), "http": http }).to_string());
        } else {
            say(&format!("\nlistening at {name}\nplay with: spot play --server '{name}' LINK"));
            if let Some(http) = http {
                say(&format!("ciphertext for web caches at {http}"));
            }
        }
    }
}

/// Prints a line; a reader that has left is no reason to stop serving.
fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
