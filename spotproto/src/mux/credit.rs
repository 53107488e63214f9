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
