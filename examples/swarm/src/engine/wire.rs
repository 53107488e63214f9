//! How many bytes a message takes on the wire, in a record of its own (docs/protocol.md, "Records", "Frames", "Messages").

use super::names::Text;
use spotproto::message::Message;

/// What a record adds, and a frame's head.
const RECORD: usize = 18;
const FRAME: usize = 6;

/// A piece goes out in fragments of about 4 KiB, each with a frame's head, and shares its records with them.
const FRAGMENTS: usize = 4 * (FRAME + RECORD);

/// What proves a piece to a peer that has no leaf of it: its leaf, and its part of the hashes up to the root.
const PROOF: usize = 34;

/// A file's name in production.
const NAME: usize = 32;
const PSEUDONYM: usize = 16;
const TICKET: usize = 133;

/// Both sides of a handshake, with its preambles (docs/protocol.md, "Handshake").
pub(crate) const HANDSHAKE: u32 = 400;

/// A ping and its pong.
pub(crate) const PING: u32 = 2 * (RECORD + FRAME + 8) as u32;

/// Bytes on the wire.
pub(crate) fn size(text: &Text) -> u32 {
    let body = match text {
        Message::Hello(_) => 56,
        Message::Welcome(_) => 56 + TICKET,
        Message::Renew { .. } => 2,
        Message::Renewed(_) => 8 + TICKET,
        Message::Holding(holding) => 2 + NAME * (holding.joined.len() + holding.left.len()),
        Message::FindPeers { .. } => NAME + 1,
        Message::Peers { peers, .. } => 1 + PSEUDONYM * peers.len(),
        Message::Mirrors { mirrors, .. } => 1 + mirrors.iter().map(|it| 2 + it.len()).sum::<usize>(),
        Message::Connect { connect, .. } => NAME + 1 + PSEUDONYM * connect.peers.len(),
        Message::Dial(dial) => 66 + 7 * dial.addresses.len(),
        Message::Dialled { .. } | Message::Report { .. } => 17,
        Message::Greeting(_) => TICKET,
        Message::Want { .. } => 1 + NAME,
        Message::Slot { slot, .. } => 3 + 6 * slot.held.len(),
        Message::Query(_) => 9 + NAME,
        Message::Hit(hit) => 9 + PSEUDONYM * hit.peers.len(),
        Message::Open { .. } => 8 + NAME,
        // Head with a seek table of one or two bytes a second, key, names, and the proof of the first pieces.
        Message::Opened { opened, .. } => {
            200 + opened.head.duration_ms as usize / 600 + 400 * opened.first.len()
        }
        Message::Read { read, .. } => 6 + NAME + if read.leaves.is_some() { 5 } else { 0 },
        Message::Leaves { leaves, .. } => 24 + 32 * (leaves.leaves.len() + leaves.uncles.len()),
        Message::Piece { data, .. } => return u32::from(data.size) + (FRAGMENTS + PROOF) as u32,
        Message::Playing { .. } => NAME,
        Message::Refuse { .. } => 1,
        _ => 0,
    };
    (RECORD + FRAME + body) as u32
}
