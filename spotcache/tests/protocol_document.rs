//! The content vectors of docs/protocol.md against the program; spotproto's tests read the rest of it.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

mod common;
#[path = "../../spotproto/tests/protocol_document/document.rs"]
mod document;

use common::{canonical, fixture};
use document::{Block, Document};
use spotcache::seal::{DigestPass, PieceCipher, SealPass, Sealed, content_key, serve_piece};
use spotproto::Gid;
use spotproto::codec::Reader;
use spotproto::content::{FileId, Format, Geometry, Head, LeafRange};
use spotproto::crypto::{Crypto, RustCrypto, SecretKey, TAG_LEN};
use std::collections::BTreeSet;

/// Bytes in front of the samples of the file in section 9.8.
const FRONT: usize = 44;

/// The file of section 9.8.
fn wav() -> Vec<u8> {
    let samples = 20_000 - FRONT as u32;
    let mut file = Vec::new();
    for (name, size) in [(b"RIFF", 36 + samples), (b"WAVE", 0), (b"fmt ", 16)] {
        file.extend(name);
        if name != b"WAVE" {
            file.extend(size.to_le_bytes());
        }
    }
    // PCM, one channel, 8,000 frames and bytes a second, one byte a frame, 8 bits.
    for field in [1u16, 1, 8000, 0, 8000, 0, 1, 8] {
        file.extend(field.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(samples.to_le_bytes());
    assert_eq!(file.len(), FRONT);
    file.extend((0..samples).map(|i| (i % 251) as u8));
    file
}

fn master() -> SecretKey {
    SecretKey(core::array::from_fn(|i| i as u8))
}

/// The block of piece `index` in front of the room for its tag.
fn block(plaintext: &[u8], geometry: Geometry, index: u32) -> Vec<u8> {
    let range = geometry.block(index);
    let mut piece = plaintext[range.start as usize..range.end as usize].to_vec();
    piece.resize(geometry.piece_len(index), 0);
    piece
}

/// The whole way of a file: canonical form, digest, key, pieces, name, head, proof.
fn whole_file() -> Block {
    let source = wav();
    let (plaintext, facts) = canonical(&source).expect("a sound file");
    assert!(plaintext == source, "it is its own canonical form");
    let geometry = facts.geometry;
    let mut pass = DigestPass::<RustCrypto>::new(geometry);
    pass.update(&plaintext).expect("no more than that");
    let digest = pass.finish().expect("all of it");
    let key = content_key::<RustCrypto>(&master(), facts.format, &digest);
    let mut pass = SealPass::<RustCrypto>::new(&key, digest);
    (0..geometry.pieces())
        .for_each(|index| pass.push(&mut block(&plaintext, geometry, index)).expect("a block"));
    let Sealed { file, leaves, .. } = pass.finish().expect("the same bytes");

    let mut vector = Block::new("content-wav")
        .hex("header", &plaintext[..FRONT])
        .hex("digest", &digest.sha256)
        .hex("master secret", &master().0)
        .hex("key", key.expose());
    let cipher = PieceCipher::<RustCrypto>::new(&key);
    for (index, leaf) in (0..).zip(leaves.hashes()) {
        let mut piece = block(&plaintext, geometry, index);
        serve_piece(&cipher, index, leaf, &mut piece).expect("the piece that was sealed");
        let (text, tag) = piece.split_at(piece.len() - TAG_LEN);
        vector = vector
            .text(&format!("piece {index}"), format!("{} bytes", piece.len()))
            .hex("it begins", &text[..TAG_LEN])
            .hex("its tag", tag)
            .hex("its leaf", &leaf.0);
    }
    let head = facts.head(file, None);
    let mut bytes = Vec::new();
    head.encode(&mut bytes);
    assert_eq!(Head::decode(&mut Reader::new(&bytes)), Ok(head));
    let proof = leaves.prove(1..2).expect("within the file");
    assert_eq!(proof.verify::<RustCrypto>(&file.root(), geometry.pieces()), Ok(()));
    let mut proved = Vec::new();
    proof.encode(&mut proved);
    assert_eq!(LeafRange::decode(&mut Reader::new(&proved)), Ok(proof));
    vector
        .hex("root", &file.0)
        .text("ciphertext", format!("{} bytes", geometry.ciphertext_len()))
        .text("duration", format!("{} ms", facts.duration_ms))
        .text("bit rate", facts.bit_rate)
        .text(
            "seek entries",
            (0..facts.seek.len()).map(|i| facts.seek.entry(i).to_string()).collect::<Vec<_>>().join(", "),
        )
        .hex("head", &bytes)
        .hex("leaf range of piece 1", &proved)
}

/// What canonical forms put in of their own.
fn constants() -> Block {
    let flac = b"fLaC\x80\0\0\x22";
    let comment = b"\x03vorbis\x07\0\0\0spotp2p\0\0\0\0\x01";
    let ftyp = b"\0\0\0\x18ftypM4A \0\0\0\0M4A isom";
    let hdlr = b"\0\0\0\x21hdlr\0\0\0\0\0\0\0\0soun\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let smhd = b"\0\0\0\x10smhd\0\0\0\0\0\0\0\0";
    let dinf = b"\0\0\0\x24dinf\0\0\0\x1cdref\0\0\0\0\0\0\0\x01\0\0\0\x0curl \0\0\0\x01";
    let form = |name| canonical(&fixture(name)).expect(name).0;
    let holds = |form: &[u8], part: &[u8]| form.windows(part.len()).any(|bytes| bytes == part);
    assert!(form("sweep.flac").starts_with(flac));
    assert!(holds(&form("sweep.ogg"), comment));
    for name in ["sweep.aac.m4a", "sweep.alac.m4a"] {
        let form = form(name);
        assert!(form.starts_with(ftyp), "{name}");
        assert!([&hdlr[..], smhd, dinf].iter().all(|part| holds(&form, part)), "{name}");
    }
    Block::new("content-canonical-constants")
        .hex("FLAC, in front of STREAMINFO", flac)
        .hex("Ogg, the comment packet", comment)
        .hex("MP4, ftyp", ftyp)
        .hex("MP4, hdlr", hdlr)
        .hex("MP4, smhd", smhd)
        .hex("MP4, dinf", dinf)
}

/// How the reference server makes the id of a track.
fn track_id() -> Block {
    let label = b"spot track v1";
    let intake = include_str!("../../examples/player/src/library/intake.rs");
    assert!(intake.contains("b\"spot track v1\", &digest.sha256"), "the server makes ids in another way");
    let digest = RustCrypto::hash(&[&wav()]);
    let hash = RustCrypto::hash(&[label, &digest]);
    let gid = Gid::from_bytes(*hash.first_chunk().expect("sixteen bytes"));
    Block::new("content-track-id").hex("digest", &digest).hex("id", gid.as_bytes()).text("digits", gid)
}

fn all_blocks() -> [Block; 3] {
    [whole_file(), constants(), track_id()]
}

#[test]
fn every_content_vector_is_what_the_program_makes() {
    Document::read().check(&all_blocks());
}

#[test]
fn no_content_vector_goes_unread() {
    let document = Document::read();
    let written: BTreeSet<&str> = document.names().filter(|name| name.starts_with("content-")).collect();
    let blocks = all_blocks();
    assert_eq!(written, blocks.iter().map(|block| block.name.as_str()).collect());
}

#[test]
fn a_key_follows_from_what_the_table_lists() {
    let document = Document::read();
    let table = document.table("9.3 Keys", "offset");
    let plaintext = wav();
    let digest = RustCrypto::hash(&[&plaintext]);
    let length = (plaintext.len() as u64).to_be_bytes();
    let info = [&b"spot content v1"[..], &[Format::Wav as u8], &length, &digest].concat();
    assert_eq!(table.size(), Some(info.len()));
    assert_eq!(table.field("label", &info), b"spot content v1");
    assert_eq!(table.field("format", &info), [4]);
    assert_eq!(table.field("length", &info), length);
    assert_eq!(table.field("digest", &info), digest);

    // RFC 5869 §2 by itself: extract, then the first block of expand.
    let pseudorandom = RustCrypto::hmac(&[], &[&master().0]);
    let expected = RustCrypto::hmac(&pseudorandom, &[&info, &[1]]);
    let geometry = Geometry::of_plaintext(plaintext.len() as u64).expect("a length");
    let mut pass = DigestPass::<RustCrypto>::new(geometry);
    pass.update(&plaintext).expect("no more than that");
    let key = content_key::<RustCrypto>(&master(), Format::Wav, &pass.finish().expect("all of it"));
    assert_eq!(FileId(*key.expose()), FileId(expected));
}
