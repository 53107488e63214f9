//! What a system's error means to a cache.

use spotcache::cache::DiskError;
use std::io::{Error, ErrorKind};

/// Of reading: what is not there is missing, be it a file or the folder.
pub(super) fn reading(error: &Error) -> DiskError {
    if error.kind() == ErrorKind::NotFound { DiskError::Missing } else { writing(error) }
}

/// Of all else. Files are made where they are not, so `NotFound` says that the folder is gone.
pub(super) fn writing(error: &Error) -> DiskError {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => DiskError::Full,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => DiskError::ReadOnly,
        _ => DiskError::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_are_told_apart() {
        // The numbers are those of Linux and of every system with a BSD in it; EDQUOT is not.
        for (number, expected) in [
            (28, DiskError::Full),     // ENOSPC
            (27, DiskError::Full),     // EFBIG: a limit on the length of files
            (30, DiskError::ReadOnly), // EROFS
            (13, DiskError::ReadOnly), // EACCES
            (1, DiskError::ReadOnly),  // EPERM
            (5, DiskError::Failed),    // EIO
            (2, DiskError::Failed),    // ENOENT
        ] {
            assert_eq!(writing(&Error::from_raw_os_error(number)), expected, "{number}");
        }
        assert_eq!(reading(&Error::from_raw_os_error(2)), DiskError::Missing);
        assert_eq!(reading(&Error::from_raw_os_error(5)), DiskError::Failed);
        assert_eq!(writing(&ErrorKind::QuotaExceeded.into()), DiskError::Full);
    }
}
