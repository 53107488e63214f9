//! One piece: a block of plaintext, encrypted in place, with its tag behind it.

use core::fmt;
use core::marker::PhantomData;
use spotproto::content::{ContentKey, Hash, PIECE_LEN};
use spotproto::crypto::{Aead, BadTag, Crypto, TAG_LEN};
use zeroize::Zeroize;

/// The cipher of one file.
pub struct PieceCipher<C: Crypto> {
    aead: C::Aead,
    crypto: PhantomData<C>,
}

impl<C: Crypto> fmt::Debug for PieceCipher<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PieceCipher(..)")
    }
}

impl<C: Crypto> PieceCipher<C> {
    /// The cipher under a file's key.
    #[must_use]
    pub fn new(key: &ContentKey) -> Self {
        Self { aead: C::Aead::new(key.secret()), crypto: PhantomData }
    }

    /// Decrypts piece `index` in place and answers with its plaintext. Check the piece against its leaf first.
    ///
    /// # Errors
    /// [`BadTag`] if this is not a piece sealed under this key and index; the bytes then hold nothing of use.
    pub fn open<'a>(&self, index: u32, piece: &'a mut [u8]) -> Result<&'a mut [u8], BadTag> {
        if piece.len() > PIECE_LEN {
            return Err(BadTag);
        }
        let (text, tag) = piece.split_last_chunk_mut::<TAG_LEN>().ok_or(BadTag)?;
        self.aead.open(&nonce(index), &[], text, tag)?;
        Ok(text)
    }

    /// Encrypts a block in place; the tag goes to the last 16 bytes of `piece`, whatever they hold.
    ///
    /// Not public: a piece may leave only through [`serve_piece`].
    pub(super) fn seal(&self, index: u32, piece: &mut [u8]) {
        if let Some((text, tag)) = piece.split_last_chunk_mut::<TAG_LEN>() {
            *tag = self.aead.seal(&nonce(index), &[], text);
        }
    }
}

/// A block that gives another piece than the one published: its file has changed since.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ChangedOnDisk;

impl fmt::Display for ChangedOnDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file has changed since it was added")
    }
}

impl core::error::Error for ChangedOnDisk {}

/// Seals a block that was read just now, in place, if it is what was published as piece `index`.
///
/// `piece` holds the block, then 16 bytes of room for the tag.
///
/// # Errors
/// [`ChangedOnDisk`] if the sealed piece is not that of `leaf`; `piece` is then wiped, so that no ciphertext of
/// another plaintext under the same nonce can leave.
pub fn serve_piece<C: Crypto>(
    cipher: &PieceCipher<C>,
    index: u32,
    leaf: &Hash,
    piece: &mut [u8],
) -> Result<(), ChangedOnDisk> {
    cipher.seal(index, piece);
    if C::hash(&[piece]) == leaf.0 {
        return Ok(());
    }
    piece.zeroize();
    Err(ChangedOnDisk)
}

/// The 12 bytes of RFC 8439 §2.3: eight zero bytes, then the piece's index, big-endian.
fn nonce(index: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    if let Some(last) = nonce.last_chunk_mut() {
        *last = index.to_be_bytes();
    }
    nonce
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use spotproto::crypto::RustCrypto;

    fn cipher() -> PieceCipher<RustCrypto> {
        PieceCipher::new(&ContentKey::new([5; 32]))
    }

    fn sealed(index: u32, block: &[u8]) -> alloc::vec::Vec<u8> {
        let mut piece = block.to_vec();
        piece.extend([0; TAG_LEN]);
        cipher().seal(index, &mut piece);
        piece
    }

    #[test]
    fn a_sealed_piece_opens_under_its_own_index_only() {
        let piece = sealed(7, b"sound");
        assert_eq!(cipher().open(7, &mut piece.clone()).unwrap(), b"sound");
        assert_eq!(cipher().open(8, &mut piece.clone()), Err(BadTag));
        assert_eq!(
            PieceCipher::<RustCrypto>::new(&ContentKey::new([6; 32])).open(7, &mut piece.clone()),
            Err(BadTag)
        );
    }

    #[test]
    fn the_nonce_is_the_index_behind_eight_zero_bytes() {
        assert_eq!(nonce(0x0102_0304), [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4]);
    }

    #[test]
    fn every_flipped_bit_of_a_piece_is_found() {
        let piece = sealed(0, b"a few bytes");
        for bit in 0..piece.len() * 8 {
            let mut bad = piece.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cipher().open(0, &mut bad), Err(BadTag));
        }
    }

    #[test]
    fn what_is_too_short_or_too_long_is_no_piece() {
        assert_eq!(cipher().open(0, &mut [0; 15]), Err(BadTag));
        assert_eq!(cipher().open(0, &mut vec![0; PIECE_LEN + 1]), Err(BadTag));
    }

    #[test]
    fn a_block_that_changed_is_wiped_instead_of_served() {
        let leaf = Hash(RustCrypto::hash(&[&sealed(3, b"as published")]));
        let mut piece = [&b"as published"[..], &[0; TAG_LEN]].concat();
        assert_eq!(serve_piece(&cipher(), 3, &leaf, &mut piece), Ok(()));
        assert_eq!(piece, sealed(3, b"as published"));
        let mut piece = [&b"as tampered!"[..], &[0; TAG_LEN]].concat();
        assert_eq!(serve_piece(&cipher(), 3, &leaf, &mut piece), Err(ChangedOnDisk));
        assert!(piece.iter().all(|byte| *byte == 0));
        assert_eq!(serve_piece(&cipher(), 3, &leaf, &mut []), Err(ChangedOnDisk));
    }
}
