//! Opening a track: at the cache, or at the access point.

use super::requests::{Pieces, Request};
use super::sources::SERVER;
use super::track::{File, Stage};
use super::{Event, Node, NotKept};
use crate::node::Output;
use crate::payload::{FileKey, Payload};
use crate::planner::{self, Holds, Kind, Policy, Slot};
use alloc::boxed::Box;
use core::time::Duration;
use spotproto::Instant;
use spotproto::crypto::Crypto;
use spotproto::message::{Channel, Message, Open, Opened, PieceRange, Refusal, Urgency, Wanted};

/// How long nothing is asked of an access point that was busy.
const BUSY: Duration = Duration::from_secs(1);

impl<K: FileKey, B: Payload, C: Crypto> Node<K, B, C> {
    /// Asks the access point to open what waits for that.
    pub(super) fn ask_to_open(&mut self, now: Instant) {
        if self.server.session.is_none() || self.server.busy_until.is_some() {
            return;
        }
        for class in Urgency::ALL {
            let Some(track) = self.tracks[class as usize].as_mut().filter(|it| it.stage == Stage::Unasked)
            else {
                continue;
            };
            let channel = self.server.channel();
            track.stage = Stage::Asked(channel);
            track.asked_at = now;
            track.asked_on = self.server.session.map(|session| (session, channel));
            // Only the key is missing where the cache has the music.
            // Of the track after this one the access point names holders first.
            let ahead = class == Urgency::Next;
            track.credit = if track.renews || ahead { 0 } else { self.server.flow.window() };
            let open = Open {
                wanted: track.wanted,
                at_ms: track.at_ms,
                credit: u16::try_from(track.credit).unwrap_or(u16::MAX),
                urgency: class,
            };
            track.names_holders = self.server.logged_in && open.asks_for_sources();
            if let Some(session) = self.server.session {
                self.requests.insert((session, channel), Request::Open(class));
            }
            self.send_server(Message::Open { channel, open });
        }
    }

    /// The answer to an open.
    pub(super) fn opened(&mut self, now: Instant, channel: Channel, opened: Box<Opened<K>>) {
        let Some(session) = self.server.session else { return };
        let Some(Request::Open(class)) = self.requests.get((session, channel)) else { return };
        let class = *class;
        let Some(track) = self.tracks[class as usize].as_ref().filter(|it| it.stage == Stage::Asked(channel))
        else {
            return;
        };
        let another = matches!(track.wanted, Wanted::File(wanted) if wanted != opened.head.file);
        if another || opened.head.check().is_err() {
            return self.distrust(now, class, SERVER, 0, 0);
        }
        let (credit, since) = (track.credit, track.asked_at);
        let Some(mut file) = self.new_file(now, class, &opened) else {
            return self.give_up(now, class, Refusal::Unavailable);
        };
        let Some(promised) = promised(&opened.first, credit, opened.head.pieces()) else {
            return self.distrust(now, class, SERVER, 0, 0);
        };
        if opened.proofs.iter().any(|proof| file.prove::<C>(proof).is_err()) {
            return self.distrust(now, class, SERVER, 0, 0);
        }
        let pieces = Pieces { class, source: SERVER, left: promised };
        self.requests.insert((session, channel), Request::Pieces(pieces));
        self.enter(now, class, file);
        self.shelve(now, class, &opened);
        self.note_shelved(now, class);
        self.rely_on_server(now, class, &opened.first, since);
        self.begun(now, class, opened, Kind::Server);
    }

    /// What is to be known of a file whose head is.
    pub(super) fn new_file(&self, now: Instant, class: Urgency, opened: &Opened<K>) -> Option<File<K, B>> {
        let at_ms = self.track(class)?.at_ms;
        let base = match class {
            Urgency::Playing => Policy::PLAYING,
            Urgency::Next => self.policy_of_next(),
            Urgency::Offline => Policy::OFFLINE,
        };
        let policy = Policy { prospect: self.prospect(), ..base };
        let config = planner::Config { keep: self.settings.keep, ..(*self.settings.planner).clone() };
        let mut file = File::new(now, opened, at_ms, config, policy)?;
        if self.settings.explain {
            file.plan.keep_decisions(super::why::KEPT);
        }
        Some(file)
    }

    /// From now on it is this file, whatever the track's name may come to mean.
    pub(super) fn enter(&mut self, now: Instant, class: Urgency, file: File<K, B>) {
        let Some(track) = self.tracks[class as usize].as_mut() else { return };
        track.wanted = Wanted::File(file.head.file);
        track.stage = Stage::Open;
        track.file = Some(file);
        let at_ms = track.at_ms;
        if class == Urgency::Playing {
            self.begin_playout(now, at_ms);
        }
        self.keep_as_there_is_room(now, class);
    }

    /// The access point may be asked for a file, and sends these pieces of it unasked.
    pub(super) fn rely_on_server(
        &mut self,
        now: Instant,
        class: Urgency,
        first: &[PieceRange],
        since: Instant,
    ) {
        let flow = self.server.flow.clone().rested();
        let Some(file) = self.file_mut(class) else { return };
        if file.refused.is_some() || !file.plan.add(now, SERVER, Kind::Server, Holds::All, Slot::Offered) {
            return;
        }
        file.plan.set_flow(now, SERVER, flow);
        for range in first {
            file.plan.promised(now, SERVER, *range, since);
        }
        file.plan.set_slot(now, SERVER, Slot::Served);
    }

    /// A track is open: the program hears of it, and its pieces are fetched.
    pub(super) fn begun(&mut self, now: Instant, class: Urgency, opened: Box<Opened<K>>, from: Kind) {
        match class {
            Urgency::Playing => self.out.push(Output::Event(Event::Opened { opened, from })),
            Urgency::Next => self.opened_ahead(now, opened, from),
            Urgency::Offline => self.opened_to_keep(now, &opened),
        }
        self.seek_holders(now, class);
    }

    /// A round trip to the access point was measured.
    pub(super) fn server_round_trip(&mut self, now: Instant, span: Duration) {
        self.server.flow.round_trip(now, span);
        for class in Urgency::ALL {
            if let Some(file) = self.file_mut(class) {
                file.plan.round_trip(now, SERVER, span);
            }
        }
    }

    /// The open on this channel is over without an answer.
    pub(super) fn not_opened(&mut self, now: Instant, class: Urgency, channel: Channel, why: Refusal) {
        let Some(track) = self.tracks[class as usize].as_mut().filter(|it| it.stage == Stage::Asked(channel))
        else {
            return;
        };
        if why == Refusal::Busy {
            track.stage = Stage::Unasked;
            self.server.busy_until = Some(now + BUSY);
        } else {
            self.give_up(now, class, why);
        }
    }

    /// A track can't be had.
    pub(super) fn give_up(&mut self, now: Instant, class: Urgency, why: Refusal) {
        if class == Urgency::Next {
            return self.drop_next(now);
        }
        self.close(now, class);
        match class {
            Urgency::Playing => self.out.push(Output::Event(Event::Refused(why))),
            _ => self.not_kept(now, NotKept::Refused(why)),
        }
    }
}

/// The pieces that come with an open, at most `credit` of them; they have to be the file's, each once.
fn promised(first: &[PieceRange], credit: u32, pieces: u32) -> Option<alloc::collections::VecDeque<u32>> {
    let count: u64 = first.iter().map(|range| u64::from(range.count)).sum();
    if count > credit.into() || first.iter().any(|range| range.end() > pieces) {
        return None;
    }
    let promised: alloc::collections::VecDeque<u32> =
        first.iter().flat_map(|range| range.start..range.end()).collect();
    let mut sorted: alloc::vec::Vec<u32> = promised.iter().copied().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0] != pair[1]).then_some(promised)
}
