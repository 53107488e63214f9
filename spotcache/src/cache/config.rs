//! How large a cache may become, and every bound of it.

use core::time::Duration;

/// How a cache is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// How much of the disk it may take.
    pub quota: Quota,
    /// Which whole file goes when there is no room.
    pub eviction: Eviction,
    /// Its bounds.
    pub limits: Limits,
}

/// How much of the disk a cache may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Quota {
    /// A tenth of the disk that is free, the cache's own files counted as free; at least [`Quota::LEAST`], at most
    /// [`Quota::MOST`] bytes. Reckoned when the cache opens. Kreitz and Niemelä 2010, II-C.
    #[default]
    Auto,
    /// So many bytes. 0 switches the cache off: everything misses, and nothing is asked of the disk.
    Bytes(u64),
}

impl Quota {
    /// The least bytes of [`Quota::Auto`].
    pub const LEAST: u64 = 50_000_000;
    /// The most bytes of [`Quota::Auto`].
    pub const MOST: u64 = 10_000_000_000;

    /// The quota in bytes, where so many are free or used by the cache itself.
    #[must_use]
    pub const fn bytes(self, free: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Auto if free / 10 < Self::LEAST => Self::LEAST,
            Self::Auto if free / 10 > Self::MOST => Self::MOST,
            Self::Auto => free / 10,
        }
    }

    /// Whether it switches the cache off.
    #[must_use]
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Bytes(0))
    }
}

/// Which whole file goes when there is no room. Files of which only parts are held go before any of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub enum Eviction {
    /// The one that was not used for longest, as the original did.
    #[default]
    Lru,
    /// S3-FIFO: what is used once goes early (Yang, Zhang, Qiu, Yue, Rashmi 2023).
    S3Fifo,
}

/// The bounds of one cache.
///
/// Worst-case memory, in words: for each of `files`, its key and 12 bytes, an eighth of that for growth, 5 bytes of
/// index, and 10 more if it has an alias. For each of `partial`, 56 bytes and a bit for each of its pieces. For each
/// outstanding write a piece, 16 KiB, until the disk has taken it; for outstanding reads, removals and journal writes
/// 100 bytes each. For each of `unclaimed` 8 bytes, for each of `touches` 4. For each pin that waits for the disk its
/// key and a byte, twice for growth: as many as `unclaimed`, and one for each pinned file. While the journal is written
/// anew, as many bytes as it has: about 20 and the key's for each file. With the defaults and 10,000 whole files of
/// 32-byte names: 0.6 MB, and 2 MiB while 128 pieces are on their way to the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Files known at all.
    pub files: u32,
    /// Files of which only a part is held.
    pub partial: u32,
    /// Files of which only the header pieces were kept.
    pub headers: u32,
    /// The part of the quota that those may take: one in so many bytes.
    pub headers_share: u64,
    /// Most header pieces that are kept of one file; of a file with more none are.
    pub header_pieces: u32,
    /// Most pieces of one file; larger ones are not kept.
    pub pieces: u32,
    /// Pieces, sheets and leaves on their way to the disk.
    pub writes: usize,
    /// Reads that the disk has not answered.
    pub reads: usize,
    /// Removals that the disk has not answered.
    pub removals: usize,
    /// Journal writes that the disk has not answered; at least 2.
    pub commits: usize,
    /// Pieces that are held and that the journal does not claim yet; above it none are stored. As many pins may wait.
    pub unclaimed: usize,
    /// Pieces after which the journal is written without waiting longer.
    pub batch: usize,
    /// How long the journal waits for more to say.
    pub commit_after: Duration,
    /// Uses of files that wait for the journal; more are forgotten.
    pub touches: usize,
    /// How long they wait: a file's use is written at most once in this time.
    pub touch_after: Duration,
    /// Bytes by which the journal may be longer than twice what it has to say.
    pub journal_slack: usize,
    /// Files evicted at once when the disk is full, whatever the quota says.
    pub relief: u32,
    /// How long after trouble the disk is tried again. Doubles each time, up to [`Limits::retry_most`].
    pub retry_after: Duration,
    /// The longest time between tries.
    pub retry_most: Duration,
    /// Outputs queued before the cache asks for a drain.
    pub outputs: usize,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        files: 200_000,
        partial: 256,
        headers: 4_096,
        headers_share: 32,
        header_pieces: 64,
        pieces: 1 << 20,
        writes: 128,
        reads: 128,
        removals: 32,
        commits: 4,
        unclaimed: 4_096,
        batch: 256,
        commit_after: Duration::from_secs(4),
        touches: 1_024,
        touch_after: Duration::from_secs(300),
        journal_slack: 64 * 1024,
        relief: 8,
        retry_after: Duration::from_secs(5),
        retry_most: Duration::from_secs(600),
        outputs: 256,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quota_is_a_tenth_within_its_bounds() {
        assert_eq!(Quota::Auto.bytes(0), 50_000_000);
        assert_eq!(Quota::Auto.bytes(2_000_000_000), 200_000_000);
        assert_eq!(Quota::Auto.bytes(u64::MAX), 10_000_000_000);
        assert_eq!(Quota::Bytes(7).bytes(u64::MAX), 7);
        assert!(Quota::Bytes(0).is_off() && !Quota::Auto.is_off());
    }
}
