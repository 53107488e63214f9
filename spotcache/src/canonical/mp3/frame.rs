//! Frame headers of layer III (ISO 11172-3 §2.4.1.3, ISO 13818-3 §2.4.2.3, and the customary MPEG 2.5).

/// Bytes of the longest frame: 320 kbit/s at 32 kHz with padding, or 160 kbit/s at 8 kHz.
pub(super) const LEN_MAX: usize = 1441;

/// What a frame's header says.
#[derive(Clone, Copy)]
pub(super) struct FrameHeader {
    /// MPEG 1, rather than 2 or 2.5.
    pub(super) is_mpeg1: bool,
    pub(super) channels: u8,
    pub(super) rate: u32,
    /// Samples in the frame, of each channel.
    pub(super) samples: u32,
    /// Bytes of the frame with its header.
    pub(super) len: usize,
    /// Whether a CRC of two bytes follows the header.
    pub(super) has_crc: bool,
}

impl FrameHeader {
    /// The layer III header that starts here, if one does.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let &[0xff, sync, rates, mode, ..] = bytes else { return None };
        // 01 is layer III; a bit rate of 0 is "free format", which has no length to go by.
        if sync >> 5 != 0b111 || sync >> 1 & 3 != 0b01 || mode & 3 == 2 {
            return None;
        }
        let (is_mpeg1, divisor) = match sync >> 3 & 3 {
            0b11 => (true, 1),
            0b10 => (false, 2),
            0b00 => (false, 4),
            _ => return None,
        };
        let row = if is_mpeg1 { &MPEG_1 } else { &MPEG_2 };
        let kilobits = row.get(usize::from(rates >> 4)).copied().filter(|rate| *rate > 0)?;
        let rate = [44_100, 48_000, 32_000].get(usize::from(rates >> 2 & 3)).copied()? / divisor;
        let samples = if is_mpeg1 { 1152 } else { 576 };
        let padding = u32::from(rates >> 1 & 1);
        let len = (samples / 8 * u32::from(kilobits) * 1000 / rate + padding) as usize;
        let channels = if mode >> 6 == 3 { 1 } else { 2 };
        Some(Self { is_mpeg1, channels, rate, samples, len, has_crc: sync & 1 == 0 })
    }

    /// Whether both can be of one stream.
    pub(super) const fn is_like(&self, other: &Self) -> bool {
        self.is_mpeg1 == other.is_mpeg1 && self.rate == other.rate && self.channels == other.channels
    }

    /// Bytes of side information behind the header (ISO 11172-3 §2.4.1.7).
    pub(super) const fn side_len(&self) -> usize {
        match (self.is_mpeg1, self.channels) {
            (true, 1) => 17,
            (true, _) => 32,
            (false, 1) => 9,
            (false, _) => 17,
        }
    }
}

/// The name of a relative of MP3 that begins with the same sync code.
pub(super) fn relative(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, third, ..] if third >> 2 & 15 < 13 => {
            Some("AAC outside MP4 (ADTS)")
        }
        [0xff, 0xfc..=0xfd | 0xf4..=0xf5, third, ..] if !matches!(third >> 4, 0 | 15) => {
            Some("MPEG layer II (MP2)")
        }
        _ => None,
    }
}

const MPEG_1: [u16; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG_2: [u16; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_from_bit_rate_and_sample_rate() {
        for (bytes, len, samples, rate, channels) in [
            ([0xff, 0xfb, 0x90, 0x64], 417, 1152, 44_100, 2),
            ([0xff, 0xfb, 0x92, 0x64], 418, 1152, 44_100, 2),
            ([0xff, 0xfb, 0xea, 0x00], 1441, 1152, 32_000, 2),
            ([0xff, 0xf3, 0x80, 0xc4], 208, 576, 22_050, 1),
            ([0xff, 0xe3, 0xea, 0x00], 1441, 576, 8000, 2),
        ] {
            let header = FrameHeader::read(&bytes).unwrap();
            assert_eq!(
                (header.len, header.samples, header.rate, header.channels),
                (len, samples, rate, channels)
            );
            assert!(header.len <= LEN_MAX);
        }
    }

    #[test]
    fn what_is_not_layer_three_is_no_frame() {
        for bytes in [
            [0xff, 0xfd, 0x90, 0x64], // layer II
            [0xff, 0xfb, 0x00, 0x64], // free format
            [0xff, 0xfb, 0xf0, 0x64], // bad bit rate
            [0xff, 0xfb, 0x9c, 0x64], // reserved sample rate
            [0xff, 0xeb, 0x90, 0x64], // reserved version
            [0xff, 0xfb, 0x90, 0x62], // reserved emphasis
        ] {
            assert!(FrameHeader::read(&bytes).is_none());
        }
        assert!(FrameHeader::read(&[0xff, 0xfb, 0x90]).is_none());
    }
}
