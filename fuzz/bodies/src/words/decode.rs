//! Sound that is no sound: what a server publishes, or a folder holds.

use bytes::Bytes;
use core::time::Duration;
use spot_player::decode::{Decoder, Layout, Samples, SeekPoint, TrackBytes};
use spotproto::content::Format;
use std::sync::Once;
use std::{io, panic};

const FORMATS: [Format; 6] =
    [Format::OggVorbis, Format::Flac, Format::Mp3, Format::Wav, Format::Aac, Format::Alac];

/// The most stretches of sound that are taken of a file.
const STRETCHES: usize = 24;

/// The most frames of one: a packet has no more in any of the formats.
const STRETCH_MAX: usize = 1 << 20;

/// The format; when to begin, in quarters of a second; the length of the headers and the place of a line of the seek table,
/// in 64ths of the file; then the file. Whatever is in it, it comes to sound or to an error.
pub(crate) fn decode(bytes: &[u8]) {
    let Some((&[format, at, header, entry], file)) = bytes.split_first_chunk() else { return };
    let place = |part: u8| file.len() as u64 * u64::from(part & 63) / 64;
    let time = Duration::from_millis(250 * u64::from(at));
    let layout = Layout {
        format: FORMATS[usize::from(format) % FORMATS.len()],
        header: core::iter::once(0..place(header).max(1)).collect(),
        seek: vec![SeekPoint { time: time / 2, offset: place(entry) }],
        delay: u32::from(header >> 6) * 576,
        samples: (entry >= 64).then(|| u64::from(entry) * 1000),
    };
    contains_panics();
    let track = Counted { file: Bytes::copy_from_slice(file), left: 64 * file.len() as u64 + (1 << 20) };
    let Ok(mut decoder) = Decoder::open(Box::new(track), layout, time) else { return };
    let mut samples = Samples::new();
    for _ in 0..STRETCHES {
        match decoder.next(&mut samples) {
            Ok(true) => {
                assert!(samples.rate > 0 && samples.channels > 0, "{:?}", samples.spec());
                assert!((1..=STRETCH_MAX).contains(&samples.frames()), "{} frames", samples.frames());
                // A file may say what it likes of its times, but who adds to them must not overflow.
                assert!(samples.at <= i64::MAX as u64, "{}", samples.at);
            }
            Ok(false) | Err(_) => break,
        }
    }
    let _ = (decoder.skipped(), decoder.ended_early(), decoder.spec());
    if decoder.seek(Duration::ZERO).is_ok() {
        let _ = decoder.next(&mut samples);
    }
}

/// A file of which no decoder reads more than a few times what it holds.
struct Counted {
    file: Bytes,
    left: u64,
}

impl TrackBytes for Counted {
    fn len(&self) -> u64 {
        self.file.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let count = TrackBytes::read_at(&mut self.file, offset, into)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.expect("a file that is not read over and over");
        Ok(count)
    }
}

/// The player contains panics of the decoders (`decode::Decoder`), at which libFuzzer would end.
fn contains_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |what| {
            if !what.location().is_some_and(|at| at.file().contains("symphonia")) {
                before(what);
            }
        }));
    });
}
