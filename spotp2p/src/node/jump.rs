//! Where the decoder is, and what that makes useless.

use super::Node;
use super::track::Stage;
use crate::payload::{FileKey, Payload};
use alloc::collections::BTreeSet;
use spotproto::Instant;
use spotproto::message::{Channel, Message, Urgency};

impl<K: FileKey, B: Payload> Node<K, B> {
    /// Goes to another place.
    pub(super) fn seek(&mut self, now: Instant, at_ms: u32) {
        let Some(track) = self.tracks[Urgency::Playing as usize].as_mut() else { return };
        track.at_ms = at_ms;
        let Some(file) = track.file.as_mut() else { return };
        file.reading = file.head.piece_at(at_ms);
        file.look_again();
        self.make_way();
        self.ask(now);
    }

    /// The decoder moved on. A decoder that starts anew looks at the headers first: that is no way back.
    pub(super) fn reading(&mut self, now: Instant, piece: u32) {
        let window = self.server.flow.window();
        let Some(file) = self.tracks[Urgency::Playing as usize].as_mut().and_then(|it| it.file.as_mut())
        else {
            return;
        };
        if piece >= file.head.pieces() || (piece < file.reading && file.held.get(piece)) {
            return;
        }
        let jumped = piece < file.reading || piece - file.reading > window;
        file.reading = piece;
        if jumped {
            file.look_again();
            if file.lacks(piece) {
                self.make_way();
            }
        }
        self.ask(now);
    }

    /// Cancels what is outstanding and of no use from where the decoder is now, or it would stand in the way
    /// (deep pipelines ruin seeks: docs/sources.md, "seek").
    fn make_way(&mut self) {
        let window = self.server.flow.window();
        let Some(file) = self.track(Urgency::Playing).and_then(|track| track.file.as_ref()) else { return };
        let ahead = file.reading..file.reading.saturating_add(window);
        let headers: BTreeSet<u32> = file.head.header_pieces().collect();
        let kept = file.channels(|piece| ahead.contains(&piece) || headers.contains(&piece));
        let cancelled: BTreeSet<Channel> = file.channels(|_| true).difference(&kept).copied().collect();
        self.cancel(Urgency::Playing, &cancelled);
        // What is fetched for later stands in the way as well.
        for class in [Urgency::Next, Urgency::Offline] {
            let file = self.track(class).and_then(|track| track.file.as_ref());
            let all = file.map(|file| file.channels(|_| true)).unwrap_or_default();
            self.cancel(class, &all);
        }
    }

    /// Takes requests back.
    pub(super) fn cancel(&mut self, class: Urgency, channels: &BTreeSet<Channel>) {
        let Some(file) = self.tracks[class as usize].as_mut().and_then(|track| track.file.as_mut()) else {
            return;
        };
        if channels.is_empty() {
            return;
        }
        let before = file.asked.len();
        file.asked.retain(|_, asked| asked.channel().is_none_or(|channel| !channels.contains(&channel)));
        (file.asked.len()..before).for_each(|_| self.server.flow.withdrawn());
        // Leaves may have been among what is cancelled: they are asked for again when they are needed.
        file.leaves_asked.retain(|channel, _| !channels.contains(channel));
        file.drop_unprovable();
        file.look_again();
        for channel in channels {
            self.server.closed(*channel);
            self.send(Message::Abort { channel: *channel });
        }
    }

    /// Fetches this track no more.
    pub(super) fn close(&mut self, now: Instant, class: Urgency) {
        let Some(track) = self.track(class) else { return };
        if let Stage::Asked(channel) = track.stage {
            self.server.closed(channel);
            self.send(Message::Abort { channel });
        }
        let channels =
            self.track(class).and_then(|track| track.file.as_ref()).map(|file| file.channels(|_| true));
        self.cancel(class, &channels.unwrap_or_default());
        self.leave_shelf(now, class);
        self.tracks[class as usize] = None;
    }
}
