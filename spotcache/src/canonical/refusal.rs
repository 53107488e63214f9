//! Why a file is not taken, in words for whoever looks after the music.

use core::fmt;

/// Why a file cannot be taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// There is nothing in it.
    Empty,
    /// Nothing in it looks like sound.
    NotAudio,
    /// The system could not read it.
    Unreadable,
    /// It ends before its music does: perhaps it is still being copied.
    Truncated,
    /// A codec or container that is not supported; the name says which.
    Unsupported(&'static str),
    /// It is encrypted for somebody's player (DRM).
    Protected,
    /// It breaks its format's rules; the text says where.
    Damaged(&'static str),
    /// Something in it is above its limit; the name says what.
    TooLarge(&'static str),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the file is empty"),
            Self::NotAudio => f.write_str("this is not a sound file"),
            Self::Unreadable => f.write_str("the file cannot be read"),
            Self::Truncated => f.write_str("the file ends too early; perhaps it is still being copied"),
            Self::Unsupported(what) => write!(f, "{what} is not supported"),
            Self::Protected => f.write_str("the file is protected against copying (DRM)"),
            Self::Damaged(what) => write!(f, "the file is damaged: {what}"),
            Self::TooLarge(what) => write!(f, "{what} is larger than a sound file's should be"),
        }
    }
}

impl core::error::Error for Refusal {}
