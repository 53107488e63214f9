//! `spot tune`: makes a file of the demo's music, for tests and measurements.

use crate::failure::Failure;
use crate::tune::{Encoding, encode, prelude, render};
use clap::{Args, ValueEnum};
use core::time::Duration;
use std::fs;
use std::path::PathBuf;

/// Arguments of `spot tune`.
#[derive(Args, Debug)]
pub(super) struct Tune {
    /// The file to write.
    file: PathBuf,
    /// At least this long; the piece is repeated in other keys.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u64,
    /// How to encode it.
    #[arg(long, value_enum, default_value_t = Kind::Vorbis160)]
    encoding: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Kind {
    /// Ogg Vorbis at about 96 kbit/s.
    Vorbis96,
    /// Ogg Vorbis at about 160 kbit/s.
    Vorbis160,
    /// Ogg Vorbis at about 320 kbit/s.
    Vorbis320,
    /// FLAC.
    Flac,
    /// WAV.
    Wav,
}

impl Tune {
    pub(super) fn run(self) -> Result<(), Failure> {
        let pcm = render(&prelude().long(Duration::from_secs(self.seconds)));
        let encoding = match self.encoding {
            Kind::Vorbis96 => Encoding::Vorbis { kbps: 96 },
            Kind::Vorbis160 => Encoding::Vorbis { kbps: 160 },
            Kind::Vorbis320 => Encoding::Vorbis { kbps: 320 },
            Kind::Flac => Encoding::Flac,
            Kind::Wav => Encoding::Wav,
        };
        let bytes = encode(&pcm, encoding).map_err(Failure::runtime)?;
        fs::write(&self.file, bytes)
            .map_err(|error| Failure::runtime(format!("cannot write {}: {error}", self.file.display())))
    }
}
