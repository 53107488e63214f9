//! What lies in a folder: every file that may be music, in the same order each time.

use super::disk::Stamp;
use alloc::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Endings of what commonly lies beside music. Nobody wants to be told that these are not sound.
const SILENT: [&str; 44] = [
    "jpg",
    "jpeg",
    "png",
    "gif",
    "webp",
    "bmp",
    "tif",
    "tiff",
    "avif",
    "heic",
    "svg",
    "pdf",
    "txt",
    "md",
    "nfo",
    "doc",
    "docx",
    "rtf",
    "htm",
    "html",
    "url",
    "xml",
    "json",
    "cue",
    "log",
    "m3u",
    "m3u8",
    "pls",
    "xspf",
    "lrc",
    "srt",
    "sfv",
    "md5",
    "sha256",
    "ffp",
    "accurip",
    "ini",
    "db",
    "zip",
    "torrent",
    "tmp",
    "part",
    "partial",
    "crdownload",
];

/// A file that may be music.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Candidate {
    /// Below the folder.
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Ordered by path, name by name.
    pub(super) files: Vec<Candidate>,
    /// What could not be looked at: folders and files, below the folder.
    pub(super) unreadable: Vec<(PathBuf, io::ErrorKind)>,
}

/// Walks through a folder. Symbolic links are followed, but no folder is entered twice.
///
/// # Errors
/// The folder itself cannot be read.
pub(super) fn walk(root: &Path) -> io::Result<Walk> {
    let mut found = Walk::default();
    let mut entered = BTreeSet::from([fs::canonicalize(root)?]);
    // Names still to be looked at, the next one last: a stack of our own, since folders may nest deeper than ours.
    let mut waiting = names(root, Path::new(""))?;
    while let Some(path) = waiting.pop() {
        if let Err(error) = look(root, &path, &mut found, &mut entered, &mut waiting) {
            // Gone between the listing and the look, or a link to nowhere: not there.
            if error.kind() != io::ErrorKind::NotFound {
                found.unreadable.push((path, error.kind()));
            }
        }
    }
    Ok(found)
}

fn look(
    root: &Path,
    path: &Path,
    found: &mut Walk,
    entered: &mut BTreeSet<PathBuf>,
    waiting: &mut Vec<PathBuf>,
) -> io::Result<()> {
    let full = root.join(path);
    let metadata = fs::metadata(&full)?;
    if metadata.is_dir() {
        if entered.insert(fs::canonicalize(&full)?) {
            waiting.append(&mut names(&full, path)?);
        }
    } else if metadata.is_file() && !is_silent(path) {
        found.files.push(Candidate { path: path.to_owned(), stamp: Stamp::of(&metadata) });
    }
    Ok(())
}

/// The names in a folder behind `prefix`, hidden ones left out, the first one last.
fn names(folder: &Path, prefix: &Path) -> io::Result<Vec<PathBuf>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(prefix.join(name));
        }
    }
    names.sort_unstable_by(|a, b| b.cmp(a));
    Ok(names)
}

fn is_silent(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    SILENT.iter().any(|silent| silent.eq_ignore_ascii_case(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(root: &Path) -> Vec<String> {
        let found = walk(root).unwrap();
        found.files.iter().map(|file| file.path.to_str().unwrap().replace('\\', "/")).collect()
    }

    #[test]
    fn files_come_in_order_without_hidden_ones_and_covers() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("b/deep")).unwrap();
        fs::create_dir_all(root.path().join(".git")).unwrap();
        for name in
            ["b/deep/1.ogg", "b/2.flac", "c.wav", "a.mp3", ".git/x.ogg", "b/.y.ogg", "b/Cover.JPG", "n"]
        {
            fs::write(root.path().join(name), b"x").unwrap();
        }
        assert_eq!(paths(root.path()), ["a.mp3", "b/2.flac", "b/deep/1.ogg", "c.wav", "n"]);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_but_no_folder_is_entered_twice() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("a")).unwrap();
        fs::write(root.path().join("a/1.ogg"), b"x").unwrap();
        fs::write(elsewhere.path().join("2.ogg"), b"x").unwrap();
        symlink(root.path(), root.path().join("a/loop")).unwrap();
        symlink(root.path().join("a"), root.path().join("again")).unwrap();
        symlink(elsewhere.path(), root.path().join("other")).unwrap();
        symlink(root.path().join("a/1.ogg"), root.path().join("song.ogg")).unwrap();
        symlink("nowhere", root.path().join("dangling.ogg")).unwrap();
        symlink("self.ogg", root.path().join("self.ogg")).unwrap();
        assert_eq!(paths(root.path()), ["a/1.ogg", "other/2.ogg", "song.ogg"]);
        let unreadable = walk(root.path()).unwrap().unreadable;
        assert_eq!(unreadable.len(), 1, "{unreadable:?}");
        assert_eq!(unreadable[0].0, Path::new("self.ogg"));
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error() {
        assert!(walk(Path::new("no such folder")).is_err());
    }
}
