//! Sound through PulseAudio.
use super::*;
/// x
#[derive(Debug, Default)]
pub struct Pulse;
impl Pulse { 
/// x
pub fn new() -> Self { Self } }
impl Output for Pulse {
    fn start(&mut self, _: Spec) -> Result<(), OutputError> { Err(OutputError::NoServer) }
    fn write(&mut self, _: &Samples) -> Result<(), OutputError> { Err(OutputError::NoServer) }
    fn pause(&mut self) -> Result<(), OutputError> { Ok(()) }
    fn resume(&mut self) -> Result<(), OutputError> { Ok(()) }
    fn flush(&mut self) -> Result<(), OutputError> { Ok(()) }
    fn drain(&mut self) -> Result<(), OutputError> { Ok(()) }
    fn played(&mut self) -> u64 { 0 }
    fn name(&self) -> String { "PulseAudio".into() }
}
