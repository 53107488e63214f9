//! What is known of those who will deliver, where it says more than the link's own past.

use super::chain::{Chain, STATES, Vector, add};
use super::forecast::Scale;
use core::fmt;

/// A rate that is expected, not certain, in bytes a second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Expected {
    /// Its mean.
    pub mean: f32,
    /// Its standard deviation.
    pub deviation: f32,
}

/// An adjustment of the chain: where it starts, and its scale.
///
/// Peers that are expected to deliver less than the link usually brings scale the whole chain down, for as long as it
/// looks ahead: nothing says that more of them will come. Peers that are expected to deliver more only move its start,
/// since the link's own past says what lasts.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Sources {
    /// Bytes a second that are certain to come from now on, beside what the link's samples were samples of: a server
    /// that is asked as well.
    pub sure: f32,
    /// What peers deliver together, where they are known; else the link goes on as it was.
    pub peers: Option<Expected>,
}

/// Whom a start waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Supplier {
    /// Nobody in particular is known.
    Link,
    /// The server.
    Server,
    /// The peers.
    Peers,
}

impl fmt::Display for Supplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Link => "link",
            Self::Server => "server",
            Self::Peers => "peers",
        })
    }
}

impl Sources {
    /// Nothing is known but the link.
    pub const UNKNOWN: Self = Self { sure: 0.0, peers: None };

    /// Whoever is to bring the most.
    #[must_use]
    pub fn supplier(&self) -> Supplier {
        match self.peers() {
            Some(peers) if peers.mean > self.sure() => Supplier::Peers,
            _ if self.sure() > 0.0 => Supplier::Server,
            Some(_) => Supplier::Peers,
            None => Supplier::Link,
        }
    }

    /// Whether these promise no less than `others`, and no less surely.
    #[must_use]
    pub(crate) fn promise_as_much_as(&self, others: &Self) -> bool {
        let peers = match (self.peers(), others.peers()) {
            (Some(these), Some(those)) => these.mean >= those.mean && these.deviation <= those.deviation,
            (None, None) => true,
            _ => false,
        };
        peers && self.sure() >= others.sure()
    }

    /// The scale for a link that usually brings `usual` bytes a second.
    pub(super) fn scale(&self, usual: f32) -> Scale {
        let factor = self.peers().map_or(1.0, |peers| (peers.mean / usual.max(1.0)).clamp(0.01, 1.0));
        Scale { factor, sure: self.sure() }
    }

    /// How likely the link is in each state: at `rate`, if it is known; where chance has it, if not.
    pub(super) fn states(&self, chain: &Chain, rate: Option<f32>, flows: bool) -> Vector {
        if let Some(peers) = self.peers() {
            let factor = self.scale(chain.usual()).factor;
            let mut states = [0.0; STATES];
            for rate in [peers.mean - peers.deviation, peers.mean + peers.deviation] {
                add(&mut states, 0.5, &chain.states_at(rate.max(0.0) / factor));
            }
            return states;
        }
        rate.map_or_else(|| chain.states_after_a_while(flows), |rate| chain.states_at(rate))
    }

    /// A rate that is not above zero, or no number, is none.
    fn sure(&self) -> f32 {
        Some(self.sure).filter(|sure| *sure > 0.0).map_or(0.0, |sure| sure.min(1e12))
    }

    fn peers(&self) -> Option<Expected> {
        let peers = self.peers.filter(|peers| peers.mean.is_finite() && peers.mean >= 0.0)?;
        let deviation = if peers.deviation.is_finite() { peers.deviation.max(0.0) } else { peers.mean };
        Some(Expected { deviation, ..peers })
    }
}
