//! Why a client can't be started.

use crate::socket::SocketError;
use core::error::Error;
use core::fmt;

/// Why a client can't be started.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// The port can't be listened at.
    Listen(SocketError),
    /// The system has no entropy to give.
    Entropy(getrandom::Error),
}

impl From<SocketError> for StartError {
    fn from(error: SocketError) -> Self {
        Self::Listen(error)
    }
}

impl From<getrandom::Error> for StartError {
    fn from(error: getrandom::Error) -> Self {
        Self::Entropy(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listen(error) => error.fmt(f),
            Self::Entropy(error) => write!(f, "no entropy for keys: {error}"),
        }
    }
}

impl Error for StartError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Listen(error) => Some(error),
            Self::Entropy(_) => None,
        }
    }
}
