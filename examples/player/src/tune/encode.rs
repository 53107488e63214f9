//! Samples as a file.

use core::fmt;
use core::num::{NonZeroU8, NonZeroU32};

use flacenc::bitsink::ByteSink;
use flacenc::component::{BitRepr, MetadataBlockData};
use flacenc::error::Verify;
use flacenc::source::MemSource;
use vorbis_rs::{VorbisBitrateManagementStrategy, VorbisEncoderBuilder};

use super::Pcm;
use crate::decode::Spec;
use crate::output::wav_header;

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Encoding {
    /// Ogg Vorbis at about this rate; quiet music takes less.
    Vorbis {
        /// Kilobits per second: 64 to 320.
        kbps: u32,
    },
    /// FLAC.
    Flac,
    /// WAV, without tags.
    Wav,
}

/// Makes a file of it, with title and composer where the format has room. The same samples give the same bytes.
///
/// # Errors
/// When an encoder refuses, as libvorbis does with bit rates that make no sense.
pub fn encode(pcm: &Pcm, encoding: Encoding) -> Result<Vec<u8>, EncodeError> {
    match encoding {
        Encoding::Vorbis { kbps } => vorbis(pcm, kbps),
        Encoding::Flac => flac(pcm),
        Encoding::Wav => wav(pcm),
    }
}

/// Why there is no file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum EncodeError {
    /// The encoder does not do this bit rate or sample rate.
    Refused,
    /// There are more samples than the format can hold.
    TooLong,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "the encoder does not do this bit rate or sample rate",
            Self::TooLong => "there are more samples than the format can hold",
        })
    }
}

impl core::error::Error for EncodeError {}

const CHANNELS: u16 = 2;

fn vorbis(pcm: &Pcm, kbps: u32) -> Result<Vec<u8>, EncodeError> {
    /// Any number will do; always the same one makes the same file.
    const SERIAL: i32 = 0x5350_4f54;
    const BLOCK: usize = 4_096;
    let refused = |_| EncodeError::Refused;
    let rate = NonZeroU32::new(pcm.rate).ok_or(EncodeError::Refused)?;
    let channels = NonZeroU8::new(CHANNELS as u8).ok_or(EncodeError::Refused)?;
    let target_bitrate = kbps.checked_mul(1_000).and_then(NonZeroU32::new).ok_or(EncodeError::Refused)?;
    let mut encoder = VorbisEncoderBuilder::new_with_serial(rate, channels, Vec::new(), SERIAL);
    encoder.bitrate_management_strategy(VorbisBitrateManagementStrategy::Vbr { target_bitrate });
    encoder.comment_tags(tags(pcm)).map_err(refused)?;
    let mut encoder = encoder.build().map_err(refused)?;
    let mut planes = [Vec::with_capacity(BLOCK), Vec::with_capacity(BLOCK)];
    for block in pcm.samples.chunks(usize::from(CHANNELS) * BLOCK) {
        for (side, plane) in planes.iter_mut().enumerate() {
            plane.clear();
            plane.extend(block.iter().skip(side).step_by(2).map(|sample| f32::from(*sample) / 32_768.0));
        }
        encoder.encode_audio_block(&planes).map_err(refused)?;
    }
    encoder.finish().map_err(refused)
}

fn flac(pcm: &Pcm) -> Result<Vec<u8>, EncodeError> {
    const BLOCK: usize = 4_096;
    /// Number of the block of tags (RFC 9639 §8.6).
    const VORBIS_COMMENT: u8 = 4;
    let samples: Vec<i32> = pcm.samples.iter().map(|sample| i32::from(*sample)).collect();
    let source = MemSource::from_samples(&samples, CHANNELS.into(), 16, pcm.rate as usize);
    let config = flacenc::config::Encoder::default();
    let config = config.into_verified().map_err(|_| EncodeError::Refused)?;
    let mut stream =
        flacenc::encode_with_fixed_block_size(&config, source, BLOCK).map_err(|_| EncodeError::Refused)?;
    // The encoder notes the short last block as the smallest, but that one does not count (RFC 9639 §8.2), and
    // decoders take the file for one of variable blocks.
    let info = stream.stream_info_mut();
    info.set_block_sizes(BLOCK, BLOCK).map_err(|_| EncodeError::Refused)?;
    let comment = MetadataBlockData::new_unknown(VORBIS_COMMENT, &vorbis_comment(pcm));
    stream.add_metadata_block(comment.map_err(|_| EncodeError::Refused)?);
    let mut bytes = ByteSink::new();
    stream.write(&mut bytes).map_err(|_| EncodeError::TooLong)?;
    Ok(bytes.into_inner())
}

fn wav(pcm: &Pcm) -> Result<Vec<u8>, EncodeError> {
    let spec = Spec { rate: pcm.rate, channels: CHANNELS, bits: 16, float: false };
    let data_len = u32::try_from(2 * pcm.samples.len()).map_err(|_| EncodeError::TooLong)?;
    let mut bytes = wav_header(spec, data_len);
    bytes.extend(pcm.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    Ok(bytes)
}

fn tags(pcm: &Pcm) -> [(&str, &str); 3] {
    [("TITLE", &pcm.title), ("ARTIST", &pcm.composer), ("COMPOSER", &pcm.composer)]
}

/// Tags as FLAC keeps them (RFC 9639 §8.6).
fn vorbis_comment(pcm: &Pcm) -> Vec<u8> {
    let lines = tags(pcm).map(|(name, value)| format!("{name}={value}"));
    let mut block = Vec::new();
    put(&mut block, "spot");
    block.extend_from_slice(&(lines.len() as u32).to_le_bytes());
    lines.iter().for_each(|line| put(&mut block, line));
    block
}

fn put(block: &mut Vec<u8>, text: &str) {
    block.extend_from_slice(&(text.len() as u32).to_le_bytes());
    block.extend_from_slice(text.as_bytes());
}
