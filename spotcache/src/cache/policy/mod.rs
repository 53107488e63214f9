//! Which whole file goes when there is no room.

mod lru;
mod s3_fifo;

use super::config::Eviction;
use super::key::CacheKey;
use super::shelf::Shelf;
use lru::Lru;
use s3_fifo::S3Fifo;

/// An order of whole files that nobody uses and nobody pinned; those alone are in it.
pub(super) trait Policy {
    /// A file became whole, and will come in. Forgets what was known of it.
    fn completed<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32);

    /// A file comes in, for the first time or again.
    fn came<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32);

    /// A file in the order was used.
    fn touched<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32);

    /// A file goes out, whatever the reason.
    fn left<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32);

    /// The file to go next. It stays in the order until [`Policy::left`].
    fn victim<K: CacheKey>(&mut self, shelf: &mut Shelf<K>) -> Option<u32>;

    /// A file goes because it was the victim.
    fn evicted<K: CacheKey>(&mut self, shelf: &Shelf<K>, slot: u32);

    /// Hands out all, those that go first before the others.
    fn each<K: CacheKey>(&self, shelf: &mut Shelf<K>, take: impl FnMut(&mut Shelf<K>, u32));
}

/// The policy that was chosen.
#[derive(Debug)]
pub(super) enum Chosen {
    Lru(Lru),
    S3Fifo(S3Fifo),
}

impl Chosen {
    pub(super) const fn new(eviction: Eviction) -> Self {
        match eviction {
            Eviction::Lru => Self::Lru(Lru::new()),
            Eviction::S3Fifo => Self::S3Fifo(S3Fifo::new()),
        }
    }
}

macro_rules! of_the_chosen {
    ($self:ident, $policy:ident => $call:expr) => {
        match $self {
            Self::Lru($policy) => $call,
            Self::S3Fifo($policy) => $call,
        }
    };
}

impl Policy for Chosen {
    fn completed<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        of_the_chosen!(self, policy => policy.completed(shelf, slot));
    }

    fn came<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        of_the_chosen!(self, policy => policy.came(shelf, slot));
    }

    fn touched<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        of_the_chosen!(self, policy => policy.touched(shelf, slot));
    }

    fn left<K: CacheKey>(&mut self, shelf: &mut Shelf<K>, slot: u32) {
        of_the_chosen!(self, policy => policy.left(shelf, slot));
    }

    fn victim<K: CacheKey>(&mut self, shelf: &mut Shelf<K>) -> Option<u32> {
        of_the_chosen!(self, policy => policy.victim(shelf))
    }

    fn evicted<K: CacheKey>(&mut self, shelf: &Shelf<K>, slot: u32) {
        of_the_chosen!(self, policy => policy.evicted(shelf, slot));
    }

    fn each<K: CacheKey>(&self, shelf: &mut Shelf<K>, take: impl FnMut(&mut Shelf<K>, u32)) {
        of_the_chosen!(self, policy => policy.each(shelf, take));
    }
}
