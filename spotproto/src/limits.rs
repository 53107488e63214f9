//! Every bound of a session in one place.

use core::time::Duration;

/// The bounds of one [`Session`](crate::session::Session).
///
/// Worst-case memory of a session, in words: `channels` answers being assembled at one piece each, plus
/// `queued_pieces` pieces queued to send, plus `control` small messages (below 10 KiB each, usually below 100
/// bytes), plus `outputs` messages not yet taken by the application. With the defaults: 64 × 16 KiB + 32 × 16 KiB,
/// about 1.6 MiB when a peer fills everything, under 2 KiB when idle.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// From the first byte to the end of the handshake.
    pub handshake: Duration,
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

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
