//! The first output that works.

use std::collections::VecDeque;

use super::{Choice, Output, OutputError};
use crate::decode::{Samples, Spec};
use crate::output::program::Player;

/// A sound server, else a program, else silence with the clock running. A fall to silence is said on standard error
/// in one line; an output that dies after it was heard is an error, for silence must not pass for music.
pub struct Auto {
    current: Option<Box<dyn Output>>,
    rest: VecDeque<Choice>,
    spec: Option<Spec>,
    /// The current output was heard, so it is not given up lightly.
    is_proved: bool,
    is_paused: bool,
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
        Self { current: None, rest, spec: None, is_proved: false, is_paused: false }
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
            return Ok(self.current.insert(output));
        }
    }
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
        match &mut self.current {
            Some(current) => current.start(spec),
            None => self.fall_back(spec).map(drop),
        }
    }

    fn write(&mut self, samples: &Samples) -> Result<(), OutputError> {
        let current = self.current.as_mut().ok_or(OutputError::WrongSpec)?;
        match current.write(samples) {
            Ok(()) => {
                // A program without a device takes a pipe full of sound before it is noticed to have ended.
                self.is_proved |= current.played() >= u64::from(samples.rate);
                Ok(())
            }
            Err(OutputError::Gone | OutputError::Stalled | OutputError::Refused) if !self.is_proved => {
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
        self.current.as_mut().map_or(Ok(()), |current| current.flush())
    }

    fn drain(&mut self) -> Result<(), OutputError> {
        self.current.as_mut().map_or(Ok(()), |current| current.drain())
    }

    fn played(&mut self) -> u64 {
        self.current.as_mut().map_or(0, |current| current.played())
    }

    fn name(&self) -> String {
        self.current.as_ref().map_or_else(|| "nothing yet".into(), |current| current.name())
    }
}
