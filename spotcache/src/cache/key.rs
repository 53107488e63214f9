//! What names a cached file: 32 bytes in production, 4 in the simulator.

use core::fmt;
use spotproto::content::FileId;

/// A file's name as the cache keeps it.
pub trait CacheKey: Copy + Ord + fmt::Debug {
    /// Bytes that it takes in the journal.
    const LEN: usize;

    /// Writes the name to `place`, which has [`CacheKey::LEN`] bytes.
    fn write(&self, place: &mut [u8]);

    /// Reads what [`CacheKey::write`] wrote; `None` if `bytes` are not [`CacheKey::LEN`] long.
    fn read(bytes: &[u8]) -> Option<Self>;

    /// Bits that spread evenly over names, for a table that is only ever looked up in.
    fn bits(&self) -> u64;
}

impl CacheKey for FileId {
    const LEN: usize = 32;

    fn write(&self, place: &mut [u8]) {
        place.copy_from_slice(&self.0);
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    fn bits(&self) -> u64 {
        // A name is a hash already; whoever chooses names with equal bits first has to find such hashes.
        self.0.first_chunk().map_or(0, |first| u64::from_be_bytes(*first))
    }
}

impl CacheKey for u32 {
    const LEN: usize = 4;

    fn write(&self, place: &mut [u8]) {
        place.copy_from_slice(&self.to_be_bytes());
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::from_be_bytes)
    }

    fn bits(&self) -> u64 {
        // The finisher of SplitMix64 (Steele, Lea, Flood 2014): numbers in a row land far apart.
        let mut bits = u64::from(*self).wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    }
}
