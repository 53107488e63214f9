//! Pieces asked for and not here yet. A request *is* credit: there is no second window.

/// The sum over a connection's requests. `granted == spent + released + outstanding`, on every path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Ledger {
    granted: u64,
    spent: u64,
    released: u64,
}

impl Ledger {
    /// A request for `pieces` begins.
    pub(crate) const fn grant(&mut self, pieces: u32) {
        self.granted += pieces as u64;
    }

    /// One piece came.
    pub(crate) const fn spend(&mut self) {
        self.spent += 1;
    }

    /// A request ended with `pieces` that never came.
    pub(crate) const fn release(&mut self, pieces: u32) {
        self.released += pieces as u64;
    }

    /// Pieces that may still come.
    pub(crate) const fn outstanding(&self) -> u64 {
        self.granted - self.spent - self.released
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_granted_is_spent_released_or_outstanding() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.outstanding(), 0);
        ledger.grant(5);
        ledger.grant(4);
        assert_eq!(ledger.outstanding(), 9);
        ledger.spend();
        ledger.spend();
        assert_eq!(ledger.outstanding(), 7);
        ledger.release(3);
        ledger.release(2);
        assert_eq!(ledger.outstanding(), 2);
        assert_eq!(ledger, Ledger { granted: 9, spent: 2, released: 5 });
    }
}
