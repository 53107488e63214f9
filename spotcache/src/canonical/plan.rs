//! How to read any range of a canonical form from its source file.

mod codec;

pub use codec::PLAN_LEN_MAX;

use super::ogg::{self, Renumbering};
use super::refusal::Refusal;
use super::source::{Source, Unreadable, read_fully};
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

/// The most stretches of a plan: ten hours of a film's sound, half a second at a time, need a quarter of that.
const SEGMENTS_MAX: usize = 1 << 18;

/// The most bytes that a plan brings along itself. The largest are the index of a long MP4 and a Vorbis codebook.
const LITERALS_MAX: usize = 4 << 20;

/// Ogg pages are cut into stretches of about this many bytes, since a reader has to walk from the start of one.
const PAGES_LEN: u64 = 64 * 1024;

/// The canonical form of one file as stretches of its source, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    len: u64,
    segments: Vec<Segment>,
    literals: Vec<u8>,
    renumbering: Renumbering,
}

/// One stretch. It ends where the next one starts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment {
    /// Offset in the canonical form.
    at: u64,
    /// Offset in the source, or in the plan's literals.
    from: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Bytes of the plan's own.
    Literal,
    /// Bytes of the source.
    Copy,
    /// Whole Ogg pages of the source, renumbered.
    Pages,
}

/// Why a range could not be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ReadError {
    /// The system could not read the source.
    Unreadable,
    /// The source is no longer the file that the plan was made of.
    Changed,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "the file cannot be read",
            Self::Changed => "the file has changed since it was added",
        })
    }
}

impl core::error::Error for ReadError {}

impl From<Unreadable> for ReadError {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

impl Plan {
    /// Bytes of the canonical form.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads the canonical form from `offset` on into `buffer`; answers how many bytes there were: fewer than
    /// asked for only at the end.
    ///
    /// # Errors
    /// What kept the source from being read.
    pub fn read_at<S: Source>(
        &self,
        source: &mut S,
        offset: u64,
        buffer: &mut [u8],
    ) -> Result<usize, ReadError> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let mut index = self.segments.partition_point(|segment| segment.at <= offset).saturating_sub(1);
        let mut done = 0;
        while done < wanted {
            let segment = self.segments.get(index).ok_or(ReadError::Changed)?;
            let at = offset + done as u64;
            let room = usize::try_from(self.end(index).saturating_sub(at)).unwrap_or(usize::MAX);
            let part = buffer.get_mut(done..wanted).unwrap_or(&mut []);
            let count = room.min(part.len());
            let part = part.get_mut(..count).unwrap_or(&mut []);
            self.read_segment(source, segment, at - segment.at, part)?;
            done += count;
            index += 1;
        }
        Ok(done)
    }

    fn read_segment<S: Source>(
        &self,
        source: &mut S,
        segment: &Segment,
        skip: u64,
        out: &mut [u8],
    ) -> Result<(), ReadError> {
        let from = segment.from + skip;
        if segment.kind == Kind::Literal {
            let bytes = usize::try_from(from).ok().and_then(|from| self.literals.get(from..from + out.len()));
            out.copy_from_slice(bytes.ok_or(ReadError::Changed)?);
            return Ok(());
        }
        if read_fully(source, from, out)? < out.len() {
            return Err(ReadError::Changed);
        }
        match segment.kind {
            Kind::Pages => ogg::renumber(source, segment.from, from, out, self.renumbering),
            _ => Ok(()),
        }
    }

    /// Where a stretch ends in the canonical form.
    fn end(&self, index: usize) -> u64 {
        self.segments.get(index + 1).map_or(self.len, |next| next.at)
    }
}

/// Puts a plan together, front to back.
pub(super) struct PlanBuilder {
    plan: Plan,
}

impl PlanBuilder {
    pub(super) fn new() -> Self {
        Self::with_pages(Renumbering::default())
    }

    /// Of a plan whose Ogg pages get other numbers.
    pub(super) const fn with_pages(renumbering: Renumbering) -> Self {
        Self { plan: Plan { len: 0, segments: Vec::new(), literals: Vec::new(), renumbering } }
    }

    /// Bytes so far.
    pub(super) const fn len(&self) -> u64 {
        self.plan.len
    }

    /// Appends bytes.
    pub(super) fn literal(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        let from = self.plan.literals.len();
        if bytes.len() > LITERALS_MAX - from {
            return Err(Refusal::TooLarge("the index"));
        }
        self.plan.literals.extend_from_slice(bytes);
        self.push(Kind::Literal, from as u64..(from + bytes.len()) as u64, true)
    }

    /// Appends a range of the source.
    pub(super) fn copy(&mut self, range: Range<u64>) -> Result<(), Refusal> {
        self.push(Kind::Copy, range, true)
    }

    /// Appends one whole Ogg page of the source.
    pub(super) fn page(&mut self, range: Range<u64>) -> Result<(), Refusal> {
        let short = self.plan.segments.last().is_some_and(|last| self.plan.len - last.at < PAGES_LEN);
        self.push(Kind::Pages, range, short)
    }

    pub(super) fn finish(self) -> Plan {
        self.plan
    }

    fn push(&mut self, kind: Kind, range: Range<u64>, join: bool) -> Result<(), Refusal> {
        let plan = &mut self.plan;
        let len = range.end - range.start;
        if len == 0 {
            return Ok(());
        }
        let goes_on = plan
            .segments
            .last()
            .is_some_and(|last| join && last.kind == kind && last.from + (plan.len - last.at) == range.start);
        if !goes_on {
            if plan.segments.len() == SEGMENTS_MAX {
                return Err(Refusal::TooLarge("the number of scattered parts"));
            }
            plan.segments.push(Segment { at: plan.len, from: range.start, kind });
        }
        plan.len += len;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn plan() -> Plan {
        let mut builder = PlanBuilder::new();
        builder.literal(b"head").unwrap();
        builder.copy(10..20).unwrap();
        builder.copy(20..25).unwrap();
        builder.literal(b"-").unwrap();
        builder.copy(0..3).unwrap();
        builder.finish()
    }

    #[test]
    fn every_range_of_a_plan_reads_as_part_of_the_whole() {
        let source: Vec<u8> = (b'a'..=b'z').collect();
        let whole = b"headklmnopqrstuvwxy-abc";
        let plan = plan();
        assert_eq!((plan.len(), plan.segments.len()), (whole.len() as u64, 4));
        for start in 0..=whole.len() {
            for end in start..whole.len() + 3 {
                let mut buffer = vec![0; end - start];
                let count = plan.read_at(&mut &source[..], start as u64, &mut buffer).unwrap();
                assert_eq!(&buffer[..count], &whole[start..end.min(whole.len())]);
            }
        }
        assert_eq!(plan.read_at(&mut &source[..], u64::MAX, &mut [0; 4]), Ok(0));
    }

    #[test]
    fn a_source_that_shrank_is_named() {
        let source: Vec<u8> = (b'a'..=b'x').collect();
        assert_eq!(plan().read_at(&mut &source[..], 0, &mut [0; 24]), Err(ReadError::Changed));
    }

    #[test]
    fn a_plan_stays_within_its_limits() {
        let mut builder = PlanBuilder::new();
        builder.literal(&vec![0; LITERALS_MAX]).unwrap();
        assert!(builder.literal(&[0]).is_err());
        let mut scattered = PlanBuilder::new();
        let refused =
            (0..).map(|n| scattered.copy(n * 2..n * 2 + 1)).take(SEGMENTS_MAX + 1).find(Result::is_err);
        assert_eq!(refused, Some(Err(Refusal::TooLarge("the number of scattered parts"))));
    }
}
