//! An output that one track after the other goes to, without a gap.

use super::control::Control;
use crate::decode::{Samples, Spec};
use crate::failure::{Exit, Failure};
use crate::output::{Output, OutputError};
use core::fmt;
use core::time::Duration;
use std::time::Instant;

/// An output, and what of the sound in it is not heard yet.
///
/// A track whose sound is of the kind of the one before (rate, channels, form of the samples) goes on in the same stream, at
/// the next sample. For another kind the output is started anew once all that was written is heard: that takes as long as
/// it takes the output, and is reported.
pub struct Voice {
    output: Box<dyn Output>,
    spec: Option<Spec>,
    /// Frames since the output was started or flushed.
    written: u64,
    /// When the sound of the track before ends, if it was heard to its end.
    ends: Option<Instant>,
}

impl Voice {
    /// Nothing was said yet.
    #[must_use]
    pub fn new(output: Box<dyn Output>) -> Self {
        Self { output, spec: None, written: 0, ends: None }
    }

    /// Waits until all is heard.
    ///
    /// # Errors
    /// When the output is gone.
    pub async fn finish(mut self) -> Result<(), Failure> {
        let drained = tokio::task::spawn_blocking(move || self.output.drain()).await;
        drained.map_err(Failure::runtime)?.map_err(|error| Failure::new(Exit::NoOutput, error.to_string()))
    }

    /// What the output is, in a few words for the listener.
    pub(super) fn name(&self) -> String {
        self.output.name()
    }

    pub(super) fn is_timed(&self) -> bool {
        self.output.is_timed()
    }

    /// Gets ready for sound of this kind. If it is the first of a track that follows another one: how many samples of
    /// silence will have been between them.
    pub(super) fn begin(&mut self, spec: Spec) -> Result<Option<u64>, OutputError> {
        if self.spec != Some(spec) {
            self.output.start(spec)?;
            self.spec = Some(spec);
            self.written = 0;
        }
        let timed = self.is_timed();
        let silent = self.ends.take().map(|ends| if timed { ends.elapsed() } else { Duration::ZERO });
        Ok(silent.map(|silent| (silent.as_secs_f64() * f64::from(spec.rate)) as u64))
    }

    /// Whether all that was written was heard before there was more: a gap.
    pub(super) fn is_dry(&mut self) -> bool {
        self.written > 0 && self.is_timed() && self.output.played() >= self.written
    }

    pub(super) fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        self.output.write(samples)?;
        self.written += samples.frames() as u64;
        Ok(())
    }

    /// The track came to its end: what follows is to begin when that is heard.
    pub(super) fn ends(&mut self) {
        let left = self.written.saturating_sub(self.output.played());
        let rate = self.spec.map_or(1, |spec| spec.rate.max(1));
        self.ends = Some(Instant::now() + Duration::from_secs_f64(left as f64 / f64::from(rate)));
    }

    /// What was written and not heard yet is not wanted any more.
    pub(super) fn cut(&mut self) -> Result<(), OutputError> {
        (self.written, self.ends) = (0, None);
        self.output.flush()
    }

    /// Stands still until the pause is over.
    pub(super) fn pause(&mut self, control: &Control) -> Result<(), OutputError> {
        if self.spec.is_none() {
            control.wait();
            return Ok(());
        }
        self.output.pause()?;
        control.wait();
        self.output.resume()
    }
}

impl fmt::Debug for Voice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Voice")
            .field("output", &self.name())
            .field("spec", &self.spec)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Data;
    use crate::output::Null;

    fn sound(rate: u32, frames: usize) -> Samples {
        Samples { at: 0, rate, channels: 1, data: Data::I16(vec![0; frames]) }
    }

    #[test]
    fn what_follows_in_time_has_no_gap_and_what_follows_late_has_a_measured_one() {
        let mut voice = Voice::new(Box::new(Null::new()));
        let samples = sound(8_000, 800);
        assert_eq!(voice.begin(samples.spec()), Ok(None), "nothing went before");
        voice.write(&samples).unwrap();
        voice.ends();
        assert_eq!(voice.begin(samples.spec()), Ok(Some(0)));
        voice.write(&samples).unwrap();
        voice.ends();
        std::thread::sleep(Duration::from_millis(300));
        let gap = voice.begin(samples.spec()).unwrap().unwrap();
        assert!(gap >= 600, "{gap} samples of at least 75 ms of silence");
    }

    #[test]
    fn after_a_cut_nothing_follows() {
        let mut voice = Voice::new(Box::new(Null::fast()));
        let samples = sound(8_000, 800);
        voice.begin(samples.spec()).unwrap();
        voice.write(&samples).unwrap();
        voice.ends();
        voice.cut().unwrap();
        assert_eq!(voice.begin(samples.spec()), Ok(None));
    }

    #[test]
    fn another_kind_of_sound_starts_the_output_anew() {
        let mut voice = Voice::new(Box::new(Null::fast()));
        for rate in [8_000, 44_100] {
            let samples = sound(rate, 800);
            voice.begin(samples.spec()).unwrap();
            voice.write(&samples).unwrap();
            voice.ends();
        }
        assert_eq!(voice.written, 800);
    }
}
