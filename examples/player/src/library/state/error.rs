//! Why a server cannot start with a state folder.

use core::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a state folder is refused: one line that says what to do about it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum StateError {
    /// There is no home folder to put it in.
    Homeless,
    /// Another server is running on it.
    InUse(PathBuf),
    /// Others than the owner may write to it.
    OpenFolder(PathBuf),
    /// Others than the owner may read or write this file.
    OpenKey(PathBuf),
    /// This file does not hold what it should; the words say what it should hold.
    BadKey(PathBuf, &'static str),
    /// The system refuses.
    Unusable(PathBuf, io::ErrorKind),
    /// The system has no entropy for new keys.
    NoEntropy,
}

impl StateError {
    pub(super) fn unusable(path: &Path, error: &io::Error) -> Self {
        Self::Unusable(path.to_owned(), error.kind())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Homeless => f.write_str("you have no home folder; name a state folder with --state"),
            Self::InUse(path) => write!(f, "another server is running on {}", path.display()),
            Self::OpenFolder(path) => {
                write!(f, "others may write to {0}; run: chmod go-w '{0}'", path.display())
            }
            Self::OpenKey(path) => {
                write!(f, "others may use the key {0}; run: chmod 600 '{0}'", path.display())
            }
            Self::BadKey(path, wanted) => write!(f, "{} is not a key file: {wanted}", path.display()),
            Self::Unusable(path, kind) => write!(f, "cannot use {}: {kind}", path.display()),
            Self::NoEntropy => f.write_str("the system has no entropy for new keys"),
        }
    }
}

impl core::error::Error for StateError {}
