//! What can be asked of a cache. Nothing here takes memory.

use super::shelf::fingerprint;
use super::words::{Holding, Usage};
use super::{Cache, CacheKey};
use spotproto::UnixTime;

impl<K: CacheKey, B> Cache<K, B> {
    /// Whether a piece can be read.
    #[must_use]
    pub fn holds(&self, file: &K, piece: u32) -> bool {
        self.books.shelf.find(file).is_some_and(|slot| self.books.shelf.has(slot, piece))
    }

    /// Which of 64 pieces can be read, from the one with this number times 64 on: a bit for each, the first one lowest.
    #[must_use]
    pub fn holds_of_64(&self, file: &K, word: u32) -> u64 {
        self.books.shelf.find(file).map_or(0, |slot| self.books.shelf.word(slot, word))
    }

    /// What is held of a file; `None` if it is not known.
    #[must_use]
    pub fn holding(&self, file: &K) -> Option<Holding> {
        self.books.shelf.find(file).map(|slot| self.holding_at(slot))
    }

    /// Files that may be of the track with this gid: all that are, and by rare chance others. The sheet of each tells.
    pub fn find(&self, alias: &[u8; 16]) -> impl Iterator<Item = K> + '_ {
        self.books.shelf.with_alias(fingerprint(alias)).map(|slot| self.books.shelf.key(slot))
    }

    /// All files, in an order that follows from what the cache was told. Takes a look at each.
    pub fn files(&self) -> impl Iterator<Item = (K, Holding)> + '_ {
        (0..self.books.shelf.slots())
            .filter_map(|slot| self.books.shelf.key_at(slot).map(|key| (*key, self.holding_at(slot))))
    }

    /// What is taken, and what was done.
    #[must_use]
    pub const fn usage(&self) -> Usage {
        let totals = self.books.totals();
        Usage {
            quota: self.quota,
            bytes: totals.bytes,
            pinned_bytes: totals.pinned,
            promised_bytes: totals.promised,
            complete: totals.complete,
            partial: totals.partial,
            headers_only: totals.headers_only,
            counts: self.counts,
        }
    }

    /// The latest date that was ever noted: a clock that goes back does not lengthen a lease.
    #[must_use]
    pub const fn date(&self) -> UnixTime {
        UnixTime(self.date.latest)
    }

    fn holding_at(&self, slot: u32) -> Holding {
        let facts = self.books.shelf.facts(slot);
        Holding {
            pieces: facts.pieces,
            held: facts.held,
            header_prefix: facts.prefix,
            complete: facts.complete(),
            headers_only: facts.cut && !facts.complete(),
            pinned: facts.pinned,
            in_use: facts.in_use,
        }
    }
}
