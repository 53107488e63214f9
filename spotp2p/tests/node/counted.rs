//! A file's name that counts how often it is compared.

use core::cell::Cell;
use core::cmp::Ordering;
use core::hash::{Hash, Hasher};
use spotcache::cache::CacheKey;
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotp2p::FileKey;
use spotproto::content::FileId;
use spotproto::crypto::Crypto;

thread_local! {
    static COMPARED: Cell<u64> = const { Cell::new(0) };
}

/// How often names were compared in this thread.
pub(crate) fn compared() -> u64 {
    COMPARED.get()
}

#[derive(Clone, Copy, Eq, Debug)]
pub(crate) struct Name(pub(crate) u32);

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        COMPARED.set(COMPARED.get() + 1);
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Name {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl CacheKey for Name {
    const LEN: usize = 4;

    fn write(&self, place: &mut [u8]) {
        self.0.write(place);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        u32::read(bytes).map(Self)
    }

    fn bits(&self) -> u64 {
        self.0.bits()
    }
}

/// Pieces carry their own verdict, and no cache holds any.
impl FileKey for Name {
    fn root(&self) -> Option<FileId> {
        None
    }

    fn seal_sheet<C: Crypto>(&self, _: &CacheKeys, _: &Sheet<Self>) -> Option<bytes::Bytes> {
        None
    }

    fn open_sheet<C: Crypto>(&self, _: &CacheKeys, _: &[u8]) -> Option<Sheet<Self>> {
        None
    }

    fn seal_leaves<C: Crypto>(&self, _: &CacheKeys, _: &LeafGroup) -> Option<bytes::Bytes> {
        None
    }

    fn open_leaves<C: Crypto>(&self, _: &CacheKeys, _: u32, _: &[u8]) -> Option<LeafGroup> {
        None
    }
}
