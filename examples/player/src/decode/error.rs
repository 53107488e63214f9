//! Why a track cannot be decoded.

use core::fmt;
use std::io;

use symphonia::core::errors::Error;

/// Why decoding ended before the track did. A damaged packet is no reason: it is skipped and counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes were withdrawn: playback was stopped.
    Stopped,
    /// The bytes could not be had.
    Source(io::ErrorKind),
    /// The file breaks its format; the words are the demuxer's.
    Malformed(&'static str),
    /// The file uses a part of its format that is not supported; the words are the demuxer's.
    Unsupported(&'static str),
    /// There is no sound in it that can be decoded.
    NoAudio,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("playback was stopped"),
            Self::Source(kind) => write!(f, "the track's bytes could not be read: {kind}"),
            Self::Malformed(what) => write!(f, "the file is damaged: {what}"),
            Self::Unsupported(what) => write!(f, "the file cannot be played: {what}"),
            Self::NoAudio => f.write_str("the file contains no sound that can be decoded"),
        }
    }
}

impl core::error::Error for DecodeError {}

impl From<io::ErrorKind> for DecodeError {
    fn from(kind: io::ErrorKind) -> Self {
        if kind == io::ErrorKind::Interrupted { Self::Stopped } else { Self::Source(kind) }
    }
}

impl From<Error> for DecodeError {
    fn from(error: Error) -> Self {
        match error {
            Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Malformed("it ends too early")
            }
            Error::IoError(error) => error.kind().into(),
            Error::DecodeError(what) | Error::LimitError(what) => Self::Malformed(what),
            Error::Unsupported(what) => Self::Unsupported(what),
            Error::SeekError(_) => Self::Malformed("its positions cannot be found"),
            _ => Self::Malformed("its contents change in the middle"),
        }
    }
}
