//! Files that were damaged, cut or made up: refused or taken, never a panic, a hang or a heap without bounds.

mod common;

use common::taken::{Counted, take};
use common::{FIXTURES, fixture};
use proptest::prelude::*;
use proptest::sample::Index;
use spotcache::canonical::{Refusal, Source, Unreadable, analyse};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn damaged_files_are_refused_or_taken_whole(
        which in 0..FIXTURES.len(),
        damage in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..12),
        // Most of what a parser believes is in front.
        front in any::<bool>(),
    ) {
        let mut bytes = fixture(FIXTURES[which]);
        let reach = if front { bytes.len().min(1500) } else { bytes.len() };
        for (at, byte) in damage {
            bytes[at.index(reach)] = byte;
        }
        take(&bytes);
    }

    #[test]
    fn cut_files_are_refused_or_taken_whole(which in 0..FIXTURES.len(), at: Index) {
        let bytes = fixture(FIXTURES[which]);
        take(&bytes[..at.index(bytes.len())]);
    }

    #[test]
    fn files_with_a_hole_or_a_lump_are_refused_or_taken_whole(
        which in 0..FIXTURES.len(), at: [Index; 2], lump in proptest::collection::vec(any::<u8>(), 0..2000), hole: bool,
    ) {
        let bytes = fixture(FIXTURES[which]);
        let (a, b) = (at[0].index(bytes.len()), at[1].index(bytes.len()));
        let (start, end) = if hole { (a.min(b), a.max(b)) } else { (a, a) };
        take(&[&bytes[..start], &lump, &bytes[end..]].concat());
    }

    #[test]
    fn made_up_files_never_panic(magic in 0usize..8, mut bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
        let magic: &[u8] = [&b"OggS\0\x02"[..], b"fLaC\0\0\0\x22", b"RIFF\0\0\0\0WAVEfmt ", b"\0\0\0\x18ftypM4A ", b"ID3\x04\0\0", b"\xff\xfb\x90\x64", b"\0\0\x02\0moov", b""][magic];
        for (to, from) in bytes.iter_mut().zip(magic) {
            *to = *from;
        }
        take(&bytes);
    }
}

#[test]
fn a_large_file_of_chance_likenesses_is_walked_through_once() {
    for pattern in [
        &b"\xff\xfb\x90\x64"[..],
        b"OggS\0\0",
        b"ID3\x04\0\0\0\0\0\0",
        b"\xff\xf8\x69\x18\x00\x00",
        b"\0\0\0\x08free",
    ] {
        let bytes: Vec<u8> = pattern.iter().copied().cycle().take(2 << 20).collect();
        let refused = analyse(&mut Counted::new(&bytes));
        assert!(refused.is_err(), "{pattern:?}");
    }
}

#[test]
fn a_source_that_cannot_be_read_is_named() {
    struct Broken;
    impl Source for Broken {
        fn len(&self) -> u64 {
            1000
        }
        fn read_at(&mut self, _: u64, _: &mut [u8]) -> Result<usize, Unreadable> {
            Err(Unreadable)
        }
    }
    assert_eq!(analyse(&mut Broken), Err(Refusal::Unreadable));
}
