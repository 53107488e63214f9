//! One track that plays.

use super::buffer::Held;
use super::control::{Control, Order};
use super::decoding::{Decoded, Primed, Stopped, Told, Turn};
use super::gate::Gate;
use super::player::{Heard, Progress, Then};
use super::report::Report;
use super::sound::Sound;
use super::voice::Voice;
use crate::decode::DecodeError;
use crate::failure::{Exit, Failure};
use bytes::Bytes;
use core::time::Duration;
use spotp2p::planner::Kind;
use spotp2p::playout::Why;
use spotproto::content::FileId;
use spotproto::message::Opened;
use spotproto::{Gid, UnixTime};
use std::io;
use std::time::Instant;
use tokio::sync::mpsc;

/// A track that plays.
pub(super) struct Play {
    pub(super) gid: Gid,
    pub(super) clicked: Instant,
    /// The same moment as the node has it.
    pub(super) began: spotproto::Instant,
    pub(super) sound: Sound,
    pub(super) at: Duration,
    pub(super) held: Held,
    pub(super) gate: Gate,
    /// What a start waits for.
    pub(super) buffering: Option<Why>,
    pub(super) report: Report,
    /// Who knew the track, once somebody did.
    pub(super) from: Option<Kind>,
    /// The cache has it, but had to ask the server for leave; until when it had not.
    pub(super) lease_over: Option<UnixTime>,
    pub(super) control: Control,
    /// Whether the output keeps time: in others nobody hears a stutter.
    pub(super) timed: bool,
    /// Where the sound is, after so many jumps; and how many were ordered.
    pub(super) position: Duration,
    pub(super) jumped: u32,
    pub(super) jumps: u32,
    pub(super) stutters: u32,
    pub(super) paused: bool,
    pub(super) length: Duration,
    /// The listener had enough of it before its end.
    pub(super) left: bool,
    /// What is wanted next.
    pub(super) then: Then,
}

impl Play {
    pub(super) fn new(gid: Gid, at: Duration, began: spotproto::Instant, timed: bool) -> Self {
        let (control, held) = (Control::default(), Held::default());
        held.take_turn(control.clone());
        Self {
            gid,
            clicked: Instant::now(),
            began,
            sound: Sound::default(),
            at,
            held,
            gate: Gate::default(),
            buffering: None,
            report: Report { gid: Some(gid), ..Report::default() },
            from: None,
            lease_over: None,
            control,
            timed,
            position: at,
            jumped: 0,
            jumps: 0,
            stutters: 0,
            paused: false,
            length: Duration::MAX,
            then: Then::Next,
            left: false,
        }
    }

    pub(super) fn turn(&self, primed: Primed, told: mpsc::Sender<Told>) -> Turn {
        Turn { primed, gate: self.gate.clone(), control: self.control.clone(), told }
    }

    /// The decoder tells something; whether it is a stutter.
    pub(super) fn told(&mut self, told: Told) -> bool {
        let (position, jumps, stutters) = match told {
            Told::FirstSound(when) => {
                self.report.first_sound = Some(when.saturating_duration_since(self.clicked));
                return false;
            }
            Told::At { position, jumps, stutters } => (position, jumps, stutters),
        };
        if jumps == self.jumps {
            (self.position, self.jumped) = (position, jumps);
        }
        core::mem::replace(&mut self.stutters, stutters) != stutters
    }

    /// The decoder has an order, wherever it waits.
    pub(super) fn order(&self, order: Order) {
        self.control.order(order);
        self.held.wake();
        self.gate.wake();
    }

    pub(super) fn leave(&mut self, then: Then) {
        self.then = then;
        self.left = true;
        self.order(Order::Leave);
    }

    /// For how long the decoder has been waiting, for a piece or for the word to start.
    pub(super) fn waiting(&self) -> Option<Duration> {
        let piece = self.held.waiting().map(|(_, since)| since);
        let since = [piece, self.gate.waiting()].into_iter().flatten().min();
        since.map(|since| since.elapsed())
    }

    /// Ends the wait of whoever waits.
    pub(super) fn fail(&self) {
        self.held.fail(io::ErrorKind::Interrupted);
        self.gate.give_up();
    }

    pub(super) fn opened(&mut self, opened: &Opened<FileId>, show: &mut impl FnMut(Progress)) {
        self.report.opened = Some(self.clicked.elapsed());
        self.report.title = opened.title.to_string();
        self.report.artist = opened.artist.to_string();
        let head = &opened.head;
        self.length = Duration::from_millis(head.duration_ms.into());
        self.report.format = format!("{}, {} kbit/s", head.format, head.bit_rate / 1000);
        show(Progress::Opened {
            artist: self.report.artist.clone(),
            title: self.report.title.clone(),
            duration: self.length,
        });
    }

    pub(super) fn piece(&mut self, index: u32, data: Bytes, from: Kind) {
        self.report.pieces += 1;
        self.report.sources.add(from, data.len() as u64);
        self.held.put(index, data);
    }

    /// It was left before anything of it could be heard.
    pub(super) fn unheard(mut self, voice: Voice) -> Heard {
        self.report.output = voice.name();
        Heard { report: self.report, voice, then: self.then }
    }

    pub(super) fn finish(mut self, decoded: Decoded) -> Result<Heard, Failure> {
        match decoded.result {
            Ok(()) => {}
            Err(Stopped::Decode(DecodeError::Stopped)) => return Err(Failure::runtime("stopped")),
            Err(Stopped::Decode(error)) => return Err(Failure::runtime(error)),
            Err(Stopped::Output(error)) => return Err(Failure::new(Exit::NoOutput, error.to_string())),
        }
        self.report.heard = decoded.heard;
        self.report.stutters = decoded.stutters;
        self.report.damaged = decoded.damaged;
        self.report.gap = decoded.gap;
        self.report.waited = self.held.waited();
        self.report.output = decoded.voice.name();
        Ok(Heard { report: self.report, voice: decoded.voice, then: self.then })
    }
}
