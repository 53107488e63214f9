//! One walk over all pages: what is sound, and where each second begins.

use super::super::facts::{Canonical, Scan, Timing};
use super::super::plan::PlanBuilder;
use super::super::refusal::Refusal;
use super::super::seconds::Seconds;
use super::super::source::{Source, Window};
use super::headers::{Headers, Identification};
use super::page::{PAGE_HEADER_LEN_MAX, PAGE_LEN_MAX, Page, Renumbering, SERIAL};
use alloc::vec::Vec;
use core::ops::Range;
use spotproto::content::Format;

/// Pages with wrong checksums, from which a file counts as damaged rather than scratched. Each may cost a walk over
/// 64 KiB.
const BAD_PAGES_MAX: u32 = 1000;

pub(in super::super) fn analyse<S: Source>(
    window: &mut Window<'_, S>,
    start: u64,
) -> Result<Canonical, Refusal> {
    let mut pages = Pages { at: start, serial: None, bad: 0 };
    let mut headers = Headers::default();
    let (mut page, mut range, skip) = loop {
        let Some((page, range)) = pages.next(window)? else { return Err(Refusal::Truncated) };
        let body = window.exact(range.start, page.len())?.get(page.header_len()..).unwrap_or(&[]);
        if let Some(segments) = headers.take(&page, body)? {
            break (page, range, segments);
        }
    };
    let identification = headers.identification()?;
    let (bytes, count) = headers.pages();
    // Vorbis I §A.2 wants the first audio packet to begin a page, but many encoders put it behind the setup packet.
    let shared = skip < page.lacing().len();
    if !shared {
        (page, range) = pages.next(window)?.ok_or(Refusal::Truncated)?;
    }
    let add = count.wrapping_sub(page.sequence());
    let mut sound = Sound::new(identification, PlanBuilder::with_pages(Renumbering { serial: SERIAL, add }));
    sound.plan.literal(&bytes)?;
    if shared {
        sound.take_behind(skip, &page, window.exact(range.start, page.len())?, count)?;
    } else {
        sound.take(&page, range)?;
    }
    while let Some((page, range)) = pages.next(window)? {
        sound.take(&page, range)?;
    }
    sound.finish(bytes.len() as u64)
}

/// The intact pages of the one stream in a file.
struct Pages {
    at: u64,
    serial: Option<u32>,
    /// Pages left out for their checksums.
    bad: u32,
}

impl Pages {
    fn next<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<(Page, Range<u64>)>, Refusal> {
        while let Some(offset) = self.find(window)? {
            let held = window.some(offset, PAGE_LEN_MAX)?;
            let Some(page) = Page::read(held) else {
                if held.len() < PAGE_HEADER_LEN_MAX && held.starts_with(b"OggS\0") {
                    return Err(Refusal::Truncated);
                }
                self.at = offset + 1;
                continue;
            };
            let Some(bytes) = held.get(..page.len()) else { return Err(Refusal::Truncated) };
            if !page.is_intact(bytes) {
                // Decoders leave such a page out as well.
                self.at = offset + 1;
                self.bad += 1;
                if self.bad > BAD_PAGES_MAX {
                    return Err(Refusal::Damaged("too many of its pages have wrong checksums"));
                }
                continue;
            }
            self.at = offset + page.len() as u64;
            match self.serial {
                None => self.serial = Some(page.serial()),
                Some(_) if page.is_first() => return Err(Refusal::Unsupported("Ogg with several streams")),
                Some(serial) if serial != page.serial() => continue,
                Some(_) => {}
            }
            return Ok(Some((page, offset..self.at)));
        }
        Ok(None)
    }

    /// The next place that looks like a page.
    fn find<S: Source>(&mut self, window: &mut Window<'_, S>) -> Result<Option<u64>, Refusal> {
        loop {
            let held = window.some(self.at, 27)?;
            if held.len() < 27 {
                return Ok(None);
            }
            match held.windows(4).position(|bytes| bytes == b"OggS") {
                Some(skip) => return Ok(Some(self.at + skip as u64)),
                None => self.at += held.len() as u64 - 3,
            }
        }
    }
}

/// What is known of the sound so far.
struct Sound {
    identification: Identification,
    plan: PlanBuilder,
    seconds: Seconds,
    /// Granule position that the music begins at, once known.
    begin: Option<u64>,
    /// Granule position up to which there is sound.
    end: u64,
    /// Where in the canonical form the page lies on which the last complete packet begins.
    last_packet: Option<u64>,
    /// The same of the packet that is still open.
    open_packet: Option<u64>,
}

impl Sound {
    fn new(identification: Identification, plan: PlanBuilder) -> Self {
        let seconds = Seconds::new(identification.sample_rate);
        Self { identification, plan, seconds, begin: None, end: 0, last_packet: None, open_packet: None }
    }

    fn take(&mut self, page: &Page, range: Range<u64>) -> Result<(), Refusal> {
        let at = self.plan.len();
        self.plan.page(range)?;
        self.follow(page, at)
    }

    /// Takes what is behind the first `skip` segments of a page, whose bytes are `whole`, as page number `sequence`.
    fn take_behind(&mut self, skip: usize, page: &Page, whole: &[u8], sequence: u32) -> Result<(), Refusal> {
        let at = self.plan.len();
        let front = page.lacing().iter().take(skip).map(|len| usize::from(*len)).sum::<usize>();
        let body = whole.get(page.header_len() + front..).unwrap_or(&[]);
        let mut bytes = Vec::new();
        page.write_behind(skip, body, sequence, &mut bytes);
        self.plan.literal(&bytes)?;
        Page::read(&bytes).map_or(Ok(()), |page| self.follow(&page, at))
    }

    /// Notes the time that passes on a page, which lies at `at` of the canonical form.
    fn follow(&mut self, page: &Page, at: u64) -> Result<(), Refusal> {
        // A packet only sounds together with the one before it (Vorbis I §4.3.8), so decoding has to start on the
        // page where that one begins.
        let entry = self.last_packet.or(self.open_packet).unwrap_or(at);
        let packets = self.follow_packets(page, at);
        let Some(granule) = page.granule().filter(|_| packets > 0) else { return Ok(()) };
        let begin = *self.begin.get_or_insert_with(|| first_granule(granule, packets, self.identification));
        let ticks = self.end.max(begin) - begin..granule.max(self.end).saturating_sub(begin);
        self.end = self.end.max(granule);
        self.seconds.sound(ticks, entry, self.plan.len())
    }

    /// Notes where packets begin; answers how many end on the page.
    fn follow_packets(&mut self, page: &Page, at: u64) -> u64 {
        if !page.is_continued() {
            self.open_packet = None;
        }
        let mut ended = 0;
        // The rest of a packet whose beginning was lost is of no use.
        let mut lost = page.is_continued() && self.open_packet.is_none();
        for len in page.lacing() {
            if !lost {
                self.open_packet.get_or_insert(at);
            }
            if *len < 255 {
                self.last_packet = self.open_packet.take().or(self.last_packet);
                lost = false;
                ended += 1;
            }
        }
        ended
    }

    fn finish(self, header_len: u64) -> Result<Canonical, Refusal> {
        let scan = Scan {
            format: Format::OggVorbis,
            sample_rate: self.identification.sample_rate,
            channels: self.identification.channels,
            samples: self.end.saturating_sub(self.begin.unwrap_or(0)),
            exact: self.begin == Some(0),
            delay: 0,
            header_len,
            seek: Timing::Found(self.seconds),
        };
        scan.with(self.plan.finish())
    }
}

/// Where a stream begins whose first page ends at `granule`: at zero, unless that page's packets cannot hold so
/// much sound, as in a recording of a running broadcast.
fn first_granule(granule: u64, packets: u64, identification: Identification) -> u64 {
    let most = packets.saturating_sub(1).saturating_mul(u64::from(identification.long_block) / 2);
    granule.saturating_sub(most)
}
