//! docs/cache.md against the program: what is written, byte by byte.

#![allow(clippy::std_instead_of_alloc, clippy::std_instead_of_core, reason = "tests have std")]

use spotcache::cache::{Cache, Config, Content, Done, Effect, Found, Output, Place, Quota};
use spotcache::sheet::{CacheKeys, LeafGroup, Sheet};
use spotproto::content::{ContentKey, FileId, Format, Geometry, Hash, Head, LeafSet, SeekTable};
use spotproto::crypto::{RustCrypto, SecretKey};
use spotproto::{Gid, Instant, Machine, Seed, UnixTime};

const DOCUMENT: &str = include_str!("../../docs/cache.md");

/// The vector of this name, blanks and line breaks left out.
fn vector(name: &str) -> Option<String> {
    let (_, rest) = DOCUMENT.split_once(&format!("```vector name={name}\n"))?;
    let (digits, _) = rest.split_once("```")?;
    Some(digits.split_whitespace().collect())
}

/// Compares, and says how the document should read.
fn check(name: &str, bytes: &[u8]) {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let lines: Vec<String> =
        bytes.chunks(48).map(|line| line.chunks(4).map(hex).collect::<Vec<_>>().join(" ")).collect();
    let block = format!("```vector name={name}\n{}\n```", lines.join("\n"));
    assert!(
        vector(name).as_ref() == Some(&digits),
        "docs/cache.md differs from the program, which says:\n\n{block}\n"
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const FILE: FileId = FileId([0x11; 32]);

fn keys() -> CacheKeys {
    CacheKeys::new::<RustCrypto>(&SecretKey([0x22; 32]))
}

fn sheet() -> Sheet<FileId> {
    Sheet {
        gid: Some(Gid::from_bytes([0x33; 16])),
        head: Head {
            file: FILE,
            geometry: Geometry::of_plaintext(50_000).unwrap(),
            format: Format::Flac,
            bit_rate: 160_000,
            duration_ms: 2_500,
            sample_rate: 44_100,
            channels: 2,
            samples: Some(110_250),
            delay: 0,
            gain: None,
            headers: core::iter::once(0..4_000).collect(),
            seek: SeekTable::even(2_500, 4_000, 50_000).unwrap(),
        },
        key: ContentKey::new([0x44; 32]),
        lease_until: UnixTime(1_800_000_000),
        title: "Präludium".into(),
        artist: "Bach".into(),
    }
}

/// Carries everything out; answers with what was written to the journal.
fn journal_of(tell: impl FnOnce(&mut Cache<u32, u32>, &mut dyn FnMut(&mut Cache<u32, u32>))) -> Vec<u8> {
    let mut journal = Vec::new();
    let mut carry_out = |cache: &mut Cache<u32, u32>| {
        while let Some(output) = cache.poll_output() {
            let Output::Effect(effect) = output else { continue };
            let (request, done) = match effect {
                Effect::Open { request } => (request, Done::Opened(Ok(Found::default()))),
                Effect::Append { request, records, .. } => {
                    journal.extend_from_slice(&records);
                    (request, Done::Carried(Ok(())))
                }
                Effect::Replace { request, journal: whole } => {
                    journal = whole.to_vec();
                    (request, Done::Carried(Ok(())))
                }
                Effect::Write { request, .. }
                | Effect::Cut { request, .. }
                | Effect::Remove { request, .. } => (request, Done::Carried(Ok(()))),
                Effect::Read { request, .. } => (request, Done::Read(Ok(Content::Piece(0)))),
                other => panic!("{other:?}"),
            };
            cache.done(Instant::START, request, done);
        }
    };
    let config = Config { quota: Quota::Bytes(1 << 30), ..Config::default() };
    let mut cache = Cache::new(config, &Seed([0; 32]));
    cache.open();
    carry_out(&mut cache);
    tell(&mut cache, &mut carry_out);
    journal
}

#[test]
fn the_sheet_is_what_the_document_says() {
    let sealed = sheet().seal::<RustCrypto>(&keys());
    assert_eq!(Sheet::open::<RustCrypto>(&keys(), &FILE, &sealed), Ok(sheet()));
    check("sheet", &sealed);
}

#[test]
fn a_group_of_leaves_is_what_the_document_says() {
    let mut set = LeafSet::new(FILE, 66, 0);
    set.restore([(64, Hash([0x55; 32])), (65, Hash([0x66; 32]))]);
    let bytes = LeafGroup::of(&set, 1).encode::<RustCrypto>(&keys(), &FILE);
    assert_eq!(bytes.len(), 2_072);
    assert!(bytes[72..2_056].iter().all(|byte| *byte == 0));
    check("leaves-begin", &bytes[..72]);
    check("leaves-tag", &bytes[2_056..]);
}

#[test]
fn records_are_what_the_document_says() {
    let now = Instant::START;
    let journal = journal_of(|cache, carry_out| {
        // The first journal is written as a whole, then come records of every kind.
        cache.note_date(now, UnixTime(1_700_000_000));
        cache.sync();
        carry_out(cache);
        cache.admit(now, 7, 5, 1, Some(&[0x33; 16])).unwrap();
        [0, 1, 3].iter().for_each(|piece| cache.store(&7, *piece, 0).unwrap());
        cache.write_sheet(&7, vec![0; 9].into()).unwrap();
        carry_out(cache);
        cache.forget(now, &7, 1..2);
        cache.touch(now, &7);
        cache.sync();
        carry_out(cache);
        cache.pin(&7).unwrap();
        carry_out(cache);
        cache.unpin(now, &7);
        cache.remove(now, &7);
        cache.sync();
        carry_out(cache);
    });
    check("journal", &journal);
}

#[test]
fn a_new_journal_is_what_the_document_says() {
    let now = Instant::START;
    let journal = journal_of(|cache, carry_out| {
        for file in [7, 8] {
            cache.admit(now, file, 5, 1, None).unwrap();
            (0..5).for_each(|piece| cache.store(&file, piece, 0).unwrap());
            carry_out(cache);
        }
        cache.forget(now, &7, 1..2);
        cache.sync();
        carry_out(cache);
        // An alias that comes later makes it be written anew.
        cache.admit(now, 8, 5, 1, Some(&[0x33; 16])).unwrap();
        cache.pin(&8).unwrap();
        carry_out(cache);
    });
    check("new-journal", &journal);
}

#[test]
fn places_are_what_the_document_says() {
    let layout = spotcache::cache::Layout { pieces: 65 };
    assert_eq!(layout.offset(Place::Sheet), 0);
    assert_eq!(layout.offset(Place::Leaves(1)), 8_192 + 2_112);
    assert_eq!(layout.offset(Place::Piece(1)), 16_384 + 16_384);
    for number in ["8,192", "2,112", "4,096", "16,384", "2,056", "65,536"] {
        assert!(DOCUMENT.contains(number), "{number}");
    }
}
