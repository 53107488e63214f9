//! The listeners of the demo: those that play, and those that have heard the music before.

use crate::command::contact::{CachePlace, Party, Peers};
use crate::failure::Failure;
use crate::listen::{Listener, Report, Voice};
use crate::output::Choice;
use crate::server_name::ServerName;
use core::time::Duration;
use runtime_tokio::{Client, ClientEvent, entropy};
use spotcache::cache::Quota;
use spotp2p::node::{Command, Event};
use spotp2p::playout::Summary;
use spotproto::Gid;
use spotproto::crypto::{KeyPair, RustCrypto};
use spotproto::message::Wanted;
use std::path::PathBuf;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A listener that can be heard, with a cache of its own.
pub(super) fn player(server: &ServerName, cache: PathBuf) -> Result<Listener, Failure> {
    Ok(Listener::new(newcomer(server, cache)?, server.address.clone()))
}

/// A listener that plays all of this in silence, from a while after now on.
pub(super) async fn play_in_silence(
    server: ServerName,
    cache: PathBuf,
    tracks: Vec<Gid>,
    after: Duration,
) -> Result<Vec<Report>, Failure> {
    tokio::time::sleep(after).await;
    let mut listener = player(&server, cache)?;
    let mut reports = Vec::new();
    let mut voice = Voice::new(Choice::Null.output());
    let mut next = tracks.iter().skip(1).copied();
    for gid in tracks.iter().copied() {
        listener.expect(next.next().map(|gid| (gid, Duration::ZERO)));
        let heard = listener.play(gid, Duration::ZERO, voice, |_| {}).await?;
        voice = heard.voice;
        reports.push(heard.report);
    }
    voice.finish().await?;
    listener.leave().await;
    Ok(reports)
}

fn newcomer(server: &ServerName, cache: PathBuf) -> Result<Client, Failure> {
    let identity = KeyPair::new::<RustCrypto>(entropy::secret_key().map_err(Failure::runtime)?);
    let cache = Some(CachePlace { folder: cache, quota: Quota::Auto });
    Party { server, identity, port: 0, cache, peers: Peers::FULL, link: Summary::UNKNOWN }.client()
}

/// A listener that has heard the music, and serves it.
pub(super) struct Holder {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<u64>,
}

impl Holder {
    /// Fetches the music, and serves it from then on.
    pub(super) async fn new(server: &ServerName, cache: PathBuf, tracks: &[Gid]) -> Result<Self, Failure> {
        let mut client = newcomer(server, cache)?;
        let over = || Failure::runtime("a listener of the demo ended; this is a mistake in the program");
        for gid in tracks {
            client.tell(Command::Keep { wanted: Wanted::Track(*gid) }).await.map_err(|_| over())?;
        }
        let mut missing = tracks.len();
        while missing > 0 {
            match client.next().await.ok_or_else(over)? {
                ClientEvent::Node(Event::Kept { .. }) => missing -= 1,
                ClientEvent::Node(Event::NotKept { why, .. }) => {
                    return Err(Failure::runtime(format!(
                        "a listener of the demo can't keep the music: {why:?}"
                    )));
                }
                _ => {}
            }
        }
        let (stop, mut stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            let mut gave = 0;
            loop {
                tokio::select! {
                    event = client.next() => match event {
                        Some(ClientEvent::Node(Event::Gave { bytes })) => gave += bytes as u64,
                        Some(_) => {}
                        None => return gave,
                    },
                    _ = &mut stopped => break,
                }
            }
            client.leave().await;
            gave
        });
        Ok(Self { stop, serving })
    }

    /// What it sent to others.
    pub(super) async fn leave(self) -> u64 {
        let _ = self.stop.send(());
        self.serving.await.unwrap_or(0)
    }
}
