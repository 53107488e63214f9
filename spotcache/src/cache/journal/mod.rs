//! The journal: what survives a restart. `docs/cache.md` has its bytes.
//!
//! Records are framed so that reading finds the next whole one behind damage: nothing after a damaged sector is lost but
//! what was in it. That is safe because the journal is never the last word on a byte. A record that went missing may
//! leave a claim behind that should have been withdrawn; a piece is proved by its leaf whenever it is read, so such a
//! claim costs a read.

mod crc;
mod record;
mod replay;

pub(super) use record::{File, RUNS_MAX, Record, Run, runs};
pub(super) use replay::{Unreadable, replay};

use super::key::CacheKey;
use alloc::vec::Vec;
use crc::crc32c;

/// The version of the format that is written here.
pub(super) const VERSION: u16 = 1;

const MAGIC: [u8; 8] = *b"spotjrnl";

/// Bytes of the header.
pub(super) const HEADER_LEN: usize = 16;

/// What every record begins with.
const MARK: [u8; 2] = [0x9e, 0x5c];

/// Bytes of a record around its body: mark, length, checksum.
pub(super) const FRAME_LEN: usize = 8;

/// The most bytes in a body beside a name.
const BODY_MAX: usize = 2 + RUNS_MAX * 16;

/// Magic, version, bytes of a name, checksum.
pub(super) fn header<K: CacheKey>() -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(&MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_be_bytes());
    header[10..12].copy_from_slice(&(K::LEN as u16).to_be_bytes());
    let crc = crc32c(0, &header[..12]);
    header[12..].copy_from_slice(&crc.to_be_bytes());
    header
}

/// Appends a record.
pub(super) fn write<K: CacheKey>(out: &mut Vec<u8>, record: &Record<K>) {
    out.extend_from_slice(&MARK);
    let at = out.len();
    out.extend_from_slice(&[0; 2]);
    record.encode(out);
    let length = (out.len() - at - 2) as u16;
    if let Some(framed) = out.get_mut(at..) {
        framed[..2].copy_from_slice(&length.to_be_bytes());
        let crc = checksum::<K>(framed);
        out.extend_from_slice(&crc.to_be_bytes());
    }
}

/// The checksum of a record's length and body. It begins with version and bytes of a name, so no record of another format passes.
fn checksum<K: CacheKey>(framed: &[u8]) -> u32 {
    let [version, length] = [VERSION.to_be_bytes(), (K::LEN as u16).to_be_bytes()];
    crc32c(crc32c(crc32c(0, &version), &length), framed)
}

/// Appends records of runs, as many as it takes.
pub(super) fn write_runs<K: CacheKey>(
    out: &mut Vec<u8>,
    runs: &[Run],
    record: impl Fn(Vec<Run>) -> Record<K>,
) {
    for part in runs.chunks(RUNS_MAX) {
        write(out, &record(part.to_vec()));
    }
}

/// A journal that claims these files whole, the one used last at the end: each by its name, its pieces, and how many of
/// the first of them are headers. For a disk that has them already, as a simulated one does.
pub fn journal_of<K: CacheKey>(files: impl IntoIterator<Item = (K, u32, u32)>) -> Vec<u8> {
    let mut out = header::<K>().to_vec();
    for (key, pieces, prefix) in files {
        let file = File { key, pieces, prefix, alias: 0, whole: true, main: false, uses: 0 };
        write(&mut out, &Record::File(file));
    }
    out
}
