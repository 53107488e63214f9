//! A client of a server, with the cache that is its own.

use crate::cached::cache_keys;
use crate::failure::Failure;
use crate::server_name::ServerName;
use crate::settings::{CacheLimit, Settings};
use runtime_tokio::disk::Disk;
use runtime_tokio::{Client, ClientOptions, Clock, DialOptions, Leaving, entropy};
use spotcache::cache::Quota;
use spotp2p::node::{CacheSetup, Config, LogIn};
use spotproto::crypto::{KeyPair, RustCrypto};
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

/// A client of `server`, not connected yet. A cache that can't be used is told of, and done without.
pub(super) fn client(
    server: &ServerName,
    identity: KeyPair,
    port: u16,
    cache: Option<CachePlace>,
) -> Result<Client, Failure> {
    let link_key = KeyPair::new::<RustCrypto>(entropy::secret_key().map_err(Failure::runtime)?);
    let seed = || entropy::seed().map_err(Failure::runtime);
    let log_in = LogIn { link_key: link_key.public, seed: seed()? };
    let agent = concat!("spot/", env!("CARGO_PKG_VERSION"));
    let clock = Clock::start();
    let mut config = Config::new(log_in, agent, seed()?, (clock.now(), today()));
    let mut disk = None;
    if let Some(CachePlace { folder, quota }) = cache {
        match Disk::open(&folder) {
            Ok(opened) => {
                let keys = cache_keys(&identity);
                config.cache = Some(CacheSetup {
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
        listen: None,
    };
    Client::start(options, clock, config, disk).map_err(Failure::runtime)
}

/// The date, as this machine's clock has it.
pub(super) fn today() -> UnixTime {
    UnixTime(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs())
}
