//! Settings in four layers: built-in default, file, environment, command line. The later one wins.
//!
//! [`table`] describes each setting once: what it is called in each layer, how its words are read, and what is allowed.
//! [`Settings::resolve`] is pure; [`Settings::load`] brings this machine's file and environment to it.

pub mod file;
mod flags;
mod folders;
mod origin;
mod peers;
mod prefetch;
mod print;
mod quantity;
pub mod table;
#[cfg(test)]
mod tests;

pub use flags::{
    CacheFlags, ConfigFlag, ContactFlags, DeviceFlag, Flags, OutputFlag, PatienceFlag, PeersFlags,
    PrefetchFlags, ServeFlags,
};
pub use folders::Folders;
pub use origin::{Mistake, Origin, Told};
pub use peers::{PeersMode, UploadRate};
pub use prefetch::Prefetch;
pub use print::Row;
pub use quantity::CacheLimit;

use crate::failure::{Exit, Failure};
use crate::output::Choice;
use crate::server_name::ServerName;
use core::net::SocketAddr;
use core::time::Duration;
use file::{ConfigFile, Location};
use origin::quoted;
use spotp2p::cdn::Url;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use table::Setting;

/// What the environment holds under a name; a program's own is [`this_environment`].
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Every setting with its value, and where that came from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The server to talk to; the one used last if none is named.
    pub server: Told<Option<ServerName>>,
    /// Where a listener's keys are kept; nowhere if there is no home folder.
    pub device: Told<Option<PathBuf>>,
    /// Where sound goes.
    pub output: Told<Choice>,
    /// The port to leave from and to take links at; 0 lets the system choose.
    pub port: Told<u16>,
    /// For how long a server may be silent, at the start and in mid-track; each has its own default.
    pub patience: Told<Option<Duration>>,
    /// Whether the next track is fetched ahead.
    pub prefetch: Told<Prefetch>,
    /// What a server goes by.
    pub serve: ServeSettings,
    /// What a listener's cache goes by.
    pub cache: CacheSettings,
    /// What a listener does among peers.
    pub peers: PeersSettings,
}

/// The section `serve`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServeSettings {
    /// Where to listen; the usual port of all addresses if nothing is named.
    pub listen: Told<Option<SocketAddr>>,
    /// Where keys and catalogue are kept; nowhere if there is no home folder.
    pub state: Told<Option<PathBuf>>,
    /// Where a CDN keeps the files.
    pub cdn: Told<Option<Url>>,
}

/// The section `cache`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheSettings {
    /// Where the cache is kept; nowhere if there is no home folder.
    pub dir: Told<Option<PathBuf>>,
    /// How much of the disk it may take.
    pub limit: Told<CacheLimit>,
}

/// The section `peers`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeersSettings {
    /// Whether to take and to give.
    pub mode: Told<PeersMode>,
    /// How many neighbours to look for.
    pub neighbours: Told<Option<u8>>,
    /// How many to serve at a time.
    pub uploads: Told<Option<u8>>,
    /// How fast to serve them.
    pub rate: Told<UploadRate>,
}

/// What the layers come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resolved {
    /// The settings; where a layer is mistaken, the one below it holds.
    pub settings: Settings,
    /// What is wrong with the file and the environment, in that order.
    pub mistakes: Vec<Mistake>,
}

impl Settings {
    /// What the layers come to. Each is read even where a later one wins, so that a mistake does not come and go.
    #[must_use]
    pub fn resolve(
        flags: &Flags,
        environment: Environment<'_>,
        file: &ConfigFile,
        folders: &Folders,
    ) -> Resolved {
        let mut layers = Layers { environment, file, in_file: file.mistakes.clone(), outside: Vec::new() };
        let settings = Self {
            server: layers.pick(&table::SERVER, flags.contact.server.as_ref()),
            device: layers.pick(&table::DEVICE, flags.device.device.as_ref()).or(folders.device.clone()),
            output: layers.pick(&table::OUTPUT, flags.output.output.as_ref()).or_default(),
            port: layers.pick(&table::PORT, flags.contact.port.as_ref()).or_default(),
            patience: layers.pick(&table::PATIENCE, flags.patience.patience.as_ref()),
            prefetch: layers.pick(&table::PREFETCH, flags.prefetch.prefetch().as_ref()).or_default(),
            serve: ServeSettings {
                listen: layers.pick(&table::SERVE_LISTEN, flags.serve.listen.as_ref()),
                state: layers
                    .pick(&table::SERVE_STATE, flags.serve.state.as_ref())
                    .or(folders.server.clone()),
                cdn: layers.pick(&table::SERVE_CDN, flags.serve.cdn.as_ref()),
            },
            cache: CacheSettings {
                dir: layers.pick(&table::CACHE_DIR, flags.cache.dir.as_ref()).or(folders.cache.clone()),
                limit: layers.pick(&table::CACHE_LIMIT, flags.cache.limit.as_ref()).or_default(),
            },
            peers: PeersSettings {
                mode: layers.pick(&table::PEERS_MODE, flags.peers.mode().as_ref()).or_default(),
                neighbours: layers.pick(&table::PEERS_NEIGHBOURS, flags.peers.neighbours.as_ref()),
                uploads: layers.pick(&table::PEERS_UPLOADS, flags.peers.uploads.as_ref()),
                rate: layers.pick(&table::PEERS_RATE, flags.peers.rate.as_ref()).or_default(),
            },
        };
        layers.in_file.sort_by_key(|mistake| mistake.origin.line());
        layers.in_file.append(&mut layers.outside);
        Resolved { settings, mistakes: layers.in_file }
    }

    /// The settings of this run, with the file and the environment of this machine.
    ///
    /// # Errors
    /// The file that was named is not there or can't be read; or the first mistake ([`Exit::Usage`]).
    pub fn load(flags: &Flags) -> Result<Self, Failure> {
        let (resolved, _) = Self::look(flags)?;
        match resolved.mistakes.first() {
            Some(mistake) => Err(Failure::new(Exit::Usage, mistake.to_string())),
            None => Ok(resolved.settings),
        }
    }

    /// As [`load`](Self::load), with all mistakes and the file.
    ///
    /// # Errors
    /// The file that was named is not there or can't be read.
    pub fn look(flags: &Flags) -> Result<(Resolved, ConfigFile), Failure> {
        let folders = Folders::of_this_user();
        let location = Location::find(flags.config.config.as_deref(), &this_environment, &folders);
        let file = match location {
            Some(location) => location.read(folders.home.as_deref())?,
            None => ConfigFile::default(),
        };
        Ok((Self::resolve(flags, &this_environment, &file, &folders), file))
    }

    /// The folder of a listener's keys.
    ///
    /// # Errors
    /// None is named, and there is no home folder.
    pub fn device_folder(&self) -> Result<&Path, Failure> {
        folder(&self.device, &table::DEVICE)
    }

    /// The folder of a server's keys and catalogue.
    ///
    /// # Errors
    /// None is named, and there is no home folder.
    pub fn state_folder(&self) -> Result<&Path, Failure> {
        folder(&self.serve.state, &table::SERVE_STATE)
    }

    /// The folder of the cache.
    ///
    /// # Errors
    /// None is named, and there is no home folder.
    pub fn cache_folder(&self) -> Result<&Path, Failure> {
        folder(&self.cache.dir, &table::CACHE_DIR)
    }
}

/// The environment of this program. What is set to nothing counts as not set.
#[must_use]
pub fn this_environment(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn folder<'a>(told: &'a Told<Option<PathBuf>>, setting: &Setting<PathBuf>) -> Result<&'a Path, Failure> {
    told.value.as_deref().ok_or_else(|| {
        let flag = setting.about.flag;
        Failure::runtime(format!("no home folder is known; name a folder with --{flag}"))
    })
}

/// The layers below the command line, and what is wrong with them.
struct Layers<'a> {
    environment: Environment<'a>,
    file: &'a ConfigFile,
    in_file: Vec<Mistake>,
    outside: Vec<Mistake>,
}

impl Layers<'_> {
    fn pick<T: Clone>(&mut self, setting: &Setting<T>, flag: Option<&T>) -> Told<Option<T>> {
        let in_file = self.in_file(setting);
        let outside = self.outside(setting);
        let flag = flag.cloned().map(|value| Told { value, origin: Origin::CommandLine(setting.about.flag) });
        match flag.or(outside).or(in_file) {
            Some(Told { value, origin }) => Told { value: Some(value), origin },
            None => Told { value: None, origin: Origin::Default },
        }
    }

    fn in_file<T>(&mut self, setting: &Setting<T>) -> Option<Told<T>> {
        let about = &setting.about;
        let entry = self.file.entries.get(about.key)?;
        let origin = Origin::File { path: self.file.path.clone(), line: entry.line };
        match setting.read(entry.text.as_ref()) {
            Ok(value) => Some(Told { value, origin }),
            Err(why) => {
                let what = format!("{} = {}: {why}", about.key, entry.shown);
                self.in_file.push(Mistake { origin, key: Some(about.key), what });
                None
            }
        }
    }

    fn outside<T>(&mut self, setting: &Setting<T>) -> Option<Told<T>> {
        let about = &setting.about;
        let text = (self.environment)(about.environment).filter(|text| !text.is_empty())?;
        let origin = Origin::Environment(about.environment);
        match setting.read(&text) {
            Ok(value) => Some(Told { value, origin }),
            Err(why) => {
                let what = format!("{} = {}: {why}", about.environment, quoted(&text.to_string_lossy()));
                self.outside.push(Mistake { origin, key: Some(about.key), what });
                None
            }
        }
    }
}
