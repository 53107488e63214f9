//! A listener that goes by a written list: what `spot play` is, steered by a file in place of keys.
//!
//! ```text
//! cargo run -p spotp2p-player --example listener -- --server HOST:PORT#KEY --folder FOLDER --port PORT --plays FILE --start SECONDS
//! ```
//!
//! `HOST:PORT#KEY` is what `spot serve` says of itself; in `FOLDER` are the device and its cache, and `PORT` is where peers
//! are taken. `FILE` has a play on each line, as JSON: the `link`; `at_s`, the second at which it is clicked on, or nothing
//! if it follows the one before; `until_s`, after how much music it is left, or nothing; `expects`, a link that is told
//! to come next if that is not what follows. Seconds are counted from `SECONDS` of Unix time. Each play is reported as `spot
//! play --json` reports it, and when it was asked for. Silence is played, in time.

use core::error::Error;
use core::time::Duration;
use runtime_tokio::clock::Clock;
use runtime_tokio::disk::Disk;
use runtime_tokio::{Client, ClientOptions, DialOptions, Tokio, entropy};
use serde_json::Value;
use spot_player::cached::cache_keys;
use spot_player::device::Device;
use spot_player::keys::Key;
use spot_player::listen::{Listener, Progress, Voice};
use spot_player::output::{BUFFER, Null};
use spot_player::server_name::ServerName;
use spotp2p::node::{CacheSetup, Command, Config, LogIn};
use spotp2p::planner;
use spotproto::{Gid, Limits, Link, UnixTime};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

type Fault = Box<dyn Error>;

const USAGE: &str =
    "usage: listener --server HOST:PORT#KEY --folder FOLDER --port PORT --plays FILE --start SECONDS";

struct Arguments {
    server: ServerName,
    folder: PathBuf,
    port: u16,
    plays: Vec<Play>,
    start: Duration,
}

/// A line of the list.
struct Play {
    gid: Gid,
    at: Option<Duration>,
    until: Option<Duration>,
    expects: Option<Gid>,
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<(), Fault> {
    let Arguments { server, folder, port, plays, start } = arguments()?;
    let zero = Instant::now() + start.saturating_sub(SystemTime::now().duration_since(UNIX_EPOCH)?);
    let client = client(&server, &folder, port)?;
    client.tell(Command::Connect).await.map_err(|_| "the client ended")?;
    let mut listener = Listener::new(client, server.address);
    let (press, pressed) = mpsc::channel(4);
    listener.listen_to(pressed);
    let mut voice = Voice::new(Box::new(Null::new()));
    let (mut number, mut plays_on) = (0, false);
    while let Some(play) = plays.get(number) {
        if let Some(at) = play.at.filter(|_| !plays_on) {
            listener.rest(sleep_until(zero + at)).await?;
        }
        let follower = plays.get(number + 1).filter(|next| next.at.is_none());
        let expected = play.expects.or(follower.map(|next| next.gid));
        listener.expect(expected.map(|gid| (gid, Duration::ZERO)));
        let asked = zero.elapsed();
        let click = click_after(&plays, number);
        let clicks = tokio::spawn(clicks(click.map(|(_, at)| zero + at), press.clone()));
        let mut enough = play.until.map(|until| until + BUFFER);
        let heard = listener
            .play(play.gid, Duration::ZERO, voice, |progress| {
                // The decoder is ahead of the sound by what the output holds.
                if let Progress::At { position, .. } = progress
                    && enough.take_if(|enough| *enough <= position).is_some()
                {
                    let _ = press.try_send(Key::Next);
                }
            })
            .await?;
        let clicked = click.filter(|_| clicks.is_finished());
        clicks.abort();
        let mut line = heard.report.json();
        line["place"] = number.into();
        line["asked_s"] = asked.as_secs_f64().into();
        line["over_s"] = zero.elapsed().as_secs_f64().into();
        println!("{line}");
        number = clicked.map_or(number + 1, |(which, _)| which);
        plays_on = clicked.is_some();
        voice = heard.voice;
    }
    listener.leave().await;
    Ok(())
}

/// Somebody clicks then: what plays is left.
async fn clicks(at: Option<Instant>, press: mpsc::Sender<Key>) {
    match at {
        Some(at) => {
            sleep_until(at).await;
            let _ = press.send(Key::Next).await;
        }
        None => core::future::pending().await,
    }
}

/// The next play that is clicked on, and when.
fn click_after(plays: &[Play], number: usize) -> Option<(usize, Duration)> {
    let later = plays.iter().enumerate().skip(number + 1);
    later.filter_map(|(which, play)| Some((which, play.at?))).next()
}

fn client(server: &ServerName, folder: &std::path::Path, port: u16) -> Result<Client, Fault> {
    let identity = Device::at(&folder.join("device"))?.identity()?;
    let disk = Disk::open(&folder.join("cache"))?;
    let cache = CacheSetup { config: spotcache::cache::Config::default(), keys: cache_keys(&identity) };
    let log_in = LogIn { link_key: identity.public, seed: entropy::seed()? };
    let options = ClientOptions {
        server: server.address.clone(),
        server_key: server.key,
        identity,
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: Some(port),
    };
    let clock = Clock::<Tokio>::start();
    let today = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let config = Config::new(log_in, "listener", entropy::seed()?, (clock.now(), today));
    let config = Config { cache: Some(cache), planner: planner::Config::PLAYER.into(), ..config };
    Ok(Client::start(options, clock, config, Some(disk))?)
}

fn arguments() -> Result<Arguments, Fault> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let value = |name: &str| {
        let at = given.iter().position(|given| given == name);
        at.and_then(|at| given.get(at + 1)).map(String::as_str).ok_or(USAGE)
    };
    let list = std::fs::read_to_string(value("--plays")?)?;
    Ok(Arguments {
        server: value("--server")?.parse()?,
        folder: value("--folder")?.into(),
        port: value("--port")?.parse()?,
        plays: list.lines().map(play).collect::<Result<_, _>>()?,
        start: Duration::from_secs_f64(value("--start")?.parse()?),
    })
}

fn play(line: &str) -> Result<Play, Fault> {
    let line: Value = serde_json::from_str(line)?;
    let span = |name: &str| line[name].as_f64().map(Duration::from_secs_f64);
    let gid = |name: &str| {
        let link = line[name].as_str().and_then(|link| link.parse::<Link>().ok());
        link.and_then(|link| link.gid())
    };
    Ok(Play {
        gid: gid("link").ok_or("a play has no link of a track")?,
        at: span("at_s"),
        until: span("until_s"),
        expects: gid("expects"),
    })
}
