//! Whether the next track is fetched ahead, as people say it.

use core::fmt;
use core::str::FromStr;

/// Whether the track that most likely follows is fetched before the one that plays ends.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum Prefetch {
    /// It is.
    #[default]
    On,
    /// It is not.
    Off,
}

impl FromStr for Prefetch {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err("this is neither on nor off".into()),
        }
    }
}

impl fmt::Display for Prefetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::On => "on",
            Self::Off => "off",
        })
    }
}
