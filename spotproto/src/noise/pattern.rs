//! The two handshake patterns as data (Noise rev 34 §7.5).

use Token::{E, Ee, Es, S, Se, Ss};

/// A handshake pattern of the suite `25519_ChaChaPoly_SHA256`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pattern {
    /// The initiator knows the responder's static key: two messages, and the first may carry a request.
    Ik,
    /// Neither knows the other: three messages.
    Xx,
}

/// Which side of the pattern; given by the caller, never taken from who dialled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "arbitrary", derive(arbitrary::Arbitrary))]
pub enum Role {
    /// Writes the first message.
    Initiator,
    /// Reads the first message.
    Responder,
}

/// What a message carries or mixes in, in the words of Noise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Token {
    E,
    S,
    Ee,
    Es,
    Se,
    Ss,
}

impl Pattern {
    /// The protocol's name. It has exactly 32 bytes, so it is the first hash as it stands (Noise rev 34 §5.2).
    pub(super) const fn name(self) -> &'static [u8; 32] {
        match self {
            Self::Ik => b"Noise_IK_25519_ChaChaPoly_SHA256",
            Self::Xx => b"Noise_XX_25519_ChaChaPoly_SHA256",
        }
    }

    /// The tokens of each message; the initiator writes the first, then the sides take turns.
    pub(super) const fn messages(self) -> &'static [&'static [Token]] {
        match self {
            Self::Ik => &[&[E, Es, S, Ss], &[E, Ee, Se]],
            Self::Xx => &[&[E], &[E, Ee, S, Es], &[S, Se]],
        }
    }
}
