//! The commands of `spot`, one file each.

mod decode;
mod demo;
mod link;
mod measure;
mod play;
mod serve;
mod tune;

use crate::device::Device;
use crate::failure::Failure;
use crate::output::Choice;
use crate::server_name::ServerName;
use clap::{Args, Parser, Subcommand};
use etcetera::BaseStrategy;
use std::path::PathBuf;

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
    /// Serve and play a piece of music on this machine, and show what happened.
    Demo(demo::Demo),
    /// Convert a link between its forms.
    Link(link::LinkForms),
    /// Measure how fast a server answers: start, seek, download.
    Measure(measure::Measure),
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
        Command::Demo(demo) => demo.run(),
        Command::Link(link) => link.run(),
        Command::Measure(measure) => measure.run(),
        Command::Decode(decode) => decode.run(),
        Command::Tune(tune) => tune.run(),
    }
}

/// Which server to talk to, and as whom.
#[derive(Args, Clone, Debug)]
struct ServerArgs {
    /// The server, as `spot serve` prints it: HOST:PORT#KEY. Without a key, the first contact shows it and it is
    /// insisted on from then on. Without this option, the server used last.
    #[arg(long, value_name = "HOST:PORT#KEY", env = "SPOT_SERVER")]
    server: Option<ServerName>,
    /// Where this device's key and the keys of known servers are kept.
    #[arg(long, value_name = "FOLDER", env = "SPOT_DEVICE")]
    device: Option<PathBuf>,
    /// Leave from this port of this machine.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

/// Where sound goes.
#[derive(Args, Clone, Debug)]
struct OutputArgs {
    /// auto (PulseAudio or PipeWire, else pacat, aplay or ffplay, else silence), pulse, null, null:fast, wav:FILE.
    #[arg(long, value_name = "OUTPUT", default_value = "auto")]
    output: Choice,
}

impl ServerArgs {
    fn device(&self) -> Result<Device, Failure> {
        let folder = match &self.device {
            Some(folder) => folder.clone(),
            None => state_folder("device")?,
        };
        Device::at(&folder)
    }

    /// The server, with the key that it has to show if one is known.
    fn server(&self, device: &Device) -> Result<ServerName, Failure> {
        let server = self.server.clone().or_else(|| device.last_server()).ok_or_else(|| {
            let line =
                "no server is known yet: name one with --server HOST:PORT#KEY, as `spot serve` prints it";
            Failure::new(crate::failure::Exit::Usage, line)
        })?;
        device.pinned(server)
    }
}

/// A folder of this program's below the system's folder for state.
fn state_folder(name: &str) -> Result<PathBuf, Failure> {
    let base = etcetera::choose_base_strategy()
        .map_err(|_| Failure::runtime("no home folder is known; name a folder on the command line"))?;
    let state = base.state_dir().unwrap_or_else(|| base.data_dir());
    Ok(state.join("spot").join(name))
}

/// The runtime that the network runs on.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::runtime(format!("cannot start the network: {error}")))
}
