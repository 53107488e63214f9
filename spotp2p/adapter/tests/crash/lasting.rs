//! What lasts when an effect is answered, case by case.

use crate::disk::FaultDisk;
use crate::state::State;
use crate::{Work, library::Library};
use bytes::Bytes;
use spotcache::cache::{Content, DiskError, Done, Effect, Place, RequestId};
use spotp2p_adapter::disk::{Executor, Name};
use spotproto::content::FileId;
use spotproto::{Dice, Seed};
use std::io::ErrorKind;

const REQUEST: RequestId = RequestId(0);

fn disk() -> FaultDisk {
    FaultDisk::good(State::default(), Dice::new(&Seed([1; 32])))
}

fn carry_out(executor: &mut Executor<FaultDisk>, effect: Work) -> Result<(), DiskError> {
    match executor.carry_out(effect) {
        Some((_, Done::Carried(result))) => result,
        other => panic!("{other:?}"),
    }
}

fn write(piece: u32) -> Work {
    let library = Library::new();
    let track = &library.tracks()[5];
    let content = Content::Piece(track.pieces[piece as usize].clone());
    let (file, layout, place) = (track.id, track.layout(), Place::Piece(piece));
    Effect::Write { request: REQUEST, file, layout, place, content }
}

fn file() -> FileId {
    Library::new().tracks()[5].id
}

fn append(after: &[FileId], records: &'static [u8]) -> Work {
    Effect::Append { request: REQUEST, after: after.to_vec(), records: Bytes::from_static(records) }
}

fn replace(journal: &'static [u8]) -> Work {
    Effect::Replace { request: REQUEST, journal: Bytes::from_static(journal) }
}

/// The journal after the worst crash.
fn journal(disk: &FaultDisk) -> Option<Vec<u8>> {
    disk.state().least().names().find(|(name, _)| *name == Name::Journal).map(|(_, bytes)| bytes.to_vec())
}

/// Bytes of the cached file after the worst crash.
fn length(disk: &FaultDisk) -> Option<usize> {
    disk.state().least().names().find(|(name, _)| *name == Name::Cached(file())).map(|(_, bytes)| bytes.len())
}

#[test]
fn an_append_makes_last_what_it_comes_after_and_itself() {
    let disk = disk();
    let mut executor = Executor::new(disk.clone());
    carry_out(&mut executor, write(2)).unwrap();
    assert_eq!(length(&disk), None);
    carry_out(&mut executor, append(&[], b"one ")).unwrap();
    assert_eq!((length(&disk), journal(&disk).as_deref()), (Some(0), Some(&b"one "[..])));
    carry_out(&mut executor, append(&[file()], b"two")).unwrap();
    assert_eq!(length(&disk), Some(12288 + 3 * 16384));
    assert_eq!(journal(&disk).as_deref(), Some(&b"one two"[..]));
}

#[test]
fn names_that_a_killed_player_gave_are_made_to_last() {
    let disk = disk();
    carry_out(&mut Executor::new(disk.clone()), write(0)).unwrap();
    let mut second = Executor::new(disk.clone());
    carry_out(&mut second, write(1)).unwrap();
    carry_out(&mut second, append(&[file()], b"claims both")).unwrap();
    assert_eq!(length(&disk), Some(12288 + 2 * 16384));
}

#[test]
fn a_torn_append_is_not_glued_to_the_next() {
    for failing in 0..6 {
        let disk = disk();
        let mut executor = Executor::new(disk.clone());
        carry_out(&mut executor, append(&[], b"good ")).unwrap();
        disk.fail(failing..failing + 1, ErrorKind::StorageFull);
        let outcome = carry_out(&mut executor, append(&[], b"a record that is torn "));
        let expected = if outcome.is_ok() { "good a record that is torn next" } else { "good next" };
        disk.fail(0..0, ErrorKind::StorageFull);
        carry_out(&mut executor, append(&[], b"next")).unwrap();
        assert_eq!(journal(&disk).as_deref(), Some(expected.as_bytes()), "{failing}");
    }
}

#[test]
fn a_replacement_that_fails_leaves_a_journal_that_can_be_appended_to() {
    for failing in 0..10 {
        let disk = disk();
        let mut executor = Executor::new(disk.clone());
        carry_out(&mut executor, append(&[], b"old ")).unwrap();
        disk.fail(failing..failing + 1, ErrorKind::Other);
        let outcome = carry_out(&mut executor, replace(b"new "));
        disk.fail(0..0, ErrorKind::Other);
        let found = journal(&disk);
        let expected: &[&[u8]] = if outcome.is_ok() { &[b"new "] } else { &[b"old ", b"new "] };
        assert!(expected.contains(&found.as_deref().unwrap()), "{failing}: {found:?}");
        if carry_out(&mut executor, append(&[], b"more")).is_ok() {
            let found = journal(&disk).unwrap();
            assert!(found == b"old more" || found == b"new more", "{failing}: {found:?}");
        } else {
            // The renaming happened and was not told: what is open has no name. A new journal mends that.
            carry_out(&mut executor, replace(b"mended ")).unwrap();
            carry_out(&mut executor, append(&[], b"more")).unwrap();
            assert_eq!(journal(&disk).as_deref(), Some(&b"mended more"[..]));
        }
    }
}
