//! The two passes over a file before it is published, driven block by block by whoever reads it.

use super::key::Digest;
use super::piece::PieceCipher;
use alloc::vec::Vec;
use core::fmt;
use spotproto::content::{ContentKey, FileId, Geometry, Hash, Leaves};
use spotproto::crypto::{Crypto, Hasher, TAG_LEN};
use zeroize::Zeroize;

/// The file is not what it was in the pass before, or when its length was taken. It is still being written, or
/// edited: add it again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Changed;

impl fmt::Display for Changed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the file changed while it was being added")
    }
}

impl core::error::Error for Changed {}

/// The first pass: hashes the plaintext, in parts of any size.
#[derive(Clone)]
pub struct DigestPass<C: Crypto> {
    geometry: Geometry,
    left: u64,
    hasher: C::Hasher,
}

impl<C: Crypto> fmt::Debug for DigestPass<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DigestPass").field("geometry", &self.geometry).field("left", &self.left).finish()
    }
}

impl<C: Crypto> DigestPass<C> {
    /// Of a file with these lengths.
    #[must_use]
    pub fn new(geometry: Geometry) -> Self {
        Self { geometry, left: geometry.plaintext_len(), hasher: C::Hasher::new() }
    }

    /// Bytes of plaintext still to come.
    #[must_use]
    pub const fn left(&self) -> u64 {
        self.left
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`Changed`] if there are more than the file's length.
    pub fn update(&mut self, plaintext: &[u8]) -> Result<(), Changed> {
        self.left = self.left.checked_sub(plaintext.len() as u64).ok_or(Changed)?;
        self.hasher.update(plaintext);
        Ok(())
    }

    /// The digest of the whole plaintext.
    ///
    /// # Errors
    /// [`Changed`] if there were fewer bytes than the file's length.
    pub fn finish(self) -> Result<Digest, Changed> {
        if self.left > 0 {
            return Err(Changed);
        }
        Ok(Digest { geometry: self.geometry, sha256: self.hasher.finish() })
    }
}

/// What a file is known by once it is sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sealed {
    /// The file's name.
    pub file: FileId,
    /// Its lengths.
    pub geometry: Geometry,
    /// The hashes of its pieces.
    pub leaves: Leaves,
}

/// The second pass: seals every piece to learn its hash, and keeps none of them.
pub struct SealPass<C: Crypto> {
    cipher: PieceCipher<C>,
    expected: Digest,
    hasher: C::Hasher,
    leaves: Vec<Hash>,
}

impl<C: Crypto> fmt::Debug for SealPass<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealPass").field("next", &self.next()).finish_non_exhaustive()
    }
}

impl<C: Crypto> SealPass<C> {
    /// Of a file with this digest, under the key that [`super::content_key`] made from it.
    #[must_use]
    pub fn new(key: &ContentKey, digest: Digest) -> Self {
        Self { cipher: PieceCipher::new(key), expected: digest, hasher: C::Hasher::new(), leaves: Vec::new() }
    }

    /// Index of the next piece: also how far the pass has come.
    #[must_use]
    pub fn next(&self) -> u32 {
        self.leaves.len() as u32
    }

    /// The lengths of the file, which say how long each block is.
    #[must_use]
    pub const fn geometry(&self) -> Geometry {
        self.expected.geometry
    }

    /// Takes the next block: its plaintext, then 16 bytes of room. The buffer is wiped: nothing sealed may leave
    /// before the whole file is known to be what was hashed.
    ///
    /// # Errors
    /// [`Changed`] if the block is not as long as [`Geometry::block`] says, or there is none left.
    pub fn push(&mut self, piece: &mut [u8]) -> Result<(), Changed> {
        let index = self.next();
        let expected = self.geometry().piece_len(index);
        if expected == 0 || piece.len() != expected {
            return Err(Changed);
        }
        let (block, _room) = piece.split_last_chunk_mut::<TAG_LEN>().ok_or(Changed)?;
        self.hasher.update(block);
        self.cipher.seal(index, piece);
        self.leaves.push(Hash(C::hash(&[piece])));
        piece.zeroize();
        Ok(())
    }

    /// Ends the pass: what the file is known by.
    ///
    /// # Errors
    /// [`Changed`] if any byte differs from the first pass, or blocks are missing.
    pub fn finish(self) -> Result<Sealed, Changed> {
        let geometry = self.geometry();
        if self.next() != geometry.pieces() || self.hasher.finish() != self.expected.sha256 {
            return Err(Changed);
        }
        let leaves = Leaves::new::<C>(self.leaves).ok_or(Changed)?;
        Ok(Sealed { file: leaves.root().into(), geometry, leaves })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ChangedOnDisk, content_key, serve_piece};
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;
    use spotproto::content::{BLOCK_LEN, Format};
    use spotproto::crypto::{RustCrypto, SecretKey};

    fn song(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * i / 7) as u8).collect()
    }

    fn digest(plaintext: &[u8]) -> Digest {
        let mut pass = DigestPass::<RustCrypto>::new(Geometry::of_plaintext(plaintext.len() as u64).unwrap());
        for part in plaintext.chunks(1000) {
            pass.update(part).unwrap();
        }
        pass.finish().unwrap()
    }

    fn key(digest: &Digest) -> ContentKey {
        content_key::<RustCrypto>(&SecretKey([1; 32]), Format::Wav, digest)
    }

    /// A block of `plaintext` as a reader of the disk would hand it over.
    fn block(plaintext: &[u8], geometry: Geometry, index: u32) -> Vec<u8> {
        let range = geometry.block(index);
        let mut piece = plaintext[range.start as usize..range.end as usize].to_vec();
        piece.extend([0; TAG_LEN]);
        piece
    }

    fn seal(first: &[u8], second: &[u8]) -> Result<Sealed, Changed> {
        let digest = digest(first);
        let mut pass = SealPass::<RustCrypto>::new(&key(&digest), digest);
        let geometry = Geometry::of_plaintext(second.len() as u64).unwrap();
        for index in 0..geometry.pieces() {
            let mut piece = block(second, geometry, index);
            pass.push(&mut piece)?;
            assert!(piece.iter().all(|byte| *byte == 0), "a sealed piece was left in the buffer");
        }
        pass.finish()
    }

    #[test]
    fn a_known_plaintext_gives_the_file_that_other_implementations_worked_out() {
        // By Python's hashlib, hmac and cryptography: 40,000 bytes that count up modulo 251, as WAV.
        let plaintext: Vec<u8> = (0..40_000u32).map(|i| (i % 251) as u8).collect();
        let digest = digest(&plaintext);
        let master = SecretKey(core::array::from_fn(|i| i as u8));
        let key = content_key::<RustCrypto>(&master, Format::Wav, &digest);
        let expected = "7631de8fe7b79b859fcbb439dc2da2c63fdc126784c4e43a0495101fdea0b6be";
        assert_eq!(FileId(*key.expose()).to_string(), expected);
        let mut pass = SealPass::<RustCrypto>::new(&key, digest);
        for index in 0..3 {
            pass.push(&mut block(&plaintext, digest.geometry, index)).unwrap();
        }
        let sealed = pass.finish().unwrap();
        let last = "cc7fca8e81bfe1964a60ae7f18ae2b7ccfec6fbfaad5ce4f1c4bcb8ada82cd30";
        assert_eq!(sealed.leaves.hashes()[2].to_string(), last);
        let root = "2bd541a7df563d027c25a1e7ac6b1fe720ebae68c0d018b4cfe84bc5ba44f089";
        assert_eq!(sealed.file.to_string(), root);
    }

    #[test]
    fn a_song_added_twice_is_the_same_file() {
        let song = song(3 * BLOCK_LEN + 5);
        let sealed = seal(&song, &song).unwrap();
        assert_eq!(sealed.leaves.pieces(), 4);
        assert_eq!(seal(&song, &song), Ok(sealed));
    }

    #[test]
    fn what_is_served_opens_to_the_plaintext() {
        let song = song(2 * BLOCK_LEN + 5);
        let sealed = seal(&song, &song).unwrap();
        let cipher = PieceCipher::<RustCrypto>::new(&key(&digest(&song)));
        let mut played = Vec::new();
        for (index, leaf) in (0..).zip(sealed.leaves.hashes()) {
            let mut piece = block(&song, sealed.geometry, index);
            serve_piece(&cipher, index, leaf, &mut piece).unwrap();
            played.extend_from_slice(cipher.open(index, &mut piece).unwrap());
        }
        assert!(played == song);
    }

    #[test]
    fn a_file_that_grew_or_shrank_between_the_passes_is_not_published() {
        let whole = song(2 * BLOCK_LEN + 5);
        for len in [1, BLOCK_LEN, 2 * BLOCK_LEN, 2 * BLOCK_LEN + 4, 2 * BLOCK_LEN + 6, 4 * BLOCK_LEN] {
            assert_eq!(seal(&whole, &song(len)), Err(Changed), "{len}");
        }
    }

    #[test]
    fn a_file_that_grew_or_shrank_during_the_first_pass_is_not_published() {
        let mut pass = DigestPass::<RustCrypto>::new(Geometry::of_plaintext(10).unwrap());
        assert_eq!(pass.update(&[0; 11]), Err(Changed));
        pass.update(&[0; 9]).unwrap();
        assert_eq!(pass.left(), 1);
        assert_eq!(pass.finish(), Err(Changed));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn two_plaintexts_never_leave_under_one_nonce(len in 1usize..3 * BLOCK_LEN, at: proptest::sample::Index, flip in 1u8..) {
            let before = song(len);
            let mut after = before.clone();
            let at = at.index(len);
            after[at] ^= flip;

            // Changed between the passes: no leaves, so nothing to serve by.
            prop_assert_eq!(seal(&before, &after), Err(Changed));

            // Changed after it was published: the one piece that differs is not served, and its buffer is empty.
            let sealed = seal(&before, &before).unwrap();
            let cipher = PieceCipher::<RustCrypto>::new(&key(&digest(&before)));
            for (index, leaf) in (0..).zip(sealed.leaves.hashes()) {
                let mut piece = block(&after, sealed.geometry, index);
                let served = serve_piece(&cipher, index, leaf, &mut piece);
                if index == sealed.geometry.piece_of(at as u64) {
                    prop_assert_eq!(served, Err(ChangedOnDisk));
                    prop_assert!(piece.iter().all(|byte| *byte == 0));
                } else {
                    prop_assert_eq!(served, Ok(()));
                }
            }

            // Added again, it is another file under another key.
            prop_assert!(seal(&after, &after).unwrap().file != sealed.file);
            prop_assert!(key(&digest(&after)).expose() != key(&digest(&before)).expose());
        }
    }
}
