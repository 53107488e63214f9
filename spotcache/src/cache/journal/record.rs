//! What the journal says, record by record.

use crate::cache::key::CacheKey;
use alloc::vec::Vec;
use spotproto::codec::{CodecError, Reader, Writer};

/// The most runs in one record.
pub(crate) const RUNS_MAX: usize = 32;

/// Pieces in a row: the first, and how many.
pub(crate) type Run = (u32, u32);

/// One thing that the journal says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Record<K> {
    /// A file is known; what was said of its pieces is void.
    File(File<K>),
    /// A file is pinned, and known as this if it was not.
    Pin(File<K>),
    /// Pieces are held.
    Claim(K, Vec<Run>),
    /// Pieces are not held.
    Forget(K, Vec<Run>),
    /// Only the first so many pieces stay.
    Cut(K, u32),
    /// A file is gone.
    Remove(K),
    /// A file is not pinned.
    Unpin(K),
    /// A file was used.
    Touch(K),
    /// It was this late, in seconds since 1970.
    Date(u64),
}

/// What is said of a file apart from its pieces.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct File<K> {
    pub(crate) key: K,
    pub(crate) pieces: u32,
    pub(crate) prefix: u32,
    /// Fingerprint of the alias; 0 for none.
    pub(crate) alias: u32,
    /// All pieces are held.
    pub(crate) whole: bool,
    /// In the policy's main queue.
    pub(crate) main: bool,
    /// Uses that a policy counted, 0 to 3.
    pub(crate) uses: u32,
}

impl<K: CacheKey> Record<K> {
    /// Appends the body: kind, then fields.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::File(file) => file.encode(kind::FILE, out),
            Self::Pin(file) => file.encode(kind::PIN, out),
            Self::Claim(key, runs) => encode_runs(kind::CLAIM, key, runs, out),
            Self::Forget(key, runs) => encode_runs(kind::FORGET, key, runs, out),
            Self::Cut(key, pieces) => {
                named(kind::CUT, key, out);
                Writer::new(out).varint((*pieces).into());
            }
            Self::Remove(key) => named(kind::REMOVE, key, out),
            Self::Unpin(key) => named(kind::UNPIN, key, out),
            Self::Touch(key) => named(kind::TOUCH, key, out),
            Self::Date(date) => {
                Writer::new(out).u8(kind::DATE).u64(*date);
            }
        }
    }

    /// Reads a body.
    pub(super) fn decode(body: &[u8]) -> Result<Self, CodecError> {
        let mut reader = Reader::new(body);
        let kind = reader.u8()?;
        let record = if kind == kind::DATE {
            Self::Date(reader.u64()?)
        } else {
            let key = K::read(reader.bytes(K::LEN)?).ok_or(CodecError::Invalid("name"))?;
            match kind {
                kind::FILE => Self::File(File::decode(key, &mut reader)?),
                kind::PIN => Self::Pin(File::decode(key, &mut reader)?),
                kind::CLAIM => Self::Claim(key, decode_runs(&mut reader)?),
                kind::FORGET => Self::Forget(key, decode_runs(&mut reader)?),
                kind::CUT => Self::Cut(key, reader.varint_u32("pieces")?),
                kind::REMOVE => Self::Remove(key),
                kind::UNPIN => Self::Unpin(key),
                kind::TOUCH => Self::Touch(key),
                _ => return Err(CodecError::Invalid("kind")),
            }
        };
        reader.finish()?;
        Ok(record)
    }
}

mod kind {
    pub(super) const FILE: u8 = 1;
    pub(super) const PIN: u8 = 2;
    pub(super) const CLAIM: u8 = 3;
    pub(super) const FORGET: u8 = 4;
    pub(super) const CUT: u8 = 5;
    pub(super) const REMOVE: u8 = 6;
    pub(super) const UNPIN: u8 = 7;
    pub(super) const TOUCH: u8 = 8;
    pub(super) const DATE: u8 = 9;
}

const WHOLE: u8 = 1;
const MAIN: u8 = 1 << 1;
const ALIAS: u8 = 1 << 2;
const USES_AT: u8 = 3;
const KNOWN: u8 = 0x1f;

impl<K: CacheKey> File<K> {
    fn encode(&self, kind: u8, out: &mut Vec<u8>) {
        named(kind, &self.key, out);
        let flag = |on: bool, flag: u8| if on { flag } else { 0 };
        let flags = flag(self.whole, WHOLE) | flag(self.main, MAIN);
        let uses = (self.uses.min(3) as u8) << USES_AT;
        let mut writer = Writer::new(out);
        writer.u8(flags | flag(self.alias != 0, ALIAS) | uses);
        writer.varint(self.pieces.into()).varint(self.prefix.into());
        if self.alias != 0 {
            writer.u32(self.alias);
        }
    }

    fn decode(key: K, reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        let flags = reader.u8()?;
        if flags & !KNOWN != 0 {
            return Err(CodecError::Invalid("flags"));
        }
        let pieces = reader.varint_u32("pieces")?;
        let prefix = reader.varint_u32("header pieces")?;
        let alias = if flags & ALIAS == 0 { 0 } else { reader.u32()? };
        Ok(Self {
            key,
            pieces,
            prefix,
            alias,
            whole: flags & WHOLE != 0,
            main: flags & MAIN != 0,
            uses: u32::from(flags >> USES_AT),
        })
    }
}

fn named<K: CacheKey>(kind: u8, key: &K, out: &mut Vec<u8>) {
    out.push(kind);
    let at = out.len();
    out.resize(at + K::LEN, 0);
    if let Some(place) = out.get_mut(at..) {
        key.write(place);
    }
}

/// Runs in order, each as the gap behind the one before it and its length.
fn encode_runs<K: CacheKey>(kind: u8, key: &K, runs: &[Run], out: &mut Vec<u8>) {
    named(kind, key, out);
    let mut writer = Writer::new(out);
    writer.u8(runs.len() as u8);
    let mut at = 0;
    for &(first, count) in runs {
        writer.varint(u64::from(first - at)).varint(count.into());
        at = first + count;
    }
}

fn decode_runs(reader: &mut Reader<'_>) -> Result<Vec<Run>, CodecError> {
    let count = reader.count(RUNS_MAX, "runs")?;
    let mut runs = Vec::with_capacity(count);
    let mut at = 0u32;
    for _ in 0..count {
        let gap = reader.varint_u32("gap")?;
        let length = reader.varint_u32("run")?;
        let first = at.checked_add(gap).ok_or(CodecError::Invalid("run"))?;
        at = first.checked_add(length).ok_or(CodecError::Invalid("run"))?;
        runs.push((first, length));
    }
    Ok(runs)
}

/// Runs of pieces that are in order, cut into what fits a record.
pub(crate) fn runs(pieces: impl IntoIterator<Item = u32>) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for piece in pieces {
        match runs.last_mut() {
            Some((first, count)) if *first + *count == piece => *count += 1,
            _ => runs.push((piece, 1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_file_is_a_bit_each_and_its_uses_are_two() {
        let plain = File { key: 7u32, pieces: 10, prefix: 2, alias: 0, whole: false, main: false, uses: 0 };
        for (file, flags) in [
            (plain, 0),
            (File { whole: true, ..plain }, 1),
            (File { main: true, ..plain }, 1 << 1),
            (File { alias: 0x0102_0304, ..plain }, 1 << 2),
            (File { uses: 1, ..plain }, 1 << 3),
            (File { uses: 2, main: true, ..plain }, 1 << 4 | 1 << 1),
            (File { uses: 3, alias: 5, whole: true, main: true, ..plain }, 0x1f),
        ] {
            for record in [Record::File(file), Record::Pin(file)] {
                let mut body = Vec::new();
                record.encode(&mut body);
                assert_eq!(body[5], flags, "{file:?}");
                assert_eq!(Record::decode(&body), Ok(record));
            }
        }
        // More uses are not told apart.
        let mut body = Vec::new();
        Record::File(File { uses: 9, ..plain }).encode(&mut body);
        assert_eq!(body[5], 3 << 3);
        for unknown in [1 << 5, 1 << 6, 1 << 7 | 1] {
            body[5] = unknown;
            assert_eq!(Record::<u32>::decode(&body), Err(CodecError::Invalid("flags")));
        }
    }

    #[test]
    fn pieces_in_a_row_are_one_run() {
        assert_eq!(runs([]), []);
        assert_eq!(runs([3, 4, 5, 9, 11, 12]), [(3, 3), (9, 1), (11, 2)]);
        let claim = Record::Claim(7u32, runs([0, 1, 5, 6, 7, 300]));
        let mut body = Vec::new();
        claim.encode(&mut body);
        assert_eq!(body.len(), 5 + 1 + 5 + 2, "a gap and a length each, one of them two bytes");
        assert_eq!(Record::decode(&body), Ok(claim));
    }
}
