//! Names for queries.

use crate::swarm::words::QueryId;
use spotproto::Seed;
use spotproto::crypto::{Crypto, RustCrypto};

/// Draws the names of own queries: a hash over a seed and a count, so that who sees some of them, directly or two hops
/// away, can tell neither which others are ours nor what the next one will be. A plain generator's throws could be
/// continued from a few of them.
#[derive(Debug)]
pub(super) struct QueryIds {
    seed: Seed,
    drawn: u64,
}

impl QueryIds {
    pub(super) const fn new(seed: Seed) -> Self {
        Self { seed, drawn: 0 }
    }

    pub(super) fn draw(&mut self) -> QueryId {
        self.drawn += 1;
        let [a, b, c, d, e, f, g, h, ..] =
            RustCrypto::hash(&[b"spotp2p query id v1", &self.seed.0, &self.drawn.to_be_bytes()]);
        QueryId(u64::from_be_bytes([a, b, c, d, e, f, g, h]))
    }
}
