//! The floor: the cipher alone.

use spotproto::content::PIECE_LEN;
use spotproto::crypto::{Aead, Crypto, SecretKey};

/// Seals and opens one buffer of a piece's size in place, again and again, with a counted nonce.
pub(crate) struct Bare<C: Crypto> {
    cipher: C::Aead,
    nonce: u64,
    piece: Vec<u8>,
}

impl<C: Crypto> Bare<C> {
    pub(crate) fn new() -> Self {
        Self { cipher: C::Aead::new(&SecretKey([7; 32])), nonce: 0, piece: vec![0x5a; PIECE_LEN] }
    }

    pub(crate) fn seal_and_open(&mut self, pieces: u32) {
        for _ in 0..pieces {
            let mut nonce = [0; 12];
            nonce[4..].copy_from_slice(&self.nonce.to_le_bytes());
            self.nonce += 1;
            let tag = self.cipher.seal(&nonce, &[], &mut self.piece);
            self.cipher.open(&nonce, &[], &mut self.piece, &tag).expect("sealed above");
        }
    }
}
