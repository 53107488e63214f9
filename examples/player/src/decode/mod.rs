//! From a track's bytes to sound: decoding while the bytes arrive, from any position, without a sample too many.
//!
//! A [`Decoder`] pulls bytes through [`TrackBytes`], which may block, and hands out [`Samples`]. Lossless sources
//! stay integers from the file to the output; Vorbis, MP3 and AAC are 32-bit floats.
//!
//! A start in the middle costs one jump in the bytes, never a search: for Ogg, FLAC and MP3 the demuxer is fed the
//! header ranges followed at once by the bytes from the seek table's offset, and what comes before the wanted sample
//! is decoded and thrown away. WAV and MP4 know their positions, so there the demuxer jumps by itself.

mod boxes;
mod decoder;
mod edit_list;
mod error;
mod packet_times;
mod samples;
mod source;
mod start;
mod stream;

pub use decoder::{Decoder, Layout};
pub use error::DecodeError;
pub use samples::{Data, Samples, Spec};
pub use source::TrackBytes;
pub use start::{SeekPoint, entry_for, preroll};
