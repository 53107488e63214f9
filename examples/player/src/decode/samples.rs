//! Decoded sound, in the numbers that the file holds.

use core::ops::Range;

use symphonia::core::audio::GenericAudioBufferRef;

/// What a stretch of sound looks like: outputs are started with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Spec {
    /// Frames per second.
    pub rate: u32,
    /// Samples in a frame.
    pub channels: u16,
    /// Bits of a sample: 16, 24 or 32.
    pub bits: u16,
    /// Whether samples are floats (then `bits` is 32).
    pub float: bool,
}

impl Spec {
    /// Bytes of a frame when its samples are packed.
    #[must_use]
    pub const fn frame_len(self) -> usize {
        self.channels as usize * (self.bits as usize / 8)
    }
}

/// Interleaved samples. Integers are exactly the file's; files of fewer bits fill the upper ones.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Data {
    /// Integers of up to 16 bits.
    I16(Vec<i16>),
    /// Integers of 17 to 24 bits, sign-extended.
    I24(Vec<i32>),
    /// Integers of 25 to 32 bits.
    I32(Vec<i32>),
    /// Floats; 1.0 is full scale, and may be exceeded.
    F32(Vec<f32>),
}

/// A stretch of decoded sound.
#[derive(Clone, PartialEq, Debug)]
pub struct Samples {
    /// Position of the first frame, in frames from the start of the track.
    pub at: u64,
    /// Frames per second.
    pub rate: u32,
    /// Samples in a frame, at least 1.
    pub channels: u16,
    /// The samples.
    pub data: Data,
}

impl Samples {
    /// An empty stretch, to be filled by [`Decoder::next`](super::Decoder::next).
    #[must_use]
    pub const fn new() -> Self {
        Self { at: 0, rate: 0, channels: 1, data: Data::I16(Vec::new()) }
    }

    /// What the stretch looks like.
    #[must_use]
    pub const fn spec(&self) -> Spec {
        let (bits, float) = match self.data {
            Data::I16(_) => (16, false),
            Data::I24(_) => (24, false),
            Data::I32(_) => (32, false),
            Data::F32(_) => (32, true),
        };
        Spec { rate: self.rate, channels: self.channels, bits, float }
    }

    /// Frames in the stretch.
    #[must_use]
    pub fn frames(&self) -> usize {
        let samples = match &self.data {
            Data::I16(data) => data.len(),
            Data::I24(data) | Data::I32(data) => data.len(),
            Data::F32(data) => data.len(),
        };
        samples / usize::from(self.channels.max(1))
    }

    /// Whether there is no frame.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.frames() == 0
    }

    /// Makes it louder or softer by a linear factor. Integers are rounded and saturate; a factor of 1 changes nothing.
    pub fn amplify(&mut self, factor: f32) {
        #[expect(clippy::float_cmp, reason = "exactly 1 is the promise of untouched samples")]
        if factor == 1.0 {
            return;
        }
        let scale = |sample: i32, top: f64| {
            (f64::from(sample) * f64::from(factor)).round_ties_even().clamp(-top - 1.0, top)
        };
        match &mut self.data {
            Data::I16(data) => {
                data.iter_mut().for_each(|s| *s = scale(i32::from(*s), f64::from(i16::MAX)) as i16);
            }
            Data::I24(data) => data.iter_mut().for_each(|s| *s = scale(*s, f64::from(I24_MAX)) as i32),
            Data::I32(data) => data.iter_mut().for_each(|s| *s = scale(*s, f64::from(i32::MAX)) as i32),
            Data::F32(data) => data.iter_mut().for_each(|s| *s *= factor),
        }
    }

    /// Appends the samples as packed little-endian numbers of [`Self::spec`]'s form.
    pub fn write_le(&self, into: &mut Vec<u8>) {
        into.reserve(self.frames() * self.spec().frame_len());
        match &self.data {
            Data::I16(data) => data.iter().for_each(|s| into.extend_from_slice(&s.to_le_bytes())),
            Data::I24(data) => data.iter().for_each(|s| into.extend_from_slice(&s.to_le_bytes()[..3])),
            Data::I32(data) => data.iter().for_each(|s| into.extend_from_slice(&s.to_le_bytes())),
            Data::F32(data) => data.iter().for_each(|s| into.extend_from_slice(&s.to_le_bytes())),
        }
    }

    /// Appends the samples as 16-bit little-endian integers, rounded to the nearest and saturated, without dither:
    /// the same sound gives the same bytes.
    pub fn write_i16_le(&self, into: &mut Vec<u8>) {
        let mut put = |sample: i16| into.extend_from_slice(&sample.to_le_bytes());
        match &self.data {
            Data::I16(data) => data.iter().for_each(|s| put(*s)),
            Data::I24(data) => data.iter().for_each(|s| put(round_off(*s, 8))),
            Data::I32(data) => data.iter().for_each(|s| put(round_off(*s, 16))),
            Data::F32(data) => data.iter().for_each(|s| put((s * 32_768.0).round_ties_even() as i16)),
        }
    }

    /// Appends the samples as floats; 1.0 is full scale.
    pub fn write_f32(&self, into: &mut Vec<f32>) {
        match &self.data {
            Data::I16(data) => into.extend(data.iter().map(|s| f32::from(*s) / 32_768.0)),
            Data::I24(data) => into.extend(data.iter().map(|s| *s as f32 / (I24_MAX + 1) as f32)),
            Data::I32(data) => into.extend(data.iter().map(|s| *s as f32 / 2_147_483_648.0)),
            Data::F32(data) => into.extend_from_slice(data),
        }
    }

    /// Takes over what a codec decoded. `bits` is what the file says of its integers.
    pub(super) fn fill(&mut self, from: &GenericAudioBufferRef<'_>, bits: Option<u32>) {
        use GenericAudioBufferRef as Form;
        let spec = from.spec();
        self.rate = spec.rate();
        self.channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX).max(1);
        match (from, bits.unwrap_or(u32::MAX)) {
            (Form::F32(_) | Form::F64(_), _) => from.copy_to_vec_interleaved(self.floats()),
            (Form::U8(_) | Form::S8(_) | Form::U16(_) | Form::S16(_), _) | (_, ..=16) => {
                from.copy_to_vec_interleaved(self.shorts());
            }
            (Form::U24(_) | Form::S24(_), _) | (_, ..=24) => {
                let data = self.longs(true);
                from.copy_to_vec_interleaved(data);
                data.iter_mut().for_each(|sample| *sample >>= 8);
            }
            _ => from.copy_to_vec_interleaved(self.longs(false)),
        }
    }

    /// Keeps these frames only, and moves `at` along.
    pub(super) fn keep(&mut self, frames: Range<usize>) {
        let width = usize::from(self.channels);
        let end = frames.end.min(self.frames());
        let start = frames.start.min(end);
        self.at += start as u64;
        let (start, end) = (start * width, end * width);
        match &mut self.data {
            Data::I16(data) => cut(data, start, end),
            Data::I24(data) | Data::I32(data) => cut(data, start, end),
            Data::F32(data) => cut(data, start, end),
        }
    }

    fn shorts(&mut self) -> &mut Vec<i16> {
        if !matches!(self.data, Data::I16(_)) {
            self.data = Data::I16(Vec::new());
        }
        let Data::I16(data) = &mut self.data else { unreachable!("just made so") };
        data
    }

    fn longs(&mut self, is_24: bool) -> &mut Vec<i32> {
        let fits = matches!(self.data, Data::I24(_)) && is_24 || matches!(self.data, Data::I32(_)) && !is_24;
        if !fits {
            self.data = if is_24 { Data::I24(Vec::new()) } else { Data::I32(Vec::new()) };
        }
        let (Data::I24(data) | Data::I32(data)) = &mut self.data else { unreachable!("just made so") };
        data
    }

    fn floats(&mut self) -> &mut Vec<f32> {
        if !matches!(self.data, Data::F32(_)) {
            self.data = Data::F32(Vec::new());
        }
        let Data::F32(data) = &mut self.data else { unreachable!("just made so") };
        data
    }
}

impl Default for Samples {
    fn default() -> Self {
        Self::new()
    }
}

const I24_MAX: i32 = (1 << 23) - 1;

fn round_off(sample: i32, shift: u32) -> i16 {
    let rounded = (i64::from(sample) + (1 << (shift - 1))) >> shift;
    rounded.clamp(i64::from(i16::MIN), i64::from(i16::MAX)) as i16
}

fn cut<T>(data: &mut Vec<T>, start: usize, end: usize) {
    data.truncate(end);
    data.drain(..start);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(data: Data) -> Samples {
        Samples { at: 10, rate: 44_100, channels: 2, data }
    }

    #[test]
    fn keeping_a_part_moves_the_position() {
        let mut samples = stretch(Data::I16(vec![1, -1, 2, -2, 3, -3]));
        samples.keep(1..2);
        assert_eq!(samples, Samples { at: 11, ..stretch(Data::I16(vec![2, -2])) });
        samples.keep(5..9);
        assert!(samples.is_empty());
    }

    #[test]
    fn unit_gain_touches_nothing_and_loud_gain_saturates() {
        let mut samples = stretch(Data::I16(vec![i16::MAX, i16::MIN, 3, -3]));
        samples.amplify(1.0);
        assert_eq!(samples.data, Data::I16(vec![i16::MAX, i16::MIN, 3, -3]));
        samples.amplify(0.5);
        assert_eq!(samples.data, Data::I16(vec![16_384, -16_384, 2, -2]));
        samples.amplify(100.0);
        assert_eq!(samples.data, Data::I16(vec![i16::MAX, i16::MIN, 200, -200]));
    }

    #[test]
    fn packing_takes_the_bytes_of_its_width() {
        let mut packed = Vec::new();
        stretch(Data::I24(vec![-2, 0x0012_3456])).write_le(&mut packed);
        assert_eq!(packed, [0xfe, 0xff, 0xff, 0x56, 0x34, 0x12]);
        packed.clear();
        stretch(Data::I24(vec![0x007f_ffff, 0x0000_0080])).write_i16_le(&mut packed);
        assert_eq!(packed, [0xff, 0x7f, 0x01, 0x00]);
        packed.clear();
        stretch(Data::F32(vec![1.5, -0.5])).write_i16_le(&mut packed);
        assert_eq!(packed, [0xff, 0x7f, 0x00, 0xc0]);
    }
}
