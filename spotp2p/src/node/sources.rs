//! The numbers by which the plan of a file knows who may serve it.

use super::interface::MirrorId;
use crate::planner::Source;
use crate::swarm::PeerId;

/// The access point.
pub(super) const SERVER: Source = Source(0);

/// Peers and mirrors are counted up to here, so that their numbers as sources differ.
pub(super) const MOST: u32 = u32::MAX / 2 - 1;

/// Who a source is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    Server,
    Peer(PeerId),
    Mirror(MirrorId),
}

impl Who {
    /// Who this source is.
    pub(super) const fn of(source: Source) -> Self {
        match source.0 {
            0 => Self::Server,
            n if n % 2 == 1 => Self::Peer(PeerId(n / 2)),
            n => Self::Mirror(MirrorId(n / 2 - 1)),
        }
    }

    /// Its number as a source.
    pub(super) const fn source(self) -> Source {
        match self {
            Self::Server => SERVER,
            Self::Peer(PeerId(n)) => Source(n * 2 + 1),
            Self::Mirror(MirrorId(n)) => Source(n * 2 + 2),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_lead_back_to_who_they_are_of() {
        let all = [0, 1, 7, MOST].map(|n| [Who::Peer(PeerId(n)), Who::Mirror(MirrorId(n))]);
        for who in all.into_iter().flatten().chain([Who::Server]) {
            assert_eq!(Who::of(who.source()), who);
        }
    }
}
