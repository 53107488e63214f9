//! Silence that takes its time.

use std::thread;
use std::time::Instant;

use super::clock::Clock;
use super::{BUFFER, Output, OutputError};
use crate::decode::{Samples, Spec};

/// Throws sound away: at the speed of sound, so that everything else behaves as with a loudspeaker, or at once.
#[derive(Debug)]
pub struct Null {
    is_fast: bool,
    spec: Option<Spec>,
    is_paused: bool,
    clock: Clock,
}

impl Null {
    /// Silence as long as the sound.
    #[must_use]
    pub fn new() -> Self {
        Self { is_fast: false, spec: None, is_paused: false, clock: Clock::new(1) }
    }

    /// Takes everything at once, for scripts and tests.
    #[must_use]
    pub fn fast() -> Self {
        Self { is_fast: true, ..Self::new() }
    }
}

impl Default for Null {
    fn default() -> Self {
        Self::new()
    }
}

impl Output for Null {
    fn start(&mut self, spec: Spec) -> Result<(), OutputError> {
        self.drain()?;
        self.spec = Some(spec);
        self.clock = Clock::new(if self.is_fast { u32::MAX } else { spec.rate });
        Ok(())
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        if self.spec != Some(samples.spec()) {
            return Err(OutputError::WrongSpec);
        }
        if self.is_paused {
            return Err(OutputError::Paused);
        }
        self.clock.write(samples.frames() as u64, Instant::now());
        thread::sleep(self.clock.wait(BUFFER, Instant::now()));
        Ok(())
    }

    fn pause(&mut self) -> Result<(), OutputError> {
        self.is_paused = true;
        self.clock.stop(Instant::now());
        Ok(())
    }

    fn resume(&mut self) -> Result<(), OutputError> {
        self.is_paused = false;
        self.clock.go(Instant::now());
        Ok(())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        if let Some(spec) = self.spec {
            self.clock = Clock::new(if self.is_fast { u32::MAX } else { spec.rate });
        }
        Ok(())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        let left = self.clock.wait(core::time::Duration::ZERO, Instant::now());
        if self.is_paused && !left.is_zero() {
            return Err(OutputError::Paused);
        }
        thread::sleep(left);
        Ok(())
    }

    fn played(&mut self) -> u64 {
        self.clock.heard(Instant::now())
    }

    fn name(&self) -> String {
        "silence".into()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::decode::Data;

    fn tenth_of_a_second() -> Samples {
        Samples { at: 0, rate: 8_000, channels: 1, data: Data::I16(vec![0; 800]) }
    }

    #[test]
    fn silence_takes_as_long_as_sound() {
        let samples = tenth_of_a_second();
        let mut null = Null::new();
        null.start(samples.spec()).unwrap();
        let begin = Instant::now();
        for _ in 0..4 {
            null.write(&samples).unwrap();
        }
        assert!(begin.elapsed() >= Duration::from_millis(200), "the buffer holds 200 ms, not 400");
        assert!((1_600..3_200).contains(&null.played()), "{}", null.played());
        null.drain().unwrap();
        assert!(begin.elapsed() >= Duration::from_millis(400));
        assert_eq!(null.played(), 3_200);
    }

    #[test]
    fn a_pause_holds_the_clock_and_takes_no_sound() {
        let samples = tenth_of_a_second();
        let mut null = Null::new();
        null.start(samples.spec()).unwrap();
        null.write(&samples).unwrap();
        null.pause().unwrap();
        let heard = null.played();
        thread::sleep(Duration::from_millis(30));
        assert_eq!(null.played(), heard);
        assert_eq!(null.write(&samples), Err(OutputError::Paused));
        assert_eq!(null.drain(), Err(OutputError::Paused));
        null.flush().unwrap();
        assert_eq!(null.played(), 0);
    }

    #[test]
    fn fast_silence_takes_no_time_and_counts_everything() {
        let samples = tenth_of_a_second();
        let mut null = Null::fast();
        assert_eq!(null.write(&samples), Err(OutputError::WrongSpec), "before a start");
        null.start(samples.spec()).unwrap();
        let begin = Instant::now();
        for _ in 0..1_000 {
            null.write(&samples).unwrap();
        }
        null.drain().unwrap();
        assert_eq!(null.played(), 800_000);
        assert!(begin.elapsed() < Duration::from_secs(1));
    }
}
