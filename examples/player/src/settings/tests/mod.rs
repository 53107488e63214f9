//! Layers, their mistakes, and how both are shown.

mod bad_files;
mod layers;
mod shown;

use super::file::ConfigFile;
use super::{Flags, Folders, Resolved, Settings};
use clap::Parser;
use std::ffi::OsString;
use std::path::Path;

const FILE: &str = "/etc/spot.toml";

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    flags: Flags,
}

fn flags(arguments: &[&str]) -> Flags {
    let arguments = core::iter::once("spot").chain(arguments.iter().copied());
    Line::try_parse_from(arguments).expect("a command line").flags
}

fn folders() -> Folders {
    let place = |name: &str| Some(Path::new("/users/me").join(name));
    Folders {
        home: Some("/users/me".into()),
        config: place("config.toml"),
        device: place("device"),
        server: place("server"),
        cache: place("cache"),
    }
}

fn file(text: impl AsRef<[u8]>) -> ConfigFile {
    ConfigFile::parse(Path::new(FILE), text.as_ref(), folders().home.as_deref())
}

fn resolve(arguments: &[&str], environment: &[(&str, &str)], text: &str) -> Resolved {
    let environment = |name: &str| {
        environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(*value))
    };
    Settings::resolve(&flags(arguments), &environment, &file(text), &folders())
}
