//! The clear bytes in front of every connection; those of the initiator are the Noise prologue, so none can be altered.

use crate::error::{PeerFault, Refused, SessionError};
use crate::noise::{Pattern, Role};
use core::fmt;
use core::time::Duration;

/// Version of the wire protocol, apart from the versions of the crates.
pub const PROTOCOL_VERSION: u8 = 1;

/// First bytes of every connection.
pub const MAGIC: [u8; 4] = *b"SP2P";

/// Cipher suite 1: X25519, ChaCha20-Poly1305, SHA-256. Numbers from 0xf0 on are for tests and always refused.
pub const SUITE: u8 = 1;

/// How long a brokered link's id is of use, from the word to dial on.
pub const LINK_LASTS: Duration = Duration::from_secs(30);

/// Bytes of a preamble.
pub const PREAMBLE_LEN: usize = 24;

/// Sixteen bytes that name a link which the access point brokered; all zero for a connection to the access point.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct LinkId(pub [u8; 16]);

impl LinkId {
    /// The id of every connection to an access point.
    pub const ACCESS_POINT: Self = Self([0; 16]);
}

impl fmt::Debug for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What the sender of the first bytes says of the connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preamble {
    /// The handshake pattern.
    pub pattern: Pattern,
    /// The role of the one who sends this preamble.
    pub role: Role,
    /// Which link this is.
    pub link: LinkId,
}

impl Preamble {
    /// The bytes on the wire, for [`SUITE`].
    #[must_use]
    pub fn encode(&self) -> [u8; PREAMBLE_LEN] {
        self.encode_in(SUITE)
    }

    /// The same for another cipher suite.
    #[must_use]
    pub fn encode_in(&self, suite: u8) -> [u8; PREAMBLE_LEN] {
        let mut bytes = [0; PREAMBLE_LEN];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = PROTOCOL_VERSION;
        bytes[5] = match self.pattern {
            Pattern::Ik => 0,
            Pattern::Xx => 1,
        };
        bytes[6] = suite;
        bytes[7] = match self.role {
            Role::Initiator => 0,
            Role::Responder => 1,
        };
        bytes[8..].copy_from_slice(&self.link.0);
        bytes
    }

    /// Reads a preamble for [`SUITE`].
    ///
    /// # Errors
    /// A fault if it is not this protocol; a refusal, to be answered in the clear, if it is another dialect of it.
    pub fn decode(bytes: &[u8; PREAMBLE_LEN]) -> Result<Self, SessionError> {
        Self::decode_in(SUITE, bytes)
    }

    /// The same for another cipher suite, and for no other than that.
    ///
    /// # Errors
    /// As those of [`decode`](Self::decode).
    pub fn decode_in(suite: u8, bytes: &[u8; PREAMBLE_LEN]) -> Result<Self, SessionError> {
        let [m0, m1, m2, m3, version, pattern, theirs, role, link @ ..] = bytes;
        if [*m0, *m1, *m2, *m3] != MAGIC {
            return Err(PeerFault::BadPreamble.into());
        }
        if *version != PROTOCOL_VERSION {
            return Err(SessionError::Refusing(Refused::Version));
        }
        let pattern = match pattern {
            0 => Pattern::Ik,
            1 => Pattern::Xx,
            _ => return Err(SessionError::Refusing(Refused::Suite)),
        };
        if *theirs != suite {
            return Err(SessionError::Refusing(Refused::Suite));
        }
        let role = match role {
            0 => Role::Initiator,
            1 => Role::Responder,
            _ => return Err(PeerFault::BadPreamble.into()),
        };
        Ok(Self { pattern, role, link: LinkId(*link) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: Preamble = Preamble { pattern: Pattern::Xx, role: Role::Responder, link: LinkId([7; 16]) };

    #[test]
    fn a_preamble_reads_back() {
        assert_eq!(Preamble::decode(&SAMPLE.encode()), Ok(SAMPLE));
    }

    #[test]
    fn another_protocol_is_a_fault_and_another_dialect_a_refusal() {
        let altered = |at: usize, byte: u8| {
            let mut bytes = SAMPLE.encode();
            bytes[at] = byte;
            Preamble::decode(&bytes)
        };
        assert_eq!(altered(0, b'G'), Err(SessionError::Peer(PeerFault::BadPreamble)));
        assert_eq!(altered(4, 2), Err(SessionError::Refusing(Refused::Version)));
        assert_eq!(altered(5, 9), Err(SessionError::Refusing(Refused::Suite)));
        assert_eq!(altered(6, 0xf0), Err(SessionError::Refusing(Refused::Suite)));
        assert_eq!(altered(7, 2), Err(SessionError::Peer(PeerFault::BadPreamble)));
    }
}
