//! Ogg pages (RFC 3533 §6), and how to give them other numbers without reading what is in them.

use super::super::plan::ReadError;
use super::super::source::{Source, read_fully};
use alloc::vec::Vec;

/// Bytes of a page ahead of its lacing values.
pub(super) const HEADER_LEN: usize = 27;

/// The flag of a stream's last page.
const LAST: u8 = 4;

/// The serial number of every canonical stream. Zero is legal too, but some tools stumble over it.
pub(super) const SERIAL: u32 = 1;

/// Bytes of the longest page header.
pub(super) const PAGE_HEADER_LEN_MAX: usize = HEADER_LEN + 255;

/// Bytes of the largest page.
pub(super) const PAGE_LEN_MAX: usize = PAGE_HEADER_LEN_MAX + 255 * 255;

/// What pages get instead of their serial number, and what is added to their sequence numbers.
///
/// Tags are in the header pages, so editing them may change how many there are, and with that the number of every
/// page behind them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Renumbering {
    pub(crate) serial: u32,
    pub(crate) add: u32,
}

/// The front of a page.
#[derive(Clone, Copy)]
pub(super) struct Page {
    header: [u8; HEADER_LEN],
    lacing: [u8; 255],
}

impl Page {
    /// The page whose bytes start here; `None` if they don't, or are not all of its header.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let header: &[u8; HEADER_LEN] = bytes.first_chunk()?;
        if !header.starts_with(b"OggS\0") {
            return None;
        }
        let mut lacing = [0; 255];
        let count = usize::from(header[26]);
        lacing.get_mut(..count)?.copy_from_slice(bytes.get(HEADER_LEN..HEADER_LEN + count)?);
        Some(Self { header: *header, lacing })
    }

    /// A page goes on with the packet that the last one left open.
    pub(super) const fn is_continued(&self) -> bool {
        self.header[5] & 1 != 0
    }

    /// The first page of a logical stream.
    pub(super) const fn is_first(&self) -> bool {
        self.header[5] & 2 != 0
    }

    /// Samples up to the end of the last packet that ends here; `None` if none does.
    pub(super) fn granule(&self) -> Option<u64> {
        let bytes = self.header.get(6..14)?.first_chunk()?;
        u64::try_from(i64::from_le_bytes(*bytes)).ok()
    }

    pub(super) fn serial(&self) -> u32 {
        self.word(14)
    }

    pub(super) fn sequence(&self) -> u32 {
        self.word(18)
    }

    /// Lengths of the segments.
    pub(super) fn lacing(&self) -> &[u8] {
        self.lacing.get(..usize::from(self.header[26])).unwrap_or(&[])
    }

    pub(super) fn header_len(&self) -> usize {
        HEADER_LEN + usize::from(self.header[26])
    }

    /// Bytes of the whole page.
    pub(super) fn len(&self) -> usize {
        self.header_len() + self.lacing().iter().map(|len| usize::from(*len)).sum::<usize>()
    }

    /// Writes what is behind the first `skip` segments, of which `body` are the bytes, as a page of its own with this
    /// number. A packet begins there.
    pub(super) fn write_behind(&self, skip: usize, body: &[u8], sequence: u32, out: &mut Vec<u8>) {
        let lacing = self.lacing().get(skip..).unwrap_or(&[]);
        // RFC 3533 §6: -1 where no packet ends on the page. The old position may be that of a packet in front.
        let ends = lacing.iter().any(|len| *len < 255);
        let granule = self.granule().and_then(|granule| i64::try_from(granule).ok()).filter(|_| ends);
        write(out, self.header[5] & LAST, granule.unwrap_or(-1), sequence, lacing, body);
    }

    /// Whether these bytes, the whole page, are as they were written.
    pub(super) fn is_intact(&self, page: &[u8]) -> bool {
        let (Some(front), Some(rest)) = (page.get(..22), page.get(26..)) else { return false };
        let sum = [front, &[0; 4], rest].into_iter().fold(0, update);
        sum == self.word(22)
    }

    /// Serial number, sequence number and checksum as they are after renumbering: bytes 14 to 26 of the page.
    ///
    /// The checksum has no start value and no final complement, so it is linear: the difference that other numbers
    /// make depends on nothing but itself and its distance from the page's end.
    fn renumbered(&self, by: Renumbering) -> [u8; 12] {
        let sequence = self.sequence().wrapping_add(by.add);
        let changes = [self.serial() ^ by.serial, self.sequence() ^ sequence].map(u32::to_le_bytes);
        let difference = shift(update(0, changes.as_flattened()), self.len() - 22);
        let mut fields = [0; 12];
        let words = [by.serial, sequence, self.word(22) ^ difference];
        for (field, word) in fields.chunks_exact_mut(4).zip(words) {
            field.copy_from_slice(&word.to_le_bytes());
        }
        fields
    }

    fn word(&self, at: usize) -> u32 {
        self.header
            .get(at..)
            .and_then(|rest| rest.first_chunk())
            .map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }
}

/// Renumbers the pages in `out`, which holds the source's bytes from `from` on. `first` is where a page starts,
/// not behind `from`.
pub(crate) fn renumber<S: Source>(
    source: &mut S,
    first: u64,
    from: u64,
    out: &mut [u8],
    by: Renumbering,
) -> Result<(), ReadError> {
    let end = from + out.len() as u64;
    let mut at = first;
    while at < end {
        let mut front = [0; PAGE_HEADER_LEN_MAX];
        let count = match inside(out, from, at) {
            // Most pages start inside what was read anyway.
            Some(bytes) => {
                front.copy_from_slice(bytes);
                front.len()
            }
            None => read_fully(source, at, &mut front)?,
        };
        let page = front.get(..count).and_then(Page::read).ok_or(ReadError::Changed)?;
        for (field, byte) in (at + 14..).zip(page.renumbered(by)) {
            let place = field.checked_sub(from).and_then(|place| usize::try_from(place).ok());
            if let Some(old) = place.and_then(|place| out.get_mut(place)) {
                *old = byte;
            }
        }
        at += page.len() as u64;
    }
    Ok(())
}

fn inside(out: &[u8], from: u64, at: u64) -> Option<&[u8]> {
    let skip = usize::try_from(at.checked_sub(from)?).ok()?;
    out.get(skip..skip + PAGE_HEADER_LEN_MAX)
}

/// RFC 3533 §6: the generator polynomial, most significant bit first.
const POLYNOMIAL: u32 = 0x04c1_1db7;

/// The checksum goes on over more bytes.
pub(super) fn update(sum: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(sum, |sum, byte| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ byte)])
}

/// The checksum as if `count` zero bytes followed: a product with x^(8·count) instead of a walk over them.
fn shift(mut sum: u32, count: usize) -> u32 {
    for (bit, power) in POWERS.iter().enumerate() {
        if count >> bit & 1 == 1 {
            sum = multiply(sum, *power);
        }
    }
    sum
}

/// x^(8·2ⁿ) for as many n as a page's length has bits.
const POWERS: [u32; 16] = {
    let mut powers = [1 << 8; 16];
    let mut n = 1;
    while n < 16 {
        powers[n] = multiply(powers[n - 1], powers[n - 1]);
        n += 1;
    }
    powers
};

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = multiply((byte as u32) << 24, 1 << 8);
        byte += 1;
    }
    table
};

/// The product of two polynomials over GF(2), modulo the generator.
const fn multiply(a: u32, b: u32) -> u32 {
    let mut product = 0u32;
    let mut bit = 32;
    while bit > 0 {
        bit -= 1;
        product = (product << 1) ^ (POLYNOMIAL & (product >> 31).wrapping_neg());
        product ^= a & (b >> bit & 1).wrapping_neg();
    }
    product
}

/// A page with this much of a packet, ready to be written.
pub(super) fn write(out: &mut Vec<u8>, flags: u8, granule: i64, sequence: u32, lacing: &[u8], body: &[u8]) {
    let start = out.len();
    out.extend_from_slice(b"OggS\0");
    out.push(flags);
    out.extend_from_slice(&granule.to_le_bytes());
    out.extend_from_slice(&SERIAL.to_le_bytes());
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.push(lacing.len() as u8);
    out.extend_from_slice(lacing);
    out.extend_from_slice(body);
    let sum = update(0, out.get(start..).unwrap_or(&[]));
    if let Some(field) = out.get_mut(start + 22..start + 26) {
        field.copy_from_slice(&sum.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pages(bodies: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for (sequence, body) in (5u32..).zip(bodies) {
            let lacing: Vec<u8> = body.chunks(255).map(|part| part.len() as u8).collect();
            write(&mut out, 0, 1000, sequence, &lacing, body);
        }
        out
    }

    #[test]
    fn the_checksum_is_that_of_a_page_that_an_encoder_wrote() {
        // The first page of a file from oggenc; its checksum is 0x5304_1e2c.
        let page = include_bytes!("../../../tests/fixtures/first-page.ogg.bin");
        assert!(Page::read(page).unwrap().is_intact(page));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn renumbered_pages_have_right_checksums_from_wherever_they_are_read(
            bodies in proptest::collection::vec(proptest::collection::vec(0u8.., 0..3000), 1..6),
            serial: u32, add: u32, cut: [proptest::sample::Index; 2],
        ) {
            let source = pages(&bodies);
            let by = Renumbering { serial, add };
            let mut whole = source.clone();
            renumber(&mut &source[..], 0, 0, &mut whole, by).unwrap();

            let mut at = 0;
            for sequence in 5u32..5 + bodies.len() as u32 {
                let page = Page::read(&whole[at..]).unwrap();
                prop_assert!(page.is_intact(&whole[at..at + page.len()]));
                prop_assert_eq!((page.serial(), page.sequence()), (serial, sequence.wrapping_add(add)));
                at += page.len();
            }
            let (a, b) = (cut[0].index(source.len()), cut[1].index(source.len()));
            let (start, end) = (a.min(b), a.max(b));
            let mut part = source[start..end].to_vec();
            renumber(&mut &source[..], 0, start as u64, &mut part, by).unwrap();
            prop_assert_eq!(&part[..], &whole[start..end]);
        }
    }

    #[test]
    fn a_source_whose_pages_moved_is_named() {
        let mut source = pages(&[alloc::vec![1; 600]]);
        source[0] = b'o';
        let mut out = source.clone();
        let read = renumber(&mut &source[..], 0, 0, &mut out, Renumbering::default());
        assert_eq!(read, Err(ReadError::Changed));
    }
}
