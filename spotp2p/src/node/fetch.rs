//! What to ask for next, and what to do with what comes.

use super::play::{File, Judged};
use super::{Effect, Event, Node, Output, PLAYING};
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;
use core::time::Duration;
use spotproto::content::{LEAF_GROUP, LeafRange};
use spotproto::message::{Channel, Message, Open, Opened, PieceRange, Read, Refusal, Wanted};
use spotproto::{CloseCode, Instant};

/// One part in so many of the window has to be free before more is asked for, so that a wide window is not made of reads
/// of one piece each.
const RUNS: u32 = 32;

/// Wrong pieces after which a track is given up: the only source there is keeps lying.
const MOST_FORGED: u32 = 3;

/// How long nothing is asked of an access point that was busy.
const BUSY: Duration = Duration::from_secs(1);

impl<K: FileKey, B: Payload> Node<K, B> {
    /// Asks for as much as the line needs to stay full, the most urgent first.
    pub(super) fn ask(&mut self, now: Instant) {
        if self.server.session.is_none() {
            return;
        }
        match &self.play {
            Some(play) if play.busy_until.is_some() => {}
            Some(play) if play.file.is_some() => self.ask_for_pieces(now),
            Some(play) if play.opening.is_none() => self.ask_to_open(now),
            _ => {}
        }
    }

    fn ask_to_open(&mut self, now: Instant) {
        let channel = self.server.channel();
        let credit = self.server.flow.window();
        let Some(play) = self.play.as_mut() else { return };
        play.opening = Some(channel);
        play.credit = credit;
        let open = Open {
            wanted: play.wanted,
            at_ms: play.at_ms,
            credit: u16::try_from(credit).unwrap_or(u16::MAX),
            urgency: PLAYING,
        };
        self.server.open_sent = now;
        self.send(Message::Open { channel, open });
    }

    fn ask_for_pieces(&mut self, now: Instant) {
        loop {
            let window = self.server.flow.window();
            let room = window.saturating_sub(self.server.flow.in_flight());
            let Some(file) = self.play.as_ref().and_then(|play| play.file.as_ref()) else { return };
            if room < window.div_ceil(RUNS) || file.has_many_reads() {
                return;
            }
            let Some(pieces) = next_run(file, room, self.config.keep) else { return };
            self.read(now, pieces);
        }
    }

    fn read(&mut self, now: Instant, pieces: PieceRange) {
        let channel = self.server.channel();
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        let leaves = file.missing_leaves(pieces);
        if let Some(range) = leaves {
            file.leaves_asked.insert(channel, range);
        }
        for piece in pieces.start..pieces.end() {
            let sample = self.server.flow.asked(now);
            file.asked.insert(piece, (channel, sample));
        }
        let read = Read { file: file.head.file, pieces, urgency: PLAYING, leaves };
        self.send(Message::Read { channel, read });
    }

    /// The answer to an open.
    pub(super) fn opened(&mut self, now: Instant, channel: Channel, opened: Box<Opened<K>>) {
        let Some(play) = self.play.as_mut().filter(|play| play.opening == Some(channel)) else { return };
        let another = matches!(play.wanted, Wanted::File(wanted) if wanted != opened.head.file);
        if another || opened.head.check().is_err() {
            return self.distrust(now, 0);
        }
        let mut file = File::new(&opened, opened.head.piece_at(play.at_ms));
        let (flow, sent) = (&mut self.server.flow, self.server.open_sent);
        let expected = file.expect(&opened.first, channel, play.credit, || flow.asked_since(sent));
        if expected.is_err() || opened.proofs.iter().any(|proof| file.prove(proof).is_err()) {
            return self.distrust(now, 0);
        }
        // From now on it is this file, whatever the track's name may come to mean.
        play.wanted = Wanted::File(opened.head.file);
        play.opening = None;
        play.file = Some(file);
        self.out.push(Output::Event(Event::Opened(opened)));
        self.ask(now);
    }

    /// Leaves that were asked for with pieces.
    pub(super) fn leaves(&mut self, now: Instant, channel: Channel, leaves: &LeafRange) {
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        if file.leaves_asked.remove(&channel).is_none() {
            return;
        }
        let Ok(judged) = file.prove(leaves) else { return self.distrust(now, leaves.start) };
        file.drop_unprovable();
        for (index, verdict) in judged {
            self.take(now, index, verdict);
        }
        self.ask(now);
    }

    /// A piece came.
    pub(super) fn piece(&mut self, now: Instant, channel: Channel, index: u32, data: B) {
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        let Some((_, sample)) = file.asked.get(&index).copied().filter(|(asked, _)| *asked == channel) else {
            return;
        };
        file.asked.remove(&index);
        self.server.flow.arrived(now, sample, data.size());
        let verdict = file.judge(index, data);
        self.take(now, index, verdict);
        self.ask(now);
    }

    fn take(&mut self, now: Instant, index: u32, verdict: Judged<B>) {
        match verdict {
            Judged::Proved(data) => {
                self.out.push(Output::Event(Event::Piece { index, data }));
                self.shrink();
            }
            Judged::Forged => self.distrust(now, index),
            Judged::Unproved | Judged::Superfluous => {}
        }
    }

    fn shrink(&mut self) {
        let keep = self.config.keep;
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        if file.held_count > keep {
            for range in file.shrink(keep) {
                self.out.push(Output::Event(Event::Drop(range)));
            }
        }
    }

    /// An answer is over; pieces that never came must be asked for again.
    pub(super) fn ended(&mut self, now: Instant, channel: Channel, refused: Option<Refusal>) {
        let Some(play) = self.play.as_mut() else { return };
        if play.opening == Some(channel) {
            if refused == Some(Refusal::Busy) {
                play.opening = None;
                play.busy_until = Some(now + BUSY);
                return;
            }
            self.play = None;
            let why = refused.unwrap_or(Refusal::Unavailable);
            self.out.push(Output::Event(Event::Refused(why)));
            return;
        }
        let Some(file) = play.file.as_mut() else { return };
        let missing: Vec<u32> =
            file.asked.iter().filter(|(_, asked)| asked.0 == channel).map(|(piece, _)| *piece).collect();
        for piece in &missing {
            file.asked.remove(piece);
            self.server.flow.withdrawn();
        }
        let unproved = file.leaves_asked.remove(&channel);
        match (refused, unproved) {
            (None, None) => self.ask(now),
            // It says that this was all, and it was not: pieces without their proof are of no use.
            (None, Some(leaves)) => self.distrust(now, leaves.start),
            (Some(Refusal::Busy), unproved) if unproved.is_some() || !missing.is_empty() => {
                file.drop_unprovable();
                play.busy_until = Some(now + BUSY);
            }
            // The only source says no: nothing is gained by asking again.
            (Some(why), unproved) if unproved.is_some() || !missing.is_empty() => {
                self.stop();
                self.out.push(Output::Event(Event::Refused(why)));
            }
            (Some(_), _) => self.ask(now),
        }
    }

    /// Goes to another place.
    pub(super) fn seek(&mut self, now: Instant, at_ms: u32) {
        let Some(play) = self.play.as_mut() else { return };
        play.at_ms = at_ms;
        let Some(file) = play.file.as_mut() else { return };
        file.reading = file.head.piece_at(at_ms);
        self.make_way();
        self.ask(now);
    }

    /// Cancels what is outstanding and of no use from where the decoder is now, or it would stand in the way
    /// (deep pipelines ruin seeks: docs/sources.md, "seek").
    fn make_way(&mut self) {
        let Some(file) = self.play.as_ref().and_then(|play| play.file.as_ref()) else { return };
        let ahead = file.reading..file.reading.saturating_add(self.server.flow.window());
        let headers: BTreeSet<u32> = file.head.header_pieces().collect();
        let useful = |piece: &u32| ahead.contains(piece) || headers.contains(piece);
        let kept: BTreeSet<Channel> =
            file.asked.iter().filter(|(piece, _)| useful(piece)).map(|(_, asked)| asked.0).collect();
        let cancelled: BTreeSet<Channel> =
            file.asked.values().map(|asked| asked.0).filter(|channel| !kept.contains(channel)).collect();
        self.cancel(&cancelled);
    }

    fn cancel(&mut self, channels: &BTreeSet<Channel>) {
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        let before = file.asked.len();
        file.asked.retain(|_, asked| !channels.contains(&asked.0));
        for _ in file.asked.len()..before {
            self.server.flow.withdrawn();
        }
        // Leaves may have been among what is cancelled: they are asked for again when they are needed.
        file.leaves_asked.retain(|channel, _| !channels.contains(channel));
        file.drop_unprovable();
        for channel in channels {
            self.send(Message::Abort { channel: *channel });
        }
    }

    /// The decoder moved on. A decoder that starts anew looks at the headers first: that is no way back.
    pub(super) fn reading(&mut self, now: Instant, piece: u32) {
        let Some(file) = self.play.as_mut().and_then(|play| play.file.as_mut()) else { return };
        if piece >= file.head.pieces() || (piece < file.reading && file.has(piece)) {
            return;
        }
        let jumped = piece < file.reading || piece - file.reading > self.server.flow.window();
        file.reading = piece;
        if jumped && file.lacks(piece) {
            self.make_way();
        }
        self.ask(now);
    }

    /// Plays nothing any more.
    pub(super) fn stop(&mut self) {
        let Some(play) = self.play.as_ref() else { return };
        let mut channels: BTreeSet<Channel> = play.opening.into_iter().collect();
        if let Some(file) = play.file.as_ref() {
            channels.extend(file.asked.values().map(|asked| asked.0));
        }
        if play.file.is_some() {
            self.cancel(&channels);
        } else {
            for channel in channels {
                self.send(Message::Abort { channel });
            }
        }
        self.play = None;
    }

    /// What came can't be what was published. There is no second source to ask yet: end this connection, try another.
    fn distrust(&mut self, now: Instant, index: u32) {
        self.out.push(Output::Event(Event::Forged { index }));
        let mut hopeless = false;
        if let Some(play) = self.play.as_mut() {
            play.forget_requests();
            play.forged += 1;
            hopeless = play.forged >= MOST_FORGED;
        }
        if hopeless {
            self.play = None;
            self.out.push(Output::Event(Event::Refused(Refusal::Unavailable)));
        }
        if let Some(session) = self.server.session {
            self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Protocol }));
            self.disconnected(now, None);
        }
    }
}

/// The next pieces to ask for in one request: headers, then from where the decoder is to the end.
fn next_run<K: FileKey, B: Payload>(file: &File<K, B>, room: u32, keep: u32) -> Option<PieceRange> {
    let ahead = file.reading..file.head.pieces().min(file.reading.saturating_add(keep));
    let start = file.head.header_pieces().chain(ahead.clone()).find(|piece| file.lacks(*piece))?;
    let most = room.min(spotproto::message::MAX_READ);
    // A run ends with its group of leaves, so that one request never needs two proofs.
    let end = (start / LEAF_GROUP + 1) * LEAF_GROUP;
    let count = (start..end.min(ahead.end.max(start + 1)))
        .take(most as usize)
        .take_while(|piece| file.lacks(*piece))
        .count() as u32;
    (count > 0).then_some(PieceRange { start, count })
}
