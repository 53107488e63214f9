//! Sound from file to output, over the library's public parts.

extern crate alloc;

mod decode;
mod files;
mod mp4;
mod output;
#[cfg(feature = "audio-pulse")]
mod pulse;
mod remux;
mod tune;
