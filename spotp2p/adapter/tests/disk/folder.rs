//! What lies where, and stays there.

use super::{LAYOUT, REQUEST, append, bytes, carried, file, found, read, remove, replace, write};
use bytes::Bytes;
use futures_lite::future::{block_on, yield_now};
use spotcache::cache::{Content, DiskError, Effect, LEAVES_LEN, Place, SHEET_LEN};
use spotp2p_adapter::Disk;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

fn sealed(number: u8, place: Place, text: &'static [u8]) -> Effect<spotproto::content::FileId, Bytes> {
    let content = Content::Sealed(Bytes::from_static(text));
    Effect::Write { request: REQUEST, file: file(number), layout: LAYOUT, place, content }
}

#[test]
fn what_was_written_is_there_after_reopening() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/cache");
        let mut disk = Disk::open(&path).unwrap();
        let fresh = found(&mut disk).await.unwrap();
        assert_eq!((fresh.journal, fresh.files.len()), (None, 0));
        assert!(fresh.free > 0);

        let last = [3; 500];
        for effect in [
            sealed(1, Place::Sheet, b"sheet"),
            sealed(1, Place::Leaves(0), b"leaves"),
            write(1, 0, &[1; 16384]),
            write(1, 2, &last),
            append(&[1], b"one "),
            append(&[], b"two "),
        ] {
            assert_eq!(carried(&mut disk, effect).await, Ok(()));
        }
        disk.close().await.unwrap();

        let mut disk = Disk::open(&path).unwrap();
        let again = found(&mut disk).await.unwrap();
        assert_eq!(again.journal.as_deref(), Some(&b"one two "[..]));
        assert_eq!(again.files, [(file(1), LAYOUT.length(2) + 500)]);
        let sheet = bytes(&mut disk, read(1, Place::Sheet)).await.unwrap();
        assert!(sheet.len() == SHEET_LEN as usize && sheet.starts_with(b"sheet\0"));
        let leaves = bytes(&mut disk, read(1, Place::Leaves(0))).await.unwrap();
        assert!(leaves.len() == LEAVES_LEN as usize && leaves.starts_with(b"leaves\0"));
        assert_eq!(bytes(&mut disk, read(1, Place::Piece(0))).await.unwrap(), [1; 16384][..]);
        assert_eq!(bytes(&mut disk, read(1, Place::Piece(2))).await.unwrap(), last[..]);
        assert_eq!(bytes(&mut disk, read(1, Place::Piece(3))).await, Err(DiskError::Missing));
        assert_eq!(bytes(&mut disk, read(2, Place::Sheet)).await, Err(DiskError::Missing));
        // Appending goes on where it was.
        assert_eq!(carried(&mut disk, append(&[], b"three")).await, Ok(()));
        assert_eq!(fs::read(path.join("journal")).unwrap(), b"one two three");
    });
}

#[test]
fn a_replaced_journal_is_appended_to() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        // Left over by a player that died.
        fs::write(folder.path().join("journal.next"), "half").unwrap();
        for effect in [append(&[], b"a long first journal"), replace(b"short"), append(&[], b" and more")] {
            assert_eq!(carried(&mut disk, effect).await, Ok(()));
        }
        assert_eq!(fs::read(folder.path().join("journal")).unwrap(), b"short and more");
        assert!(!folder.path().join("journal.next").exists());
    });
}

#[test]
fn cutting_keeps_the_front_and_makes_nothing_longer() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        let cut = |length| Effect::Cut { request: REQUEST, file: file(1), length };
        assert_eq!(carried(&mut disk, cut(0)).await, Err(DiskError::Missing));
        for piece in 0..3 {
            carried(&mut disk, write(1, piece, &[piece as u8; 16384])).await.unwrap();
        }
        for (length, left) in [(LAYOUT.length(9), 3), (LAYOUT.length(2), 2), (LAYOUT.length(3), 2)] {
            assert_eq!(carried(&mut disk, cut(length)).await, Ok(()));
            assert_eq!(found(&mut disk).await.unwrap().files, [(file(1), LAYOUT.length(left))]);
        }
        assert_eq!(bytes(&mut disk, read(1, Place::Piece(2))).await, Err(DiskError::Missing));
    });
}

#[test]
fn a_file_that_was_removed_and_made_anew_is_the_new_one() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        // More files than are kept open.
        for number in 0..40 {
            carried(&mut disk, write(number, 0, &[number; 16384])).await.unwrap();
        }
        for number in 0..40 {
            assert_eq!(bytes(&mut disk, read(number, Place::Piece(0))).await.unwrap(), [number; 16384][..]);
            assert_eq!(carried(&mut disk, remove(number)).await, Ok(()));
            assert_eq!(carried(&mut disk, remove(number)).await, Ok(()), "not there is no failure");
            assert_eq!(bytes(&mut disk, read(number, Place::Piece(0))).await, Err(DiskError::Missing));
            carried(&mut disk, write(number, 1, &[!number; 16384])).await.unwrap();
            assert_eq!(bytes(&mut disk, read(number, Place::Piece(0))).await.unwrap(), [0; 16384][..]);
        }
        carried(&mut disk, append(&(0..40).collect::<Vec<_>>(), b"forty")).await.unwrap();
        assert_eq!(found(&mut disk).await.unwrap().files.len(), 40);
    });
}

#[test]
fn a_part_that_is_too_long_is_not_written_over_the_next() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        assert_eq!(carried(&mut disk, write(1, 0, &[1; 16385])).await, Err(DiskError::Failed));
        assert_eq!(found(&mut disk).await.unwrap().files, []);
    });
}

#[test]
fn what_is_not_the_caches_is_left_alone() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        fs::write(&secret, "not to be touched").unwrap();
        let path = folder.path().join("cache");
        drop(Disk::open(&path).unwrap());
        let files = path.join("files");
        let name = |number: u8| file(number).to_string();
        fs::write(files.join("README"), "hello").unwrap();
        fs::write(files.join(name(0xab).to_uppercase()), "shouted").unwrap();
        fs::create_dir(files.join(name(1))).unwrap();
        fs::write(files.join(name(1)).join(name(2)), "deeper").unwrap();
        symlink(&secret, files.join(name(3))).unwrap();
        symlink(folder.path().join("nowhere"), files.join(name(4))).unwrap();

        let mut disk = reopened(&path).await;
        assert_eq!(found(&mut disk).await.unwrap().files, []);
        for number in [1, 3, 4] {
            assert_eq!(carried(&mut disk, write(number, 0, b"x")).await, Err(DiskError::Failed), "{number}");
            assert!(bytes(&mut disk, read(number, Place::Piece(0))).await.is_err());
        }
        disk.close().await.unwrap();
        assert_eq!(fs::read(&secret).unwrap(), b"not to be touched");
        assert!(!folder.path().join("nowhere").exists());
        assert_eq!(fs::read_dir(&files).unwrap().count(), 5);
        assert_eq!(fs::read(files.join(name(1)).join(name(2))).unwrap(), b"deeper");
    });
}

/// A dropped disk unlocks when its threads have seen it.
async fn reopened(path: &std::path::Path) -> Disk {
    loop {
        match Disk::open(path) {
            Ok(disk) => return disk,
            Err(spotp2p_adapter::disk::OpenError::Locked(_)) => yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn folders_and_files_are_the_owners_only() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut disk = Disk::open(&path).unwrap();
        carried(&mut disk, write(1, 0, b"x")).await.unwrap();
        carried(&mut disk, append(&[1], b"x")).await.unwrap();
        let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&path), mode(&path.join("files"))), (0o700, 0o700));
        for name in ["lock", "journal", &format!("files/{}", file(1))] {
            assert_eq!(mode(&path.join(name)), 0o600, "{name}");
        }
    });
}
