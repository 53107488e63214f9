//! The handle: who waits for whom.

use super::{append, bytes, carried, read, write};
use bytes::Bytes;
use core::time::Duration;
use futures_lite::future::block_on;
use spotcache::cache::{DiskError, Done, Place};
use spotp2p_adapter::Disk;
use spotp2p_adapter::disk::{Access, Directory, Files, Folder, Name, OpenError, WRITES_WAITING};
use spotproto::content::FileId;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// What [`Slow`] panics over when it is to be written, and when it was read.
const PANICS: [&[u8]; 2] = [b"panic!", b"panic later!"];

/// A folder on a slow disk: each `sync` waits until the test lets it go.
struct Slow {
    folder: Folder,
    begun: SyncSender<()>,
    go: Mutex<Receiver<()>>,
}

/// The test's end: `begun` tells of a sync, `go` ends it. Once `go` is dropped nothing waits any more.
fn slow(path: &Path) -> (Disk, Receiver<()>, SyncSender<()>) {
    let (begun, has_begun) = sync_channel(1000);
    let (let_go, go) = sync_channel(1000);
    let folder = Folder::open(path).unwrap();
    (Disk::on(Slow { folder, begun, go: Mutex::new(go) }).unwrap(), has_begun, let_go)
}

impl Files for Slow {
    type File = File;

    fn open(&self, name: Name, access: Access) -> io::Result<File> {
        self.folder.open(name, access)
    }
    fn create(&self, name: Name) -> io::Result<File> {
        self.folder.create(name)
    }
    fn read(&self, file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.folder.read(file, offset, buffer)?;
        assert_ne!(&buffer[..length], PANICS[1], "as no disk should");
        Ok(length)
    }
    fn write(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        assert_ne!(bytes, PANICS[0], "as no disk should");
        self.folder.write(file, offset, bytes)
    }
    fn length(&self, file: &File) -> io::Result<u64> {
        self.folder.length(file)
    }
    fn set_length(&self, file: &File, length: u64) -> io::Result<()> {
        self.folder.set_length(file, length)
    }
    fn sync(&self, file: &File) -> io::Result<()> {
        let _ = self.begun.send(());
        let _ = self.go.lock().unwrap().recv();
        self.folder.sync(file)
    }
    fn sync_folder(&self, folder: Directory) -> io::Result<()> {
        self.folder.sync_folder(folder)
    }
    fn rename(&self, from: Name, to: Name) -> io::Result<()> {
        self.folder.rename(from, to)
    }
    fn remove(&self, name: Name) -> io::Result<()> {
        self.folder.remove(name)
    }
    fn list(&self) -> io::Result<Vec<(FileId, u64)>> {
        self.folder.list()
    }
    fn free(&self) -> io::Result<u64> {
        self.folder.free()
    }
}

fn is_busy(done: &Done<FileId, Bytes>) -> bool {
    matches!(done, Done::Carried(Err(DiskError::Busy)) | Done::Read(Err(DiskError::Busy)))
}

#[test]
fn reads_overtake_a_write_that_waits_for_the_platter() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, begun, _go) = slow(folder.path());
        carried(&mut disk, write(1, 0, b"written")).await.unwrap();
        disk.submit(append(&[1], b"slow"));
        begun.recv().unwrap();
        for _ in 0..10 {
            disk.submit(read(1, Place::Piece(0)));
            assert!(matches!(disk.next().await.1, Done::Read(Ok(_))));
        }
    });
}

#[test]
fn a_slow_disk_refuses_writes_and_nothing_else() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, begun, go) = slow(folder.path());
        disk.submit(append(&[], b"slow"));
        begun.recv().unwrap();
        for number in 0..=WRITES_WAITING {
            disk.submit(write(number as u8, 0, b"x"));
        }
        // One too many, which is told although the disk still works on the first.
        assert!(is_busy(&disk.next().await.1));
        for _ in 0..2 * WRITES_WAITING {
            disk.submit(append(&[], b"!"));
        }
        drop(go);
        for answered in 0..1 + 3 * WRITES_WAITING {
            assert_eq!(disk.next().await.1, Done::Carried(Ok(())), "{answered}");
        }
        // There is room again.
        assert_eq!(carried(&mut disk, write(1, 0, b"x")).await, Ok(()));
        disk.close().await.unwrap();
        let journal = std::fs::read(folder.path().join("journal")).unwrap();
        assert_eq!(journal.len(), 4 + 2 * WRITES_WAITING);
    });
}

#[test]
fn what_the_files_panic_over_has_failed_and_the_rest_is_carried_out() {
    let (tell, told) = sync_channel(1);
    // On a thread of its own: an answer that does not come is waited for in vain.
    std::thread::spawn(move || {
        block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let (mut disk, ..) = slow(folder.path());
            assert_eq!(carried(&mut disk, write(1, 0, PANICS[0])).await, Err(DiskError::Failed));
            assert_eq!(carried(&mut disk, write(1, 0, b"written")).await, Ok(()));
            assert_eq!(carried(&mut disk, write(2, 0, PANICS[1])).await, Ok(()));
            assert_eq!(bytes(&mut disk, read(2, Place::Piece(0))).await, Err(DiskError::Failed));
            assert_eq!(bytes(&mut disk, read(1, Place::Piece(0))).await.unwrap(), b"written"[..]);
            disk.submit(write(1, 0, PANICS[0]));
            assert_eq!(disk.close().await, Err(DiskError::Failed));
        });
        tell.send(()).unwrap();
    });
    told.recv_timeout(Duration::from_secs(30)).expect("an answer to everything");
}

#[test]
fn closing_carries_out_all_that_waits() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        for number in 0..200 {
            disk.submit(write(number, 0, &[number; 16384]));
            disk.submit(append(&[number], b"."));
        }
        // Results that nobody asked for hold nothing up.
        disk.close().await.unwrap();
        assert_eq!(std::fs::read(folder.path().join("journal")).unwrap(), [b'.'; 200]);
        assert_eq!(std::fs::read_dir(folder.path().join("files")).unwrap().count(), 200);
        Disk::open(folder.path()).expect("unlocked when it says so");
    });
}

#[test]
fn dropping_leaves_what_waits_and_unlocks() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, begun, go) = slow(folder.path());
        disk.submit(append(&[], b"begun "));
        begun.recv().unwrap();
        disk.submit(append(&[], b"waiting"));
        drop(disk);
        assert!(
            matches!(Disk::open(folder.path()), Err(OpenError::Locked(_))),
            "it is still being written to"
        );
        drop(go);
        while Disk::open(folder.path()).is_err() {
            std::thread::yield_now();
        }
        assert_eq!(std::fs::read(folder.path().join("journal")).unwrap(), b"begun ");
    });
}

#[test]
fn a_disk_whose_results_nobody_takes_can_be_dropped() {
    block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let mut disk = Disk::open(folder.path()).unwrap();
        for number in 0..200 {
            disk.submit(write(number, 0, b"x"));
            disk.submit(read(number, Place::Sheet));
        }
        drop(disk);
        while Disk::open(folder.path()).is_err() {
            std::thread::yield_now();
        }
    });
}
