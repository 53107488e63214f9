//! Counters of a session: no clocks, no averages, nothing that costs more than an addition.

/// What a session counted since its beginning.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Bytes given to the line.
    pub bytes_sent: u64,
    /// Bytes taken from the line, in whole units.
    pub bytes_received: u64,
    /// Records sealed.
    pub records_sent: u64,
    /// Records opened.
    pub records_received: u64,
    /// Pieces whose last byte went out.
    pub pieces_sent: u64,
    /// Pieces that came whole.
    pub pieces_received: u64,
    /// Optional frames of unknown kinds, skipped.
    pub frames_skipped: u64,
    /// Frames that came for requests aborted before.
    pub late_frames: u64,
}
