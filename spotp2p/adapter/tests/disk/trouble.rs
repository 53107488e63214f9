//! Folders that can't be used, and disks that fail.

use super::small::Small;
use super::{append, bytes, carried, found, read, remove, replace, write};
use futures_lite::future::block_on;
use spotcache::cache::{DiskError, Place};
use spotp2p_adapter::Disk;
use spotp2p_adapter::disk::OpenError;
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn two_players_never_share_a_cache() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut first = Disk::open(folder.path()).unwrap();
        let error = Disk::open(folder.path()).unwrap_err();
        assert!(matches!(error, OpenError::Locked(_)), "{error}");
        assert_eq!(error.to_string(), format!("{}: another player uses this cache", folder.path().display()));
        // The refused one has not taken the lock away.
        assert!(Disk::open(folder.path()).is_err());
        assert_eq!(carried(&mut first, append(&[], b"x")).await, Ok(()));
        first.close().await.unwrap();
        Disk::open(folder.path()).unwrap().close().await.unwrap();
    });
}

#[test]
fn what_is_no_folder_is_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain");
    fs::write(&plain, "text").unwrap();
    for path in [plain.clone(), plain.join("cache")] {
        let error = Disk::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::NotAFolder(_)), "{error}");
        assert_eq!(error.to_string(), format!("{}: not a folder", path.display()));
    }
    // A link to a folder is its owner's choice; one inside the cache nobody has made.
    let (real, linked) = (folder.path().join("real"), folder.path().join("linked"));
    fs::create_dir(&real).unwrap();
    symlink(&real, &linked).unwrap();
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    symlink(folder.path().join("elsewhere"), real.join("files")).unwrap();
    assert!(matches!(Disk::open(&linked), Err(OpenError::NotAFolder(_))));
    fs::remove_file(real.join("files")).unwrap();
    assert!(Disk::open(&linked).is_ok());
    assert!(real.join("files").is_dir());
}

#[test]
fn a_disk_that_cannot_be_written_to_says_so() {
    block_on(async {
        let Some(small) = Small::mount("1m") else { return };
        let path = small.path().join("cache");
        let mut disk = Disk::open(&path).unwrap();
        carried(&mut disk, write(1, 0, b"kept")).await.unwrap();
        carried(&mut disk, append(&[1], b"kept")).await.unwrap();
        disk.close().await.unwrap();
        small.freeze();
        let error = Disk::open(&path).unwrap_err();
        assert!(matches!(error, OpenError::ReadOnly(_)), "{error}");
        assert_eq!(error.to_string(), format!("{}: on a disk that can't be written to", path.display()));
    });
}

#[test]
fn a_full_disk_says_so_and_goes_on_when_there_is_room() {
    block_on(async {
        let Some(small) = Small::mount("200k") else { return };
        let mut disk = Disk::open(&small.path().join("cache")).unwrap();
        assert!(found(&mut disk).await.unwrap().free <= 200 * 1024);
        carried(&mut disk, append(&[], b"before ")).await.unwrap();
        let mut number = 0;
        let refused = loop {
            match carried(&mut disk, write(number, 0, &[number; 16384])).await {
                Ok(()) => number += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(refused, DiskError::Full);
        assert!((5..13).contains(&number), "{number}");
        let journal: &'static [u8] = vec![7; 64 * 1024].leak();
        assert_eq!(carried(&mut disk, replace(journal)).await, Err(DiskError::Full));
        assert_eq!(carried(&mut disk, append(&[], journal)).await, Err(DiskError::Full));
        for number in 0..number {
            assert_eq!(bytes(&mut disk, read(number, Place::Piece(0))).await.unwrap(), [number; 16384][..]);
            carried(&mut disk, remove(number)).await.unwrap();
        }
        // What was refused left nothing behind, and what comes then stands where it should.
        assert_eq!(carried(&mut disk, append(&[], b"after")).await, Ok(()));
        assert_eq!(found(&mut disk).await.unwrap().journal.as_deref(), Some(&b"before after"[..]));
        assert!(found(&mut disk).await.unwrap().free > 100 * 1024);
    });
}

#[test]
fn a_folder_that_vanishes_fails_and_nothing_hangs() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cache");
        let mut disk = Disk::open(&path).unwrap();
        carried(&mut disk, write(1, 0, b"x")).await.unwrap();
        carried(&mut disk, append(&[1], b"x")).await.unwrap();
        fs::remove_dir_all(&path).unwrap();
        assert_eq!(carried(&mut disk, append(&[], b"lost")).await, Err(DiskError::Failed));
        assert_eq!(carried(&mut disk, write(2, 0, b"x")).await, Err(DiskError::Failed));
        assert_eq!(carried(&mut disk, replace(b"x")).await, Err(DiskError::Failed));
        assert_eq!(bytes(&mut disk, read(2, Place::Piece(0))).await, Err(DiskError::Missing));
        assert_eq!(found(&mut disk).await, Err(DiskError::Failed));
        assert_eq!(carried(&mut disk, remove(1)).await, Ok(()));
        disk.submit(append(&[], b"last words"));
        assert_eq!(disk.close().await, Err(DiskError::Failed));
        assert!(!path.exists(), "nothing is made where somebody has removed it");
    });
}

#[test]
fn a_journal_that_vanishes_is_not_appended_to_but_can_be_replaced() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        carried(&mut disk, append(&[], b"one ")).await.unwrap();
        fs::remove_file(folder.path().join("journal")).unwrap();
        assert_eq!(carried(&mut disk, append(&[], b"two ")).await, Err(DiskError::Failed));
        assert_eq!(carried(&mut disk, replace(b"one two ")).await, Ok(()));
        assert_eq!(carried(&mut disk, append(&[], b"three")).await, Ok(()));
        assert_eq!(found(&mut disk).await.unwrap().journal.as_deref(), Some(&b"one two three"[..]));
    });
}

#[test]
fn a_file_that_is_not_there_cannot_be_made_to_last() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        carried(&mut disk, write(1, 0, b"x")).await.unwrap();
        assert_eq!(carried(&mut disk, append(&[1, 2], b"both")).await, Err(DiskError::Missing));
        assert_eq!(found(&mut disk).await.unwrap().journal, None);
    });
}
