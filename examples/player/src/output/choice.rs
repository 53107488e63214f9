//! What the listener asked for with `--output`.

use core::fmt;
use core::str::FromStr;
use std::path::PathBuf;

use super::program::Player;
use super::{Auto, Null, Output, Program, Wav};

/// An output by name.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Choice {
    /// `auto`: the first of sound server, program and silence that works.
    #[default]
    Auto,
    /// `pulse`: PulseAudio or pipewire-pulse.
    #[cfg(feature = "audio-pulse")]
    Pulse,
    /// `pacat`, `aplay` or `ffplay`.
    Program(Player),
    /// `null`: silence as long as the sound.
    Null,
    /// `null:fast`: silence at once.
    NullFast,
    /// `wav:FILE`.
    Wav(PathBuf),
}

impl Choice {
    /// The output itself, not started yet.
    #[must_use]
    pub fn output(&self) -> Box<dyn Output> {
        match self {
            Self::Auto => Box::new(Auto::new()),
            #[cfg(feature = "audio-pulse")]
            Self::Pulse => Box::new(super::Pulse::new()),
            Self::Program(player) => Box::new(Program::new(*player)),
            Self::Null => Box::new(Null::new()),
            Self::NullFast => Box::new(Null::fast()),
            Self::Wav(path) => Box::new(Wav::new(path)),
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            #[cfg(feature = "audio-pulse")]
            Self::Pulse => f.write_str("pulse"),
            Self::Program(player) => f.write_str(player.command()),
            Self::Null => f.write_str("null"),
            Self::NullFast => f.write_str("null:fast"),
            Self::Wav(path) => write!(f, "wav:{}", path.display()),
        }
    }
}

impl FromStr for Choice {
    type Err = ChoiceError;

    fn from_str(text: &str) -> Result<Self, ChoiceError> {
        match text.split_once(':') {
            Some(("wav", "")) => Err(ChoiceError::NoFile),
            Some(("wav", path)) => Ok(Self::Wav(path.into())),
            Some(("null", "fast")) => Ok(Self::NullFast),
            Some(_) => Err(ChoiceError::Unknown),
            None => match text {
                "auto" => Ok(Self::Auto),
                "null" => Ok(Self::Null),
                "wav" => Err(ChoiceError::NoFile),
                #[cfg(feature = "audio-pulse")]
                "pulse" => Ok(Self::Pulse),
                #[cfg(not(feature = "audio-pulse"))]
                "pulse" => Err(ChoiceError::NotBuiltIn),
                _ => Player::ALL
                    .into_iter()
                    .find(|player| player.command() == text)
                    .map(Self::Program)
                    .ok_or(ChoiceError::Unknown),
            },
        }
    }
}

/// What is wrong with the name of an output.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ChoiceError {
    /// No output has this name.
    Unknown,
    /// `wav` without a file.
    NoFile,
    /// This build leaves the output out.
    NotBuiltIn,
}

impl fmt::Display for ChoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no output has this name",
            Self::NoFile => "wav needs a file: wav:FILE",
            Self::NotBuiltIn => "pulse is not in this build (feature audio-pulse)",
        })
    }
}

impl core::error::Error for ChoiceError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        let read = |text: &str| text.parse::<Choice>();
        assert_eq!(read("auto"), Ok(Choice::Auto));
        assert_eq!(read("null"), Ok(Choice::Null));
        assert_eq!(read("null:fast"), Ok(Choice::NullFast));
        assert_eq!(read("wav:/tmp/a:b.wav"), Ok(Choice::Wav("/tmp/a:b.wav".into())));
        assert_eq!(read("aplay"), Ok(Choice::Program(Player::Aplay)));
        for name in ["auto", "null", "null:fast", "wav:a b.wav", "pacat", "aplay", "ffplay"] {
            assert_eq!(read(name).map(|choice| choice.to_string()).as_deref(), Ok(name));
        }
        assert_eq!(read("wav:"), Err(ChoiceError::NoFile));
        assert_eq!(read("wav"), Err(ChoiceError::NoFile));
        for unknown in ["", "alsa", "null:slow", "AUTO", "auto:"] {
            assert_eq!(read(unknown), Err(ChoiceError::Unknown), "{unknown}");
        }
    }
}
