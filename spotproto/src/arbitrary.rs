//! Values from a fuzzer's bytes, where fields hang together; the rest is derived where the types stand.

use crate::content::{ByteRange, ContentKey, Format, Geometry, HEADER_RANGES_MAX, Head, SeekTable};
use crate::message::{Message, WireMessage};
use alloc::vec::Vec;
use arbitrary::{Arbitrary, Error, Result, Unstructured};

/// Half of what a varint holds: "one higher" still fits.
const SAMPLES_MAX: u64 = 1 << 61;

impl<'a> Arbitrary<'a> for ContentKey {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        u.arbitrary().map(Self::new)
    }
}

impl<'a> Arbitrary<'a> for Geometry {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let plaintext = u.int_in_range(1..=Self::PLAINTEXT_MAX)?;
        Self::of_plaintext(plaintext).ok_or(Error::IncorrectFormat)
    }
}

/// A head whose parts fit each other.
impl<'a, K: Arbitrary<'a>> Arbitrary<'a> for Head<K> {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let geometry = Geometry::arbitrary(u)?;
        let duration_ms = u.arbitrary()?;
        let headers = headers(u, geometry)?;
        Ok(Self {
            file: u.arbitrary()?,
            geometry,
            format: Format::arbitrary(u)?,
            bit_rate: u.arbitrary()?,
            duration_ms,
            sample_rate: u.int_in_range(1..=u32::MAX)?,
            channels: u.int_in_range(1..=u8::MAX)?,
            samples: u.arbitrary::<Option<u64>>()?.map(|samples| samples % SAMPLES_MAX),
            delay: u.arbitrary()?,
            gain: u.arbitrary()?,
            headers,
            seek: seek(u, duration_ms, geometry)?,
        })
    }
}

fn headers(u: &mut Unstructured<'_>, geometry: Geometry) -> Result<Vec<ByteRange>> {
    let end = geometry.plaintext_len();
    let (mut ranges, mut at) = (Vec::new(), 0);
    for _ in 0..u.int_in_range(0..=HEADER_RANGES_MAX)? {
        if at >= end {
            break;
        }
        let start = u.int_in_range(at..=end - 1)?;
        at = u.int_in_range(start + 1..=end)?;
        ranges.push(start..at);
    }
    Ok(ranges)
}

fn seek(u: &mut Unstructured<'_>, duration_ms: u32, geometry: Geometry) -> Result<SeekTable> {
    let end = geometry.plaintext_len();
    let mut at = u.int_in_range(0..=end - 1)?;
    let entries = SeekTable::entries_for(duration_ms);
    // Bytes that have run out would only draw noughts, and a table of a long file is what takes the time.
    if u.arbitrary()? || u.len() < 2 * entries {
        return SeekTable::even(duration_ms, at, end).map_err(|_| Error::IncorrectFormat);
    }
    let offsets: Vec<u64> = (0..entries)
        .map(|_| {
            let step: u16 = u.arbitrary()?;
            let next = (at + u64::from(step)).min(end - 1);
            Ok(core::mem::replace(&mut at, next))
        })
        .collect::<Result<_>>()?;
    let frame = u.int_in_range(1..=8)?;
    SeekTable::new(duration_ms, end, &offsets, frame, u.arbitrary()?).map_err(|_| Error::IncorrectFormat)
}

impl<'a> Arbitrary<'a> for WireMessage {
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Self> {
        let channel = u.arbitrary()?;
        Ok(match u.int_in_range(0..=25u8)? {
            0 => Message::Hello(u.arbitrary()?),
            1 => Message::Welcome(u.arbitrary()?),
            2 => Message::Open { channel, open: u.arbitrary()? },
            3 => Message::Opened { channel, opened: u.arbitrary()? },
            4 => Message::Read { channel, read: u.arbitrary()? },
            5 => Message::Leaves { channel, leaves: u.arbitrary()? },
            6 => Message::Piece { channel, index: u.arbitrary()?, data: Vec::arbitrary(u)?.into() },
            7 => Message::End { channel },
            8 => Message::Refuse { channel, why: u.arbitrary()? },
            9 => Message::Abort { channel },
            10 => Message::Playing { file: u.arbitrary()? },
            11 => Message::Renew { port: u.arbitrary()? },
            12 => Message::Renewed(u.arbitrary()?),
            13 => Message::Holding(u.arbitrary()?),
            14 => Message::FindPeers { channel, file: u.arbitrary()?, most: u.arbitrary()? },
            15 => Message::Peers { channel, peers: u.arbitrary()? },
            16 => Message::Mirrors { channel, mirrors: u.arbitrary()? },
            17 => Message::Connect { channel, connect: u.arbitrary()? },
            18 => Message::Dial(u.arbitrary()?),
            19 => Message::Dialled { link: u.arbitrary()?, stands: u.arbitrary()? },
            20 => Message::Report { link: u.arbitrary()?, what: u.arbitrary()? },
            21 => Message::Greeting(u.arbitrary()?),
            22 => Message::Want { channel, want: u.arbitrary()? },
            23 => Message::Slot { channel, slot: u.arbitrary()? },
            24 => Message::Query(u.arbitrary()?),
            _ => Message::Hit(u.arbitrary()?),
        })
    }
}
