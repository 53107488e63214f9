//! The header packets of Vorbis (Vorbis I §4.2), and the canonical pages that carry them.

use super::super::refusal::Refusal;
use super::page::{Page, write};
use alloc::vec::Vec;

/// The largest setup packet that is taken; real ones have about four kilobytes.
const SETUP_LEN_MAX: usize = 256 * 1024;

/// A comment packet without comments: type, "vorbis", the vendor, no comments, the framing bit (Vorbis I §5.2.1).
const NO_COMMENTS: &[u8] = b"\x03vorbis\x07\0\0\0spotp2p\0\0\0\0\x01";

/// What the identification packet says (Vorbis I §4.2.2).
#[derive(Clone, Copy)]
pub(super) struct Identification {
    pub(super) channels: u8,
    pub(super) sample_rate: u32,
    /// Samples in a long block.
    pub(super) long_block: u32,
}

impl Identification {
    fn read(packet: &[u8]) -> Result<Self, Refusal> {
        const BAD: Refusal = Refusal::Damaged("its Vorbis header makes no sense");
        let &[0, 0, 0, 0, channels, a, b, c, d, .., blocks, framing] = packet.get(7..30).ok_or(BAD)? else {
            return Err(Refusal::Unsupported("this version of Vorbis"));
        };
        let (short, long) = (blocks & 15, blocks >> 4);
        let sample_rate = u32::from_le_bytes([a, b, c, d]);
        if channels == 0
            || sample_rate == 0
            || framing & 1 == 0
            || !(6..=13).contains(&short)
            || !(short..=13).contains(&long)
        {
            return Err(BAD);
        }
        Ok(Self { channels, sample_rate, long_block: 1 << long })
    }
}

/// Takes the three header packets out of the first pages.
#[derive(Default)]
pub(super) struct Headers {
    packets: usize,
    identification: Vec<u8>,
    /// Only enough of the comments to know that they are comments: pictures can be megabytes.
    comment: Vec<u8>,
    setup: Vec<u8>,
}

impl Headers {
    /// Takes the next page, with its body; once the headers are complete, answers how many of the page's segments
    /// they needed.
    pub(super) fn take(&mut self, page: &Page, mut body: &[u8]) -> Result<Option<usize>, Refusal> {
        for (index, len) in page.lacing().iter().enumerate() {
            let (part, rest) = body.split_at_checked(usize::from(*len)).ok_or(Refusal::Truncated)?;
            body = rest;
            let (packet, limit) = match self.packets {
                0 => (&mut self.identification, 256),
                1 => (&mut self.comment, 7),
                _ => (&mut self.setup, SETUP_LEN_MAX),
            };
            let room = limit - packet.len();
            if self.packets == 2 && part.len() > room {
                return Err(Refusal::TooLarge("the Vorbis setup header"));
            }
            packet.extend_from_slice(part.get(..room).unwrap_or(part));
            if *len < 255 {
                self.check()?;
                self.packets += 1;
            }
            if self.packets == 3 {
                return Ok(Some(index + 1));
            }
        }
        Ok(None)
    }

    pub(super) fn identification(&self) -> Result<Identification, Refusal> {
        Identification::read(&self.identification)
    }

    /// The canonical header pages, and how many there are.
    pub(super) fn pages(&self) -> (Vec<u8>, u32) {
        let mut out = Vec::with_capacity(self.setup.len() + 512);
        write(&mut out, 2, 0, 0, &[self.identification.len() as u8], &self.identification);
        let mut lacing = Vec::new();
        for packet in [NO_COMMENTS, &self.setup] {
            lacing.resize(lacing.len() + packet.len() / 255, 255);
            lacing.push((packet.len() % 255) as u8);
        }
        let body = [NO_COMMENTS, &self.setup].concat();
        let mut body = &body[..];
        let mut count = 1;
        let mut goes_on = false;
        for lacing in lacing.chunks(255) {
            let len = lacing.iter().map(|len| usize::from(*len)).sum();
            let (part, rest) = body.split_at_checked(len).unwrap_or((body, &[]));
            body = rest;
            // RFC 3533 §6: -1 where no packet ends on the page.
            let granule = if lacing.iter().all(|len| *len == 255) { -1 } else { 0 };
            write(&mut out, u8::from(goes_on), granule, count, lacing, part);
            goes_on = lacing.last() == Some(&255);
            count += 1;
        }
        (out, count)
    }

    /// Whether the packet that is complete now is the one that should come here.
    fn check(&self) -> Result<(), Refusal> {
        let (packet, magic): (&[u8], &[u8]) = match self.packets {
            0 => (&self.identification, b"\x01vorbis"),
            1 => (&self.comment, b"\x03vorbis"),
            _ => (&self.setup, b"\x05vorbis"),
        };
        if packet.starts_with(magic) {
            return if self.packets == 0 { self.identification().map(drop) } else { Ok(()) };
        }
        match self.packets {
            0 => Err(Refusal::Unsupported(codec(packet))),
            _ => Err(Refusal::Damaged("its Vorbis headers are out of order")),
        }
    }
}

/// The name of a codec by its first packet in Ogg.
fn codec(packet: &[u8]) -> &'static str {
    const KNOWN: [(&[u8], &str); 8] = [
        (b"OpusHead", "Opus"),
        (b"Speex   ", "Speex"),
        (b"\x7fFLAC", "FLAC in Ogg"),
        (b"fLaC", "FLAC in Ogg"),
        (b"\x80theora", "Theora video"),
        (b"fishead\0", "Ogg with several streams"),
        (b"CELT    ", "CELT"),
        (b"PCM     ", "PCM in Ogg"),
    ];
    KNOWN.iter().find(|(magic, _)| packet.starts_with(magic)).map_or("this codec in Ogg", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    const IDENTIFICATION: &[u8] = b"\x01vorbis\0\0\0\0\x02\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xb8\x01";

    fn take_all(bytes: &[u8]) -> Result<(Headers, Vec<Page>), Refusal> {
        let (mut headers, mut pages, mut at) = (Headers::default(), Vec::new(), 0);
        while let Some(page) = Page::read(&bytes[at..]) {
            let whole = &bytes[at..at + page.len()];
            assert!(page.is_intact(whole));
            headers.take(&page, &whole[page.header_len()..])?;
            at += page.len();
            pages.push(page);
        }
        Ok((headers, pages))
    }

    #[test]
    fn a_setup_packet_of_any_size_is_paged_so_that_it_reads_back() {
        for len in [7, 200, 255 * 3 - 46, 65_025 - 46, 65_025, 100_000, SETUP_LEN_MAX] {
            let mut setup = vec![7; len];
            setup[..7].copy_from_slice(b"\x05vorbis");
            let headers =
                Headers { packets: 3, identification: IDENTIFICATION.to_vec(), comment: Vec::new(), setup };
            let (bytes, count) = headers.pages();
            let (again, pages) = take_all(&bytes).unwrap();
            assert!(again.setup == headers.setup && again.packets == 3);
            assert_eq!(pages.len(), count as usize);
            let mut open = false;
            for (sequence, page) in pages.iter().enumerate() {
                assert_eq!((page.sequence() as usize, page.is_first()), (sequence, sequence == 0));
                assert_eq!(page.is_continued(), open);
                open = page.lacing().last() == Some(&255);
            }
        }
    }

    #[test]
    fn a_setup_packet_beyond_reason_is_refused() {
        let mut bytes = Vec::new();
        write(&mut bytes, 2, 0, 0, &[30], IDENTIFICATION);
        write(&mut bytes, 0, 0, 1, &[7], b"\x03vorbis");
        for sequence in 2..8 {
            write(&mut bytes, 1, -1, sequence, &[255; 255], &[0; 255 * 255]);
        }
        assert_eq!(take_all(&bytes).err(), Some(Refusal::TooLarge("the Vorbis setup header")));
    }
}
