//! Native FLAC (RFC 9639): STREAMINFO as the only metadata block, then every frame as it is.

mod frame;

use self::frame::FrameHeader;
use super::facts::{Canonical, Scan, Timing};
use super::plan::PlanBuilder;
use super::refusal::Refusal;
use super::seconds::Seconds;
use super::source::{Source, Window};
use super::tags;
use core::ops::{Range, RangeInclusive};
use spotproto::content::Format;

/// "fLaC", the header of a last metadata block of type 0 and length 34 (RFC 9639 §8.1).
const FRONT: [u8; 8] = [b'f', b'L', b'a', b'C', 0x80, 0, 0, 34];

/// More metadata blocks than any file has.
const BLOCKS_MAX: usize = 1 << 16;

/// How far frame numbers may jump where frames were lost; further on, a header is taken for a chance likeness.
const LOST_FRAMES_MAX: u64 = 1024;

/// How many such jumps a file may have before it counts as damaged. Each costs a look ahead.
const GAPS_MAX: u32 = 1000;

/// How far ahead a frame's successor is looked for: above the largest frame, 65,535 samples of eight channels with
/// 32 bits that did not compress.
const FRAME_LEN_MAX: u64 = 9 << 18;

/// The fields of STREAMINFO that matter here (RFC 9639 §8.2).
#[derive(Clone, Copy)]
struct StreamInfo {
    block: u64,
    sample_rate: u32,
    channels: u8,
    bits: u8,
    /// 0 where the encoder did not know.
    samples: u64,
}

impl StreamInfo {
    fn read(block: &[u8; 34]) -> Result<Self, Refusal> {
        let word =
            block.get(10..).and_then(|rest| rest.first_chunk()).map_or(0, |bytes| u64::from_be_bytes(*bytes));
        let info = Self {
            block: u64::from(block[2]) << 8 | u64::from(block[3]),
            sample_rate: (word >> 44) as u32,
            channels: (word >> 41 & 7) as u8 + 1,
            bits: (word >> 36 & 31) as u8 + 1,
            samples: word & 0xf_ffff_ffff,
        };
        if info.sample_rate == 0 || info.block < 16 {
            return Err(Refusal::Damaged("its STREAMINFO makes no sense"));
        }
        Ok(info)
    }
}

pub(super) fn analyse<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<Canonical, Refusal> {
    let (block, sound) = metadata(window, start)?;
    let info = StreamInfo::read(&block)?;
    tags::cut_trailing(window, sound)?;
    let end = window.len();
    let mut plan = PlanBuilder::new();
    plan.literal(&FRONT)?;
    plan.literal(&block)?;
    let header_len = plan.len();
    plan.copy(sound..end)?;
    let (seconds, samples) = scan(window, sound, info, header_len)?;
    if samples < info.samples {
        return Err(Refusal::Truncated);
    }
    let scan = Scan {
        format: Format::Flac,
        sample_rate: info.sample_rate,
        channels: info.channels,
        samples,
        exact: true,
        delay: 0,
        header_len,
        seek: Timing::Found(seconds),
    };
    scan.with(plan.finish())
}

/// STREAMINFO, and where the frames begin. Other blocks are stepped over unread, pictures of any size too.
fn metadata<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<([u8; 34], u64), Refusal> {
    let mut at = start + 4;
    let mut info = None;
    for _ in 0..BLOCKS_MAX {
        let [kind, a, b, c] = window.array::<4>(at)?;
        let len = u64::from(u32::from_be_bytes([0, a, b, c]));
        if kind & 0x7f == 0 && len == 34 {
            info = Some(window.array::<34>(at + 4)?);
        }
        at += 4 + len;
        if kind & 0x80 != 0 {
            return match info {
                Some(info) if at < window.len() => Ok((info, at)),
                Some(_) => Err(Refusal::Truncated),
                None => Err(Refusal::Damaged("it has no STREAMINFO")),
            };
        }
    }
    Err(Refusal::Damaged("its metadata never ends"))
}

/// Walks over all frames: where each second lies, and how many samples there are.
fn scan<S: Source>(
    window: &mut Window<'_, S>,
    sound: u64,
    info: StreamInfo,
    header_len: u64,
) -> Result<(Seconds, u64), Refusal> {
    let first = FrameHeader::read(window.some(sound, frame::HEADER_LEN_MAX)?, info.sample_rate)
        .filter(|frame| frame.fits(info))
        .ok_or(Refusal::Damaged("its sound does not begin with a frame"))?;
    let mut seconds = Seconds::new(info.sample_rate);
    let mut frames = Frames { info, gaps: 0 };
    let begin = first.start(info.block);
    let (mut frame, mut at) = (first, sound);
    loop {
        let next = frames.next(window, at, &frame)?;
        let end = next.map_or(window.len(), |(end, _)| end);
        let start = frame.start(info.block).saturating_sub(begin);
        let ticks = start..start + frame.samples;
        let entry = header_len + (at - sound);
        // A frame says nowhere how long it is: decoders wait for the header of the next.
        let seen = (end + frame::HEADER_LEN_MAX as u64).min(window.len());
        seconds.sound(ticks.clone(), entry, entry + (seen - at))?;
        match next {
            Some((offset, header)) => (at, frame) = (offset, header),
            // Only the last frame can be cut short without a later one telling.
            None if frame::is_intact(window, at..end)? => return Ok((seconds, ticks.end)),
            None => return Err(Refusal::Truncated),
        }
    }
}

/// Finds one frame after the other.
struct Frames {
    info: StreamInfo,
    gaps: u32,
}

impl Frames {
    /// The frame behind the one at `at`.
    ///
    /// A sync code with a right CRC-8 turns up in sound by chance. One that also carries the stream's parameters and
    /// the number that comes next is believed; one with a later number only if no frame has the number due, and its
    /// own successor is there.
    fn next<S: Source>(
        &mut self,
        window: &mut Window<'_, S>,
        at: u64,
        frame: &FrameHeader,
    ) -> Result<Option<(u64, FrameHeader)>, Refusal> {
        let end = window.len();
        let ahead = |from: u64| from + frame::HEADER_LEN_MIN..end.min(from + FRAME_LEN_MAX);
        let due = frame.successor();
        let found = self.find(window, ahead(at), frame.variable, due..=due)?;
        if found.is_some() {
            return Ok(found);
        }
        let lost_max = if frame.variable { LOST_FRAMES_MAX * self.info.block } else { LOST_FRAMES_MAX };
        let mut from = at + frame::HEADER_LEN_MIN;
        while let Some((offset, header)) =
            self.find(window, from..end, frame.variable, due..=due + lost_max)?
        {
            self.gaps += 1;
            if self.gaps > GAPS_MAX {
                return Err(Refusal::Damaged("too many of its frames are missing"));
            }
            let next = header.successor();
            if self.find(window, ahead(offset), frame.variable, next..=next)?.is_some() {
                return Ok(Some((offset, header)));
            }
            from = offset + 1;
        }
        Ok(None)
    }

    /// The first header in `range` that is one of this stream, with a number among these.
    fn find<S: Source>(
        &self,
        window: &mut Window<'_, S>,
        range: Range<u64>,
        variable: bool,
        numbers: RangeInclusive<u64>,
    ) -> Result<Option<(u64, FrameHeader)>, Refusal> {
        let mut at = range.start;
        while at < range.end {
            let held = window.some(at, frame::HEADER_LEN_MAX)?;
            if held.len() < 2 {
                break;
            }
            let Some(skip) = held.windows(2).position(|pair| pair[0] == 0xff && pair[1] & 0xfe == 0xf8)
            else {
                at += held.len() as u64 - 1;
                continue;
            };
            at += skip as u64;
            let header = FrameHeader::read(window.some(at, frame::HEADER_LEN_MAX)?, self.info.sample_rate);
            let fits = |header: &FrameHeader| {
                header.fits(self.info) && header.variable == variable && numbers.contains(&header.number)
            };
            if let Some(header) = header.filter(fits) {
                return Ok(Some((at, header)));
            }
            at += 1;
        }
        Ok(None)
    }
}
