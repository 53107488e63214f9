//! spotcache: a file is analysed, sealed, proved and opened again.

use alloc::vec;
use alloc::vec::Vec;
use spotcache::canonical::analyse;
use spotcache::seal::{DigestPass, PieceCipher, SealPass, content_key, serve_piece};
use spotproto::content::{Format, Geometry, LeafSet};
use spotproto::crypto::{RustCrypto, SecretKey, TAG_LEN};

/// Bytes of one small piece.
const LENGTH: usize = 1000;

/// A file of one piece goes through both passes, is proved to a client's leaves, and opens.
pub fn a_sealed_piece_opens() -> Option<()> {
    let plaintext = [7; LENGTH];
    // Not music, which every parser finds out for itself; so all of them are linked.
    if analyse(&mut plaintext.as_slice()).is_ok() {
        return None;
    }
    let mut pass = DigestPass::<RustCrypto>::new(Geometry::of_plaintext(LENGTH as u64)?);
    pass.update(&plaintext).ok()?;
    let digest = pass.finish().ok()?;
    let key = content_key::<RustCrypto>(&SecretKey([3; 32]), Format::Flac, &digest);
    let mut pass = SealPass::<RustCrypto>::new(&key, digest);
    pass.push(&mut room_for_tag(&plaintext)).ok()?;
    let sealed = pass.finish().ok()?;

    let mut leaves = LeafSet::new(sealed.file, sealed.geometry.pieces(), 0);
    leaves.insert::<RustCrypto>(&sealed.leaves.prove(0..1).ok()?).ok()?;
    let cipher = PieceCipher::<RustCrypto>::new(&key);
    let mut piece = room_for_tag(&plaintext);
    serve_piece(&cipher, 0, leaves.get(0)?, &mut piece).ok()?;
    let opened = leaves.matches::<RustCrypto>(0, &piece)? && *cipher.open(0, &mut piece).ok()? == plaintext;
    opened.then_some(())
}

fn room_for_tag(plaintext: &[u8]) -> Vec<u8> {
    let mut piece = plaintext.to_vec();
    piece.extend(vec![0; TAG_LEN]);
    piece
}
