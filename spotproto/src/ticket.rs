//! Tickets: an access point's signed statement that a pseudonym goes with a link key, for a while.
//!
//! Peers show them to each other inside a session, and each checks that the Noise static key of the other side
//! is the ticket's link key. The form is fixed, so there is one encoding of each ticket:
//!
//! | bytes | field |
//! |---|---|
//! | 1 | version, 1 |
//! | 8 | key id: the first 8 bytes of the SHA-256 of the issuer's verifying key |
//! | 16 | pseudonym |
//! | 32 | link key (X25519) |
//! | 4 | rights, a bit set |
//! | 8 | last second at which it holds, Unix time |
//! | 64 | Ed25519 signature over `spotp2p ticket v1` and all of the above |

use crate::codec::{CodecError, Reader, Writer};
use crate::crypto::{Crypto, PublicKey, SecretKey, Signature, VerifyingKey, print_as_hex};
use crate::time::UnixTime;
use core::fmt;
use core::ops::BitOr;

/// Bytes of a signed ticket.
pub const SIGNED_TICKET_LEN: usize = STATEMENT_LEN + 64;

const VERSION: u8 = 1;
const STATEMENT_LEN: usize = 1 + 8 + 16 + 32 + 4 + 8;
/// Keeps a ticket's signature from passing for one over anything else that the same key signs.
const DOMAIN: &[u8; 17] = b"spotp2p ticket v1";

/// What stands for a logged-in client among peers: random, new with each log-in, never a user name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct Pseudonym(pub [u8; 16]);

/// Which verifying key checks a ticket: lets a client hold an old and a new one while keys are rotated.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub [u8; 8]);

print_as_hex!(Pseudonym, KeyId);

impl KeyId {
    /// The id of `key`.
    #[must_use]
    pub fn of<C: Crypto>(key: &VerifyingKey) -> Self {
        let [a, b, c, d, e, f, g, h, ..] = C::hash(&[&key.0]);
        Self([a, b, c, d, e, f, g, h])
    }
}

/// What the holder of a ticket may do, as a set of bits. Unknown bits are carried, and grant nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Rights(pub u32);

impl Rights {
    /// No right at all.
    pub const NONE: Self = Self(0);

    /// Whether all of `wanted` are in the set.
    #[must_use]
    pub const fn contains(self, wanted: Self) -> bool {
        self.0 & wanted.0 == wanted.0
    }
}

impl BitOr for Rights {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// What an access point states.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ticket {
    /// Who.
    pub pseudonym: Pseudonym,
    /// The key that proves it: the static key of the holder's links.
    pub link_key: PublicKey,
    /// What the holder may do.
    pub rights: Rights,
    /// The last second at which the ticket holds.
    pub not_after: UnixTime,
}

/// A ticket with its signature, which nobody checked yet: only [`SignedTicket::verify`] gives the [`Ticket`].
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub struct SignedTicket([u8; SIGNED_TICKET_LEN]);

/// Why a ticket is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TicketError {
    /// Not a ticket of this version.
    Malformed,
    /// Signed with another key than the one it is checked against.
    WrongIssuer,
    /// Forged or altered.
    BadSignature,
    /// It held once.
    Expired,
}

impl fmt::Display for TicketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "not a ticket of this version",
            Self::WrongIssuer => "the ticket is from another issuer",
            Self::BadSignature => "the ticket is forged or altered",
            Self::Expired => "the ticket has expired",
        })
    }
}

impl core::error::Error for TicketError {}

impl From<CodecError> for TicketError {
    fn from(_: CodecError) -> Self {
        Self::Malformed
    }
}

impl Ticket {
    /// Signs the statement with the access point's Ed25519 `seed`.
    #[must_use]
    pub fn sign<C: Crypto>(&self, seed: &SecretKey) -> SignedTicket {
        let mut bytes = [0; SIGNED_TICKET_LEN];
        let (statement, signature) = bytes.split_at_mut(STATEMENT_LEN);
        let mut rest = &mut *statement;
        Writer::new(&mut rest)
            .u8(VERSION)
            .bytes(&KeyId::of::<C>(&C::verifying_key(seed)).0)
            .bytes(&self.pseudonym.0)
            .bytes(&self.link_key.0)
            .u32(self.rights.0)
            .u64(self.not_after.0);
        signature.copy_from_slice(&C::sign(seed, &signed_bytes(statement)).0);
        SignedTicket(bytes)
    }
}

impl SignedTicket {
    /// Takes the bytes of a ticket; checks its form, not its signature.
    ///
    /// # Errors
    /// [`TicketError::Malformed`].
    pub fn decode(bytes: &[u8]) -> Result<Self, TicketError> {
        match <[u8; SIGNED_TICKET_LEN]>::try_from(bytes) {
            Ok(bytes) if bytes.first() == Some(&VERSION) => Ok(Self(bytes)),
            _ => Err(TicketError::Malformed),
        }
    }

    /// The bytes to show.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; SIGNED_TICKET_LEN] {
        &self.0
    }

    /// Which key claims to have signed it.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        let [_, a, b, c, d, e, f, g, h, ..] = self.0;
        KeyId([a, b, c, d, e, f, g, h])
    }

    /// Checks the ticket against its issuer's `key` and the date, and gives what it states.
    ///
    /// # Errors
    /// [`TicketError::WrongIssuer`], [`TicketError::BadSignature`], and only for a genuine one
    /// [`TicketError::Expired`].
    pub fn verify<C: Crypto>(&self, key: &VerifyingKey, now: UnixTime) -> Result<Ticket, TicketError> {
        if self.key_id() != KeyId::of::<C>(key) {
            return Err(TicketError::WrongIssuer);
        }
        let mut reader = Reader::new(&self.0);
        let signed = signed_bytes(reader.bytes(STATEMENT_LEN)?);
        let signature = Signature(reader.array()?);
        if !C::verify(key, &signed, &signature) {
            return Err(TicketError::BadSignature);
        }
        let ticket = self.statement()?;
        if now > ticket.not_after { Err(TicketError::Expired) } else { Ok(ticket) }
    }

    fn statement(&self) -> Result<Ticket, TicketError> {
        let mut reader = Reader::new(&self.0);
        reader.bytes(1 + 8)?;
        Ok(Ticket {
            pseudonym: Pseudonym(reader.array()?),
            link_key: PublicKey(reader.array()?),
            rights: Rights(reader.u32()?),
            not_after: UnixTime(reader.u64()?),
        })
    }
}

impl fmt::Debug for SignedTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedTicket").field("key_id", &self.key_id()).finish_non_exhaustive()
    }
}

fn signed_bytes(statement: &[u8]) -> [u8; DOMAIN.len() + STATEMENT_LEN] {
    let mut bytes = [0; DOMAIN.len() + STATEMENT_LEN];
    let mut rest = &mut bytes[..];
    Writer::new(&mut rest).bytes(DOMAIN).bytes(statement);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::RustCrypto;
    use alloc::format;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const NOON: UnixTime = UnixTime(1_800_000_000);

    fn seed() -> SecretKey {
        SecretKey([9; 32])
    }

    fn key() -> VerifyingKey {
        RustCrypto::verifying_key(&seed())
    }

    fn ticket() -> Ticket {
        Ticket {
            pseudonym: Pseudonym([0xab; 16]),
            link_key: PublicKey([3; 32]),
            rights: Rights(5),
            not_after: NOON,
        }
    }

    #[test]
    fn a_signed_ticket_gives_back_what_was_stated() {
        let shown = ticket().sign::<RustCrypto>(&seed());
        let taken = SignedTicket::decode(shown.as_bytes()).unwrap();
        assert_eq!(taken.verify::<RustCrypto>(&key(), NOON), Ok(ticket()));
    }

    #[test]
    fn the_form_is_the_documented_one() {
        let signed = ticket().sign::<RustCrypto>(&seed());
        let bytes = signed.as_bytes();
        assert_eq!(bytes.len(), 133);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..9], RustCrypto::hash(&[&key().0])[..8]);
        assert_eq!(bytes[9..25], [0xab; 16]);
        assert_eq!(bytes[25..57], [3; 32]);
        assert_eq!(bytes[57..61], [0, 0, 0, 5]);
        assert_eq!(bytes[61..69], NOON.0.to_be_bytes());
        let said = [b"spotp2p ticket v1", &bytes[..69]].concat();
        assert_eq!(bytes[69..], RustCrypto::sign(&seed(), &said).0);
    }

    #[test]
    fn a_ticket_ends_after_its_last_second() {
        let signed = ticket().sign::<RustCrypto>(&seed());
        assert!(signed.verify::<RustCrypto>(&key(), UnixTime(0)).is_ok());
        assert!(signed.verify::<RustCrypto>(&key(), NOON).is_ok());
        assert_eq!(signed.verify::<RustCrypto>(&key(), UnixTime(NOON.0 + 1)), Err(TicketError::Expired));
    }

    #[test]
    fn a_ticket_of_another_issuer_is_told_from_a_forged_one() {
        let other = SecretKey([8; 32]);
        let signed = ticket().sign::<RustCrypto>(&other);
        assert_eq!(signed.verify::<RustCrypto>(&key(), NOON), Err(TicketError::WrongIssuer));

        let mut forged = *signed.as_bytes();
        forged[1..9].copy_from_slice(&KeyId::of::<RustCrypto>(&key()).0);
        let forged = SignedTicket::decode(&forged).unwrap();
        assert_eq!(forged.verify::<RustCrypto>(&key(), NOON), Err(TicketError::BadSignature));
    }

    #[test]
    fn a_signature_without_the_domain_does_not_count() {
        let mut bytes = *ticket().sign::<RustCrypto>(&seed()).as_bytes();
        let signature = RustCrypto::sign(&seed(), &bytes[..STATEMENT_LEN]);
        bytes[STATEMENT_LEN..].copy_from_slice(&signature.0);
        let undomained = SignedTicket::decode(&bytes).unwrap();
        assert_eq!(undomained.verify::<RustCrypto>(&key(), NOON), Err(TicketError::BadSignature));
    }

    #[test]
    fn a_ticket_of_another_version_or_length_is_malformed() {
        let signed = *ticket().sign::<RustCrypto>(&seed()).as_bytes();
        let mut later = signed;
        later[0] = 2;
        for bytes in [&later[..], &signed[..132], &[&signed[..], &[0]].concat(), &[]] {
            assert_eq!(SignedTicket::decode(bytes), Err(TicketError::Malformed));
        }
    }

    #[test]
    fn rights_are_a_set() {
        let both = Rights(1) | Rights(4);
        assert!(both.contains(Rights(4)) && both.contains(Rights::NONE));
        assert!(!both.contains(Rights(2)) && !both.contains(Rights(3)));
    }

    #[test]
    fn a_pseudonym_prints_whole() {
        assert_eq!(format!("{}", ticket().pseudonym), "ab".repeat(16));
    }

    proptest! {
        #[test]
        fn no_altered_bit_passes(bit in 0..SIGNED_TICKET_LEN * 8) {
            let mut bytes = *ticket().sign::<RustCrypto>(&seed()).as_bytes();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let checked = SignedTicket::decode(&bytes)
                .and_then(|altered| altered.verify::<RustCrypto>(&key(), UnixTime(0)));
            prop_assert!(checked.is_err());
        }

        #[test]
        fn no_bytes_make_a_ticket_panic(bytes: Vec<u8>) {
            let _ = SignedTicket::decode(&bytes)
                .map(|any| any.verify::<RustCrypto>(&key(), NOON));
        }
    }
}
