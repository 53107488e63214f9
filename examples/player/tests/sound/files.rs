//! Files to decode, with their seek tables, and ways to hand them over.

use alloc::sync::Arc;
use core::ops::Range;
use core::time::Duration;
use std::io;
use std::path::PathBuf;
use std::sync::{LazyLock, Mutex};

use bytes::Bytes;
use spot_player::decode::{Data, DecodeError, Decoder, Layout, Samples, SeekPoint, TrackBytes};
use spot_player::tune::{Encoding, Pcm, encode, prelude, render};
use spotproto::content::Format;

/// A file and what a head would say of it.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) bytes: Bytes,
    pub(crate) layout: Layout,
}

/// The music in [`vorbis`], [`flac`] and [`wav`].
pub(crate) static MUSIC: LazyLock<Pcm> = LazyLock::new(|| render(&prelude().first_bars(2)));

static VORBIS: LazyLock<Bytes> =
    LazyLock::new(|| encode(&MUSIC, Encoding::Vorbis { kbps: 160 }).expect("160 kbit/s are usual").into());
static FLAC: LazyLock<Bytes> =
    LazyLock::new(|| encode(&MUSIC, Encoding::Flac).expect("16 bits are usual").into());

pub(crate) fn vorbis() -> File {
    let bytes = VORBIS.clone();
    let pages = ogg_pages(&bytes);
    let (header, music): (Vec<_>, Vec<_>) = pages.iter().partition(|page| page.granule == 0);
    let header = first(header.last().map_or(0, |page| page.bytes.end));
    let starts = core::iter::once(0).chain(music.iter().map(|page| page.granule));
    let seek = music.iter().zip(starts).map(|(page, start)| point(start, 44_100, page.bytes.start)).collect();
    File { bytes, layout: layout(Format::OggVorbis, header, seek) }
}

pub(crate) fn flac() -> File {
    let bytes = FLAC.clone();
    let frames = flac_frames(&bytes);
    let header = first(frames[0]);
    let seek =
        frames.iter().enumerate().map(|(number, at)| point(4_096 * number as u64, 44_100, *at)).collect();
    File { bytes, layout: layout(Format::Flac, header, seek) }
}

pub(crate) fn wav() -> File {
    let bytes = encode(&MUSIC, Encoding::Wav).expect("it is short").into();
    File { bytes, layout: layout(Format::Wav, first(44), Vec::new()) }
}

pub(crate) fn mp3() -> File {
    let bytes = Bytes::from_static(include_bytes!("data/bach.mp3"));
    let frames = mp3_frames(&bytes);
    // The first frame is LAME's, without music.
    let seek = frames[1..].iter().enumerate();
    let seek = seek.map(|(number, at)| point(1_152 * number as u64, 44_100, *at)).collect();
    File { bytes, layout: layout(Format::Mp3, first(frames[1]), seek) }
}

pub(crate) fn aac() -> File {
    mp4(Format::Aac, include_bytes!("data/bach-aac.m4a"))
}

pub(crate) fn alac() -> File {
    mp4(Format::Alac, include_bytes!("data/bach-alac.m4a"))
}

pub(crate) fn all() -> [File; 6] {
    [vorbis(), flac(), wav(), mp3(), aac(), alac()]
}

impl File {
    pub(crate) fn open(&self, ms: u64) -> Result<Decoder, DecodeError> {
        self.open_as(Box::new(self.bytes.clone()), ms)
    }

    pub(crate) fn open_as(&self, bytes: Box<dyn TrackBytes>, ms: u64) -> Result<Decoder, DecodeError> {
        Decoder::open(bytes, self.layout.clone(), Duration::from_millis(ms))
    }

    /// The same file, other bytes.
    pub(crate) fn with(&self, bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), ..self.clone() }
    }
}

/// All that is left in a decoder, as one stretch.
pub(crate) fn rest(decoder: &mut Decoder) -> Result<Samples, DecodeError> {
    let mut all = Samples::new();
    let mut next = Samples::new();
    while decoder.next(&mut next)? {
        if all.is_empty() {
            all = next.clone();
            continue;
        }
        match (&mut all.data, &next.data) {
            (Data::I16(all), Data::I16(next)) => all.extend_from_slice(next),
            (Data::F32(all), Data::F32(next)) => all.extend_from_slice(next),
            _ => panic!("the kind of sound changed"),
        }
    }
    Ok(all)
}

/// What `all` is from a frame on.
pub(crate) fn tail(all: &Samples, from: u64) -> Samples {
    let skip = (from - all.at) as usize * usize::from(all.channels);
    let data = match &all.data {
        Data::I16(data) => Data::I16(data[skip..].to_vec()),
        Data::F32(data) => Data::F32(data[skip..].to_vec()),
        _ => panic!("no file here is of that kind"),
    };
    Samples { at: from, data, ..*all }
}

/// Bytes that end with an error, and a note of what was asked for.
#[derive(Clone)]
pub(crate) struct Watched {
    pub(crate) bytes: Bytes,
    pub(crate) fails: Option<(u64, io::ErrorKind)>,
    pub(crate) asked: Arc<Mutex<Vec<Range<u64>>>>,
}

impl Watched {
    pub(crate) fn new(bytes: &Bytes) -> Self {
        Self { bytes: bytes.clone(), fails: None, asked: Arc::default() }
    }
}

impl TrackBytes for Watched {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&mut self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        // As pieces arrive: never much at once.
        let mut wanted = into.len().min(1_000);
        if let Some((at, kind)) = self.fails {
            wanted = wanted.min(at.saturating_sub(offset) as usize);
            if wanted == 0 {
                return Err(kind.into());
            }
        }
        let count = self.bytes.read_at(offset, &mut into[..wanted])?;
        self.asked.lock().unwrap().push(offset..offset + count as u64);
        Ok(count)
    }
}

/// A path for a file that the test removes.
pub(crate) fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("spot-{name}-{}", std::process::id()))
}

fn mp4(format: Format, bytes: &'static [u8]) -> File {
    let bytes = Bytes::from_static(bytes);
    File { bytes, layout: layout(format, first(1_000), Vec::new()) }
}

/// What a head would say of a file that tells itself which frames are music.
fn layout(format: Format, header: Vec<Range<u64>>, seek: Vec<SeekPoint>) -> Layout {
    Layout { format, header, seek, delay: 0, samples: None }
}

fn first(len: u64) -> Vec<Range<u64>> {
    let header = 0..len;
    Vec::from([header])
}

fn point(frame: u64, rate: u64, offset: u64) -> SeekPoint {
    // Heads have milliseconds.
    SeekPoint { time: Duration::from_millis(frame * 1_000 / rate), offset }
}

struct Page {
    bytes: Range<u64>,
    granule: u64,
}

fn ogg_pages(bytes: &[u8]) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        assert_eq!(bytes[at..at + 4], *b"OggS");
        let granule = u64::from_le_bytes(bytes[at + 6..at + 14].try_into().unwrap());
        let segments = usize::from(bytes[at + 26]);
        let body: usize = bytes[at + 27..at + 27 + segments].iter().map(|len| usize::from(*len)).sum();
        let end = at + 27 + segments + body;
        pages.push(Page { bytes: at as u64..end as u64, granule });
        at = end;
    }
    pages
}

/// Offsets of the frames, found by their numbers (of which there are fewer than 128).
fn flac_frames(bytes: &[u8]) -> Vec<u64> {
    let mut frames = Vec::new();
    for (at, window) in bytes.windows(5).enumerate() {
        if window[..2] == [0xff, 0xf8] && usize::from(window[4]) == frames.len() && frames.len() < 128 {
            frames.push(at as u64);
        }
    }
    frames
}

fn mp3_frames(bytes: &[u8]) -> Vec<u64> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at + 4 < bytes.len() {
        assert_eq!((bytes[at], bytes[at + 1] & 0xfe), (0xff, 0xfa), "MPEG 1, layer III");
        let kbps = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0];
        let kbps = kbps[usize::from(bytes[at + 2] >> 4)];
        let padding = usize::from(bytes[at + 2] >> 1 & 1);
        frames.push(at as u64);
        at += 144_000 * kbps / 44_100 + padding;
    }
    frames
}
