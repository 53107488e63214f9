//! What to ask the server for next, and what to do with what comes.

use super::track::{Asked, File, Judged, Stage, Verdict};
use super::{Effect, Event, Node, NotKept, Output, Source};
use crate::payload::{FileKey, Payload};
use alloc::boxed::Box;
use core::time::Duration;
use spotcache::cache::{DiskError, Trouble};
use spotproto::content::{LEAF_GROUP, LeafRange};
use spotproto::message::{Channel, Message, Open, Opened, PieceRange, Read, Refusal, Urgency, Wanted};
use spotproto::{CloseCode, Instant};

/// One part in so many of the window has to be free before more is asked for, so that a wide window is not made of reads
/// of one piece each.
const RUNS: u32 = 32;

/// Wrong pieces after which a track is given up: the only source there is keeps lying.
const MOST_FORGED: u32 = 3;

/// How long nothing is asked of an access point that was busy.
const BUSY: Duration = Duration::from_secs(1);

/// Pieces on their way to the cache beyond which nothing is fetched that only the cache has room for: a disk that is
/// slower than the line sets the pace.
const MOST_WRITING: usize = 64;

impl<K: FileKey, B: Payload> Node<K, B> {
    /// Asks for as much as the line needs to stay full, the most urgent first.
    pub(super) fn ask(&mut self, now: Instant) {
        for class in Urgency::ALL {
            self.ask_shelf(class);
            self.ask_server(now, class);
        }
    }

    fn ask_server(&mut self, now: Instant, class: Urgency) {
        if self.server.session.is_none() || self.server.busy_until.is_some() {
            return;
        }
        match self.track(class).map(|track| track.stage) {
            Some(Stage::Unasked) => self.ask_to_open(now, class),
            Some(Stage::Open) => self.ask_for_pieces(now, class),
            _ => {}
        }
    }

    fn ask_to_open(&mut self, now: Instant, class: Urgency) {
        let channel = self.server.channel(class);
        let window = self.server.flow.window();
        let room = if class == Urgency::Playing { window } else { self.server.room() };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        track.stage = Stage::Asked(channel);
        track.asked_at = now;
        // Only the key is missing where the cache has the music.
        track.credit = if track.renews { 0 } else { room };
        let open = Open {
            wanted: track.wanted,
            at_ms: track.at_ms,
            credit: u16::try_from(track.credit).unwrap_or(u16::MAX),
            urgency: class,
        };
        self.send(Message::Open { channel, open });
    }

    fn ask_for_pieces(&mut self, now: Instant, class: Urgency) {
        loop {
            let room = self.server.room();
            let few = self.server.flow.window().div_ceil(RUNS);
            let keep = self.keep(class);
            let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut())
            else {
                return;
            };
            if room < few || file.has_many_reads() {
                return;
            }
            let shelf = self.shelf.as_ref();
            let lacks = |file: &File<K, B>, piece| {
                file.lacks(piece) && !shelf.is_some_and(|shelf| shelf.holds(&file.head.file, piece))
            };
            let Some(pieces) = next_run(file, room, keep, lacks) else { return };
            self.read(now, class, pieces);
        }
    }

    fn read(&mut self, now: Instant, class: Urgency, pieces: PieceRange) {
        let channel = self.server.channel(class);
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let leaves = file.missing_leaves(pieces);
        if let Some(range) = leaves {
            file.leaves_asked.insert(channel, range);
        }
        for piece in pieces.start..pieces.end() {
            let sample = self.server.flow.asked(now);
            file.asked.insert(piece, Asked::Server(channel, sample));
        }
        let read = Read { file: file.head.file, pieces, urgency: class, leaves };
        self.send(Message::Read { channel, read });
    }

    /// The answer to an open.
    pub(super) fn opened(&mut self, now: Instant, channel: Channel, opened: Box<Opened<K>>) {
        let Some(class) = self.server.class(channel) else { return };
        let Some(track) = self.tracks[class as usize].as_mut().filter(|it| it.stage == Stage::Asked(channel))
        else {
            return;
        };
        let another = matches!(track.wanted, Wanted::File(wanted) if wanted != opened.head.file);
        if another || opened.head.check().is_err() {
            return self.distrust(now, class, 0);
        }
        let reading = if class == Urgency::Playing { opened.head.piece_at(track.at_ms) } else { 0 };
        let mut file = File::new(&opened, reading);
        let (flow, sent) = (&mut self.server.flow, track.asked_at);
        let expected = file.expect(&opened.first, channel, track.credit, || flow.asked_since(sent));
        if expected.is_err() || opened.proofs.iter().any(|proof| file.prove(proof).is_err()) {
            return self.distrust(now, class, 0);
        }
        // From now on it is this file, whatever the track's name may come to mean.
        track.wanted = Wanted::File(opened.head.file);
        track.stage = Stage::Open;
        track.file = Some(file);
        self.shelve(now, class, &opened);
        self.begun(now, class, opened, Source::Server);
    }

    /// A track is open: the program hears of it, and its pieces are fetched.
    pub(super) fn begun(&mut self, now: Instant, class: Urgency, opened: Box<Opened<K>>, from: Source) {
        match class {
            Urgency::Playing => self.out.push(Output::Event(Event::Opened { opened, from })),
            _ => self.opened_to_keep(now, &opened),
        }
        self.ask(now);
    }

    /// Leaves that were asked for with pieces.
    pub(super) fn leaves(&mut self, now: Instant, channel: Channel, leaves: &LeafRange) {
        let Some(class) = self.server.class(channel) else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        if file.leaves_asked.remove(&channel).is_none() {
            return;
        }
        let Ok(judged) = file.prove(leaves) else { return self.distrust(now, class, leaves.start) };
        file.drop_unprovable();
        self.shelve_leaves(class, leaves.range());
        self.take_all(now, class, judged);
        self.ask(now);
    }

    /// A piece came from the server.
    pub(super) fn piece(&mut self, now: Instant, channel: Channel, index: u32, data: B) {
        let Some(class) = self.server.class(channel) else { return };
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let Some(Asked::Server(asked, sample)) = file.asked.get(&index).copied() else { return };
        if asked != channel {
            return;
        }
        file.asked.remove(&index);
        file.fetched.set(index, true);
        self.server.flow.arrived(now, sample, data.size());
        let verdict = file.judge(index, data, Source::Server);
        self.take(now, class, (index, Source::Server, verdict));
        self.ask(now);
    }

    pub(super) fn take_all(
        &mut self,
        now: Instant,
        class: Urgency,
        verdicts: impl IntoIterator<Item = Verdict<B>>,
    ) {
        for verdict in verdicts {
            self.take(now, class, verdict);
        }
    }

    pub(super) fn take(&mut self, now: Instant, class: Urgency, (index, from, verdict): Verdict<B>) {
        match verdict {
            Judged::Proved(data) => {
                self.shelve_piece(class, index, &data);
                let track = self.track(class).and_then(|track| track.file.as_ref());
                if class == Urgency::Offline && track.is_some_and(|file| !file.shelved) {
                    return self.not_kept(now, NotKept::Trouble(Trouble::Disk(DiskError::Busy)));
                }
                self.give(class, index, data, from);
            }
            Judged::Forged if from == Source::Cache => self.forget_shelved(now, class, index),
            Judged::Forged => self.distrust(now, class, index),
            Judged::Unproved | Judged::Superfluous => {}
        }
    }

    /// Gives the program a piece, if it is to have it now: what is far ahead stays in the cache until its time comes.
    fn give(&mut self, class: Urgency, index: u32, data: B, from: Source) {
        let keep = self.keep(class);
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        let now =
            index < file.reading.saturating_add(keep) || file.head.header_pieces().any(|it| it == index);
        if class != Urgency::Playing || (file.writing.contains(&index) && !now) {
            return;
        }
        file.held.set(index, true);
        // What went to the cache for a while did not come from there.
        let from = if file.fetched.get(index) { Source::Server } else { from };
        self.out.push(Output::Event(Event::Piece { index, data, from }));
        if file.held.count() > keep {
            let reading = file.reading;
            let dropped = file.shrink(keep);
            if dropped.iter().any(|range| range.end() > reading) {
                file.look_again();
            }
            for range in dropped {
                self.out.push(Output::Event(Event::Drop(range)));
            }
        }
    }

    /// An answer is over; pieces that never came must be asked for again.
    pub(super) fn ended(&mut self, now: Instant, channel: Channel, refused: Option<Refusal>) {
        let Some(class) = self.server.closed(channel) else { return };
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        if track.stage == Stage::Asked(channel) && refused == Some(Refusal::Busy) {
            track.stage = Stage::Unasked;
            self.server.busy_until = Some(now + BUSY);
            return;
        }
        if track.stage == Stage::Asked(channel) {
            return self.give_up(now, class, refused.unwrap_or(Refusal::Unavailable));
        }
        let Some(file) = track.file.as_mut() else { return };
        let before = file.asked.len();
        file.asked.retain(|_, asked| !matches!(asked, Asked::Server(of, _) if *of == channel));
        let missing = before - file.asked.len();
        if missing > 0 {
            file.look_again();
        }
        (0..missing).for_each(|_| self.server.flow.withdrawn());
        let unproved = file.leaves_asked.remove(&channel);
        match (refused, unproved) {
            (None, None) => self.ask(now),
            // It says that this was all, and it was not: pieces without their proof are of no use.
            (None, Some(leaves)) => self.distrust(now, class, leaves.start),
            (Some(Refusal::Busy), unproved) if unproved.is_some() || missing > 0 => {
                file.drop_unprovable();
                self.server.busy_until = Some(now + BUSY);
            }
            // The only source says no: nothing is gained by asking again.
            (Some(why), unproved) if unproved.is_some() || missing > 0 => self.give_up(now, class, why),
            (Some(_), _) => self.ask(now),
        }
    }

    /// A track can't be had.
    fn give_up(&mut self, now: Instant, class: Urgency, why: Refusal) {
        self.close(now, class);
        match class {
            Urgency::Playing => self.out.push(Output::Event(Event::Refused(why))),
            _ => self.not_kept(now, super::NotKept::Refused(why)),
        }
    }

    /// What came can't be what was published. There is no second source to ask yet: end this connection, try another.
    fn distrust(&mut self, now: Instant, class: Urgency, index: u32) {
        self.out.push(Output::Event(Event::Forged { index }));
        let mut hopeless = false;
        if let Some(track) = self.tracks[class as usize].as_mut() {
            track.forged += 1;
            hopeless = track.forged >= MOST_FORGED;
        }
        if let Some(session) = self.server.session {
            self.out.push(Output::Effect(Effect::HangUp { session, code: CloseCode::Protocol }));
            self.disconnected(now, None);
        }
        if hopeless {
            self.give_up(now, class, Refusal::Unavailable);
        }
    }
}

/// The next pieces to ask for in one request: headers, then from where the decoder is to the end, or as far as there is
/// room for what comes.
fn next_run<K: FileKey, B: Payload>(
    file: &mut File<K, B>,
    room: u32,
    keep: u32,
    lacks: impl Fn(&File<K, B>, u32) -> bool,
) -> Option<PieceRange> {
    let near = file.reading.saturating_add(keep).min(file.head.pieces());
    let far = if file.shelved && file.writing.len() < MOST_WRITING { file.head.pieces() } else { near };
    let header = file.head.header_pieces().find(|piece| lacks(file, *piece));
    let ahead = file.reading.max(file.frontier)..far;
    let start = match header {
        Some(header) => header,
        None => {
            let next = ahead.clone().find(|piece| lacks(file, *piece));
            file.frontier = next.unwrap_or(ahead.end.max(file.frontier));
            next?
        }
    };
    let most = room.min(spotproto::message::MAX_READ);
    // A run ends with its group of leaves, so that one request never needs two proofs.
    let end = (start / LEAF_GROUP + 1) * LEAF_GROUP;
    let count = (start..end.min(far.max(start + 1)))
        .take(most as usize)
        .take_while(|piece| lacks(file, *piece))
        .count() as u32;
    (count > 0).then_some(PieceRange { start, count })
}
