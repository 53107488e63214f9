//! One player a cache; and why a folder can't be one.

use super::folder::careful;
use core::error::Error;
use core::fmt;
use std::fs::{File, TryLockError};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file whose lock is the cache's. It stays: removing it would give two players a lock each.
const LOCK: &str = "lock";

/// Locks the cache in this folder until the file is closed, be it by the end of the process.
pub(super) fn lock(folder: &Path) -> Result<File, TryLockError> {
    let mut options = careful();
    options.write(true).create(true).mode(0o600);
    let file = options.open(folder.join(LOCK)).map_err(TryLockError::Error)?;
    file.try_lock()?;
    Ok(file)
}

/// Why a folder can't be a cache. Its [`Display`](fmt::Display) is one line that names the folder.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another player has it open.
    Locked(PathBuf),
    /// Something else has this name, or the name of a folder on the way.
    NotAFolder(PathBuf),
    /// It may not be read and written.
    NoPermission(PathBuf),
    /// It lies on a disk that is not written to.
    ReadOnly(PathBuf),
    /// The system says.
    System(PathBuf, io::Error),
}

impl OpenError {
    pub(super) fn new(path: &Path, cause: io::Error) -> Self {
        let path = path.to_owned();
        match cause.kind() {
            io::ErrorKind::NotADirectory => Self::NotAFolder(path),
            io::ErrorKind::PermissionDenied => Self::NoPermission(path),
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly(path),
            _ => Self::System(path, cause),
        }
    }

    pub(super) fn locked_or(path: &Path, cause: TryLockError) -> Self {
        match cause {
            TryLockError::WouldBlock => Self::Locked(path.to_owned()),
            TryLockError::Error(cause) => Self::new(path, cause),
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Locked(path) => write!(f, "{}: another player uses this cache", path.display()),
            Self::NotAFolder(path) => write!(f, "{}: not a folder", path.display()),
            Self::NoPermission(path) => write!(f, "{}: no permission to read and write here", path.display()),
            Self::ReadOnly(path) => write!(f, "{}: on a disk that can't be written to", path.display()),
            Self::System(path, cause) => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System(_, cause) => Some(cause),
            _ => None,
        }
    }
}
