//! A plan as bytes, for the catalogue: a few for each stretch.

use super::super::ogg::Renumbering;
use super::{Kind, LITERALS_MAX, Plan, SEGMENTS_MAX, Segment};
use alloc::vec::Vec;
use bytes::BufMut;
use spotproto::codec::{CodecError, Reader, Writer};
use spotproto::content::Geometry;

/// The most bytes that an encoded plan takes.
pub const PLAN_LEN_MAX: usize = LITERALS_MAX + SEGMENTS_MAX * 17 + 32;

/// What the first byte of a plan says, so that a later layout can be told from this one.
const LAYOUT: u8 = 1;

impl Plan {
    /// Appends the plan: layout, renumbering (8 bytes), literals, stretches. Each stretch is a varint of its
    /// length × 4 and its kind, then how far its source lies behind the end of the last of that kind, as a varint
    /// with the sign in the lowest bit.
    pub fn encode<W: BufMut>(&self, out: &mut W) {
        let mut writer = Writer::new(out);
        writer.u8(LAYOUT).u32(self.renumbering.serial).u32(self.renumbering.add).counted(&self.literals);
        writer.varint(self.segments.len() as u64);
        let mut ends = [0u64; 2];
        for (index, segment) in self.segments.iter().enumerate() {
            let len = self.end(index) - segment.at;
            let [of_literals, of_source] = &mut ends;
            let end = if segment.kind == Kind::Literal { of_literals } else { of_source };
            writer.varint(len << 2 | number(segment.kind));
            writer.varint(fold(segment.from as i64 - *end as i64));
            *end = segment.from + len;
        }
    }

    /// Reads a plan.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn decode(reader: &mut Reader<'_>) -> Result<Self, CodecError> {
        if reader.u8()? != LAYOUT {
            return Err(CodecError::Invalid("plan layout"));
        }
        let renumbering = Renumbering { serial: reader.u32()?, add: reader.u32()? };
        let literals = reader.counted(LITERALS_MAX, "literals")?.to_vec();
        let count = reader.count(SEGMENTS_MAX, "segments")?;
        // Two bytes are the least that one takes: no more memory than the bytes justify.
        let mut segments = Vec::with_capacity(count.min(reader.rest().len() / 2));
        let mut ends = [0u64; 2];
        let mut at = 0u64;
        for _ in 0..count {
            let word = reader.varint()?;
            let (len, kind) = (word >> 2, kind(word & 3)?);
            let [of_literals, of_source] = &mut ends;
            let (end, limit) = match kind {
                Kind::Literal => (of_literals, literals.len() as u64),
                _ => (of_source, i64::MAX as u64),
            };
            let from = end.checked_add_signed(unfold(reader.varint()?)).ok_or(BAD)?;
            *end = from.checked_add(len).filter(|end| len > 0 && *end <= limit).ok_or(BAD)?;
            segments.push(Segment { at, from, kind });
            at = at.checked_add(len).filter(|at| *at <= Geometry::PLAINTEXT_MAX).ok_or(BAD)?;
        }
        Ok(Self { len: at, segments, literals, renumbering })
    }
}

const BAD: CodecError = CodecError::Invalid("segment");

const fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Literal => 0,
        Kind::Copy => 1,
        Kind::Pages => 2,
    }
}

const fn kind(number: u64) -> Result<Kind, CodecError> {
    match number {
        0 => Ok(Kind::Literal),
        1 => Ok(Kind::Copy),
        2 => Ok(Kind::Pages),
        _ => Err(BAD),
    }
}

const fn fold(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

const fn unfold(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::super::PlanBuilder;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plan_reads_back() {
        let mut builder = PlanBuilder::with_pages(Renumbering { serial: 7, add: u32::MAX });
        builder.literal(b"head").unwrap();
        builder.copy(1000..5000).unwrap();
        builder.copy(10..20).unwrap();
        for page in 0..100 {
            builder.page(6000 + page * 4000..10_000 + page * 4000).unwrap();
        }
        builder.literal(b"x").unwrap();
        let plan = builder.finish();
        let mut bytes = Vec::new();
        plan.encode(&mut bytes);
        assert!(bytes.len() < 100, "{} bytes", bytes.len());
        let mut reader = Reader::new(&bytes);
        assert_eq!(Plan::decode(&mut reader), Ok(plan));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn stretches_outside_the_literals_and_wild_counts_are_refused() {
        let bytes = |tail: &[u64]| {
            let mut bytes = Vec::new();
            let mut writer = Writer::new(&mut bytes);
            writer.u8(LAYOUT).u64(0).counted(b"abc");
            for value in tail {
                writer.varint(*value);
            }
            bytes
        };
        for (tail, error) in [
            (&[1, 4 << 2, 0][..], BAD),
            (&[1, 3 << 2, 2], BAD),
            (&[1, 0, 0], BAD),
            (&[1, 5 << 2 | 3, 0], BAD),
            (&[1, 5 << 2 | 1, 1], BAD),
            (&[SEGMENTS_MAX as u64], CodecError::Truncated),
            (&[SEGMENTS_MAX as u64 + 1], CodecError::TooLong("segments")),
        ] {
            assert_eq!(Plan::decode(&mut Reader::new(&bytes(tail))), Err(error), "{tail:?}");
        }
        assert_eq!(Plan::decode(&mut Reader::new(&[9])), Err(CodecError::Invalid("plan layout")));
    }

    proptest! {
        #[test]
        fn signs_fold_and_unfold(value: i64) {
            prop_assert_eq!(unfold(fold(value)), value);
        }

        #[test]
        fn no_bytes_make_a_plan_that_panics(
            mut bytes: Vec<u8>, source: Vec<u8>, offset in 0u64..5000, room in 0usize..5000,
        ) {
            if let Some(layout) = bytes.first_mut() {
                *layout = LAYOUT;
            }
            if let Ok(plan) = Plan::decode(&mut Reader::new(&bytes)) {
                let _ = plan.read_at(&mut &source[..], offset, &mut alloc::vec![0; room]);
            }
        }
    }
}
