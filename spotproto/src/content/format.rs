//! Container and codec of a file.

use core::fmt;

/// What a file is encoded as. The number is the one on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
#[repr(u8)]
#[non_exhaustive]
pub enum Format {
    /// Vorbis in Ogg.
    OggVorbis = 1,
    /// Native FLAC.
    Flac = 2,
    /// MPEG audio layer III.
    Mp3 = 3,
    /// RIFF WAVE with PCM.
    Wav = 4,
    /// AAC in MP4.
    Aac = 5,
    /// Apple Lossless in MP4.
    Alac = 6,
}

impl Format {
    /// Every format, in the order of the numbers.
    pub const ALL: [Self; 6] = [Self::OggVorbis, Self::Flac, Self::Mp3, Self::Wav, Self::Aac, Self::Alac];

    /// The format with this number on the wire.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|format| *format as u8 == number)
    }

    /// The usual ending of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::OggVorbis => "ogg",
            Self::Flac => "flac",
            Self::Mp3 => "mp3",
            Self::Wav => "wav",
            Self::Aac | Self::Alac => "m4a",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OggVorbis => "Ogg Vorbis",
            Self::Flac => "FLAC",
            Self::Mp3 => "MP3",
            Self::Wav => "WAV",
            Self::Aac => "AAC",
            Self::Alac => "ALAC",
        })
    }
}
