//! What listeners that mean ill say instead of what their node says.

use super::town::Text;
use core::time::Duration;
use spotproto::message::{Hit, Message, Slot};
use spotproto::ticket::{Pseudonym, SIGNED_TICKET_LEN, SignedTicket};

/// How a listener treats its peers.
#[derive(Clone, Debug)]
pub(crate) enum Crook {
    Honest,
    /// Sends bytes that nobody published.
    Garbage,
    /// Sends what was asked for, so much later.
    Late(Duration),
    /// Gives slots, and nothing more.
    Silent,
    /// Has everybody wait for ever.
    Queues,
    /// Says of each query that these have the file.
    Forges(Vec<Pseudonym>),
    /// Shows this ticket instead of its own.
    Shows(SignedTicket),
    /// Turns a bit of its ticket over.
    Alters,
}

impl Crook {
    /// What it says in place of `text`, and how much later; nothing if it keeps silent.
    pub(crate) fn says(&self, text: Text) -> Option<(Text, Duration)> {
        let text = match (self, text) {
            (Self::Garbage, Message::Piece { channel, index, data }) => {
                let mut wrong = data.to_vec();
                wrong[7] ^= 1;
                Message::Piece { channel, index, data: wrong.into() }
            }
            (Self::Late(span), text @ Message::Piece { .. }) => return Some((text, *span)),
            (Self::Silent, Message::Piece { .. } | Message::End { .. } | Message::Leaves { .. }) => {
                return None;
            }
            (Self::Queues, Message::Slot { channel, .. }) => {
                Message::Slot { channel, slot: Slot { place: 9, held: Vec::new() } }
            }
            (Self::Forges(names), Message::Hit(hit)) => {
                Message::Hit(Hit { id: hit.id, peers: names.clone() })
            }
            (Self::Shows(ticket), Message::Greeting(mut greeting)) => {
                greeting.ticket = *ticket;
                Message::Greeting(greeting)
            }
            (Self::Alters, Message::Greeting(mut greeting)) => {
                let mut bytes: [u8; SIGNED_TICKET_LEN] = *greeting.ticket.as_bytes();
                bytes[20] ^= 4;
                greeting.ticket = SignedTicket::decode(&bytes).expect("its form is right");
                Message::Greeting(greeting)
            }
            (_, text) => text,
        };
        Some((text, Duration::ZERO))
    }
}
