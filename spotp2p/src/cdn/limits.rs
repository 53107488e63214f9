//! Every bound of a connection in one place.

use core::time::Duration;

/// Header fields in one head of an answer.
pub const HEADERS_MAX: usize = 64;

/// The bounds of one [`Connection`](super::Connection).
///
/// Worst-case memory of a connection, in words: `outputs` pieces not yet taken by the owner and one being put together
/// (16 KiB each), the addresses of two requests with their redirects (four of 2 KiB each), and nothing of the wire: an
/// incomplete head of up to `head` bytes waits with the caller. With the defaults 160 KiB; when idle, some hundred
/// bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// From the request to the end of the answer's head.
    pub answer: Duration,
    /// A body of which nothing at all comes for this long is given up.
    pub silence: Duration,
    /// Each 16 KiB of a body must be there within this time of those before: a server that trickles is given up.
    pub trickle: Duration,
    /// A connection that nobody asks anything for this long is ended. Servers close idle ones after 5 s (Apache) to
    /// 75 s (nginx), and to be first spares a request that is lost.
    pub idle: Duration,
    /// Bytes of an answer's head.
    pub head: usize,
    /// Bytes in front of the range that are read and thrown away where a server answers with the whole file.
    pub skip: u64,
    /// Bytes that nobody wants (the rest of a cancelled answer, an error's page) which are read and thrown away to keep
    /// the connection. Beyond, a new connection is cheaper.
    pub drain: u64,
    /// Outputs queued before the connection stops reading.
    pub outputs: usize,
    /// What a `Retry-After` counts for at most.
    pub retry_after: Duration,
}

impl Limits {
    /// The defaults.
    pub const DEFAULT: Self = Self {
        answer: Duration::from_secs(15),
        silence: Duration::from_secs(10),
        trickle: Duration::from_secs(20),
        idle: Duration::from_secs(30),
        head: 16 << 10,
        skip: 1 << 20,
        drain: 64 << 10,
        outputs: 8,
        retry_after: Duration::from_secs(3600),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
