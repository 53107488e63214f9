//! The threads that decode a track and hand the sound to the output.

use super::TrackBuffer;
use super::control::{Control, Order};
use super::gate::Gate;
use super::voice::Voice;
use crate::decode::{DecodeError, Decoder, Layout, Samples};
use crate::failure::Failure;
use crate::output::OutputError;
use core::time::Duration;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// What the decoding thread tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    FirstSound(Instant),
    /// The sound is at `position`, after so many jumps and stutters.
    At {
        position: Duration,
        jumps: u32,
        stutters: u32,
    },
}

/// What the decoding thread leaves behind.
pub(super) struct Decoded {
    pub(super) voice: Voice,
    pub(super) result: Result<(), Stopped>,
    /// The length of what was written.
    pub(super) heard: Duration,
    pub(super) stutters: u32,
    pub(super) damaged: u64,
    /// Samples of silence between the track before and this one; nothing if none went before it.
    pub(super) gap: Option<u64>,
}

/// Why a thread stopped decoding.
#[derive(Debug)]
pub(super) enum Stopped {
    Decode(DecodeError),
    Output(OutputError),
}

/// What decoders of a track are made from.
pub(super) struct Opener {
    pub(super) buffer: Box<dyn Fn() -> TrackBuffer + Send>,
    pub(super) layout: Layout,
}

impl Opener {
    fn open(&self, at: Duration) -> Result<Decoder, DecodeError> {
        Decoder::open(Box::new((self.buffer)()), self.layout.clone(), at)
    }
}

/// A decoder that is opened, and has its first sound ready, as soon as the bytes for that are here.
#[derive(Debug)]
pub(super) struct Primed(Mutex<Receiver<(Result<Decoder, DecodeError>, Opener)>>);

/// Opens a decoder in a thread of its own, since that waits for bytes.
pub(super) fn prime(opener: Opener, at: Duration) -> Result<Primed, Failure> {
    let (ready, primed) = sync_channel(1);
    spawn("opener", move || {
        let decoder = opener.open(at);
        // Nobody may wait for it any more.
        let _ = ready.send((decoder, opener));
    })?;
    Ok(Primed(Mutex::new(primed)))
}

/// What a decoding thread goes by.
pub(super) struct Turn {
    pub(super) primed: Primed,
    pub(super) gate: Gate,
    pub(super) control: Control,
    pub(super) told: mpsc::Sender<Told>,
}

/// Starts a thread.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map(drop).map_err(|error| Failure::runtime(format!("cannot start a thread: {error}")))
}

/// The decoding thread: waits for bytes, decodes, waits for the output.
pub(super) fn decode(turn: &Turn, voice: Voice) -> Decoded {
    let heard = Duration::ZERO;
    let mut decoded = Decoded { voice, result: Ok(()), heard, stutters: 0, damaged: 0, gap: None };
    decoded.result = run(turn, &mut decoded);
    decoded
}

/// Decodes to the end; nothing is written to an output that keeps time until the gate is open. Sound goes on in the output
/// where that of the track before ends.
fn run(turn: &Turn, decoded: &mut Decoded) -> Result<(), Stopped> {
    let Turn { gate, control, told, .. } = turn;
    let Some((mut decoder, mut jumps)) = first(turn)? else { return leave(decoded) };
    let mut samples = Samples::new();
    let mut is_first = true;
    loop {
        match control.take() {
            Some(Order::Leave) => return leave(decoded),
            Some(Order::Jump(to, ordered)) => {
                jumps = ordered;
                decoded.voice.cut().map_err(Stopped::Output)?;
                match decoder.seek(to) {
                    Err(_) if control.is_ordered() => continue,
                    sought => sought.map_err(Stopped::Decode)?,
                }
            }
            None => {}
        }
        if control.is_paused() {
            decoded.voice.pause(control).map_err(Stopped::Output)?;
            continue;
        }
        match decoder.next(&mut samples) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if control.is_ordered() => continue,
            Err(error) => return Err(Stopped::Decode(error)),
        }
        if decoded.voice.is_timed() {
            gate.pass(control);
        }
        if control.is_ordered() {
            continue;
        }
        decoded.write(&samples, core::mem::take(&mut is_first), told).map_err(Stopped::Output)?;
        let end = samples.at + samples.frames() as u64;
        let position = Duration::from_secs_f64(end as f64 / f64::from(samples.rate.max(1)));
        let _ = told.try_send(Told::At { position, jumps, stutters: decoded.stutters });
    }
    decoded.damaged = decoder.skipped();
    decoded.voice.ends();
    Ok(())
}

/// The decoder with its first sound, wherever the listener jumped meanwhile, after so many jumps; nothing if the track was
/// left.
fn first(turn: &Turn) -> Result<Option<(Decoder, u32)>, Stopped> {
    let ready = turn.primed.0.lock().unwrap_or_else(PoisonError::into_inner).recv();
    let (mut decoder, opener) = ready.map_err(|_| Stopped::Decode(DecodeError::Stopped))?;
    let mut jumps = 0;
    loop {
        decoder = match (decoder, turn.control.is_ordered()) {
            (Ok(decoder), _) => return Ok(Some((decoder, jumps))),
            (Err(error), false) => return Err(Stopped::Decode(error)),
            (Err(error), true) => match turn.control.take() {
                Some(Order::Leave) => return Ok(None),
                Some(Order::Jump(to, ordered)) => {
                    jumps = ordered;
                    opener.open(to)
                }
                None => Err(error),
            },
        };
    }
}

impl Decoded {
    fn write(
        &mut self,
        samples: &Samples,
        is_first: bool,
        told: &mpsc::Sender<Told>,
    ) -> Result<(), OutputError> {
        let gap = self.voice.begin(samples.spec())?;
        if is_first {
            self.gap = gap;
            let _ = told.try_send(Told::FirstSound(Instant::now()));
        } else if self.voice.is_dry() {
            self.stutters += 1;
        }
        self.voice.write(samples)?;
        let frames = samples.frames() as f64;
        self.heard += Duration::from_secs_f64(frames / f64::from(samples.rate.max(1)));
        Ok(())
    }
}

/// The track is left before its end: what the output still has of it is not heard.
fn leave(decoded: &mut Decoded) -> Result<(), Stopped> {
    decoded.voice.cut().map_err(Stopped::Output)
}
