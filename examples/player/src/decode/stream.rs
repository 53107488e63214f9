//! A demuxer and a codec over one run of bytes.

use core::ops::Range;
use core::time::Duration;

use spotproto::content::Format;
use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::{Error, SeekErrorKind};
use symphonia::core::formats::{FormatOptions, FormatReader, SeekMode, SeekTo, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::packet::Packet;
use symphonia::core::units::{TimeBase, Timestamp};
use symphonia::default::formats::{FlacReader, IsoMp4Reader, MpaReader, OggReader, WavReader};

use super::edit_list::Edit;
use super::source::Track;
use super::{DecodeError, Layout, Samples, SeekPoint, edit_list, packet_times};

/// A demuxer and a codec over one run of bytes. All positions are frames from the start of the track.
pub(super) struct Stream {
    track: Track,
    format: Format,
    reader: Box<dyn FormatReader>,
    codec: Box<dyn AudioDecoder>,
    id: u32,
    rate: u32,
    bits: Option<u32>,
    time_base: Option<TimeBase>,
    /// Frames in every packet but the last, where packets follow each other without gaps and their times are not to
    /// be relied on: in MP4, see [`packet_times`].
    packet_len: Option<i64>,
    /// Added to what the demuxer says, to make it a position.
    offset: i64,
    /// Where the first packet really is, if the demuxer cannot know.
    first_at: Option<Duration>,
    /// The frames to hand out.
    wanted: Range<i64>,
    /// End of what was decoded last.
    position: i64,
    pub(super) skipped: u64,
    pub(super) ended_early: bool,
}

impl Stream {
    /// Reads the headers from `source`, which starts at `entry` after them.
    pub(super) fn open(
        track: &Track,
        layout: &Layout,
        source: Box<dyn MediaSource>,
        entry: Option<SeekPoint>,
    ) -> Result<Self, DecodeError> {
        let format = layout.format;
        let reader = demuxer(format, source).map_err(|error| blame(track, error))?;
        let (id, params) = audio(reader.as_ref())?;
        let codec = codec_for(&params)?;
        let mut stream = Self {
            track: track.clone(),
            format,
            id,
            rate: params.sample_rate.ok_or(DecodeError::Unsupported("it does not say its sample rate"))?,
            bits: bits_of(&params),
            time_base: None,
            packet_len: packet_len(format, &params),
            offset: 0,
            first_at: entry.filter(|_| format == Format::Mp3).map(|point| point.time),
            wanted: 0..i64::MAX,
            position: 0,
            skipped: 0,
            ended_early: false,
            reader,
            codec,
        };
        stream.find_bounds(layout);
        Ok(stream)
    }

    /// The frame that sounds at a time.
    pub(super) fn frame_at(&self, time: Duration) -> u64 {
        let frames = (time.as_nanos() * u128::from(self.rate) + 500_000_000) / 1_000_000_000;
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// Hands out nothing before `frame`; with `jump`, also makes the demuxer go there. False if that is behind the end.
    pub(super) fn start_at(&mut self, frame: u64, jump: bool) -> Result<bool, DecodeError> {
        /// One AAC frame primes the overlap of the next; two, as the decoder has a delay of its own.
        const AAC_PRIMING: i64 = 2 * 1024;
        let frame = i64::try_from(frame).unwrap_or(i64::MAX);
        self.wanted.start = frame.max(self.wanted.start);
        if !jump || frame == 0 {
            return Ok(true);
        }
        let priming = if self.format == Format::Aac { AAC_PRIMING } else { 0 };
        let media_frame = frame.saturating_sub(self.offset).saturating_sub(priming).max(0);
        let ts = if let Some(len) = self.packet_len {
            let number = u64::try_from(media_frame / len).unwrap_or(0);
            let Some(packet) = packet_times::find(&self.track, self.id, number) else { return self.end() };
            let frames = i64::try_from(packet.number).unwrap_or(i64::MAX).saturating_mul(len);
            self.position = self.offset.saturating_add(frames);
            i64::try_from(packet.ticks).unwrap_or(i64::MAX)
        } else {
            self.ticks(media_frame)
        };
        match self
            .reader
            .seek(SeekMode::Accurate, SeekTo::Timestamp { ts: Timestamp::new(ts), track_id: self.id })
        {
            Ok(_) => {
                self.codec.reset();
                Ok(true)
            }
            Err(Error::SeekError(SeekErrorKind::OutOfRange)) => Ok(false),
            Err(error) => Err(blame(&self.track, error)),
        }
    }

    /// The next stretch with at least one frame, or false at the end.
    pub(super) fn next(&mut self, into: &mut Samples) -> Result<bool, DecodeError> {
        loop {
            match self.reader.next_packet() {
                Ok(Some(packet)) if packet.track_id == self.id => {
                    self.decode(&packet, into);
                    if !into.is_empty() {
                        return Ok(true);
                    }
                    if self.position >= self.wanted.end {
                        return Ok(false);
                    }
                }
                Ok(Some(_)) => {}
                Ok(None) => return self.end(),
                Err(Error::ResetRequired) => self.follow_chain()?,
                Err(Error::IoError(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                    self.ended_early = true;
                    return self.end();
                }
                Err(error) => return Err(blame(&self.track, error)),
            }
        }
    }

    fn decode(&mut self, packet: &Packet, into: &mut Samples) {
        let block = self.block_len(packet);
        if let Some(time) = self.first_at.take() {
            // Every frame of an MP3 is equally long, so its time, rounded as it may be, names its number.
            let number = (self.frame_at(time) + block as u64 / 2) / (block as u64).max(1);
            self.offset = i64::try_from(number).unwrap_or(0).saturating_mul(block);
        }
        let at = match self.packet_len {
            Some(_) => self.position,
            None => self.frames(packet.pts.get()).saturating_add(self.offset),
        };
        self.position = at.saturating_add(block);
        into.keep(0..0);
        let Ok(decoded) = self.codec.decode(packet) else {
            self.skipped += u64::from(self.position > self.wanted.start);
            return;
        };
        let valid = valid_part(self.format, packet, &decoded);
        if self.packet_len.is_some() {
            self.position = at.saturating_add(valid.end);
        }
        into.fill(&decoded, self.bits);
        let start = self.wanted.start.saturating_sub(at).max(valid.start);
        let end = self.wanted.end.saturating_sub(at).min(valid.end).max(start);
        into.at = 0;
        into.keep(count(start)..count(end));
        into.at = u64::try_from(at.saturating_add(start)).unwrap_or(0);
    }

    /// Frames in a packet, those included that are cut off.
    fn block_len(&self, packet: &Packet) -> i64 {
        if let Some(len) = self.packet_len {
            return len;
        }
        if self.format == Format::Mp3 {
            // By its header (ISO 11172-3 §2.4.2.3, ISO 13818-3 §2.4.2.3): symphonia 0.6.1 counts trimmed frames twice.
            let is_mpeg_1 = packet.data.get(1).is_some_and(|byte| byte & 0x18 == 0x18);
            return if is_mpeg_1 { 1_152 } else { 576 };
        }
        self.frames(i64::try_from(packet.block_dur().get()).unwrap_or(i64::MAX))
    }

    fn end(&self) -> Result<bool, DecodeError> {
        self.track.failure().map_or(Ok(false), |kind| Err(kind.into()))
    }

    /// Goes on with the next of several Ogg streams in one file (RFC 3533 §4, "chaining").
    fn follow_chain(&mut self) -> Result<(), DecodeError> {
        let (id, params) = audio(self.reader.as_ref())?;
        self.codec = codec_for(&params)?;
        self.id = id;
        self.offset = self.position;
        Ok(())
    }

    /// Finds what encoders added at both ends, where the demuxer leaves it in.
    fn find_bounds(&mut self, layout: &Layout) {
        let Some(track) = self.reader.default_track(TrackType::Audio) else { return };
        self.time_base = track.time_base;
        let frames = track.num_frames.and_then(|frames| i64::try_from(frames).ok());
        match self.format {
            // Without LAME's padding the count is only that of the packets, and often wrong.
            Format::Mp3 if track.padding.is_some() => self.wanted.end = frames.unwrap_or(i64::MAX),
            Format::Aac | Format::Alac => {
                let edit = edit_list::read(&self.track, self.id);
                let start = edit.map(|edit| i64::try_from(edit.media_start).unwrap_or(i64::MAX));
                // Without an edit list, iTunes' note may have told (`iTunSMPB`), which is in the head.
                let noted = i64::from(layout.delay);
                self.offset = -start.map_or(noted, |start| self.frames(start));
                self.position = self.offset;
                let whole = frames.map_or(i64::MAX, |frames| frames.saturating_add(self.offset));
                // The edit's length is often in milliseconds; the sample table is exact.
                let is_short =
                    |edit: &Edit| edit.frames(self.rate).saturating_add(edit.rounding(self.rate)) < whole;
                self.wanted.end = match edit.filter(is_short) {
                    Some(edit) => edit.frames(self.rate),
                    None if start.is_none() && noted > 0 => {
                        let samples = layout.samples.and_then(|samples| i64::try_from(samples).ok());
                        samples.map_or(whole, |samples| samples.min(whole))
                    }
                    None if self.format == Format::Aac => whole,
                    // The last packet of ALAC says itself how long it is.
                    None => i64::MAX,
                };
            }
            _ => {}
        }
    }

    fn frames(&self, ticks: i64) -> i64 {
        self.time_base.map_or(ticks, |base| {
            scale(ticks, u64::from(base.numer.get()) * u64::from(self.rate), base.denom.get().into())
        })
    }

    fn ticks(&self, frames: i64) -> i64 {
        self.time_base.map_or(frames, |base| {
            scale(frames, base.denom.get().into(), u64::from(base.numer.get()) * u64::from(self.rate))
        })
    }
}

fn demuxer(format: Format, source: Box<dyn MediaSource>) -> Result<Box<dyn FormatReader>, Error> {
    let stream = MediaSourceStream::new(source, Default::default());
    let options = FormatOptions::default();
    Ok(match format {
        Format::OggVorbis => Box::new(OggReader::try_new(stream, options)?),
        Format::Flac => Box::new(FlacReader::try_new(stream, options)?),
        Format::Mp3 => Box::new(MpaReader::try_new(stream, options)?),
        Format::Wav => Box::new(WavReader::try_new(stream, options)?),
        Format::Aac | Format::Alac => Box::new(IsoMp4Reader::try_new(stream, options)?),
        _ => return Err(Error::Unsupported("its format is not known")),
    })
}

fn audio(reader: &dyn FormatReader) -> Result<(u32, AudioCodecParameters), DecodeError> {
    let track = reader.default_track(TrackType::Audio).ok_or(DecodeError::NoAudio)?;
    let params = track.codec_params.as_ref().and_then(|params| params.audio()).ok_or(DecodeError::NoAudio)?;
    Ok((track.id, params.clone()))
}

/// The codec keeps its delay and padding: they are cut off by position, so that any start in the middle agrees.
fn codec_for(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, DecodeError> {
    let options = AudioDecoderOptions::default().gapless(false);
    Ok(symphonia::default::get_codecs().make_audio_decoder(params, &options)?)
}

/// Frames in each packet of an MP4 but the last.
fn packet_len(format: Format, params: &AudioCodecParameters) -> Option<i64> {
    match format {
        // ISO/IEC 14496-3 §4.5.1.1; the codec takes no other length.
        Format::Aac => Some(1_024),
        // The first field of ALAC's magic cookie.
        Format::Alac => {
            let cookie = params.extra_data.as_ref()?.first_chunk()?;
            Some(i64::from(u32::from_be_bytes(*cookie))).filter(|len| *len > 0)
        }
        _ => None,
    }
}

fn bits_of(params: &AudioCodecParameters) -> Option<u32> {
    use symphonia::core::codecs::audio::well_known::CODEC_ID_ALAC;
    // The sixth byte of ALAC's magic cookie; the demuxer does not read it.
    let cookie = params.extra_data.as_ref().filter(|_| params.codec == CODEC_ID_ALAC);
    cookie
        .and_then(|cookie| cookie.get(5))
        .map(|bits| u32::from(*bits))
        .or(params.bits_per_sample)
        .or(params.bits_per_coded_sample)
}

/// Which of the decoded frames belong to the track, as far as the packet itself says.
fn valid_part(format: Format, packet: &Packet, decoded: &GenericAudioBufferRef<'_>) -> Range<i64> {
    let all = i64::try_from(decoded.frames()).unwrap_or(i64::MAX);
    let valid = i64::try_from(packet.dur.get()).unwrap_or(i64::MAX);
    match format {
        // MP3's demuxer counts from the splice, so its trimming would be of the wrong packets; MP4's takes the times
        // between packets for the lengths of their sound.
        Format::Mp3 | Format::Aac | Format::Alac => 0..all,
        Format::OggVorbis => {
            let start = i64::try_from(packet.trim_start.get()).unwrap_or(i64::MAX).min(all);
            start..start.saturating_add(valid).min(all)
        }
        _ => 0..if valid == 0 { all } else { valid.min(all) },
    }
}

fn blame(track: &Track, error: Error) -> DecodeError {
    track.failure().map_or_else(|| error.into(), Into::into)
}

fn scale(value: i64, numer: u64, denom: u64) -> i64 {
    if numer == denom || denom == 0 {
        return value;
    }
    let (numer, denom) = (i128::from(numer), i128::from(denom));
    i64::try_from((i128::from(value) * numer + denom / 2).div_euclid(denom)).unwrap_or(i64::MAX)
}

fn count(frames: i64) -> usize {
    usize::try_from(frames).unwrap_or(0)
}
