//! The Noise Protocol Framework, revision 34: patterns IK and XX of the suite `25519_ChaChaPoly_SHA256`.
//!
//! [`Handshake`] turns payloads into handshake messages and back; [`Handshake::split`] then gives a
//! [`CipherState`] for each direction. No framing and no entropy here: messages come whole, and the ephemeral
//! key is an input.
//!
//! ```
//! use bytes::BytesMut;
//! use spotproto::crypto::{KeyPair, RustCrypto, SecretKey};
//! use spotproto::noise::{Handshake, Pattern, Role};
//!
//! let (client, server) = (pair(1), pair(2));
//! let mut initiator: Handshake =
//!     Handshake::new(Pattern::Ik, Role::Initiator, b"v1", &client, secret(3), Some(&server.public))?;
//! let mut responder: Handshake =
//!     Handshake::new(Pattern::Ik, Role::Responder, b"v1", &server, secret(4), None)?;
//!
//! let mut message = BytesMut::new();
//! initiator.write_message(b"early request", &mut message)?;
//! let payload = responder.read_message(&mut message)?;
//! assert_eq!(&message[payload], b"early request");
//! assert_eq!(responder.remote_static(), Some(client.public));
//!
//! message.clear();
//! responder.write_message(b"answer", &mut message)?;
//! initiator.read_message(&mut message)?;
//!
//! let (mut send, _) = initiator.split()?;
//! let (_, mut receive) = responder.split()?;
//! let mut record = *b"record";
//! let tag = send.seal(b"", &mut record)?;
//! receive.open(b"", &mut record, &tag)?;
//! # fn secret(n: u8) -> SecretKey { SecretKey([n; 32]) }
//! # fn pair(n: u8) -> KeyPair { KeyPair::new::<RustCrypto>(secret(n)) }
//! # Ok::<(), spotproto::noise::NoiseError>(())
//! ```

mod cipher;
mod error;
mod handshake;
mod pattern;
mod symmetric;

pub use cipher::CipherState;
pub use error::{Misuse, NoiseError};
pub use handshake::Handshake;
pub use pattern::{Pattern, Role};

/// The longest Noise message, in bytes, tags included (Noise rev 34 §3).
pub const MAX_MESSAGE_LEN: usize = 65_535;
