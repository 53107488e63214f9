//! The thread that decodes a track and hands the sound to the output.

use super::gate::Gate;
use super::{TrackBuffer, layout_of};
use crate::decode::{DecodeError, Decoder, Samples};
use crate::output::{Output, OutputError};
use core::time::Duration;
use spotproto::content::FileId;
use spotproto::message::Opened;
use std::time::Instant;
use tokio::sync::mpsc;

/// What the decoding thread tells.
#[derive(Clone, Copy, Debug)]
pub(super) enum Told {
    FirstSound(Instant),
    At(Duration),
}

/// What the decoding thread leaves behind.
pub(super) struct Decoded {
    pub(super) output: Box<dyn Output>,
    pub(super) result: Result<(), Stopped>,
    pub(super) heard: Duration,
    pub(super) stutters: u32,
    pub(super) damaged: u64,
}

/// Why a thread stopped decoding.
#[derive(Debug)]
pub(super) enum Stopped {
    Decode(DecodeError),
    Output(OutputError),
}

/// The decoding thread: waits for bytes, decodes, waits for the output.
pub(super) fn decode(
    buffer: TrackBuffer,
    gate: &Gate,
    opened: &Opened<FileId>,
    at: Duration,
    output: Box<dyn Output>,
    told: &mpsc::Sender<Told>,
) -> Decoded {
    let mut decoded = Decoded { output, result: Ok(()), heard: at, stutters: 0, damaged: 0 };
    decoded.result = run(buffer, gate, opened, at, &mut decoded, told);
    decoded
}

/// Decodes to the end; nothing is written to an output that keeps time until the gate is open.
fn run(
    buffer: TrackBuffer,
    gate: &Gate,
    opened: &Opened<FileId>,
    at: Duration,
    decoded: &mut Decoded,
    told: &mpsc::Sender<Told>,
) -> Result<(), Stopped> {
    let mut decoder =
        Decoder::open(Box::new(buffer), layout_of(&opened.head), at).map_err(Stopped::Decode)?;
    let Some(mut spec) = decoder.spec() else { return Ok(()) };
    decoded.output.start(spec).map_err(Stopped::Output)?;
    let mut samples = Samples::new();
    let mut written = 0u64;
    while decoder.next(&mut samples).map_err(Stopped::Decode)? {
        if samples.spec() != spec {
            spec = samples.spec();
            written = 0;
            decoded.output.start(spec).map_err(Stopped::Output)?;
        }
        if decoded.output.is_timed() {
            gate.pass();
        }
        if written == 0 {
            let _ = told.try_send(Told::FirstSound(Instant::now()));
        } else if decoded.output.is_timed() && decoded.output.played() >= written {
            decoded.stutters += 1;
        }
        decoded.output.write(&samples).map_err(Stopped::Output)?;
        written += samples.frames() as u64;
        let end = samples.at + samples.frames() as u64;
        decoded.heard = Duration::from_secs_f64(end as f64 / f64::from(spec.rate.max(1)));
        let _ = told.try_send(Told::At(decoded.heard));
    }
    decoded.damaged = decoder.skipped();
    decoded.output.drain().map_err(Stopped::Output)
}
