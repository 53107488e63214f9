//! A folder of a real file system.

use super::files::{Access, Directory, Files, Name};
use super::lock::{OpenError, lock};
use rustix::fs::OFlags;
use spotproto::content::FileId;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder of the cached files.
const FILES: &str = "files";

/// A cache's folder, locked against other players for as long as this lives.
#[derive(Debug)]
pub struct Folder {
    top: PathBuf,
    files: PathBuf,
    /// Closing it unlocks.
    _lock: File,
}

impl Folder {
    /// Takes `path` for a cache; makes it if it is not there (for its owner only, mode 0700).
    ///
    /// # Errors
    /// Why it can't be used.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let error = |cause| OpenError::new(path, cause);
        // The program may change its working folder.
        let top = std::path::absolute(path).map_err(error)?;
        let files = top.join(FILES);
        make_folder(&top, true).map_err(error)?;
        let lock = lock(&top).map_err(|cause| OpenError::locked_or(path, cause))?;
        make_folder(&files, false).map_err(error)?;
        Ok(Self { top, files, _lock: lock })
    }

    fn path(&self, name: Name) -> PathBuf {
        self.folder(name.folder()).join(name.to_string())
    }

    fn folder(&self, folder: Directory) -> &Path {
        match folder {
            Directory::Top => &self.top,
            Directory::Files => &self.files,
        }
    }
}

/// Makes a folder. Where one stands already, a link to one is taken only if `linked` allows it.
fn make_folder(path: &Path, linked: bool) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => {
            // So that its name lasts. A folder that holds it may be one that can't be opened.
            let _ = path.parent().map(sync_folder);
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = if linked { fs::metadata(path) } else { fs::symlink_metadata(path) }?;
            if found.is_dir() { Ok(()) } else { Err(io::ErrorKind::NotADirectory.into()) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && linked => {
            let parent = path.parent().ok_or(error)?;
            make_folder(parent, true)?;
            make_folder(path, true)
        }
        Err(error) => Err(error),
    }
}

fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Never through a link, and never waiting for the other end of a pipe that somebody put here.
pub(super) fn careful() -> OpenOptions {
    let mut options = OpenOptions::new();
    // The bits are those of a C int.
    options.read(true).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed());
    options
}

impl Files for Folder {
    type File = File;

    fn open(&self, name: Name, access: Access) -> io::Result<File> {
        let file = careful().write(access == Access::Write).open(self.path(name))?;
        if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    fn create(&self, name: Name) -> io::Result<File> {
        careful().write(true).create_new(true).mode(0o600).open(self.path(name))
    }

    fn read(&self, file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(more) => filled += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn length(&self, file: &File) -> io::Result<u64> {
        let metadata = file.metadata()?;
        if metadata.nlink() == 0 { Err(io::ErrorKind::NotFound.into()) } else { Ok(metadata.len()) }
    }

    fn set_length(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        // POSIX: fdatasync writes what is needed to read the data again, the length among it.
        file.sync_data()
    }

    fn sync_folder(&self, folder: Directory) -> io::Result<()> {
        sync_folder(self.folder(folder))
    }

    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: Name) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.files)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some(file) = name.to_str().and_then(cached) else { continue };
            // Of the entry itself: links are not followed.
            match entry.metadata() {
                Ok(found) if found.is_file() => files.push((file, found.len())),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(files)
    }

    fn free(&self) -> io::Result<u64> {
        let disk = rustix::fs::statvfs(&self.top)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

/// The file that has this name; names that this cache does not give are others'.
fn cached(name: &str) -> Option<FileId> {
    let lower = name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lower { name.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_the_cache_gives_are_its_own() {
        let file = FileId([0xab; 32]);
        assert_eq!(cached(&Name::Cached(file).to_string()), Some(file));
        for name in ["", "journal", &"AB".repeat(32), &"ab".repeat(31), &"ab".repeat(33), &"é".repeat(32)] {
            assert_eq!(cached(name), None, "{name}");
        }
    }
}
