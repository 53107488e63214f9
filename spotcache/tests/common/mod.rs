//! What the tests of canonical forms share.
#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod ogg;
pub(crate) mod taken;

use std::io::Cursor;
use std::path::Path;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::formats::TrackType;
use symphonia::core::formats::probe::Hint;
use symphonia::core::io::{MediaSourceStream, ReadOnlySource};
#[allow(unused_imports, reason = "each test binary uses a part")]
pub(crate) use taken::canonical;

/// Every fixture that is a whole sound file.
pub(crate) const FIXTURES: [&str; 7] =
    ["sweep.ogg", "sweep.flac", "sweep.mp3", "sweep-vbr.mp3", "tone.wav", "sweep.aac.m4a", "sweep.alac.m4a"];

pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    std::fs::read(path).expect("a fixture")
}

/// What a decoder makes of bytes.
pub(crate) struct Decoded {
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    /// Interleaved.
    pub(crate) samples: Vec<f32>,
}

impl Decoded {
    pub(crate) fn frames(&self) -> usize {
        self.samples.len() / self.channels
    }
}

pub(crate) fn decode(bytes: &[u8]) -> Decoded {
    decode_from(bytes, 0)
}

/// The same from the first packet on that begins at this time stamp or later.
pub(crate) fn decode_from(bytes: &[u8], start: u64) -> Decoded {
    let source = Cursor::new(bytes.to_vec());
    decode_stream(MediaSourceStream::new(Box::new(source), Default::default()), start)
}

/// The same of bytes that come as a stream, without length or seeking: as after a jump.
pub(crate) fn decode_forward(bytes: &[u8]) -> Decoded {
    let source = ReadOnlySource::new(Cursor::new(bytes.to_vec()));
    decode_stream(MediaSourceStream::new(Box::new(source), Default::default()), 0)
}

fn decode_stream(stream: MediaSourceStream<'static>, start: u64) -> Decoded {
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, Default::default(), Default::default())
        .expect("a format that symphonia knows");
    let track = format.default_track(TrackType::Audio).expect("a track");
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|codec| codec.audio()).expect("a codec").clone();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .expect("a codec that symphonia knows");
    let mut samples = Vec::new();
    let mut buffer = Vec::<f32>::new();
    let mut channels = 1;
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != id || (packet.pts.get() as u64) < start {
            continue;
        }
        let Ok(decoded) = decoder.decode(&packet) else { continue };
        channels = decoded.spec().channels().count();
        decoded.copy_to_vec_interleaved(&mut buffer);
        samples.extend_from_slice(&buffer);
    }
    let rate = parameters.sample_rate.expect("a sample rate");
    Decoded { rate, channels, samples }
}
