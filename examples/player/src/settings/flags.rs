//! The options of the command line that are settings, in groups: a command takes those that it goes by.

use super::table::{
    CACHE_DIR, CACHE_LIMIT, DEVICE, OUTPUT, PATIENCE, PEERS_MODE, PEERS_NEIGHBOURS, PEERS_RATE,
    PEERS_UPLOADS, PORT, PREFETCH, SERVE_CDN, SERVE_LISTEN, SERVE_STATE, SERVER,
};
use super::{CacheLimit, PeersMode, Prefetch, UploadRate};
use crate::output::Choice;
use crate::server_name::ServerName;
use clap::Args;
use core::net::SocketAddr;
use core::time::Duration;
use spotp2p::cdn::Url;
use std::path::PathBuf;

/// All of them.
#[derive(Args, Clone, Default, Debug)]
pub struct Flags {
    /// The file.
    #[command(flatten)]
    pub config: ConfigFlag,
    /// Whom a listener talks to.
    #[command(flatten)]
    pub contact: ContactFlags,
    /// As whom.
    #[command(flatten)]
    pub device: DeviceFlag,
    /// Where sound goes.
    #[command(flatten)]
    pub output: OutputFlag,
    /// For how long a server may be silent.
    #[command(flatten)]
    pub patience: PatienceFlag,
    /// Whether the next track is fetched ahead.
    #[command(flatten)]
    pub prefetch: PrefetchFlags,
    /// The section `serve`.
    #[command(flatten)]
    pub serve: ServeFlags,
    /// The section `cache`.
    #[command(flatten)]
    pub cache: CacheFlags,
    /// The section `peers`.
    #[command(flatten)]
    pub peers: PeersFlags,
}

/// Which file the settings are read from.
#[derive(Args, Clone, Default, Debug)]
pub struct ConfigFlag {
    /// Read the settings from this file instead of the usual one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Which server to talk to, and from where.
#[derive(Args, Clone, Default, Debug)]
pub struct ContactFlags {
    /// [`SERVER`].
    #[arg(long = SERVER.about.flag, value_name = SERVER.about.placeholder, help = SERVER.about.help,
          value_parser = SERVER.parser())]
    pub server: Option<ServerName>,
    /// [`PORT`].
    #[arg(long = PORT.about.flag, value_name = PORT.about.placeholder, help = PORT.about.help,
          value_parser = PORT.parser())]
    pub port: Option<u16>,
}

/// Which device this is.
#[derive(Args, Clone, Default, Debug)]
pub struct DeviceFlag {
    /// [`DEVICE`].
    #[arg(long = DEVICE.about.flag, value_name = DEVICE.about.placeholder, help = DEVICE.about.help,
          value_parser = DEVICE.parser())]
    pub device: Option<PathBuf>,
}

/// Where sound goes.
#[derive(Args, Clone, Default, Debug)]
pub struct OutputFlag {
    /// [`OUTPUT`].
    #[arg(long = OUTPUT.about.flag, value_name = OUTPUT.about.placeholder, help = OUTPUT.about.help,
          value_parser = OUTPUT.parser())]
    pub output: Option<Choice>,
}

/// For how long a server may be silent.
#[derive(Args, Clone, Default, Debug)]
pub struct PatienceFlag {
    /// [`PATIENCE`].
    #[arg(long = PATIENCE.about.flag, value_name = PATIENCE.about.placeholder, help = PATIENCE.about.help,
          value_parser = PATIENCE.parser())]
    pub patience: Option<Duration>,
}

/// Whether the next track is fetched ahead.
#[derive(Args, Clone, Default, Debug)]
pub struct PrefetchFlags {
    /// [`PREFETCH`].
    #[arg(long = PREFETCH.about.flag, value_name = PREFETCH.about.placeholder, help = PREFETCH.about.help,
          value_parser = PREFETCH.parser())]
    prefetch: Option<Prefetch>,
    /// Fetch nothing of the next track before it plays: --prefetch off.
    #[arg(long, conflicts_with = "prefetch")]
    no_prefetch: bool,
}

impl PrefetchFlags {
    /// What is said, in any of the ways.
    pub(super) fn prefetch(&self) -> Option<Prefetch> {
        if self.no_prefetch { Some(Prefetch::Off) } else { self.prefetch }
    }
}

/// What a server goes by.
#[derive(Args, Clone, Default, Debug)]
pub struct ServeFlags {
    /// [`SERVE_LISTEN`].
    #[arg(long = SERVE_LISTEN.about.flag, value_name = SERVE_LISTEN.about.placeholder,
          help = SERVE_LISTEN.about.help, value_parser = SERVE_LISTEN.parser())]
    pub listen: Option<SocketAddr>,
    /// [`SERVE_STATE`].
    #[arg(long = SERVE_STATE.about.flag, value_name = SERVE_STATE.about.placeholder, help = SERVE_STATE.about.help,
          value_parser = SERVE_STATE.parser())]
    pub state: Option<PathBuf>,
    /// [`SERVE_CDN`].
    #[arg(long = SERVE_CDN.about.flag, value_name = SERVE_CDN.about.placeholder, help = SERVE_CDN.about.help,
          value_parser = SERVE_CDN.parser())]
    pub cdn: Option<Url>,
}

/// What a listener's cache goes by.
#[derive(Args, Clone, Default, Debug)]
pub struct CacheFlags {
    /// [`CACHE_DIR`].
    #[arg(long = CACHE_DIR.about.flag, value_name = CACHE_DIR.about.placeholder, help = CACHE_DIR.about.help,
          value_parser = CACHE_DIR.parser())]
    pub dir: Option<PathBuf>,
    /// [`CACHE_LIMIT`].
    #[arg(long = CACHE_LIMIT.about.flag, value_name = CACHE_LIMIT.about.placeholder, help = CACHE_LIMIT.about.help,
          value_parser = CACHE_LIMIT.parser())]
    pub limit: Option<CacheLimit>,
}

/// What a listener does among peers.
#[derive(Args, Clone, Default, Debug)]
pub struct PeersFlags {
    /// [`PEERS_MODE`].
    #[arg(long = PEERS_MODE.about.flag, value_name = PEERS_MODE.about.placeholder, help = PEERS_MODE.about.help,
          value_parser = PEERS_MODE.parser())]
    mode: Option<PeersMode>,
    /// Take nothing from other listeners and serve none: --peers off.
    #[arg(long, conflicts_with_all = ["mode", "metered"])]
    no_p2p: bool,
    /// The line is metered, or a mobile one: serve nobody. --peers take.
    #[arg(long, conflicts_with = "mode")]
    metered: bool,
    /// [`PEERS_NEIGHBOURS`].
    #[arg(long = PEERS_NEIGHBOURS.about.flag, value_name = PEERS_NEIGHBOURS.about.placeholder,
          help = PEERS_NEIGHBOURS.about.help, value_parser = PEERS_NEIGHBOURS.parser())]
    pub neighbours: Option<u8>,
    /// [`PEERS_UPLOADS`].
    #[arg(long = PEERS_UPLOADS.about.flag, value_name = PEERS_UPLOADS.about.placeholder,
          help = PEERS_UPLOADS.about.help, value_parser = PEERS_UPLOADS.parser())]
    pub uploads: Option<u8>,
    /// [`PEERS_RATE`].
    #[arg(long = PEERS_RATE.about.flag, value_name = PEERS_RATE.about.placeholder, help = PEERS_RATE.about.help,
          value_parser = PEERS_RATE.parser())]
    pub rate: Option<UploadRate>,
}

impl PeersFlags {
    /// What is said of the mode, in any of the ways.
    pub(super) fn mode(&self) -> Option<PeersMode> {
        match self {
            Self { no_p2p: true, .. } => Some(PeersMode::Off),
            Self { metered: true, .. } => Some(PeersMode::Take),
            _ => self.mode,
        }
    }
}
