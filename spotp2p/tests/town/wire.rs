//! What is open on each connection, as its requester sees it (docs/protocol.md, section 6.2), and who owes an answer.

use super::town::Text;
use alloc::collections::{BTreeMap, BTreeSet};
use spotp2p::SessionId;
use spotproto::message::{Channel, Message};

/// Requests that may be open on a connection.
const REQUESTS: usize = 64;

/// Pieces that may be outstanding on a connection.
const PIECES: u32 = 1024;

#[derive(Default)]
pub(crate) struct Wire {
    /// Pieces that may still come, by channel.
    open: BTreeMap<(usize, SessionId), BTreeMap<Channel, u32>>,
    /// Connections on which the access point answered the log-in.
    welcomed: BTreeSet<(usize, SessionId)>,
    /// Wants that came and were not answered.
    owed: BTreeSet<(usize, SessionId, Channel)>,
}

impl Wire {
    /// A node says something.
    pub(crate) fn says(&mut self, who: usize, to: SessionId, text: &Text) {
        let open = self.open.entry((who, to)).or_default();
        match text {
            Message::Open { channel, open: asked } => {
                open.insert(*channel, asked.credit.into());
            }
            Message::Read { channel, read } => {
                open.insert(*channel, read.pieces.count);
            }
            Message::FindPeers { channel, .. }
            | Message::Connect { channel, .. }
            | Message::Want { channel, .. } => {
                open.insert(*channel, 0);
            }
            Message::Abort { channel } => {
                open.remove(channel);
            }
            // An access point hangs up on who says this before it is known (docs/protocol.md, section 7.25).
            Message::Dialled { .. } | Message::Report { .. } => {
                assert!(self.welcomed.contains(&(who, to)), "{who} speaks before it is welcome: {text:?}");
            }
            Message::Slot { channel, .. } | Message::Refuse { channel, .. } | Message::End { channel } => {
                self.owed.remove(&(who, to, *channel));
            }
            _ => {}
        }
        assert!(open.len() <= REQUESTS, "{who} has {} requests open", open.len());
        let pieces: u32 = open.values().sum();
        assert!(pieces <= PIECES, "{who} waits for {pieces} pieces");
    }

    /// A node hears something.
    pub(crate) fn hears(&mut self, who: usize, from: SessionId, text: &Text) {
        let open = self.open.entry((who, from)).or_default();
        match text {
            Message::Piece { channel, .. } => {
                if let Some(left) = open.get_mut(channel) {
                    *left = left.saturating_sub(1);
                }
            }
            Message::End { channel } | Message::Refuse { channel, .. } => {
                open.remove(channel);
            }
            Message::Want { channel, .. } => {
                self.owed.insert((who, from, *channel));
            }
            Message::Welcome(_) => {
                self.welcomed.insert((who, from));
            }
            Message::Abort { channel } => {
                self.owed.remove(&(who, from, *channel));
            }
            _ => {}
        }
    }

    /// A connection is gone.
    pub(crate) fn ends(&mut self, who: usize, session: SessionId) {
        self.open.remove(&(who, session));
        self.owed.retain(|(of, on, _)| (*of, *on) != (who, session));
    }

    /// All connections of a listener are gone.
    pub(crate) fn forgets(&mut self, who: usize) {
        self.open.retain(|(of, _), _| *of != who);
        self.owed.retain(|(of, ..)| *of != who);
    }

    /// Every want that came over this link was answered.
    pub(crate) fn owes_nothing(&self, who: usize, to: SessionId) {
        let owed = self.owed.iter().find(|(of, on, _)| (*of, *on) == (who, to));
        assert_eq!(owed, None, "a want is not answered");
    }
}
