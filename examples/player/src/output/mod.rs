//! Where decoded sound goes: a sound server, a program, a file, or nowhere at the speed of sound.
//!
//! An [`Output`] belongs to one thread, which writes, pauses and asks for the position in turns. Nothing in here waits
//! for ever: whoever takes no sound for [`PATIENCE`] is given up with [`OutputError::Stalled`].

mod auto;
mod choice;
mod clock;
mod error;
mod null;
mod program;
#[cfg(feature = "audio-pulse")]
mod pulse;
#[cfg(feature = "audio-pulse")]
mod queue;
mod wav;

use core::time::Duration;

pub use auto::Auto;
pub use choice::{Choice, ChoiceError};
pub use error::OutputError;
pub use null::Null;
pub use program::{Player, Program};
#[cfg(feature = "audio-pulse")]
pub use pulse::Pulse;
pub use wav::Wav;
pub(crate) use wav::header as wav_header;

use crate::decode::{Samples, Spec};

/// How long an output may take no sound before it counts as dead.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Sound that an output holds back from the decoder: short, so that pause and seek are felt at once.
pub const BUFFER: Duration = Duration::from_millis(200);

/// A taker of decoded sound, and the clock of playback.
pub trait Output: Send {
    /// Gets ready for sound of this kind and counts from 0 again. What was written before is still heard; with the
    /// same spec without a gap.
    ///
    /// # Errors
    /// When the output is not there, or cannot take such sound.
    fn start(&mut self, spec: Spec) -> Result<(), OutputError>;

    /// Hands over sound of the kind that was started. Blocks while the buffer is full, about as long as the sound
    /// lasts.
    ///
    /// # Errors
    /// When the output is gone, paused or not started, or when the sound is of another kind.
    fn write(&mut self, samples: &Samples) -> Result<(), OutputError>;

    /// Stops the sound and the clock; what is buffered stays.
    ///
    /// # Errors
    /// When the output is gone.
    fn pause(&mut self) -> Result<(), OutputError>;

    /// Goes on after [`pause`](Self::pause).
    ///
    /// # Errors
    /// When the output is gone.
    fn resume(&mut self) -> Result<(), OutputError>;

    /// Forgets what is buffered and counts from 0 again: the sound jumps.
    ///
    /// # Errors
    /// When the output is gone.
    fn flush(&mut self) -> Result<(), OutputError>;

    /// Blocks until everything written was heard.
    ///
    /// # Errors
    /// When the output is gone or paused.
    fn drain(&mut self) -> Result<(), OutputError>;

    /// Frames heard since the last [`start`](Self::start) or [`flush`](Self::flush).
    fn played(&mut self) -> u64;

    /// What the output is, in a few words for the listener.
    fn name(&self) -> String;
}
