//! The first output that works.

use alloc::collections::VecDeque;
use core::time::Duration;

use super::{Choice, Output, OutputError};
use crate::decode::{Samples, Spec};
use crate::output::program::Player;

/// What an output must have played to be believed in: a program without a device takes a pipe full of sound, and looks
/// around for a second, before it is seen to have ended.
const PROOF: Duration = Duration::from_secs(3);

/// A sound server, else a program, else silence with the clock running. A fall to silence is said on standard error
/// in one line; an output that dies after it was heard is an error, for silence must not pass for music.
pub struct Auto {
    current: Option<Box<dyn Output>>,
    rest: VecDeque<Choice>,
    spec: Option<Spec>,
    /// The current output was heard, so it is not given up lightly.
    is_proved: bool,
    is_paused: bool,
    /// Frames since the last start or flush, and how many of them went to outputs that were dead.
    written: u64,
    lost: u64,
}

impl Auto {
    /// Will look when it is started.
    #[must_use]
    pub fn new() -> Self {
        let mut rest = VecDeque::new();
        #[cfg(feature = "audio-pulse")]
        rest.push_back(Choice::Pulse);
        rest.extend(Player::ALL.map(Choice::Program));
        rest.push_back(Choice::Null);
        Self::of(rest)
    }

    fn of(rest: VecDeque<Choice>) -> Self {
        Self { current: None, rest, spec: None, is_proved: false, is_paused: false, written: 0, lost: 0 }
    }

    /// Starts the next output that can be started.
    fn fall_back(&mut self, spec: Spec) -> Result<&mut Box<dyn Output>, OutputError> {
        loop {
            let choice = self.rest.pop_front().ok_or(OutputError::Gone)?;
            let mut output = choice.output();
            if output.start(spec).is_err() {
                continue;
            }
            if choice == Choice::Null {
                eprintln!("no sound output found (sound server, pacat, aplay, ffplay): playing in silence");
            }
            if self.is_paused {
                output.pause()?;
            }
            self.lost = self.written;
            return Ok(self.current.insert(output));
        }
    }
}

fn is_dead(error: OutputError) -> bool {
    matches!(error, OutputError::Gone | OutputError::Stalled | OutputError::Refused)
}

impl Default for Auto {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Auto {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Auto").field("current", &self.name()).field("rest", &self.rest).finish()
    }
}

impl Output for Auto {
    fn start(&mut self, spec: Spec) -> Result<(), OutputError> {
        self.spec = Some(spec);
        self.written = 0;
        self.lost = 0;
        match &mut self.current {
            Some(current) => current.start(spec),
            None => self.fall_back(spec).map(drop),
        }
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        let current = self.current.as_mut().ok_or(OutputError::WrongSpec)?;
        match current.write(samples) {
            Ok(()) => {
                self.written += samples.frames() as u64;
                self.is_proved |= current.played() >= PROOF.as_secs() * u64::from(samples.rate);
                Ok(())
            }
            Err(error) if !self.is_proved && is_dead(error) => {
                let spec = self.spec.ok_or(OutputError::WrongSpec)?;
                self.fall_back(spec)?;
                self.write(samples)
            }
            Err(error) => Err(error),
        }
    }

    fn pause(&mut self) -> Result<(), OutputError> {
        self.is_paused = true;
        self.current.as_mut().map_or(Ok(()), |current| current.pause())
    }

    fn resume(&mut self) -> Result<(), OutputError> {
        self.is_paused = false;
        self.current.as_mut().map_or(Ok(()), |current| current.resume())
    }

    fn flush(&mut self) -> Result<(), OutputError> {
        self.written = 0;
        self.lost = 0;
        self.current.as_mut().map_or(Ok(()), |current| current.flush())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        let drained = self.current.as_mut().map_or(Ok(()), |current| current.drain());
        match (drained, self.spec) {
            (Err(error), Some(spec)) if !self.is_proved && is_dead(error) => self.fall_back(spec).map(drop),
            (drained, _) => drained,
        }
    }

    fn played(&mut self) -> u64 {
        self.lost + self.current.as_mut().map_or(0, |current| current.played())
    }

    fn name(&self) -> String {
        self.current.as_ref().map_or_else(|| "nothing yet".into(), |current| current.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Data;

    #[test]
    fn what_cannot_be_opened_is_passed_over() {
        let nowhere = Choice::Wav("/nonexistent/x.wav".into());
        let mut auto = Auto::of([nowhere, Choice::NullFast].into());
        let samples = Samples { at: 0, rate: 8_000, channels: 1, data: Data::I16(vec![0; 100]) };
        auto.start(samples.spec()).unwrap();
        assert_eq!(auto.name(), "silence");
        auto.write(&samples).unwrap();
        auto.drain().unwrap();
        assert_eq!(auto.played(), 100);
    }

    #[test]
    fn with_nothing_left_it_says_so() {
        let spec = Samples::new().spec();
        assert_eq!(Auto::of([].into()).start(spec), Err(OutputError::Gone));
    }
}
