//! The threads that decode a track and hand the sound to the output.

use super::control::{Control, Order};
use super::gate::Gate;
use super::voice::Voice;
use super::{Held, TrackBuffer, layout_of};
use crate::decode::{DecodeError, Decoder, Samples};
use crate::failure::Failure;
use crate::output::OutputError;
use core::time::Duration;
use spotproto::content::FileId;
use spotproto::message::Opened;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tokio::sync::mpsc;

/// What the decoding thread tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    FirstSound(Instant),
    /// The sound is there, after so many jumps.
    At(Duration, u32),
}

/// What the decoding thread leaves behind.
pub(super) struct Decoded {
    pub(super) voice: Voice,
    pub(super) result: Result<(), Stopped>,
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

/// A decoder that is opened, and has its first sound ready, as soon as the bytes for that are here.
#[derive(Debug)]
pub(super) struct Primed(Mutex<Receiver<Result<Decoder, DecodeError>>>);

impl Primed {
    /// Waits until it is.
    fn decoder(&self) -> Result<Decoder, DecodeError> {
        let ready = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready.recv().unwrap_or(Err(DecodeError::Stopped))
    }
}

/// What a decoding thread goes by.
pub(super) struct Turn {
    pub(super) primed: Primed,
    pub(super) held: Held,
    pub(super) gate: Gate,
    pub(super) control: Control,
    pub(super) at: Duration,
    pub(super) told: mpsc::Sender<Told>,
}

/// Opens a decoder in a thread of its own, since that waits for bytes.
pub(super) fn prime(buffer: TrackBuffer, opened: &Opened<FileId>, at: Duration) -> Result<Primed, Failure> {
    let layout = layout_of(&opened.head);
    let (ready, primed) = sync_channel(1);
    spawn("opener", move || {
        // Nobody may wait for it any more.
        let _ = ready.send(Decoder::open(Box::new(buffer), layout, at));
    })?;
    Ok(Primed(Mutex::new(primed)))
}

/// Starts a thread.
pub(super) fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name(name.into()).spawn(work);
    thread.map(drop).map_err(|error| Failure::runtime(format!("cannot start a thread: {error}")))
}

/// The decoding thread: waits for bytes, decodes, waits for the output.
pub(super) fn decode(turn: &Turn, voice: Voice) -> Decoded {
    let mut decoded = Decoded { voice, result: Ok(()), heard: turn.at, stutters: 0, damaged: 0, gap: None };
    decoded.result = run(turn, &mut decoded);
    decoded
}

/// Decodes to the end; nothing is written to an output that keeps time until the gate is open. Sound goes on in the output
/// where that of the track before ends.
fn run(turn: &Turn, decoded: &mut Decoded) -> Result<(), Stopped> {
    let mut decoder = match turn.primed.decoder() {
        Err(_) if turn.control.is_ordered() => return leave(decoded),
        opened => opened.map_err(Stopped::Decode)?,
    };
    let mut samples = Samples::new();
    let (mut jumps, mut is_first) = (0, true);
    loop {
        match turn.control.take() {
            Some(Order::Leave) => return leave(decoded),
            Some(Order::Jump(to)) => {
                jumps += 1;
                turn.held.go_on();
                turn.gate.go_on();
                decoded.voice.cut().map_err(Stopped::Output)?;
                match decoder.seek(to) {
                    Err(_) if turn.control.is_ordered() => continue,
                    sought => sought.map_err(Stopped::Decode)?,
                }
            }
            None => {}
        }
        if turn.control.is_paused() {
            decoded.voice.pause(&turn.control).map_err(Stopped::Output)?;
            continue;
        }
        match decoder.next(&mut samples) {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) if turn.control.is_ordered() => continue,
            Err(error) => return Err(Stopped::Decode(error)),
        }
        let voice = &mut decoded.voice;
        if voice.is_timed() {
            turn.gate.pass();
        }
        if turn.control.is_ordered() {
            continue;
        }
        let gap = voice.begin(samples.spec()).map_err(Stopped::Output)?;
        if core::mem::take(&mut is_first) {
            decoded.gap = gap;
            let _ = turn.told.try_send(Told::FirstSound(Instant::now()));
        } else if voice.is_dry() {
            decoded.stutters += 1;
        }
        voice.write(&samples).map_err(Stopped::Output)?;
        let end = samples.at + samples.frames() as u64;
        decoded.heard = Duration::from_secs_f64(end as f64 / f64::from(samples.rate.max(1)));
        let _ = turn.told.try_send(Told::At(decoded.heard, jumps));
    }
    decoded.damaged = decoder.skipped();
    decoded.voice.ends();
    Ok(())
}

/// The track is left before its end: what the output still has of it is not heard.
fn leave(decoded: &mut Decoded) -> Result<(), Stopped> {
    decoded.voice.cut().map_err(Stopped::Output)
}
