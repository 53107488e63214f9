//! Files of many gigabytes and many hours, made of an index and of silence that takes no memory.

mod common;

use common::fixture;
use spotcache::canonical::{Canonical, Plan, Source, Unreadable, analyse};
use spotproto::content::{FileId, HEAD_LEN_MAX, SEEK_ENTRIES_MAX};

/// `front`, then zeros.
struct Sparse {
    front: Vec<u8>,
    len: u64,
}

impl Source for Sparse {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        let count = buffer.len().min(usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX));
        buffer.fill(0);
        (&self.front[..]).read_at(offset, buffer)?;
        Ok(count)
    }
}

/// A canonical form as a source of its own.
struct Form<'a>(&'a Plan, &'a mut Sparse);

impl Source for Form<'_> {
    fn len(&self) -> u64 {
        self.0.len()
    }

    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Unreadable> {
        self.0.read_at(self.1, offset, buffer).map_err(|_| Unreadable)
    }
}

fn check(name: &str, source: &mut Sparse, hours: u32) -> Canonical {
    let canonical = analyse(source).expect(name);
    let Canonical { plan, facts } = &canonical;
    assert_eq!(facts.duration_ms / 3_600_000, hours, "{name}");
    assert!(plan.len() > 1 << 32, "{name} is not large");
    let mut stored = Vec::new();
    plan.encode(&mut stored);
    assert!(stored.len() < 1 << 20, "{name}: the plan takes {} bytes", stored.len());
    let mut head = Vec::new();
    facts.head(FileId([0; 32]), None).encode(&mut head);
    assert!(head.len() <= HEAD_LEN_MAX && facts.seek.len() <= SEEK_ENTRIES_MAX, "{name}");
    let again = analyse(&mut Form(plan, source)).expect(name);
    assert_eq!(again.facts, *facts, "{name}");
    assert_eq!(again.plan.len(), plan.len(), "{name}");
    canonical
}

#[test]
fn ten_hours_of_wav_at_the_highest_rate_in_use() {
    let (rate, frame) = (192_000u32, 6u16);
    let bytes = u64::from(rate) * u64::from(frame) * 36_100;
    let fmt = [
        &1u16.to_le_bytes()[..],
        &2u16.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate * u32::from(frame)).to_le_bytes(),
        &frame.to_le_bytes(),
        &24u16.to_le_bytes(),
    ]
    .concat();
    let ds64 = [&[0; 8][..], &bytes.to_le_bytes(), &[0; 12]].concat();
    let front = [
        &b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0"[..],
        &ds64,
        b"fmt \x10\0\0\0",
        &fmt,
        b"data\xff\xff\xff\xff",
    ]
    .concat();
    let len = front.len() as u64 + bytes;
    let canonical = check("a WAV", &mut Sparse { front, len }, 10);
    assert!(canonical.facts.seek.byte_at(18_000_000) > 20_000_000_000);
    assert!((canonical.facts.seek.byte_at(18_000_000) - 44).is_multiple_of(6));
}

fn atom(kind: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let body = parts.concat();
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, &body].concat()
}

fn numbers(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

#[test]
fn an_mp4_above_four_gigabytes_gets_wide_offsets() {
    // 40,000 chunks of ten frames of 20,000 bytes each: eight gigabytes, ten hours at 44.1 kHz.
    let (chunks, size) = (40_000u32, 20_000u32);
    let small = fixture("sweep.alac.m4a");
    let at = small.windows(4).position(|kind| kind == b"stsd").expect("a description") - 4;
    let len = u32::from_be_bytes(small[at..at + 4].try_into().unwrap()) as usize;
    let index = |first: u64| {
        let offsets: Vec<u8> =
            (0..u64::from(chunks)).flat_map(|n| (first + n * 10 * u64::from(size)).to_be_bytes()).collect();
        let table = atom(
            b"stbl",
            &[
                &small[at..at + len],
                &atom(b"stts", &[&numbers(&[0, 1, chunks * 10, 4096])]),
                &atom(b"stsc", &[&numbers(&[0, 1, 1, 10, 1])]),
                &atom(b"stsz", &[&numbers(&[0, size, chunks * 10])]),
                &atom(b"co64", &[&numbers(&[0, chunks]), &offsets]),
            ],
        );
        let handler = atom(b"hdlr", &[&[0; 8], b"soun", &[0; 13]]);
        let media = atom(b"mdhd", &[&[0; 12], &numbers(&[44_100, 0, 0])]);
        let media = atom(b"mdia", &[&media, &handler, &atom(b"minf", &[&table])]);
        let track = atom(b"trak", &[&atom(b"tkhd", &[&[0; 84]]), &media]);
        atom(b"moov", &[&atom(b"mvhd", &[&[0; 12], &numbers(&[1000]), &[0; 84]]), &track])
    };
    let moov = index(0).len() as u64;
    let bytes = u64::from(chunks) * 10 * u64::from(size);
    let mdat = [&numbers(&[1])[..], b"mdat", &(bytes + 16).to_be_bytes()].concat();
    let front = [index(moov + 16), mdat].concat();
    let mut source = Sparse { len: front.len() as u64 + bytes, front };
    let canonical = check("an MP4", &mut source, 10);
    let header = canonical.facts.headers[0].end;
    let mut bytes = vec![0; header as usize];
    canonical.plan.read_at(&mut source, 0, &mut bytes).unwrap();
    let offsets = bytes.windows(4).position(|kind| kind == b"co64").expect("wide offsets") + 12;
    assert_eq!(bytes[offsets..offsets + 8], header.to_be_bytes());
}
