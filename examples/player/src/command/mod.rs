//! The commands of `spot`, one file each.

mod cache;
mod config;
mod contact;
mod decode;
mod demo;
mod link;
mod measure;
mod offline;
mod play;
mod seed;
mod serve;
mod stats;
mod tune;
mod why;

use crate::device::Device;
use crate::failure::{Exit, Failure};
use crate::server_name::ServerName;
use crate::settings::Settings;
use clap::{Parser, Subcommand};

/// Open, peer-assisted, on-demand music streaming. Independent, not affiliated with Spotify; speaks only to its own
/// servers.
#[derive(Parser, Debug)]
#[command(name = "spot", version, max_term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the music in a folder.
    Serve(serve::Serve),
    /// Play tracks from a server.
    Play(play::Play),
    /// Serve what was heard to other listeners, without playing.
    Seed(seed::Seed),
    /// Show why each piece of the last play came from where it came.
    Why(why::WhyArgs),
    /// Show how often the sound stopped for want of music, beside how often it was predicted to.
    Stats(stats::Stats),
    /// Serve and play a piece of music on this machine, among eight listeners, and show what happened.
    Demo(demo::Demo),
    /// Convert a link between its forms.
    Link(link::LinkForms),
    /// Measure how fast a server answers: start, seek, download.
    Measure(measure::Measure),
    /// Look after the cache of what was heard.
    Cache(cache::Cache),
    /// Keep tracks for listening without the server.
    Offline(offline::Offline),
    /// Show the settings, and where each comes from.
    Config(config::Config),
    /// Decode a file on this machine, without a server.
    Decode(decode::Decode),
    /// Make a file of the demo's music.
    Tune(tune::Tune),
}

/// Runs a command.
///
/// # Errors
/// What is wrong, in one line, with the exit code that goes with it.
pub fn run(arguments: Arguments) -> Result<(), Failure> {
    match arguments.command {
        Command::Serve(serve) => serve.run(),
        Command::Play(play) => play.run(),
        Command::Seed(seed) => seed.run(),
        Command::Why(why) => why.run(),
        Command::Stats(stats) => stats.run(),
        Command::Demo(demo) => demo.run(),
        Command::Link(link) => link.run(),
        Command::Measure(measure) => measure.run(),
        Command::Cache(cache) => cache.run(),
        Command::Offline(offline) => offline.run(),
        Command::Config(config) => config.run(),
        Command::Decode(decode) => decode.run(),
        Command::Tune(tune) => tune.run(),
    }
}

/// The listener's keys.
fn device(settings: &Settings) -> Result<Device, Failure> {
    Device::at(settings.device_folder()?)
}

/// The server to talk to, with the key that it has to show if one is known.
fn server(settings: &Settings, device: &Device) -> Result<ServerName, Failure> {
    let server = settings.server.value.clone().or_else(|| device.last_server()).ok_or_else(|| {
        let line = "no server is known yet: name one with --server HOST:PORT#KEY, as `spot serve` prints it";
        Failure::new(Exit::Usage, line)
    })?;
    device.pinned(server)
}

/// The runtime that the network runs on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(format!("cannot start the network: {error}")))
}
