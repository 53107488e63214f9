//! The keys that a client's links show: fresh ones for each log-in.

use crate::entropy;
use alloc::collections::VecDeque;
use getrandom::Error;
use spotp2p::node::LogIn;
use spotproto::crypto::{KeyPair, PublicKey, RustCrypto};

/// Pairs that are kept: the one for the next log-in, that of the current one, and that of the one before, since a link may
/// have been brokered just before a line broke.
const KEPT: usize = 3;

/// The key pairs of the latest log-ins.
#[derive(Debug, Default)]
pub(super) struct LogIns {
    pairs: VecDeque<KeyPair>,
}

impl LogIns {
    /// What the next log-in goes by; the oldest pair is wiped.
    ///
    /// # Errors
    /// The system has no entropy to give.
    pub(super) fn renew(&mut self) -> Result<LogIn, Error> {
        let seed = entropy::seed()?;
        let pair = KeyPair::new::<RustCrypto>(entropy::secret_key()?);
        let link_key = pair.public;
        self.pairs.truncate(KEPT - 1);
        self.pairs.push_front(pair);
        Ok(LogIn { link_key, seed })
    }

    /// The pair with this public half, if it is one of the latest.
    pub(super) fn pair(&self, link_key: PublicKey) -> Option<&KeyPair> {
        self.pairs.iter().find(|pair| pair.public == link_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_in_has_a_key_of_its_own_and_old_ones_are_forgotten() {
        let mut log_ins = LogIns::default();
        let keys: Vec<PublicKey> = (0..5).map(|_| log_ins.renew().unwrap().link_key).collect();
        let known = keys.iter().filter(|key| log_ins.pair(**key).is_some_and(|pair| pair.public == **key));
        assert_eq!(known.collect::<Vec<_>>(), keys[2..].iter().collect::<Vec<_>>());
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
