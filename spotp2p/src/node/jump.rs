//! Where the decoder and the sound are, and what that makes useless.

use super::track::Stage;
use super::{Effect, Node, Output};
use crate::payload::{FileKey, Payload};
use crate::planner::{Clock, Source};
use alloc::vec::Vec;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{Message, Urgency};

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Goes to another place. What is outstanding and of no use there is called back, or it would stand in the way (deep
    /// pipelines ruin seeks: docs/sources.md, "seek").
    pub(super) fn seek(&mut self, now: Instant, at_ms: u32) {
        let Some(track) = self.tracks[Urgency::Playing as usize].as_mut() else { return };
        track.at_ms = at_ms;
        let Some(file) = track.file.as_mut() else { return };
        file.reading = file.head.piece_at(at_ms);
        file.plan.seek(now, file.reading, at_ms);
        self.wait_for_start(now, at_ms, true);
        self.hold_back_others(now);
    }

    /// The decoder moved on. A decoder that starts anew looks at the headers first: that is no way back. Whether anything
    /// follows from it: nothing where the program has all of the music.
    pub(super) fn reading(&mut self, now: Instant, piece: u32) -> bool {
        let Some(file) = self.file_mut(Urgency::Playing) else { return false };
        if piece >= file.head.pieces() || (piece < file.reading && file.held.get(piece)) {
            return false;
        }
        file.reading = piece;
        file.plan.reading(now, piece);
        file.held.count() < file.head.pieces()
    }

    /// The sound runs.
    pub(super) fn sounds(&mut self, now: Instant, at_ms: u32) {
        self.set_clock(now, Clock::Running { at: now, position_ms: at_ms });
        self.sound_runs(now, at_ms);
    }

    /// The sound stands still.
    pub(super) fn silent(&mut self, now: Instant, at_ms: u32) {
        self.set_clock(now, Clock::Waiting { position_ms: at_ms });
        self.wait_for_start(now, at_ms, false);
    }

    fn set_clock(&mut self, now: Instant, clock: Clock) {
        if let Some(file) = self.file_mut(Urgency::Playing) {
            file.plan.set_clock(now, clock);
        }
    }

    /// What is fetched for later stands in the way of a listener who waits: it is asked for again when nothing is lacking.
    fn hold_back_others(&mut self, now: Instant) {
        for class in [Urgency::Next, Urgency::Offline] {
            let over = self.requests.take_pieces(|_, pieces| pieces.class == class);
            let unanswered: Vec<(Source, u32)> = over
                .iter()
                .flat_map(|(_, pieces)| pieces.left.iter().map(|piece| (pieces.source, *piece)))
                .collect();
            self.take_back(now, over);
            let Some(file) = self.file_mut(class) else { continue };
            unanswered.into_iter().for_each(|(source, piece)| file.plan.unanswered(now, source, piece));
        }
    }

    /// Fetches this track no more.
    pub(super) fn close(&mut self, now: Instant, class: Urgency) {
        let Some(track) = self.track(class) else { return };
        if let (Stage::Asked(channel), Some(session)) = (track.stage, self.server.session) {
            self.requests.remove((session, channel));
            self.send_server(Message::Abort { channel });
        }
        let over = self.requests.take_pieces(|_, pieces| pieces.class == class);
        self.take_back(now, over);
        self.leave_mirrors(class);
        self.leave_shelf(now, class);
        if class == Urgency::Playing {
            self.leave_playout();
        }
        let Some(file) = self.tracks[class as usize].take().and_then(|track| track.file) else { return };
        if let Some(flow) = file.plan.flow(super::sources::SERVER) {
            self.server.flow = flow.clone().rested();
        }
        self.seek_holders_no_more(now, file.head.file);
    }

    /// Plays nothing any more.
    pub(super) fn stop(&mut self, now: Instant) {
        self.expect_next(now, None, 0);
        self.close(now, Urgency::Playing);
        self.tell_link();
    }

    /// Leaves the access point and everybody else.
    pub(super) fn leave(&mut self, now: Instant) {
        self.expect_next(now, None, 0);
        for class in Urgency::ALL {
            self.close(now, class);
        }
        self.tell_link();
        self.keeping = None;
        self.set_mode(now, crate::swarm::Mode::Alone);
        self.server.tell(now, crate::reach::BackoffInput::Unwant);
        if let Some(session) = self.server.end() {
            self.requests.take_session(session);
            self.out.push(Output::Effect(Effect::HangUp { session, code: spotproto::CloseCode::Done }));
        }
        self.put_away();
    }
}
