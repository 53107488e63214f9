//! A careful application: it keeps to the contract whatever the other side does, and checks what it gets.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the harness")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use super::pair::{FILE, read};
use bytes::Bytes;
use spotproto::content::PIECE_LEN;
use spotproto::message::{
    Channel, Hit, Message, PieceRange, Query, Refusal, Slot, Urgency, Want, WireMessage,
};
use spotproto::session::Output;
use spotproto::ticket::Pseudonym;
use std::collections::{BTreeMap, BTreeSet};

/// Well below the default limits, which the tests of misuse go over.
const MOST_OPEN: usize = 60;
const MOST_CREDIT: u32 = 1000;
const MOST_QUEUED: u32 = 30;
const MOST_UNSAID: u64 = 40;

/// Where a want begins to wait.
const LAST_PLACE: u16 = 3;

/// Each want is answered by a message for each place and one for its end. The other side may have to queue all of them before
/// it can send any, within `Limits::control`.
const MOST_WANTING: usize = 20;

#[derive(Default)]
pub struct App {
    last: Channel,
    /// Requests of this side: what is still to come, from the front.
    asking: BTreeMap<Channel, PieceRange>,
    /// Requests that were given up: what the session had put out before then may still be taken.
    given_up: BTreeSet<Channel>,
    /// Requests of the other side: what is still to be queued.
    asked: BTreeMap<Channel, PieceRange>,
    /// Pieces queued and not out.
    queued: BTreeMap<Channel, u32>,
    /// Wants of this side: the place that is told next, if another is.
    wanting: BTreeMap<Channel, Option<u16>>,
    /// Requests of the other side that give no credit: the same for what is told.
    wanted: BTreeMap<Channel, Option<u16>>,
    /// Messages that belong to no channel, numbered: said by this side, and heard from the other.
    said: u64,
    pub heard: u64,
    /// Pieces that came.
    pub came: usize,
}

impl App {
    /// A request, if there is room for one.
    pub fn ask(&mut self, start: u32, count: u32, urgency: Urgency) -> Option<WireMessage> {
        let credit: u32 = self.asking.values().map(|range| range.count).sum();
        if self.asking.len() + self.wanting.len() >= MOST_OPEN || credit + count > MOST_CREDIT {
            return None;
        }
        self.last += 1 + start % 3;
        self.asking.insert(self.last, PieceRange { start, count });
        Some(read(self.last, start, count, urgency))
    }

    /// Asks for a slot, if there is room for another request.
    pub fn want(&mut self, urgency: Urgency) -> Option<WireMessage> {
        if self.asking.len() + self.wanting.len() >= MOST_OPEN || self.wanting.len() >= MOST_WANTING {
            return None;
        }
        self.last += 1;
        self.wanting.insert(self.last, Some(LAST_PLACE));
        Some(Message::Want { channel: self.last, want: Want { file: FILE, urgency } })
    }

    /// Says something that belongs to no channel, if the other side (that has heard so much) keeps up.
    pub fn say(&mut self, heard: u64) -> Option<WireMessage> {
        if self.said - heard >= MOST_UNSAID {
            return None;
        }
        let id = self.said;
        self.said += 1;
        Some(match id % 2 {
            0 => Message::Query(Query { id, file: FILE, hops: 1 }),
            _ => Message::Hit(Hit { id, peers: vec![Pseudonym([7; 16]); 1 + id as usize % 20] }),
        })
    }

    /// Whether the other side heard all.
    pub fn is_heard(&self, other: &Self) -> bool {
        self.said == other.heard
    }

    /// Gives up one of the requests under way.
    pub fn abort(&mut self, nth: usize) -> Option<WireMessage> {
        let channel = match pick(&self.wanting, nth).filter(|channel| channel.is_multiple_of(2)) {
            Some(channel) => channel,
            None => pick(&self.asking, nth)?,
        };
        self.wanting.remove(&channel);
        self.asking.remove(&channel);
        self.given_up.insert(channel);
        Some(Message::Abort { channel })
    }

    /// The next part of one of the answers due: a piece, or the end.
    pub fn answer(&mut self, nth: usize) -> Option<WireMessage> {
        if self.asked.is_empty() || nth % 4 == 3 {
            return self.answer_want(nth / 4);
        }
        let channel = pick(&self.asked, nth)?;
        let range = self.asked.get_mut(&channel)?;
        if range.count == 0 {
            self.asked.remove(&channel);
            return Some(Message::End { channel });
        }
        if self.queued.values().sum::<u32>() >= MOST_QUEUED {
            return None;
        }
        let index = range.start;
        *range = PieceRange { start: index.wrapping_add(1), count: range.count - 1 };
        *self.queued.entry(channel).or_default() += 1;
        Some(Message::Piece { channel, index, data: data_of(channel, index) })
    }

    /// The next place of one of the wants, or its end.
    fn answer_want(&mut self, nth: usize) -> Option<WireMessage> {
        let channel = pick(&self.wanted, nth)?;
        match self.wanted.get_mut(&channel)? {
            None => {
                self.wanted.remove(&channel);
                Some(Message::End { channel })
            }
            Some(place) => {
                let slot = Slot { place: *place, held: Vec::new() };
                *self.wanted.get_mut(&channel)? = slot.place.checked_sub(1);
                Some(Message::Slot { channel, slot })
            }
        }
    }

    /// Breaks off one of the answers due.
    pub fn refuse(&mut self, nth: usize) -> Option<WireMessage> {
        let channel = pick(&self.asked, nth)?;
        self.asked.remove(&channel);
        Some(Message::Refuse { channel, why: Refusal::Busy })
    }

    /// One of the channels on which answers are due from the other side.
    pub fn nth_asking(&self, nth: usize) -> Option<Channel> {
        pick(&self.asking, nth)
    }

    /// One of the channels on which places are due from the other side.
    pub fn nth_wanting(&self, nth: usize) -> Option<Channel> {
        pick(&self.wanting, nth)
    }

    /// One of the channels on which answers are due from this side.
    pub fn nth_asked(&self, nth: usize) -> Option<Channel> {
        pick(&self.asked, nth)
    }

    pub fn is_done(&self) -> bool {
        let none_due = self.asking.is_empty() && self.asked.is_empty() && self.queued.is_empty();
        none_due && self.wanting.is_empty() && self.wanted.is_empty()
    }

    /// Takes an output of a session whose other side is honest.
    pub fn take(&mut self, output: Output) {
        if let Output::Message(message) = &output
            && !self.is_given_up(&output)
        {
            let asked = message.channel().and_then(|channel| self.asking.get(&channel));
            let want = message.channel().and_then(|channel| self.wanting.get(&channel));
            match (message, asked) {
                (Message::Slot { slot, .. }, None) => assert_eq!(want, Some(&Some(slot.place))),
                (Message::End { .. }, None) => assert_eq!(want, Some(&None), "places are missing"),
                (Message::Query(Query { id, .. }) | Message::Hit(Hit { id, .. }), None) => {
                    assert_eq!((*id, message.channel()), (self.heard, None), "in the order of saying");
                }
                (Message::Want { .. }, _) => {}
                (Message::Piece { channel, index, data }, Some(range)) => {
                    assert!(range.count > 0 && range.start == *index, "piece {index}, due: {range:?}");
                    assert_eq!(*data, data_of(*channel, *index));
                }
                (Message::End { .. }, Some(range)) => assert_eq!(range.count, 0, "pieces are missing"),
                (Message::Refuse { .. }, Some(_)) | (Message::Read { .. } | Message::Abort { .. }, _) => {}
                other => panic!("not an answer to anything that was asked: {other:?}"),
            }
        }
        self.note(output);
    }

    /// Takes an output of a session whose other side may say anything: what it can't break is the session's promises.
    pub fn note(&mut self, output: Output) {
        match output {
            Output::Message(Message::Piece { .. }) if self.is_given_up(&output) => self.came += 1,
            Output::Message(ref message) if self.is_given_up(&output) => {
                assert!(!matches!(message, Message::Piece { .. }));
            }
            Output::Message(Message::Read { channel, read }) => {
                assert!(self.asked.insert(channel, read.pieces).is_none(), "a channel asked twice");
            }
            Output::Message(Message::Want { channel, .. }) => {
                self.asked_without_credit(channel, Some(LAST_PLACE))
            }
            Output::Message(Message::FindPeers { channel, .. } | Message::Connect { channel, .. }) => {
                self.asked_without_credit(channel, None);
            }
            Output::Message(Message::Slot { channel, slot }) => {
                // A hostile side may tell places on any request.
                if let Some(next) = self.wanting.get_mut(&channel) {
                    *next = slot.place.checked_sub(1);
                }
            }
            Output::Message(Message::Query(_) | Message::Hit(_)) => self.heard += 1,
            Output::Message(Message::Abort { channel }) => {
                self.wanted.remove(&channel);
                self.asked.remove(&channel);
                self.queued.remove(&channel);
            }
            Output::Message(Message::Piece { channel, data, .. }) => {
                let range = self.asking.get_mut(&channel).expect("a piece of what was asked");
                range.count = range.count.checked_sub(1).expect("no more pieces than asked");
                range.start = range.start.wrapping_add(1);
                assert!(!data.is_empty() && data.len() <= PIECE_LEN);
                self.came += 1;
            }
            Output::Message(Message::End { channel } | Message::Refuse { channel, .. }) => {
                let open = self.asking.remove(&channel).is_some() | self.wanting.remove(&channel).is_some();
                assert!(open, "an end of what was asked");
            }
            Output::Sent { channel, .. } => {
                let queued = self.queued.get_mut(&channel).expect("a piece that was queued");
                *queued -= 1;
                if *queued == 0 {
                    self.queued.remove(&channel);
                }
            }
            _ => {}
        }
    }
}

impl App {
    fn asked_without_credit(&mut self, channel: Channel, place: Option<u16>) {
        assert!(self.wanted.insert(channel, place).is_none(), "a channel asked twice");
    }

    fn is_given_up(&self, output: &Output) -> bool {
        let Output::Message(message) = output else { return false };
        let piece = matches!(message, Message::Piece { .. } | Message::End { .. } | Message::Refuse { .. });
        (piece || message.is_header())
            && message.channel().is_some_and(|channel| self.given_up.contains(&channel))
    }
}

fn pick<V>(map: &BTreeMap<Channel, V>, nth: usize) -> Option<Channel> {
    map.keys().nth(nth.checked_rem(map.len())?).copied()
}

/// What a piece holds: another length and content for each.
pub fn data_of(channel: Channel, index: u32) -> Bytes {
    let mix = (channel.wrapping_mul(31) ^ index).wrapping_mul(0x9e37_79b9);
    let length = if mix.is_multiple_of(3) { PIECE_LEN } else { 1 + mix as usize % 9000 };
    Bytes::from_iter((0..length).map(|at| (at as u32).wrapping_mul(mix | 1).rotate_right(11) as u8))
}
