//! A careful application: it keeps to the contract whatever the other side does, and checks what it gets.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of the harness")]
#![allow(clippy::std_instead_of_alloc, reason = "tests have std")]

use crate::pair::read;
use bytes::Bytes;
use spotproto::content::PIECE_LEN;
use spotproto::message::{Channel, Message, PieceRange, Refusal, Urgency, WireMessage};
use spotproto::session::Output;
use std::collections::{BTreeMap, BTreeSet};

/// Well below the default limits, which the tests of misuse go over.
const MOST_OPEN: usize = 60;
const MOST_CREDIT: u32 = 1000;
const MOST_QUEUED: u32 = 30;

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
    /// Pieces that came.
    pub came: usize,
}

impl App {
    /// A request, if there is room for one.
    pub fn ask(&mut self, start: u32, count: u32, urgency: Urgency) -> Option<WireMessage> {
        let credit: u32 = self.asking.values().map(|range| range.count).sum();
        if self.asking.len() >= MOST_OPEN || credit + count > MOST_CREDIT {
            return None;
        }
        self.last += 1 + start % 3;
        self.asking.insert(self.last, PieceRange { start, count });
        Some(read(self.last, start, count, urgency))
    }

    /// Gives up one of the requests under way.
    pub fn abort(&mut self, nth: usize) -> Option<WireMessage> {
        let channel = pick(&self.asking, nth)?;
        self.asking.remove(&channel);
        self.given_up.insert(channel);
        Some(Message::Abort { channel })
    }

    /// The next part of one of the answers due: a piece, or the end.
    pub fn answer(&mut self, nth: usize) -> Option<WireMessage> {
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

    /// One of the channels on which answers are due from this side.
    pub fn nth_asked(&self, nth: usize) -> Option<Channel> {
        pick(&self.asked, nth)
    }

    pub fn is_done(&self) -> bool {
        self.asking.is_empty() && self.asked.is_empty() && self.queued.is_empty()
    }

    /// Takes an output of a session whose other side is honest.
    pub fn take(&mut self, output: Output) {
        if let Output::Message(message) = &output
            && !self.is_given_up(&output)
        {
            let asked = message.channel().and_then(|channel| self.asking.get(&channel));
            match (message, asked) {
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
            Output::Message(Message::End { .. } | Message::Refuse { .. }) if self.is_given_up(&output) => {}
            Output::Message(Message::Read { channel, read }) => {
                assert!(self.asked.insert(channel, read.pieces).is_none(), "a channel asked twice");
            }
            Output::Message(Message::Abort { channel }) => {
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
                assert!(self.asking.remove(&channel).is_some(), "an end of what was asked");
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
    fn is_given_up(&self, output: &Output) -> bool {
        let Output::Message(message) = output else { return false };
        let answer = matches!(message, Message::Piece { .. } | Message::End { .. } | Message::Refuse { .. });
        answer && message.channel().is_some_and(|channel| self.given_up.contains(&channel))
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
