//! Key files: lines of hexadecimal digits that only their owner may read, and that can be backed up by copying.

use super::StateError;
use core::fmt::Write;
use spotproto::crypto::SecretKey;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Write as _};
use std::path::Path;
use zeroize::Zeroizing;

/// No key file is longer: a thousand epochs fit.
const LEN_MAX: usize = 128 * 1024;

/// The key in this file; a new one, written to it, if there is no such file.
pub(super) fn read_or_draw(path: &Path, purpose: &str) -> Result<SecretKey, StateError> {
    match read(path)? {
        Some(text) => one_key(&text)
            .ok_or(StateError::BadKey(path.to_owned(), "it should hold one line of 64 hexadecimal digits")),
        None => {
            let key = draw()?;
            write(path, purpose, &key_line("", &key))?;
            Ok(key)
        }
    }
}

/// A new key from the system's entropy.
pub(super) fn draw() -> Result<SecretKey, StateError> {
    runtime_tokio::entropy::secret_key().map_err(|_| StateError::NoEntropy)
}

/// The text of a key file, if there is one.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, StateError> {
    let unusable = |error: io::Error| StateError::unusable(path, &error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(error)),
    };
    let metadata = file.metadata().map_err(unusable)?;
    if mode(&metadata) & 0o077 != 0 {
        return Err(StateError::OpenKey(path.to_owned()));
    }
    // Room for all of it at once: a string that grows leaves copies behind that nobody wipes.
    let room = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
    if room > LEN_MAX {
        return Err(StateError::BadKey(path.to_owned(), "it is too long"));
    }
    let mut text = Zeroizing::new(String::with_capacity(room + 1));
    match file.read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(StateError::BadKey(path.to_owned(), "it is not text"))
        }
        Err(error) => Err(unusable(error)),
    }
}

/// Writes a key file so that a crash leaves either all of it or none.
pub(super) fn write(path: &Path, purpose: &str, lines: &str) -> Result<(), StateError> {
    let unfinished = path.with_extension("new");
    let written = create_private(&unfinished, true).and_then(|mut file| {
        file.write_all(Zeroizing::new(format!("# {purpose} Keep it secret.\n{lines}")).as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, path)
    });
    written.map_err(|error| StateError::unusable(path, &error))
}

/// Opens a file that only its owner may use, and makes it if need be.
pub(in crate::library) fn create_private(path: &Path, empty: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(empty);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The permission bits; none where the system has no such thing.
pub(super) fn mode(metadata: &Metadata) -> u32 {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
    #[cfg(not(unix))]
    {
        let _ = metadata;
        0
    }
}

/// The lines that are neither empty nor comments.
pub(super) fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// A line of a key file.
pub(super) fn key_line(label: &str, key: &SecretKey) -> Zeroizing<String> {
    let mut line = Zeroizing::new(String::with_capacity(label.len() + 65));
    line.push_str(label);
    for byte in &key.0 {
        // Writing to a string cannot fail.
        let _ = write!(line, "{byte:02x}");
    }
    line.push('\n');
    line
}

/// Reads 64 hexadecimal digits.
pub(super) fn parse_key(digits: &str) -> Option<SecretKey> {
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut key = SecretKey([0; 32]);
    for (byte, [high, low]) in key.0.iter_mut().zip(pairs) {
        let value = char::from(*high).to_digit(16)? << 4 | char::from(*low).to_digit(16)?;
        *byte = u8::try_from(value).ok()?;
    }
    Some(key)
}

fn one_key(text: &str) -> Option<SecretKey> {
    let mut lines = lines(text);
    let key = parse_key(lines.next()?)?;
    lines.next().is_none().then_some(key)
}
