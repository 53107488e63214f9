//! Why sound could not be put out.

use core::fmt;
use std::io;

/// Why sound could not be put out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum OutputError {
    /// No sound server answered.
    NoServer,
    /// No program that plays sound was found.
    NoProgram,
    /// The sound server or program went away.
    Gone,
    /// It took no sound for [`PATIENCE`](super::PATIENCE).
    Stalled,
    /// It refused this kind of sound.
    Refused,
    /// Sound was written before a start, or of another kind than was started.
    WrongSpec,
    /// Sound was written during a pause.
    Paused,
    /// The file could not be written.
    File(io::ErrorKind),
    /// The file is as long as its format allows (4 GiB).
    FileFull,
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoServer => f.write_str("no sound server answered"),
            Self::NoProgram => f.write_str("none of pacat, aplay and ffplay was found"),
            Self::Gone => f.write_str("the sound output went away"),
            Self::Stalled => f.write_str("the sound output takes no more sound"),
            Self::Refused => f.write_str("the sound output refused this kind of sound"),
            Self::WrongSpec => f.write_str("the sound is not of the kind that was started"),
            Self::Paused => f.write_str("the sound output is paused"),
            Self::File(kind) => write!(f, "the sound could not be written to the file: {kind}"),
            Self::FileFull => f.write_str("a WAV file cannot be longer than 4 GiB"),
        }
    }
}

impl core::error::Error for OutputError {}

impl From<io::Error> for OutputError {
    fn from(error: io::Error) -> Self {
        Self::File(error.kind())
    }
}
