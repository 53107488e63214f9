//! Why a command failed: one line for the person, one number for the script.

use core::fmt;
use std::process::ExitCode;

/// What a script sees. The numbers are part of the interface and written down in the README.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Exit {
    /// Something went wrong while running.
    Runtime = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No such track, or a link that can't be read.
    NotFound = 3,
    /// The server can't be reached or does not let this device in.
    Unreachable = 4,
    /// The server's key changed, or it sends what it did not publish.
    Untrusted = 5,
    /// A sound output was asked for by name and is not there.
    NoOutput = 6,
}

/// A failure in plain words: what is wrong, and what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// For the script.
    pub exit: Exit,
    /// For the person; one line.
    pub line: String,
}

impl Failure {
    /// A failure with these words.
    pub fn new(exit: Exit, line: impl Into<String>) -> Self {
        Self { exit, line: line.into() }
    }

    /// Something went wrong while running.
    pub fn runtime(line: impl fmt::Display) -> Self {
        Self::new(Exit::Runtime, line.to_string())
    }

    /// The code for the system.
    #[must_use]
    pub fn code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.line)
    }
}

impl core::error::Error for Failure {}
