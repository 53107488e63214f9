//! Who is served: a few at a time, by urgency and speed; the others wait and know their place.
//!
//! No tit-for-tat: nobody has to give in order to get (talk, "Brief comparison to Bittorrent"). A peer has one slot at
//! most, however many files it wants, and keeps it for a while, so that slots do not flap. TCP shares the line among
//! those that are served (talk, "Limit resource usage").

mod bucket;
mod order;
mod serving;
mod speeds;

use super::config::UploadConfig;
use super::output::Output;
use super::words::{PeerId, PeerMessage, PieceRequest, Slot, SlotRefusal, SlotState};
use alloc::vec::Vec;
use bucket::Bucket;
use core::time::Duration;
use serving::Serving;
use speeds::Speeds;
use spotproto::message::{Channel, Refusal, Urgency};
use spotproto::{Instant, Outbox};

/// What a peer wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Wish<K> {
    peer: PeerId,
    file: K,
    urgency: Urgency,
}

/// A want that is not served now.
#[derive(Debug)]
struct Waiting<K> {
    wish: Wish<K>,
    since: Instant,
    /// The place that the peer was told last.
    told: Option<u16>,
}

/// Whether anybody is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Doors {
    Open,
    /// Nobody for now; those who want something keep their place.
    Stopped,
    /// Nobody.
    Shut,
}

/// Who is served, and who waits.
///
/// Worst-case memory: a want for each neighbour and `further_wants` more, 40 bytes each (with 32-byte names 72); for each
/// slot `requests` of 12 bytes and 256 pieces under way of 32; 8 bytes for each neighbour that was ever served.
#[derive(Debug)]
pub(super) struct Uploads<K> {
    doors: Doors,
    served: Vec<Serving<K>>,
    /// In order: the next one first.
    waiting: Vec<Waiting<K>>,
    speeds: Speeds,
    bucket: Bucket,
    turn: u32,
}

type Out<K> = Outbox<Output<K>>;

impl<K: Copy + Eq> Uploads<K> {
    pub(super) fn new(config: &UploadConfig) -> Self {
        Self {
            doors: Doors::Open,
            served: Vec::new(),
            waiting: Vec::new(),
            speeds: Speeds::default(),
            bucket: Bucket::new(config.rate),
            turn: 0,
        }
    }

    /// Whether somebody who asked now could hope for a slot.
    pub(super) fn has_room(&self, config: &UploadConfig) -> bool {
        self.doors == Doors::Open && self.waiting.len() < usize::from(config.further_wants)
    }

    /// A neighbour wants a file that is here. It is told at once what it gets; `false` if that is nothing.
    pub(super) fn want(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: K,
        urgency: Urgency,
        config: &UploadConfig,
        out: &mut Out<K>,
    ) -> bool {
        if let Err(why) = self.may_want(peer, file, config) {
            refuse(out, peer, file, why);
            return false;
        }
        if urgency == Urgency::Playing {
            self.play_one(peer, file);
        }
        if let Some(slot) = self.served.iter_mut().find(|slot| slot.wish.is(peer, file)) {
            slot.wish.urgency = urgency;
            tell(out, peer, file, SlotState::Served);
        } else if let Some(one) = self.waiting.iter_mut().find(|one| one.wish.is(peer, file)) {
            (one.wish.urgency, one.told) = (urgency, None);
        } else {
            self.waiting.push(Waiting { wish: Wish { peer, file, urgency }, since: now, told: None });
        }
        self.settle(now, config, out);
        true
    }

    /// A neighbour wants a file no more, or has asked for one that is not here any more. Whether it wanted it.
    pub(super) fn unwant(
        &mut self,
        now: Instant,
        peer: PeerId,
        file: K,
        config: &UploadConfig,
        out: &mut Out<K>,
    ) -> bool {
        let before = self.waiting.len() + self.served.len();
        self.waiting.retain(|one| !one.wish.is(peer, file));
        self.end_slots(|slot| slot.wish.is(peer, file), Some(out));
        let wanted = self.waiting.len() + self.served.len() < before;
        if wanted {
            self.settle(now, config, out);
        }
        wanted
    }

    /// A file is not here any more: those who want it are told.
    pub(super) fn lost(&mut self, now: Instant, file: K, config: &UploadConfig, out: &mut Out<K>) {
        let wishes = self.waiting.iter().map(|one| one.wish).chain(self.served.iter().map(|slot| slot.wish));
        for wish in wishes.filter(|wish| wish.file == file) {
            refuse(out, wish.peer, file, SlotRefusal::NotHere);
        }
        self.waiting.retain(|one| one.wish.file != file);
        self.end_slots(|slot| slot.wish.file == file, Some(out));
        self.settle(now, config, out);
    }

    /// A link closed. Whether its peer wanted something.
    pub(super) fn forget(&mut self, peer: PeerId) -> bool {
        let before = self.waiting.len() + self.served.len();
        self.waiting.retain(|one| one.wish.peer != peer);
        self.end_slots(|slot| slot.peer() == peer, None);
        self.speeds.forget(peer);
        self.waiting.len() + self.served.len() < before
    }

    /// Serves nobody for now; who wants something keeps its place and is told.
    pub(super) fn stop(&mut self, now: Instant, config: &UploadConfig, out: &mut Out<K>) {
        if self.doors != Doors::Stopped {
            self.doors = Doors::Stopped;
            while let Some(slot) = self.served.pop() {
                self.revoke(now, slot, config, out);
            }
            self.settle(now, config, out);
        }
    }

    /// Serves nobody and lets nobody wait.
    pub(super) fn shut(&mut self, out: &mut Out<K>) {
        self.doors = Doors::Shut;
        for wish in self.waiting.iter().map(|one| one.wish).chain(self.served.iter().map(|slot| slot.wish)) {
            refuse(out, wish.peer, wish.file, SlotRefusal::Off);
        }
        self.end_slots(|_| true, Some(out));
        self.waiting = Vec::new();
    }

    /// Serves again.
    pub(super) fn open(&mut self, now: Instant, config: &UploadConfig, out: &mut Out<K>) {
        if self.doors != Doors::Open {
            self.doors = Doors::Open;
            self.settle(now, config, out);
        }
    }

    /// Gives free slots away, and those that others should have; tells whom it concerns.
    pub(super) fn settle(&mut self, now: Instant, config: &UploadConfig, out: &mut Out<K>) {
        self.sort();
        if self.doors == Doors::Open {
            while self.served.len() > usize::from(config.slots) {
                let Some(slot) = self.served.pop() else { break };
                self.revoke(now, slot, config, out);
            }
            while self.served.len() < usize::from(config.slots) {
                let Some(next) = self.first_without_slot() else { break };
                let wish = self.waiting.remove(next).wish;
                self.serve(now, wish, out);
            }
            for _ in 0..config.slots {
                let Some((next, slot)) = self.contest(now, config) else { break };
                let wish = self.waiting.remove(next).wish;
                let slot = self.served.remove(slot);
                self.revoke(now, slot, config, out);
                // One is told that it lost the slot before another is told that it has it.
                self.tell_new(out);
                self.serve(now, wish, out);
            }
        }
        self.tell_new(out);
        self.give_back();
    }

    /// Tells those whose place is not what they were told.
    pub(super) fn tell_places(&mut self, out: &mut Out<K>) {
        for (place, one) in self.waiting.iter_mut().enumerate() {
            if one.told != Some(as_place(place)) {
                one.tell(place, out);
            }
        }
    }

    /// Whether somebody's place is not what it was told.
    pub(super) fn places_moved(&self) -> bool {
        self.waiting.iter().enumerate().any(|(place, one)| one.told != Some(as_place(place)))
    }

    /// A neighbour asks for pieces; `false` if it has no slot for that, or asks for too much.
    pub(super) fn request(
        &mut self,
        now: Instant,
        peer: PeerId,
        request: PieceRequest<K>,
        config: &UploadConfig,
        out: &mut Out<K>,
    ) -> bool {
        let slot = self.served.iter_mut().find(|slot| slot.wish.is(peer, request.file));
        let taken = slot.is_some_and(|slot| slot.request(now, request, config));
        if !taken {
            out.push(Output::Refuse { to: peer, channel: request.channel, why: Refusal::Busy });
        }
        taken
    }

    /// Whether this peer has a slot for this file.
    pub(super) fn serves(&self, peer: PeerId, file: &K) -> bool {
        self.served.iter().any(|slot| slot.wish.is(peer, *file))
    }

    /// The line took a piece.
    pub(super) fn sent(&mut self, now: Instant, peer: PeerId, channel: Channel, bytes: usize) {
        if let Some(slot) = self.slot(peer) {
            slot.sent(now, channel, bytes);
        }
    }

    /// A request is over before its end: withdrawn by the peer, or because it can't be answered. Whether there was one.
    pub(super) fn cancel(&mut self, peer: PeerId, channel: Channel) -> bool {
        self.slot(peer).is_some_and(|slot| slot.cancel(channel))
    }

    /// A round trip to a neighbour was measured.
    pub(super) fn round_trip(&mut self, now: Instant, peer: PeerId, span: Duration) {
        if let Some(slot) = self.slot(peer) {
            slot.round_trip(now, span);
        }
    }

    pub(super) fn set_rate(&mut self, now: Instant, rate: u32) {
        self.bucket.set_rate(now, rate);
    }

    /// Reads what may be read, the more urgent first and equals in turn. If only the rate forbids more, when it will
    /// allow it.
    pub(super) fn pump(&mut self, now: Instant, out: &mut Out<K>) -> Option<Instant> {
        loop {
            let ready = self.served.iter_mut().filter(|slot| slot.is_ready());
            let slot = ready.min_by_key(|slot| (slot.wish.urgency, slot.turn))?;
            if let Err(at) = self.bucket.take(now) {
                return Some(at);
            }
            self.turn = self.turn.wrapping_add(1);
            slot.turn = self.turn;
            slot.read(now, out);
        }
    }

    fn tell_new(&mut self, out: &mut Out<K>) {
        for (place, one) in self.waiting.iter_mut().enumerate().filter(|(_, one)| one.told.is_none()) {
            one.tell(place, out);
        }
    }

    fn give_back(&mut self) {
        if self.waiting.is_empty() {
            self.waiting = Vec::new();
        }
        if self.served.is_empty() {
            self.served = Vec::new();
        }
    }

    fn slot(&mut self, peer: PeerId) -> Option<&mut Serving<K>> {
        self.served.iter_mut().find(|slot| slot.peer() == peer)
    }

    fn may_want(&self, peer: PeerId, file: K, config: &UploadConfig) -> Result<(), SlotRefusal> {
        if self.doors == Doors::Shut {
            return Err(SlotRefusal::Off);
        }
        let wishes =
            || self.waiting.iter().map(|one| one.wish).chain(self.served.iter().map(|slot| slot.wish));
        if wishes().any(|wish| wish.is(peer, file)) {
            return Ok(());
        }
        let of_peer = wishes().filter(|wish| wish.peer == peer).count();
        // Whoever wants one thing finds room, whatever others want: only further wants share the rest.
        let (all, mut peers): (usize, Vec<PeerId>) =
            (wishes().count(), wishes().map(|wish| wish.peer).collect());
        peers.sort_unstable();
        peers.dedup();
        let further = all - peers.len();
        let room = of_peer == 0
            || (of_peer < usize::from(config.wants_per_peer) && further < usize::from(config.further_wants));
        if room { Ok(()) } else { Err(SlotRefusal::Busy) }
    }

    /// A peer plays one file at a time: what it played before can't be as urgent any more.
    fn play_one(&mut self, peer: PeerId, file: K) {
        let waiting = self.waiting.iter_mut().map(|one| &mut one.wish);
        for wish in waiting.chain(self.served.iter_mut().map(|slot| &mut slot.wish)) {
            if wish.peer == peer && wish.file != file {
                wish.urgency = wish.urgency.max(Urgency::Next);
            }
        }
    }

    fn serve(&mut self, now: Instant, wish: Wish<K>, out: &mut Out<K>) {
        self.served.push(Serving::new(now, wish));
        tell(out, wish.peer, wish.file, SlotState::Served);
    }

    /// Takes a slot away from a peer that goes on waiting.
    fn revoke(&mut self, now: Instant, slot: Serving<K>, config: &UploadConfig, out: &mut Out<K>) {
        slot.end(out);
        self.speeds.note(slot.peer(), slot.speed());
        let wish = Wish { urgency: slot.urgency_after(now, config), ..slot.wish };
        self.waiting.push(Waiting { wish, since: now, told: None });
        self.sort();
    }

    fn end_slots(&mut self, which: impl Fn(&Serving<K>) -> bool, mut out: Option<&mut Out<K>>) {
        let speeds = &mut self.speeds;
        self.served.retain(|slot| {
            let ends = which(slot);
            if ends {
                speeds.note(slot.peer(), slot.speed());
                if let Some(out) = out.as_deref_mut() {
                    slot.end(out);
                }
            }
            !ends
        });
    }
}

impl<K: Copy + Eq> Wish<K> {
    fn is(&self, peer: PeerId, file: K) -> bool {
        self.peer == peer && self.file == file
    }
}

impl<K: Copy> Waiting<K> {
    fn tell(&mut self, place: usize, out: &mut Out<K>) {
        self.told = Some(as_place(place));
        tell(out, self.wish.peer, self.wish.file, SlotState::Queued { place: as_place(place) });
    }
}

fn as_place(place: usize) -> u16 {
    u16::try_from(place).unwrap_or(u16::MAX)
}

pub(super) fn refuse<K>(out: &mut Out<K>, to: PeerId, file: K, why: SlotRefusal) {
    tell(out, to, file, SlotState::Refused(why));
}

fn tell<K>(out: &mut Out<K>, to: PeerId, file: K, state: SlotState) {
    out.push(Output::Send { to, message: PeerMessage::Slot(Slot { file, state }) });
}
