//! Reading a journal, however damaged.

use super::{BODY_MAX, FRAME_LEN, HEADER_LEN, MAGIC, MARK, Record, VERSION, checksum, crc32c};
use crate::cache::key::CacheKey;
use spotproto::codec::Reader;

/// A journal that is whole, and not for this program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unreadable {
    /// Of a newer version.
    Newer(u16),
    /// Its names have another length.
    OtherNames(u16),
}

/// Damaged records whose checksum is reckoned, before reading ends: a journal made to look like one record after another
/// at every byte would take for ever.
const TRIES: u32 = 1 << 16;

/// Hands out the records of a journal in order; answers how many bytes were none.
///
/// # Errors
/// If the journal is not for this program. Nothing was handed out then.
pub(crate) fn replay<K: CacheKey>(
    journal: &[u8],
    mut take: impl FnMut(Record<K>),
) -> Result<u64, Unreadable> {
    let mut rest = match read_header(journal) {
        Some((version, _)) if version > VERSION => return Err(Unreadable::Newer(version)),
        Some((_, length)) if usize::from(length) != K::LEN => return Err(Unreadable::OtherNames(length)),
        Some(_) => journal.get(HEADER_LEN..).unwrap_or_default(),
        // Damaged: its records, if they are of this version, tell so themselves.
        None => journal,
    };
    let mut damaged = 0;
    let mut tries = 0;
    while !rest.is_empty() && tries < TRIES {
        match read_record(rest) {
            Frame::Record(record, length) => {
                take(record);
                rest = rest.get(length..).unwrap_or_default();
            }
            other => {
                tries += u32::from(matches!(other, Frame::Damaged));
                let next = rest.iter().skip(1).position(|byte| *byte == MARK[0]);
                let skipped = next.map_or(rest.len(), |next| next + 1);
                damaged += skipped as u64;
                rest = rest.get(skipped..).unwrap_or_default();
            }
        }
    }
    Ok(damaged + rest.len() as u64)
}

/// Version, and bytes of a name.
fn read_header(journal: &[u8]) -> Option<(u16, u16)> {
    let (header, _) = journal.split_first_chunk::<HEADER_LEN>()?;
    let (fields, crc) = header.split_last_chunk::<4>()?;
    let mut reader = Reader::new(fields);
    let whole = reader.array() == Ok(MAGIC) && crc32c(0, fields) == u32::from_be_bytes(*crc);
    let version = reader.u16().ok().filter(|version| *version > 0)?;
    whole.then_some((version, reader.u16().ok()?))
}

enum Frame<K> {
    Record(Record<K>, usize),
    /// Looked like one.
    Damaged,
    Other,
}

fn read_record<K: CacheKey>(bytes: &[u8]) -> Frame<K> {
    let Some((&[mark0, mark1, high, low], _)) = bytes.split_first_chunk::<4>() else { return Frame::Other };
    let length = usize::from(u16::from_be_bytes([high, low]));
    if [mark0, mark1] != MARK || length > K::LEN + BODY_MAX {
        return Frame::Other;
    }
    let whole = bytes.get(..length + FRAME_LEN).and_then(|frame| frame.split_last_chunk::<4>());
    let Some((framed, crc)) = whole else { return Frame::Other };
    let (_, framed) = framed.split_at(MARK.len());
    if checksum::<K>(framed) != u32::from_be_bytes(*crc) {
        return Frame::Damaged;
    }
    let (_, body) = framed.split_at(2);
    Record::decode(body).map_or(Frame::Damaged, |record| Frame::Record(record, length + FRAME_LEN))
}

#[cfg(test)]
mod tests {
    use super::super::{header, write};
    use super::*;
    use alloc::vec::Vec;

    /// What the records are that are found, and how many bytes are none.
    fn read(journal: &[u8]) -> (Vec<Record<u32>>, u64) {
        let mut records = Vec::new();
        let damaged = replay(journal, |record| records.push(record)).unwrap();
        (records, damaged)
    }

    /// What looks like so many records and is none, and one that is behind it.
    fn behind(damage: &[u8], times: u32) -> (Vec<u8>, u64) {
        let mut journal = header::<u32>().to_vec();
        (0..times).for_each(|_| journal.extend_from_slice(damage));
        let length = journal.len() - HEADER_LEN;
        write(&mut journal, &Record::Touch(7u32));
        (journal, length as u64)
    }

    #[test]
    fn reading_ends_behind_so_many_damaged_records_and_all_the_rest_counts_as_damaged() {
        let damage = [MARK[0], MARK[1], 0, 0, 1, 2, 3, 4];
        let (journal, length) = behind(&damage, TRIES - 1);
        assert_eq!(read(&journal), (alloc::vec![Record::Touch(7)], length));
        let (journal, _) = behind(&damage, TRIES);
        assert_eq!(read(&journal), (Vec::new(), (journal.len() - HEADER_LEN) as u64));
    }

    #[test]
    fn what_is_longer_than_any_record_is_none_and_is_not_tried() {
        // A name, kind and number of runs, and 32 runs of two numbers of eight bytes.
        let most = 4 + 2 + 32 * 16;
        let marked = |length: u16| [MARK, length.to_be_bytes()].concat();
        // Each of these might be a record, of others of them.
        let (journal, _) = behind(&marked(most), TRIES + u32::from(most));
        assert_eq!(read(&journal).0, []);
        let (journal, length) = behind(&marked(most + 1), TRIES + u32::from(most));
        assert_eq!(read(&journal), (alloc::vec![Record::Touch(7)], length));
    }

    #[test]
    fn there_is_no_version_0() {
        let (mut journal, _) = behind(&[], 0);
        journal[8..10].copy_from_slice(&0u16.to_be_bytes());
        let crc = crc32c(0, &journal[..12]);
        journal[12..16].copy_from_slice(&crc.to_be_bytes());
        assert_eq!(read(&journal), (alloc::vec![Record::Touch(7)], HEADER_LEN as u64));
    }
}
