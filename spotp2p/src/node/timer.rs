//! The named deadlines of a node itself; its parts have their own.

use spotproto::timers::TimerName;

/// What a node waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Timer {
    /// Holders of what is fetched may be looked for again.
    Search,
    /// The ticket is to be renewed before it ends.
    Renew,
    /// A link has been in the making for too long.
    Links,
    /// A web server that failed may be asked again.
    Mirrors,
    /// Whether the sound may start, or goes on, is to be looked at.
    Playout,
    /// More is to be told of what can be served.
    Holdings,
}

impl Timer {
    pub(super) const COUNT: usize = 6;
}

impl TimerName for Timer {
    fn slot(self) -> usize {
        self as usize
    }
}
