//! What a swarm counts.

/// Counts since the swarm was made. What is ignored leaves no other trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Queries of neighbours that were looked at.
    pub queries_taken: u32,
    /// Queries seen before.
    pub queries_repeated: u32,
    /// Queries sent for ourselves.
    pub queries_asked: u32,
    /// Queries passed on for others.
    pub queries_forwarded: u32,
    /// Queries not passed on: the neighbour got enough in this minute, or too much waits to be sent.
    pub queries_held_back: u32,
    /// Hits sent about ourselves.
    pub hits_given: u32,
    /// Hits passed back for others.
    pub hits_relayed: u32,
    /// Hits that named somebody for a file of ours.
    pub hits_used: u32,
    /// Hits that nobody honest sends: of no query, from somebody who was not asked, in another's name.
    pub hits_forged: u32,
    /// Hits that came too late, or were too many.
    pub hits_ignored: u32,
    /// Messages beyond what a neighbour may send in a minute.
    pub messages_dropped: u32,
    /// Slots told for what was not wanted.
    pub slots_unasked: u32,
    /// Wants refused.
    pub wants_refused: u32,
    /// Requests for pieces outside a served slot, or too many.
    pub requests_refused: u32,
    /// Neighbours that promised and did not deliver.
    pub promises_broken: u32,
    /// Links ended because others were of more use.
    pub pruned: u32,
    /// Links ended because the other side broke the rules.
    pub faults: u32,
}
