//! Sound into a WAV file, as fast as the disk takes it.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use super::{Output, OutputError};
use crate::decode::{Samples, Spec};

/// Writes a WAV file (RIFF, Microsoft and IBM 1991): 16-, 24- or 32-bit integers where the source has integers, 32-bit
/// floats where it has floats, so that nothing is lost. The file is made by the first [`start`](Output::start); later
/// starts of the same kind of sound go on in it. A pause or a flush changes nothing: what is written counts as heard.
#[derive(Debug)]
pub struct Wav {
    path: PathBuf,
    open: Option<Open>,
    heard: u64,
    packed: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    file: BufWriter<File>,
    spec: Spec,
    data_len: u32,
}

impl Wav {
    /// Will write to this path, over what is there.
    #[must_use]
    pub fn new(path: impl AsRef<Path>) -> Self {
        Self { path: path.as_ref().into(), open: None, heard: 0, packed: Vec::new() }
    }

    fn finish(&mut self) -> Result<(), OutputError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.file.seek(SeekFrom::Start(0))?;
        open.file.write_all(&header(open.spec, open.data_len))?;
        open.file.seek(SeekFrom::End(0))?;
        Ok(open.file.flush()?)
    }
}

impl Output for Wav {
    fn start(&mut self, spec: Spec) -> Result<(), OutputError> {
        self.heard = 0;
        match &self.open {
            Some(open) if open.spec == spec => Ok(()),
            Some(_) => Err(OutputError::WrongSpec),
            None => {
                let mut file = BufWriter::new(File::create(&self.path)?);
                // Until the end is known, the lengths say "as much as there is": so a killed player leaves a file
                // that plays.
                file.write_all(&header(spec, u32::MAX))?;
                self.open = Some(Open { file, spec, data_len: 0 });
                Ok(())
            }
        }
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        let open = self.open.as_mut().filter(|open| open.spec == samples.spec());
        let open = open.ok_or(OutputError::WrongSpec)?;
        self.packed.clear();
        samples.write_le(&mut self.packed);
        let len = u32::try_from(self.packed.len()).ok().and_then(|len| open.data_len.checked_add(len));
        open.data_len = len.filter(|len| *len <= u32::MAX - HEADER_MAX).ok_or(OutputError::FileFull)?;
        open.file.write_all(&self.packed)?;
        self.heard += samples.frames() as u64;
        Ok(())
    }

    fn pause(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn resume(&mut self) -> Result<(), OutputError> {
        Ok(())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.heard = 0;
        Ok(())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        self.finish()
    }

    fn played(&mut self) -> u64 {
        self.heard
    }

    fn name(&self) -> String {
        self.path.display().to_string()
    }
}

impl Drop for Wav {
    fn drop(&mut self) {
        // Nobody is left to be told.
        let _ = self.finish();
    }
}

/// More than [`header`] ever takes.
const HEADER_MAX: u32 = 64;

/// The bytes of a WAV file before its samples.
pub(crate) fn header(spec: Spec, data_len: u32) -> Vec<u8> {
    const PCM: u16 = 1;
    const IEEE_FLOAT: u16 = 3;
    let frame_len = u16::try_from(spec.frame_len()).unwrap_or(u16::MAX);
    let mut chunks = Vec::with_capacity(HEADER_MAX as usize);
    chunks.extend_from_slice(b"WAVEfmt ");
    chunks.extend_from_slice(&16_u32.to_le_bytes());
    chunks.extend_from_slice(&if spec.float { IEEE_FLOAT } else { PCM }.to_le_bytes());
    chunks.extend_from_slice(&spec.channels.to_le_bytes());
    chunks.extend_from_slice(&spec.rate.to_le_bytes());
    chunks.extend_from_slice(&spec.rate.saturating_mul(u32::from(frame_len)).to_le_bytes());
    chunks.extend_from_slice(&frame_len.to_le_bytes());
    chunks.extend_from_slice(&spec.bits.to_le_bytes());
    if spec.float {
        chunks.extend_from_slice(b"fact");
        chunks.extend_from_slice(&4_u32.to_le_bytes());
        chunks.extend_from_slice(&(data_len / u32::from(frame_len.max(1))).to_le_bytes());
    }
    chunks.extend_from_slice(b"data");
    chunks.extend_from_slice(&data_len.to_le_bytes());
    let riff_len = data_len.saturating_add(chunks.len() as u32);
    [b"RIFF".as_slice(), &riff_len.to_le_bytes(), &chunks].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Data;

    fn sound(data: Data) -> Samples {
        Samples { at: 0, rate: 8_000, channels: 1, data }
    }

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("spot-wav-{}-{name}.wav", std::process::id()))
    }

    #[test]
    fn the_header_is_right_after_a_drop() {
        let path = scratch("drop");
        let mut wav = Wav::new(&path);
        let samples = sound(Data::I16(vec![1, -2, 3]));
        wav.start(samples.spec()).unwrap();
        wav.write(&samples).unwrap();
        assert_eq!(wav.played(), 3);
        drop(wav);
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written, [header(samples.spec(), 6), vec![1, 0, 0xfe, 0xff, 3, 0]].concat());
        assert_eq!(&written[4..8], (written.len() as u32 - 8).to_le_bytes());
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn two_tracks_of_a_kind_make_one_file_and_another_kind_is_refused() {
        let path = scratch("two");
        let mut wav = Wav::new(&path);
        let samples = sound(Data::F32(vec![0.5, -0.25]));
        for _ in 0..2 {
            wav.start(samples.spec()).unwrap();
            wav.write(&samples).unwrap();
            wav.drain().unwrap();
        }
        assert_eq!(wav.start(sound(Data::I16(vec![])).spec()), Err(OutputError::WrongSpec));
        assert_eq!(wav.write(&sound(Data::I16(vec![1]))), Err(OutputError::WrongSpec));
        let written = std::fs::read(&path).unwrap();
        assert_eq!(written.len(), header(samples.spec(), 0).len() + 16);
        assert_eq!(written[..written.len() - 16], header(samples.spec(), 16));
        std::fs::remove_file(path).unwrap();
    }

    #[test]
    fn a_path_that_cannot_be_written_is_a_typed_error() {
        let mut wav = Wav::new("/nonexistent/x.wav");
        let error = wav.start(sound(Data::I16(vec![])).spec());
        assert_eq!(error, Err(OutputError::File(std::io::ErrorKind::NotFound)));
    }
}
