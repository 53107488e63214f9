//! The silent first frame that tells of the others: Xing or Info with LAME's extension, or VBRI.

use super::frame::FrameHeader;

/// What a decoder adds in front by itself: the filter bank's delay, 528 samples, and one more.
const DECODER_DELAY: u32 = 529;

/// What the frame says.
pub(super) struct Info {
    /// How many frames with sound follow.
    pub(super) frames: Option<u32>,
    /// Samples in front that are not music, the decoder's own included.
    pub(super) delay: u32,
    /// Samples at the end that are not music.
    pub(super) padding: u32,
    /// Whether the encoder said the two above.
    pub(super) is_gapless: bool,
}

impl Info {
    /// Of a whole frame; `None` if it is one with sound.
    pub(super) fn read(frame: &[u8], header: &FrameHeader) -> Option<Self> {
        let crc = if header.has_crc { 2 } else { 0 };
        // Some writers leave room for the CRC, some don't.
        let tag = [0, crc].into_iter().find_map(|skip| {
            let tag = frame.get(4 + header.side_len() + skip..)?;
            (tag.starts_with(b"Xing") || tag.starts_with(b"Info")).then_some(tag)
        });
        match tag {
            Some(tag) => Some(Self::xing(tag)),
            // VBRI always lies 32 bytes behind the header.
            None => frame.get(36..).filter(|tag| tag.starts_with(b"VBRI")).map(|tag| Self {
                frames: be32(tag, 14),
                delay: 0,
                padding: 0,
                is_gapless: false,
            }),
        }
    }

    fn xing(tag: &[u8]) -> Self {
        let flags = be32(tag, 4).unwrap_or(0);
        let frames = if flags & 1 != 0 { be32(tag, 8) } else { None };
        // Number of frames, number of bytes, table of contents, quality: each there if its flag is set.
        let len = [4, 4, 100, 4].into_iter().enumerate().filter(|(bit, _)| flags >> bit & 1 == 1);
        let lame = 8 + len.map(|(_, len)| len).sum::<usize>();
        let mut info = Self { frames, delay: 0, padding: 0, is_gapless: false };
        let encoder = tag.get(lame..lame + 4).unwrap_or(&[]);
        if matches!(encoder, b"LAME" | b"Lavf" | b"Lavc" | b"L3.9" | b"GOGO") {
            // LAME's extension: 12 bits of delay and 12 of padding, 21 bytes in.
            if let Some(&[a, b, c]) = tag.get(lame + 21..lame + 24) {
                let (delay, padding) =
                    (u32::from(a) << 4 | u32::from(b) >> 4, u32::from(b & 15) << 8 | u32::from(c));
                info.delay = delay + DECODER_DELAY;
                info.padding = padding.saturating_sub(DECODER_DELAY);
                info.is_gapless = true;
            }
        }
        info
    }
}

fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|bytes| u32::from_be_bytes(*bytes))
}
