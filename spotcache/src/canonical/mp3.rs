//! MPEG audio layer III (ISO 11172-3, 13818-3): the frames, one behind the other.
//!
//! The first frame stays when it is one without sound that tells of the others (Xing, VBRI): the encoder's delay is
//! in it, without which albums have gaps.

mod frame;
mod info;

use self::frame::FrameHeader;
use self::info::Info;
use super::facts::{Canonical, Scan, Timing};
use super::plan::PlanBuilder;
use super::refusal::Refusal;
use super::seconds::Seconds;
use super::source::{Source, Window};
use super::tags;
use alloc::collections::VecDeque;
use spotproto::content::Format;

/// How many frames ahead of the one that sounds at an entry's time the entry lies.
///
/// A frame may keep up to 511 bytes of its data in the frames before it (ISO 11172-3 §2.4.2.7), which are 8 at
/// 32 kbit/s; overlap and filter bank need two more. So the first frame read at the entry for sample `s` (counting
/// from the first the decoder yields) is frame `s / samples a frame`, less this, or the first. Below 32 kbit/s
/// the first moment after a seek may sound rough.
pub const MP3_WARM_UP_FRAMES: usize = 10;

/// How far into a file without a known beginning a frame is looked for.
const SEARCH_MAX: u64 = 256 * 1024;

/// Frames missing behind what the first frame announces, from which a file counts as cut short.
const MISSING_MAX: u64 = 8;

pub(super) fn analyse<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<Canonical, Refusal> {
    tags::cut_trailing(window, start)?;
    let (first_at, first) = find_first(window, start)?;
    let info = Info::read(window.exact(first_at, first.len)?, &first);
    let mut sound = Sound::new(first, info.as_ref());
    let mut at = first_at;
    if info.is_some() {
        at = sound.keep(at, first.len)?;
    }
    let header_len = sound.plan.len();
    while let Some((offset, header)) = next(window, at, &first)? {
        at = sound.frame(offset, &header)?;
    }
    sound.finish(header_len, info)
}

/// The first frame: one that two others like it follow, or that the file ends with. One alone is found by chance in
/// any large file.
fn find_first<S: Source>(window: &mut Window<'_, S>, start: u64) -> Result<(u64, FrameHeader), Refusal> {
    for offset in start..window.len().min(start + SEARCH_MAX) {
        let held = window.some(offset, 2 * frame::LEN_MAX + 4)?;
        if let Some(header) = FrameHeader::read(held)
            && goes_on(held, &header, 2)
        {
            return Ok((offset, header));
        }
    }
    let relative = frame::relative(window.some(start, 4)?);
    Err(relative.map_or(Refusal::NotAudio, Refusal::Unsupported))
}

/// Whether behind a frame at the front of `held` so many others of the stream begin, or the file ends.
fn goes_on(held: &[u8], header: &FrameHeader, frames: usize) -> bool {
    match held.get(header.len..) {
        _ if frames == 0 => true,
        Some([]) => true,
        Some(rest) => FrameHeader::read(rest)
            .is_some_and(|next| next.is_like(header) && goes_on(rest, &next, frames - 1)),
        None => false,
    }
}

/// The next whole frame of the stream from `at` on, past whatever lies between.
fn next<S: Source>(
    window: &mut Window<'_, S>,
    mut at: u64,
    first: &FrameHeader,
) -> Result<Option<(u64, FrameHeader)>, Refusal> {
    let mut astray = false;
    loop {
        let held = window.some(at, frame::LEN_MAX + 4)?;
        if held.len() < 4 {
            return Ok(None);
        }
        if let Some(header) = FrameHeader::read(held).filter(|header| header.is_like(first))
            && held.len() >= header.len
            && (!astray || goes_on(held, &header, 1))
        {
            return Ok(Some((at, header)));
        }
        if held.starts_with(b"ID3") {
            // Files joined without taking their tags off.
            at = match tags::skip_id3v2(window, at) {
                Ok(behind) if behind > at => behind,
                _ => at + 1,
            };
        } else {
            let skip = held.iter().skip(1).position(|byte| matches!(byte, 0xff | b'I'));
            at += skip.map_or(held.len() as u64, |skip| skip as u64 + 1);
        }
        astray = true;
    }
}

/// What is known of the sound so far.
struct Sound {
    first: FrameHeader,
    plan: PlanBuilder,
    seconds: Seconds,
    frames: u64,
    /// Samples that are not music at the front.
    delay: u64,
    /// Where the last frames lie in the canonical form, oldest first.
    warm_up: VecDeque<u64>,
}

impl Sound {
    fn new(first: FrameHeader, info: Option<&Info>) -> Self {
        Self {
            first,
            plan: PlanBuilder::new(),
            seconds: Seconds::new(first.rate),
            frames: 0,
            delay: info.map_or(0, |info| u64::from(info.delay)),
            warm_up: VecDeque::new(),
        }
    }

    /// Appends bytes of the source; answers what lies behind them.
    fn keep(&mut self, offset: u64, len: usize) -> Result<u64, Refusal> {
        let end = offset + len as u64;
        self.plan.copy(offset..end)?;
        Ok(end)
    }

    fn frame(&mut self, offset: u64, header: &FrameHeader) -> Result<u64, Refusal> {
        self.warm_up.push_back(self.plan.len());
        if self.warm_up.len() > MP3_WARM_UP_FRAMES + 1 {
            self.warm_up.pop_front();
        }
        let end = self.keep(offset, header.len)?;
        let samples = u64::from(self.first.samples);
        let start = self.frames * samples;
        let ticks = start.saturating_sub(self.delay)..(start + samples).saturating_sub(self.delay);
        let entry = self.warm_up.front().copied().unwrap_or(0);
        self.seconds.sound(ticks, entry, self.plan.len())?;
        self.frames += 1;
        Ok(end)
    }

    fn finish(self, header_len: u64, info: Option<Info>) -> Result<Canonical, Refusal> {
        let announced = info.as_ref().and_then(|info| info.frames).unwrap_or(0);
        if self.frames + MISSING_MAX < u64::from(announced) {
            return Err(Refusal::Truncated);
        }
        let whole = self.frames * u64::from(self.first.samples);
        let padding = info.as_ref().map_or(0, |info| u64::from(info.padding));
        let scan = Scan {
            format: Format::Mp3,
            sample_rate: self.first.rate,
            channels: self.first.channels,
            samples: whole.saturating_sub(self.delay + padding),
            exact: info.is_some_and(|info| info.is_gapless),
            delay: u32::try_from(self.delay).unwrap_or(0),
            header_len,
            seek: Timing::Found(self.seconds),
        };
        scan.with(self.plan.finish())
    }
}
