//! From a file on disk to a decoder and back: what a server and a player do with these parts.

mod common;

use common::{FIXTURES, decode, fixture};
use spotcache::canonical::{Canonical, Plan, Source, analyse};
use spotcache::seal::{
    Changed, ChangedOnDisk, DigestPass, PieceCipher, SealPass, Sealed, content_key, serve_piece,
};
use spotproto::content::{ContentKey, Geometry, LeafSet, PIECE_LEN};
use spotproto::crypto::{RustCrypto, SecretKey, TAG_LEN};

/// Reads block `index` in front of the room for its tag.
fn block(plan: &Plan, source: &mut impl Source, geometry: Geometry, index: u32, piece: &mut Vec<u8>) {
    let range = geometry.block(index);
    piece.resize(geometry.piece_len(index), 0);
    let room = piece.len() - TAG_LEN;
    let count = plan.read_at(source, range.start, &mut piece[..room]).expect("a readable source");
    assert_eq!(count, room);
}

/// What a server does when a file is added: two passes over the canonical form. `between` may tamper.
fn add(source: &[u8], between: &[u8]) -> Result<(Canonical, ContentKey, Sealed), Changed> {
    let canonical = analyse(&mut &source[..]).expect("a sound file");
    let geometry = canonical.facts.geometry;
    let mut piece = Vec::with_capacity(PIECE_LEN);
    let mut digest = DigestPass::<RustCrypto>::new(geometry);
    for index in 0..geometry.pieces() {
        block(&canonical.plan, &mut &source[..], geometry, index, &mut piece);
        digest.update(&piece[..piece.len() - TAG_LEN])?;
    }
    let digest = digest.finish()?;
    let key = content_key::<RustCrypto>(&SecretKey([42; 32]), canonical.facts.format, &digest);
    let mut pass = SealPass::<RustCrypto>::new(&key, digest);
    while pass.next() < geometry.pieces() {
        block(&canonical.plan, &mut &between[..], geometry, pass.next(), &mut piece);
        pass.push(&mut piece)?;
    }
    let sealed = pass.finish()?;
    Ok((canonical, key, sealed))
}

#[test]
fn a_listener_hears_what_the_server_holds() {
    for name in FIXTURES {
        let source = fixture(name);
        let (canonical, key, sealed) = add(&source, &source).expect(name);
        let head = canonical.facts.head(sealed.file, None);
        let server = PieceCipher::<RustCrypto>::new(&key);
        let player = PieceCipher::<RustCrypto>::new(&key);
        let mut leaves = LeafSet::new(head.file, head.pieces(), 0);
        leaves.insert::<RustCrypto>(&sealed.leaves.prove(0..head.pieces()).unwrap()).unwrap();
        let mut heard = Vec::new();
        let mut piece = Vec::new();
        for (index, leaf) in (0..).zip(sealed.leaves.hashes()) {
            block(&canonical.plan, &mut &source[..], head.geometry, index, &mut piece);
            serve_piece(&server, index, leaf, &mut piece).expect(name);
            assert_eq!(leaves.matches::<RustCrypto>(index, &piece), Some(true));
            heard.extend_from_slice(player.open(index, &mut piece).expect(name));
        }
        assert!(decode(&heard).samples == decode(&source).samples, "{name}");
    }
}

#[test]
fn a_file_edited_between_the_passes_is_not_published_and_one_edited_later_not_served() {
    let source = fixture("tone.wav");
    let mut edited = source.clone();
    edited[9000] ^= 1;
    assert!(matches!(add(&source, &edited), Err(Changed)));

    let (canonical, key, sealed) = add(&source, &source).unwrap();
    let cipher = PieceCipher::<RustCrypto>::new(&key);
    let mut piece = Vec::new();
    block(&canonical.plan, &mut &edited[..], sealed.geometry, 0, &mut piece);
    assert_eq!(serve_piece(&cipher, 0, &sealed.leaves.hashes()[0], &mut piece), Err(ChangedOnDisk));
    assert!(piece.iter().all(|byte| *byte == 0));
}

#[test]
fn retagging_gives_the_same_file_under_the_same_key() {
    let source = fixture("sweep.flac");
    let tag = [&b"ID3\x04\0\0\0\0\x01\0"[..], &[7; 128]].concat();
    let (_, key, sealed) = add(&source, &source).unwrap();
    let retagged = [tag, source].concat();
    let (_, same_key, same) = add(&retagged, &retagged).unwrap();
    assert_eq!((sealed, key.expose()), (same, same_key.expose()));
}
