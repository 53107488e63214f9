//! One side of a handshake (Noise rev 34 §5.3).

use super::pattern::Token;
use super::symmetric::SymmetricState;
use super::{CipherState, MAX_MESSAGE_LEN, Misuse, NoiseError, Pattern, Role};
use crate::crypto::{Crypto, KeyPair, PublicKey, RustCrypto, SecretKey, TAG_LEN};
use bytes::BytesMut;
use core::fmt;
use core::ops::Range;

const KEY_LEN: usize = 32;

/// One side of a handshake, as Noise rev 34 §5.3 has it. Its secrets are wiped on drop, and on failure.
///
/// Whatever [`Handshake::read_message`] refuses ends the handshake: every later call answers
/// [`Misuse::Broken`].
pub struct Handshake<C: Crypto = RustCrypto> {
    symmetric: SymmetricState<C>,
    local_static: KeyPair,
    local_ephemeral: SecretKey,
    remote_static: Option<PublicKey>,
    remote_ephemeral: Option<PublicKey>,
    pattern: Pattern,
    role: Role,
    /// Messages written and read so far.
    done: usize,
    broken: bool,
}

impl<C: Crypto> Handshake<C> {
    /// One side before the first message.
    ///
    /// `prologue` is what both sides must have seen alike. `ephemeral` must be fresh randomness, never used before.
    ///
    /// # Errors
    /// [`Misuse::RemoteKeyMissing`] for an IK initiator without `remote_static`,
    /// [`Misuse::RemoteKeyUnexpected`] for anybody else with it.
    pub fn new(
        pattern: Pattern,
        role: Role,
        prologue: &[u8],
        local_static: &KeyPair,
        ephemeral: SecretKey,
        remote_static: Option<&PublicKey>,
    ) -> Result<Self, NoiseError> {
        let mut symmetric = SymmetricState::new(pattern.name());
        symmetric.mix_hash(prologue);
        match (pattern, role, remote_static) {
            // The pre-message `<- s` of IK: both sides hash the responder's static key.
            (Pattern::Ik, Role::Initiator, Some(responder)) => symmetric.mix_hash(&responder.0),
            (Pattern::Ik, Role::Initiator, None) => return Err(Misuse::RemoteKeyMissing.into()),
            (_, _, Some(_)) => return Err(Misuse::RemoteKeyUnexpected.into()),
            (Pattern::Ik, Role::Responder, None) => symmetric.mix_hash(&local_static.public.0),
            (Pattern::Xx, _, None) => {}
        }
        Ok(Self {
            symmetric,
            local_static: local_static.clone(),
            local_ephemeral: ephemeral,
            remote_static: remote_static.copied(),
            remote_ephemeral: None,
            pattern,
            role,
            done: 0,
            broken: false,
        })
    }

    /// Whether this side writes the next message.
    #[must_use]
    pub fn my_turn(&self) -> bool {
        let initiators = self.done.is_multiple_of(2);
        !self.broken && !self.is_finished() && initiators == (self.role == Role::Initiator)
    }

    /// Whether the last message went through, so that [`Handshake::split`] may follow.
    #[must_use]
    pub const fn is_finished(&self) -> bool {
        !self.broken && self.done == self.pattern.messages().len()
    }

    /// Bytes that the next message, whoever writes it, has beyond its payload; 0 after the last.
    #[must_use]
    pub fn message_overhead(&self) -> usize {
        let mut tag = self.symmetric.overhead();
        let mut keys = 0;
        let Some(tokens) = self.tokens() else { return 0 };
        for token in tokens {
            match token {
                Token::E => keys += KEY_LEN,
                Token::S => keys += KEY_LEN + tag,
                Token::Ee | Token::Es | Token::Se | Token::Ss => tag = TAG_LEN,
            }
        }
        keys + tag
    }

    /// The other side's static key, once known.
    ///
    /// A responder knows it from the message that carries it; that the other side holds its secret half *now*,
    /// and did not replay that message, is known only when its first record opens (Noise rev 34 §7.7).
    #[must_use]
    pub const fn remote_static(&self) -> Option<PublicKey> {
        if self.broken { None } else { self.remote_static }
    }

    /// The hash over all that was said, the same on both sides: binds what is above to this very session
    /// (Noise rev 34 §11.2). Of use once finished.
    #[must_use]
    pub const fn hash(&self) -> [u8; 32] {
        self.symmetric.hash()
    }

    /// Appends the next message, with `payload` in it, to `out`.
    ///
    /// # Errors
    /// [`Misuse::OutOfTurn`], [`Misuse::TooLong`] and [`Misuse::Broken`] change nothing. [`NoiseError::LowOrder`]
    /// if a key that the other side gave is no key; that ends the handshake. `out` is as before in each case.
    pub fn write_message(&mut self, payload: &[u8], out: &mut BytesMut) -> Result<(), NoiseError> {
        self.check_turn(true)?;
        let len = payload.len().saturating_add(self.message_overhead());
        if len > MAX_MESSAGE_LEN {
            return Err(Misuse::TooLong.into());
        }
        let start = out.len();
        out.reserve(len);
        let written = self.put(payload, out);
        if written.is_err() {
            out.truncate(start);
            self.fail();
        }
        written
    }

    /// Takes the other side's next message, whole, and decrypts it in place; returns where its payload lies.
    ///
    /// # Errors
    /// [`NoiseError::Malformed`], [`NoiseError::Decrypt`], [`NoiseError::LowOrder`], [`Misuse::OutOfTurn`] or
    /// [`Misuse::Broken`]. Each ends the handshake, and `message` then holds nothing of use.
    pub fn read_message(&mut self, message: &mut [u8]) -> Result<Range<usize>, NoiseError> {
        let read = self.check_turn(false).and_then(|()| self.take(message));
        if read.is_err() {
            self.fail();
        }
        read
    }

    /// Ends the handshake: the ciphers to send and to receive with.
    ///
    /// # Errors
    /// [`Misuse::NotFinished`] before the last message, [`Misuse::Broken`] after a failure.
    pub fn split(self) -> Result<(CipherState<C>, CipherState<C>), NoiseError> {
        if self.broken {
            return Err(Misuse::Broken.into());
        }
        if !self.is_finished() {
            return Err(Misuse::NotFinished.into());
        }
        let (initiators, responders) = self.symmetric.split();
        Ok(match self.role {
            Role::Initiator => (initiators, responders),
            Role::Responder => (responders, initiators),
        })
    }

    fn tokens(&self) -> Option<&'static [Token]> {
        self.pattern.messages().get(self.done).copied()
    }

    fn check_turn(&self, to_write: bool) -> Result<(), NoiseError> {
        if self.broken {
            Err(Misuse::Broken.into())
        } else if self.is_finished() || self.my_turn() != to_write {
            Err(Misuse::OutOfTurn.into())
        } else {
            Ok(())
        }
    }

    fn put(&mut self, payload: &[u8], out: &mut BytesMut) -> Result<(), NoiseError> {
        for token in self.tokens().unwrap_or_default() {
            match token {
                Token::E => {
                    let public = C::public_key(&self.local_ephemeral);
                    self.symmetric.mix_hash(&public.0);
                    out.extend_from_slice(&public.0);
                }
                Token::S => {
                    let public = self.local_static.public;
                    self.put_sealed(&public.0, out)?;
                }
                Token::Ee | Token::Es | Token::Se | Token::Ss => self.mix_agreed(*token)?,
            }
        }
        self.put_sealed(payload, out)?;
        self.done += 1;
        Ok(())
    }

    fn put_sealed(&mut self, text: &[u8], out: &mut BytesMut) -> Result<(), NoiseError> {
        let start = out.len();
        out.extend_from_slice(text);
        if let Some(tag) = self.symmetric.seal(&mut out[start..])? {
            out.extend_from_slice(&tag);
        }
        Ok(())
    }

    fn take(&mut self, message: &mut [u8]) -> Result<Range<usize>, NoiseError> {
        if message.len() < self.message_overhead() || message.len() > MAX_MESSAGE_LEN {
            return Err(NoiseError::Malformed);
        }
        let whole = message.len();
        let mut rest = message;
        for token in self.tokens().unwrap_or_default() {
            match token {
                Token::E => {
                    let (key, behind) = rest.split_first_chunk_mut().ok_or(NoiseError::Malformed)?;
                    self.symmetric.mix_hash(key);
                    self.remote_ephemeral = Some(PublicKey(*key));
                    rest = behind;
                }
                Token::S => {
                    let sealed_len = KEY_LEN + self.symmetric.overhead();
                    let (sealed, behind) =
                        rest.split_at_mut_checked(sealed_len).ok_or(NoiseError::Malformed)?;
                    self.symmetric.open(sealed)?;
                    self.remote_static = sealed.first_chunk().map(|key| PublicKey(*key));
                    rest = behind;
                }
                Token::Ee | Token::Es | Token::Se | Token::Ss => self.mix_agreed(*token)?,
            }
        }
        let start = whole - rest.len();
        let len = self.symmetric.open(rest)?;
        self.done += 1;
        Ok(start..start + len)
    }

    /// Mixes in the shared secret that `token` names: its first letter is the initiator's key, its second the
    /// responder's.
    fn mix_agreed(&mut self, token: Token) -> Result<(), NoiseError> {
        let initiator = self.role == Role::Initiator;
        let (ours_lasts, theirs_lasts) = match token {
            Token::Ss => (true, true),
            Token::Es => (!initiator, initiator),
            Token::Se => (initiator, !initiator),
            Token::Ee | Token::E | Token::S => (false, false),
        };
        let ours = if ours_lasts { &self.local_static.secret } else { &self.local_ephemeral };
        let theirs = if theirs_lasts { &self.remote_static } else { &self.remote_ephemeral };
        // Both patterns send a key before they mix it, so none is missing here.
        let theirs = theirs.as_ref().ok_or(NoiseError::Malformed)?;
        let shared = C::agree(ours, theirs).map_err(|_| NoiseError::LowOrder)?;
        self.symmetric.mix_key(&shared);
        Ok(())
    }

    fn fail(&mut self) {
        self.broken = true;
        self.symmetric.wipe();
        self.local_ephemeral = SecretKey([0; 32]);
        self.local_static.secret = SecretKey([0; 32]);
    }
}

impl<C: Crypto> fmt::Debug for Handshake<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("pattern", &self.pattern)
            .field("role", &self.role)
            .field("done", &self.done)
            .field("broken", &self.broken)
            .field("remote_static", &self.remote_static())
            .finish_non_exhaustive()
    }
}
