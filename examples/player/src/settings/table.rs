//! The table of settings: what each is called in each layer, how its words are read, and what is allowed.
//!
//! A new setting is a row here, a line in [`ALL`], a field in [`Settings`](super::Settings) and one in its flags.

use super::quantity::time;
use super::{CacheLimit, PeersMode, Prefetch, UploadRate};
use crate::output::Choice;
use crate::server_name::ServerName;
use clap::builder::{OsStringValueParser, TypedValueParser};
use core::fmt::Display;
use core::net::SocketAddr;
use core::ops::RangeInclusive;
use core::str::FromStr;
use core::time::Duration;
use spotp2p::cdn::Url;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What there is to say of a setting before it has a value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct About {
    /// Its name in the file; what is before a dot is the section.
    pub key: &'static str,
    /// Its option, without the dashes.
    pub flag: &'static str,
    /// Its name in the environment.
    pub environment: &'static str,
    /// What stands for a value in the help.
    pub placeholder: &'static str,
    /// What a value looks like in the file.
    pub form: Form,
    /// What may be said, in words.
    pub allowed: &'static str,
    /// What holds if nothing is said and there is no value for it.
    pub unset: &'static str,
    /// What it is for.
    pub help: &'static str,
}

/// What a value looks like in the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// Text in quotes.
    Text,
    /// Text in quotes: an absolute path, or one that begins with `~/`. The file is read from any folder.
    Folder,
    /// A whole number.
    Number,
    /// A whole number, or text in quotes.
    NumberOrText,
}

/// A setting: [`About`] it, and how its words are read.
#[derive(Debug)]
pub struct Setting<T> {
    /// All but the reading.
    pub about: About,
    words: fn(&OsStr) -> Result<T, String>,
}

impl<T> Setting<T> {
    /// Reads its words, of any layer.
    ///
    /// # Errors
    /// What is wrong, and what is allowed.
    pub fn read(&self, words: &OsStr) -> Result<T, String> {
        (self.words)(words).map_err(|why| format!("{why}; allowed: {}", self.about.allowed))
    }

    /// Reads its words on the command line.
    pub(super) fn parser(&'static self) -> impl TypedValueParser<Value = T>
    where
        T: Clone + Send + Sync + 'static,
    {
        OsStringValueParser::new().try_map(|words: OsString| self.read(&words))
    }
}

/// The server to talk to.
pub static SERVER: Setting<ServerName> = Setting {
    about: About {
        key: "server",
        flag: "server",
        environment: "SPOT_SERVER",
        placeholder: "HOST:PORT#KEY",
        form: Form::Text,
        allowed: "HOST, HOST:PORT or HOST:PORT#KEY",
        unset: "the server used last",
        help: "The server, as `spot serve` prints it: HOST:PORT#KEY. Without a key, the first contact shows it and it \
               is insisted on from then on. Without this option, the server used last",
    },
    words: parsed,
};

/// A listener's keys.
pub static DEVICE: Setting<PathBuf> = Setting {
    about: About {
        key: "device",
        flag: "device",
        environment: "SPOT_DEVICE",
        placeholder: "FOLDER",
        form: Form::Folder,
        allowed: FOLDER,
        unset: HOMELESS,
        help: "Where this device's key and the keys of known servers are kept",
    },
    words: folder,
};

/// Where sound goes.
pub static OUTPUT: Setting<Choice> = Setting {
    about: About {
        key: "output",
        flag: "output",
        environment: "SPOT_OUTPUT",
        placeholder: "OUTPUT",
        form: Form::Text,
        allowed: if cfg!(feature = "audio-pulse") {
            "auto, pulse, pacat, aplay, ffplay, null, null:fast or wav:FILE"
        } else {
            "auto, pacat, aplay, ffplay, null, null:fast or wav:FILE"
        },
        unset: "auto",
        help: "auto (PulseAudio or PipeWire, else pacat, aplay or ffplay, else silence), pulse, pacat, aplay, ffplay, \
               null, null:fast, wav:FILE, or wav:FOLDER for a file of each track [default: auto]",
    },
    words: parsed,
};

/// The port that a listener leaves from, and at which it takes links.
pub static PORT: Setting<u16> = Setting {
    about: About {
        key: "port",
        flag: "port",
        environment: "SPOT_PORT",
        placeholder: "PORT",
        form: Form::Number,
        allowed: "a number from 0 to 65535; 0 lets the system choose",
        unset: "0",
        help: "Take links from other listeners at this port, and leave from it; 0 lets the system choose [default: 0]",
    },
    words: |words| text(words)?.parse().map_err(|_| "no port has this number".into()),
};

/// For how long a server may be silent.
pub static PATIENCE: Setting<Duration> = Setting {
    about: About {
        key: "patience",
        flag: "patience",
        environment: "SPOT_PATIENCE",
        placeholder: "TIME",
        form: Form::NumberOrText,
        allowed: "1 s to 24 h, such as 90 (seconds), 90 s, 5 min or 1 h",
        unset: "20 s, in mid-track 5 min",
        help: "Give up on a server that does not answer for this long: seconds, or a time such as 5 min [default: 20 s \
               at the start and 5 min in mid-track]",
    },
    words: |words| time(text(words)?),
};

/// Whether the next track is fetched ahead.
pub static PREFETCH: Setting<Prefetch> = Setting {
    about: About {
        key: "prefetch",
        flag: "prefetch",
        environment: "SPOT_PREFETCH",
        placeholder: "WHETHER",
        form: Form::Text,
        allowed: "on or off",
        unset: "on",
        help: "Fetch the next track before this one ends: on or off [default: on]",
    },
    words: parsed,
};

/// Where a server listens.
pub static SERVE_LISTEN: Setting<SocketAddr> = Setting {
    about: About {
        key: "serve.listen",
        flag: "listen",
        environment: "SPOT_LISTEN",
        placeholder: "ADDRESS:PORT",
        form: Form::Text,
        allowed: "ADDRESS:PORT, such as 192.168.1.2:4070 or [::]:4070",
        unset: "port 4070 of all addresses",
        help: "Where to listen; port 4070 of all addresses otherwise. Port 0 lets the system choose",
    },
    words: |words| text(words)?.parse().map_err(|_| "this is no address with a port".into()),
};

/// A server's keys and catalogue.
pub static SERVE_STATE: Setting<PathBuf> = Setting {
    about: About {
        key: "serve.state",
        flag: "state",
        environment: "SPOT_STATE",
        placeholder: "FOLDER",
        form: Form::Folder,
        allowed: FOLDER,
        unset: HOMELESS,
        help: "Where the server's keys and catalogue are kept",
    },
    words: folder,
};

/// Where a CDN keeps what a server serves.
pub static SERVE_CDN: Setting<Url> = Setting {
    about: About {
        key: "serve.cdn",
        flag: "cdn",
        environment: "SPOT_CDN",
        placeholder: "URL",
        form: Form::Text,
        allowed: "an address such as http://cdn.example/music/",
        unset: "no CDN",
        help: "Tell listeners that the encrypted files can be had from this folder of a web server too, each by its id: what \
               `spot serve --http` offers, or a cache in front of it",
    },
    words: parsed,
};

/// A listener's cache.
pub static CACHE_DIR: Setting<PathBuf> = Setting {
    about: About {
        key: "cache.dir",
        flag: "cache-dir",
        environment: "SPOT_CACHE_DIR",
        placeholder: "FOLDER",
        form: Form::Folder,
        allowed: FOLDER,
        unset: HOMELESS,
        help: "Where the cache is kept",
    },
    words: folder,
};

/// How large the cache may get.
pub static CACHE_LIMIT: Setting<CacheLimit> = Setting {
    about: About {
        key: "cache.limit",
        flag: "cache-limit",
        environment: "SPOT_CACHE_LIMIT",
        placeholder: "SIZE",
        form: Form::NumberOrText,
        allowed: "auto (10 % of the free disk, from 50 MB to 10 GB), 0 (off), or 1 MB to 100 TB, such as 500 MB or 2 GiB",
        unset: "auto",
        help: "How much of the disk the cache may take: a size such as 500 MB or 2 GiB, 0 for no cache, or auto for \
               10 % of what is free, from 50 MB to 10 GB [default: auto]",
    },
    words: parsed,
};

/// What a listener does among peers.
pub static PEERS_MODE: Setting<PeersMode> = Setting {
    about: About {
        key: "peers.mode",
        flag: "peers",
        environment: "SPOT_PEERS",
        placeholder: "MODE",
        form: Form::Text,
        allowed: "full, take (download only) or off",
        unset: "full",
        help: "full (take music from other listeners, and serve them), take (serve nobody: for metered and mobile lines), \
               off (all from the server) [default: full]",
    },
    words: parsed,
};

/// How many neighbours a listener looks for.
pub static PEERS_NEIGHBOURS: Setting<u8> = Setting {
    about: About {
        key: "peers.neighbours",
        flag: "neighbours",
        environment: "SPOT_NEIGHBOURS",
        placeholder: "COUNT",
        form: Form::Number,
        allowed: "1 to 200",
        unset: "50",
        help: "Connect to so many other listeners at most; ten more may connect here [default: 50]",
    },
    words: |words| counted(words, 1..=200),
};

/// How many others are served at a time.
pub static PEERS_UPLOADS: Setting<u8> = Setting {
    about: About {
        key: "peers.uploads",
        flag: "uploads",
        environment: "SPOT_UPLOADS",
        placeholder: "COUNT",
        form: Form::Number,
        allowed: "1 to 50",
        unset: "4",
        help: "Serve so many other listeners at a time [default: 4]",
    },
    words: |words| counted(words, 1..=50),
};

/// How fast others are served.
pub static PEERS_RATE: Setting<UploadRate> = Setting {
    about: About {
        key: "peers.upload-rate",
        flag: "upload-rate",
        environment: "SPOT_UPLOAD_RATE",
        placeholder: "RATE",
        form: Form::NumberOrText,
        allowed: "0 (as fast as the line takes it), or 16 kB to 1 GB, such as 200 kB, each second",
        unset: "0",
        help: "Serve other listeners with so much a second in all, such as 200 kB; 0 for as much as the line takes \
               [default: 0]",
    },
    words: parsed,
};

/// Every setting, in the order in which people see them.
pub static ALL: [&About; 15] = [
    &SERVER.about,
    &DEVICE.about,
    &OUTPUT.about,
    &PORT.about,
    &PATIENCE.about,
    &PREFETCH.about,
    &SERVE_LISTEN.about,
    &SERVE_STATE.about,
    &SERVE_CDN.about,
    &CACHE_DIR.about,
    &CACHE_LIMIT.about,
    &PEERS_MODE.about,
    &PEERS_NEIGHBOURS.about,
    &PEERS_UPLOADS.about,
    &PEERS_RATE.about,
];

/// The setting of this name, if there is one.
#[must_use]
pub fn about(key: &str) -> Option<&'static About> {
    ALL.into_iter().find(|about| about.key == key)
}

/// The names of all settings, for those who look for one.
pub(super) fn names() -> String {
    ALL.map(|about| about.key).join(", ")
}

const FOLDER: &str = "a folder; in the file an absolute one, or one below ~/";
const HOMELESS: &str = "none: no home folder is known";

fn text(words: &OsStr) -> Result<&str, String> {
    words.to_str().ok_or_else(|| "this is not UTF-8".into())
}

fn counted(words: &OsStr, allowed: RangeInclusive<u8>) -> Result<u8, String> {
    let count = text(words)?.parse().map_err(|_| "this is no such number")?;
    if allowed.contains(&count) { Ok(count) } else { Err("out of range".into()) }
}

fn parsed<T: FromStr<Err: Display>>(words: &OsStr) -> Result<T, String> {
    text(words)?.parse().map_err(|why: T::Err| why.to_string())
}

fn folder(words: &OsStr) -> Result<PathBuf, String> {
    if words.is_empty() { Err("this names no folder".into()) } else { Ok(words.into()) }
}
