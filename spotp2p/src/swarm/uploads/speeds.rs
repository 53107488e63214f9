//! How fast peers were that were served before.

use crate::swarm::words::PeerId;
use alloc::vec::Vec;

/// The last measured speed to each neighbour that had a slot, in bytes a second.
#[derive(Debug, Default)]
pub(super) struct Speeds(Vec<(PeerId, u32)>);

impl Speeds {
    pub(super) fn of(&self, peer: PeerId) -> Option<u32> {
        self.0.iter().find(|(known, _)| *known == peer).map(|(_, speed)| *speed)
    }

    /// A slot ended. Where nothing was measured, what was known stays.
    pub(super) fn note(&mut self, peer: PeerId, speed: Option<u32>) {
        let Some(speed) = speed else { return };
        match self.0.iter_mut().find(|(known, _)| *known == peer) {
            Some((_, known)) => *known = speed,
            None => self.0.push((peer, speed)),
        }
    }

    /// A link closed.
    pub(super) fn forget(&mut self, peer: PeerId) {
        self.0.retain(|(known, _)| *known != peer);
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
    }
}
