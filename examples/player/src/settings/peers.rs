//! What a listener does among peers, as people say it.

use super::quantity::{ShownRate, rate};
use core::fmt;
use core::str::FromStr;
use spotp2p::swarm::Mode;

/// Whether a listener takes music from others, and serves them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum PeersMode {
    /// Both.
    #[default]
    Full,
    /// It serves nobody.
    Take,
    /// Neither.
    Off,
}

impl PeersMode {
    /// What the node is told.
    #[must_use]
    pub const fn mode(self) -> Mode {
        match self {
            Self::Full => Mode::Full,
            Self::Take => Mode::TakeOnly,
            Self::Off => Mode::Alone,
        }
    }
}

impl FromStr for PeersMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "full" => Ok(Self::Full),
            "take" => Ok(Self::Take),
            "off" => Ok(Self::Off),
            _ => Err("there is no such mode".into()),
        }
    }
}

impl fmt::Display for PeersMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "full",
            Self::Take => "take",
            Self::Off => "off",
        })
    }
}

/// Bytes a second for all that are served together; 0 for as many as the line takes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct UploadRate(pub u32);

impl FromStr for UploadRate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        rate(text).map(Self)
    }
}

impl fmt::Display for UploadRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ShownRate(self.0).fmt(f)
    }
}
