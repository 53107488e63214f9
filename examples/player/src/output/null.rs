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
