//! A client of a server, with the cache that is its own.

use super::network;
use crate::cached::cache_keys;
use crate::device::Device;
use crate::failure::Failure;
use crate::server_name::ServerName;
use crate::settings::{CacheLimit, PeersSettings, Settings};
use runtime_tokio::disk::Disk;
use runtime_tokio::{Client, ClientOptions, DialOptions, Leaving, entropy};
use spotcache::cache::Quota;
use spotp2p::node::{CacheSetup, Config, LogIn};
use spotp2p::planner;
use spotp2p::playout::Summary;
use spotp2p::swarm::{self, Mode};
use spotproto::crypto::KeyPair;
use spotproto::{Limits, UnixTime};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A folder for a cache, and how much it may take.
#[derive(Clone, Debug)]
pub(super) struct CachePlace {
    pub(super) folder: PathBuf,
    pub(super) quota: Quota,
}

impl CachePlace {
    /// The one that the settings name; none if they switch it off.
    ///
    /// # Errors
    /// None is named, and there is no home folder.
    pub(super) fn of(settings: &Settings) -> Result<Option<Self>, Failure> {
        let quota = quota(settings.cache.limit.value);
        if quota.is_off() {
            return Ok(None);
        }
        Ok(Some(Self { folder: settings.cache_folder()?.to_owned(), quota }))
    }
}

/// The quota that a limit stands for.
pub(super) const fn quota(limit: CacheLimit) -> Quota {
    match limit {
        CacheLimit::Auto => Quota::Auto,
        CacheLimit::Bytes(bytes) => Quota::Bytes(bytes),
    }
}

/// What a client does among peers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peers {
    pub(super) mode: Mode,
    /// How many to look for.
    pub(super) neighbours: Option<u8>,
    /// How many to serve at a time.
    pub(super) uploads: Option<u8>,
    /// Bytes a second for all of them; 0 for as many as the line takes.
    pub(super) rate: u32,
}

/// More links than are looked for that others may make.
const FURTHER_NEIGHBOURS: u8 = 10;

impl Peers {
    /// Has none.
    pub(super) const ALONE: Self = Self { mode: Mode::Alone, neighbours: None, uploads: None, rate: 0 };
    /// Takes and gives, by the usual numbers.
    pub(super) const FULL: Self = Self { mode: Mode::Full, ..Self::ALONE };

    /// What the settings say.
    pub(super) fn of(settings: &Settings) -> Self {
        let PeersSettings { mode, neighbours, uploads, rate } = &settings.peers;
        Self {
            mode: mode.value.mode(),
            neighbours: neighbours.value,
            uploads: uploads.value,
            rate: rate.value.0,
        }
    }

    fn config(&self) -> swarm::Config {
        let mut config = swarm::Config::default();
        if let Some(soft) = self.neighbours {
            let links = &mut config.neighbours;
            (links.soft, links.hard) = (soft, soft.saturating_add(FURTHER_NEIGHBOURS));
            links.prune_to = soft - soft / 10;
        }
        if let Some(slots) = self.uploads {
            config.uploads.slots = slots;
        }
        config.uploads.rate = self.rate;
        config
    }
}

/// A client that is to be.
#[derive(Debug)]
pub(super) struct Party<'a> {
    pub(super) server: &'a ServerName,
    pub(super) identity: KeyPair,
    /// Where links are taken, and from where the server is dialled; 0 for any.
    pub(super) port: u16,
    pub(super) cache: Option<CachePlace>,
    pub(super) peers: Peers,
    /// What is known of the link to it.
    pub(super) link: Summary,
}

impl<'a> Party<'a> {
    /// As the settings have it.
    pub(super) fn of(settings: &Settings, server: &'a ServerName, device: &Device) -> Result<Self, Failure> {
        Ok(Self {
            server,
            identity: device.identity()?,
            port: settings.port.value,
            cache: CachePlace::of(settings)?,
            peers: Peers::of(settings),
            link: device.link(&server.address),
        })
    }

    /// A client, not connected yet. A cache that can't be used is told of, and done without.
    pub(super) fn client(self) -> Result<Client, Failure> {
        let Self { server, identity, port, cache, peers, link } = self;
        let seed = || entropy::seed().map_err(Failure::runtime);
        // The client draws what log-ins go by itself: it keeps their secrets.
        let log_in = LogIn { link_key: identity.public, seed: seed()? };
        let agent = concat!("spot/", env!("CARGO_PKG_VERSION"));
        let seed = seed()?;
        let mut setup = None;
        let mut disk = None;
        if let Some(CachePlace { folder, quota }) = cache {
            match Disk::open(&folder) {
                Ok(opened) => {
                    let keys = cache_keys(&identity);
                    setup = Some(CacheSetup {
                        config: spotcache::cache::Config { quota, ..Default::default() },
                        keys,
                    });
                    disk = Some(opened);
                }
                Err(error) => eprintln!("spot: {error}; playing without a cache"),
            }
        }
        let leaving = if port == 0 { Leaving::AnyPort } else { Leaving::PortOrAny(port) };
        let options = ClientOptions {
            server: server.address.clone(),
            server_key: server.key,
            identity,
            dial: DialOptions { leaving, ..DialOptions::default() },
            limits: Limits::DEFAULT,
            listen: (peers.mode != Mode::Alone).then_some(port),
        };
        let config = |now| Config {
            mode: peers.mode,
            swarm: peers.config().into(),
            link,
            explain: true,
            cache: setup,
            planner: planner::Config::PLAYER.into(),
            ..Config::new(log_in, agent, seed, (now, today()))
        };
        network::client(options, config, disk)
    }
}

/// The date, as this machine's clock has it.
pub(super) fn today() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
