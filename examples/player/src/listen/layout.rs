//! From a track's head to what the decoder wants to know of it.

use crate::decode::{Layout, SeekPoint, preroll};
use core::time::Duration;
use spotcache::canonical::MP3_WARM_UP_FRAMES;
use spotproto::content::{FileId, Format, Head};

/// What the decoder wants to know.
#[must_use]
pub fn layout_of(head: &Head<FileId>) -> Layout {
    let seek = (0..head.seek.len())
        .map(|index| {
            let heard = Duration::from_millis(index as u64 * u64::from(head.seek.step_ms()));
            SeekPoint { time: starts(head, heard), offset: head.seek.entry(index) }
        })
        .collect();
    Layout {
        format: head.format,
        header: head.headers.clone(),
        seek,
        delay: head.delay,
        samples: head.samples,
    }
}

/// The time of the first sound at an entry. A head's entries are for what is *heard* from them on, with all that the
/// decoder needs before it; so the first sound lies before that.
fn starts(head: &Head<FileId>, heard: Duration) -> Duration {
    match head.format {
        // The decoder counts MP3 frames, so it has to be exact; see MP3_WARM_UP_FRAMES.
        Format::Mp3 => {
            let rate = u64::from(head.sample_rate.max(1));
            // ISO 11172-3 §2.4.3.1: 1,152 samples a frame; half of that at the lower rates of ISO 13818-3.
            let frame = if rate >= 32_000 { 1152 } else { 576 };
            let sample = heard.as_millis() as u64 * rate / 1000 + u64::from(head.delay);
            let first = (sample / frame).saturating_sub(MP3_WARM_UP_FRAMES as u64);
            Duration::from_nanos(first * frame * 1_000_000_000 / rate)
        }
        // The others tell their time themselves; this one only has to lead to the same entry.
        format => heard.saturating_sub(preroll(format)),
    }
}
