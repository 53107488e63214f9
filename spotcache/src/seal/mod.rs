//! Sealing plaintext into pieces, and why no two plaintexts ever leave under one nonce.
//!
//! A file is read twice before it is published. [`DigestPass`] hashes the plaintext, and [`content_key`] makes the
//! key from that digest; [`SealPass`] seals and hashes again, and answers with the file's name and leaves only if
//! it saw the same bytes. Later [`serve_piece`] seals a block as it is read and lets it go only if it matches its
//! leaf. So under one key, piece `i` is always the same ciphertext, whatever happens to the file meanwhile.

mod key;
mod pass;
mod piece;

pub(crate) use key::hkdf;
pub use key::{Digest, content_key};
pub use pass::{Changed, DigestPass, SealPass, Sealed};
pub use piece::{ChangedOnDisk, PieceCipher, serve_piece};
