//! Every bound of a session in one place.

use crate::content::PIECE_LEN;
use crate::frame::MAX_BODY;
use crate::record::MAX_PLAINTEXT;
use core::time::Duration;

/// The bounds of one [`Session`](crate::session::Session).
///
/// Worst-case memory of a session, in words: `channels` answers being assembled at one piece each, plus `outputs`
/// pieces not yet taken by the application, plus `queued_pieces` pieces queued to send, plus `control` small messages
/// (up to a frame's body each, usually below 100 bytes), plus the outputs of the record that was one too many. See
/// [`Limits::most_memory`]. With the defaults: 2.5 MiB of pieces when a peer fills everything and the application takes
/// nothing; under 2 KiB when idle, whatever went by before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// From the first byte to the end of the handshake.
    pub handshake: Duration,
    /// How long a responder's first message may wait for the answer to a request that came with the initiator's.
    pub first_answer: Duration,
    /// Silence after which a ping goes out.
    pub keep_alive: Duration,
    /// How often the round trip is measured while answers are outstanding.
    pub measure: Duration,
    /// A ping unanswered (and nothing else heard) for this long means that the line is dead.
    pub dead_after: Duration,
    /// Something has been queued, and the line has taken nothing, for this long: the peer never reads.
    pub stall: Duration,
    /// From the first byte of a record to its last: a peer that trickles is cut off.
    pub trickle: Duration,
    /// Age at which a sending key is replaced in band.
    pub rekey_after: Duration,
    /// Requests that either side may have open.
    pub channels: usize,
    /// Pieces that either side may have asked for and not got yet.
    pub credit: u32,
    /// Pieces that the application may have queued to send.
    pub queued_pieces: usize,
    /// Small messages that may be queued to send.
    pub control: usize,
    /// Outputs queued before the session stops reading.
    pub outputs: usize,
    /// Largest body of a data frame: what an urgent answer waits for at most, per frame sent before it.
    pub frame: usize,
}

impl Limits {
    /// The defaults, as documented on each field's value below.
    pub const DEFAULT: Self = Self {
        handshake: Duration::from_secs(10),
        first_answer: Duration::from_millis(5),
        keep_alive: Duration::from_secs(30),
        measure: Duration::from_secs(1),
        dead_after: Duration::from_secs(20),
        stall: Duration::from_secs(60),
        trickle: Duration::from_secs(30),
        rekey_after: Duration::from_secs(3600),
        channels: 64,
        credit: 1024,
        queued_pieces: 32,
        control: 256,
        outputs: 64,
        frame: 4096,
    };
}

impl Limits {
    /// Most bytes that a session may hold, when the other side fills everything, and the application queues as much as
    /// it may, the longest messages only, and takes nothing. What it queued counts as the session's.
    #[must_use]
    pub const fn most_memory(&self) -> usize {
        let pieces = self.channels + self.outputs + self.queued_pieces;
        // A record is taken whole, whatever is in it: a frame of some use has 6 bytes, an output less than 64, and a
        // queue doubles.
        let record = MAX_PLAINTEXT / 6 * 64 * 2;
        pieces * PIECE_LEN + self.control * CONTROL + record + self.channels * CHANNEL + BASE
    }
}

/// A queued message with the longest body.
const CONTROL: usize = MAX_BODY + 128;

/// What the two sides of a channel cost beside pieces.
const CHANNEL: usize = 512;

/// The session itself.
const BASE: usize = 2048;

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
