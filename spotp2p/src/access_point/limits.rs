//! Every bound of an access point in one place.

use crate::Rate;
use crate::broker::BrokerLimits;
use crate::reports::ReportLimits;
use crate::tracker::TrackerLimits;
use core::time::Duration;
#[cfg(doc)]
use spotproto::message::Refusal;

/// The bounds of an access point.
///
/// Worst-case memory, in words: `sessions` times about a KiB and `ahead` pieces of 16 KiB each that were read for it and are
/// not sent yet; and what tracker, broker and reports say of themselves. With the defaults and every session busy: 10,000 ×
/// 130 KiB, 1.3 GiB, and half as much for peers; idle ones hold no piece.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Connections in all.
    pub sessions: usize,
    /// Connections that have not finished the handshake.
    pub half_open: usize,
    /// The same, from one address prefix (/24 or /56).
    pub half_open_per_prefix: usize,
    /// Pieces read ahead of what a session's line has taken.
    pub ahead: usize,
    /// The same, while all that came from the session may be a replay.
    pub ahead_unconfirmed: usize,
    /// Questions to the catalogue, and proofs, under way for one session: as many as it may have requests open, and as
    /// many again that it has just aborted. Requests beyond that are refused ([`Refusal::Busy`]).
    pub lookups: usize,
    /// Plays out of its own cache that are counted of a session.
    pub plays: Rate,
    /// Messages of a session that say what it holds; beyond that it is hung up on.
    pub holdings: Rate,
    /// Questions of a session who holds a file; beyond that they are refused.
    pub finds: Rate,
    /// New tickets that a session asks for; beyond that it is hung up on.
    pub renewals: Rate,
    /// Ports that are being tried out, of all sessions.
    pub probes: usize,
    /// Bounds of the index of who holds what.
    pub tracker: TrackerLimits,
    /// Bounds of bringing peers together.
    pub broker: BrokerLimits,
    /// What it takes until someone is shunned.
    pub reports: ReportLimits,
    /// Outputs queued before the access point wants to be drained.
    pub outputs: usize,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        sessions: 10_000,
        half_open: 512,
        half_open_per_prefix: 128,
        ahead: 8,
        ahead_unconfirmed: 2,
        lookups: 128,
        plays: Rate { burst: 20, every: Duration::from_secs(10) },
        holdings: Rate { burst: 100, every: Duration::from_secs(1) },
        finds: Rate { burst: 60, every: Duration::from_secs(1) },
        renewals: Rate { burst: 3, every: Duration::from_secs(60) },
        probes: 64,
        tracker: TrackerLimits::DEFAULT,
        broker: BrokerLimits::DEFAULT,
        reports: ReportLimits::DEFAULT,
        outputs: 256,
    };
}
