//! The keys that a client's links show: fresh ones for each log-in.

use super::LogIn;
use alloc::collections::VecDeque;
use spotproto::Seed;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto, SecretKey};

/// Pairs that are kept: the one for the next log-in, that of the current one, and that of the one before, since a link may
/// have been brokered just before a line broke.
const KEPT: usize = 3;

/// The key pairs of the latest log-ins, which a node's owner keeps for it.
///
/// Memory: three pairs.
#[derive(Debug, Default)]
pub struct LogIns {
    pairs: VecDeque<KeyPair>,
}

impl LogIns {
    /// What the next log-in goes by, of a seed and a key that nobody has used; the oldest pair is wiped.
    pub fn renew(&mut self, seed: Seed, secret: SecretKey) -> LogIn {
        let pair = KeyPair::new::<RustCrypto>(secret);
        let link_key = pair.public;
        self.pairs.truncate(KEPT - 1);
        self.pairs.push_front(pair);
        LogIn { link_key, seed }
    }

    /// The pair with this public half, if it is one of the latest.
    #[must_use]
    pub fn pair(&self, link_key: PublicKey) -> Option<&KeyPair> {
        self.pairs.iter().find(|pair| pair.public == link_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn each_log_in_has_a_key_of_its_own_and_old_ones_are_forgotten() {
        let mut log_ins = LogIns::default();
        let keys: Vec<PublicKey> =
            (0..5).map(|byte| log_ins.renew(Seed([byte; 32]), SecretKey([byte; 32])).link_key).collect();
        let known = keys.iter().filter(|key| log_ins.pair(**key).is_some_and(|pair| pair.public == **key));
        assert_eq!(known.collect::<Vec<_>>(), keys[2..].iter().collect::<Vec<_>>());
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
