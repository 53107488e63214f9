//! What the adapter may cost.

use bytes::Bytes;
use core::hint::black_box;
use runtime_tokio::disk::{Executor, Folder};
use spotcache::cache::{Content, Done, Effect, Layout, Place, RequestId};
use spotproto::content::{FileId, Hash, LeafSet, Leaves, PIECE_LEN};
use spotproto::crypto::{Crypto, RustCrypto};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// A cached piece comes at this part of the speed of reading and hashing it.
const READING: f64 = 0.8;

/// A cache of 10,000 files and 10 GB is open after this long.
const OPENING: Duration = Duration::from_millis(300);

const FILES: u32 = 10_000;
const FILE_LENGTH: u64 = 1_000_000;

const REQUEST: RequestId = RequestId(0);

/// Reads pieces through the adapter and proves them as the node does, and without either.
pub(crate) fn reading() -> io::Result<bool> {
    const PIECES: u32 = 256;
    const TURNS: usize = 40;
    let pieces: Vec<Vec<u8>> = (0..PIECES).map(|index| vec![index as u8; PIECE_LEN]).collect();
    let hashes = pieces.iter().map(|piece| Hash(RustCrypto::hash(&[piece]))).collect();
    let leaves = Leaves::new::<RustCrypto>(hashes).ok_or(io::ErrorKind::InvalidInput)?;
    let (id, layout) = (FileId::from(leaves.root()), Layout { pieces: PIECES });
    let folder = tempfile::tempdir()?;
    let mut executor = Executor::new(Folder::open(folder.path()).map_err(io::Error::other)?);
    for (index, piece) in (0..).zip(pieces) {
        let (place, content) = (Place::Piece(index), Content::Piece(Bytes::from(piece)));
        let written =
            executor.carry_out(Effect::Write { request: REQUEST, file: id, layout, place, content });
        assert_eq!(written, Some((REQUEST, Done::Carried(Ok(())))));
    }
    let mut set = LeafSet::new(id, PIECES, 0);
    let proof = leaves.prove(0..PIECES).map_err(io::Error::other)?;
    set.insert::<RustCrypto>(&proof).map_err(io::Error::other)?;

    let reader = executor.reader();
    let plain = File::open(folder.path().join("files").join(id.to_string()))?;
    let mut buffer = vec![0; PIECE_LEN];
    let (mut through, mut alone) = (Duration::MAX, Duration::MAX);
    // The best of many turns, each after the other: what else runs here slows some of them.
    for _ in 0..TURNS {
        let begun = Instant::now();
        for index in 0..PIECES {
            let content = reader.read(id, layout, Place::Piece(index)).map_err(io::Error::other)?;
            let (Content::Piece(bytes) | Content::Sealed(bytes)) = content;
            assert_eq!(set.matches::<RustCrypto>(index, &bytes), Some(true));
        }
        through = through.min(begun.elapsed());
        let begun = Instant::now();
        for index in 0..PIECES {
            plain.read_exact_at(&mut buffer, layout.offset(Place::Piece(index)))?;
            black_box(RustCrypto::hash(&[&buffer]));
        }
        alone = alone.min(begun.elapsed());
    }
    let ratio = alone.as_secs_f64() / through.as_secs_f64();
    let speed = |span: Duration| f64::from(PIECES) * PIECE_LEN as f64 / 1e6 / span.as_secs_f64();
    Ok(verdict(
        ratio >= READING,
        &format!(
            "cached pieces, proved: {:.0} of {:.0} MB/s for pread and SHA-256 alone: {ratio:.3} (at least {READING})",
            speed(through),
            speed(alone)
        ),
    ))
}

/// Opens a large cache.
pub(crate) fn opening() -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    fill(folder.path())?;
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let mut executor = Executor::new(Folder::open(folder.path()).map_err(io::Error::other)?);
        let Some((_, Done::Opened(Ok(found)))) = executor.carry_out(Effect::Open { request: REQUEST }) else {
            return Err(io::Error::other("it does not open"));
        };
        assert_eq!(found.files.len(), FILES as usize);
        best = best.min(begun.elapsed());
    }
    Ok(verdict(
        best <= OPENING,
        &format!(
            "opening {FILES} files of 10 GB: {:.1} ms (at most {})",
            best.as_secs_f64() * 1e3,
            OPENING.as_millis()
        ),
    ))
}

/// Files without bytes: only names and lengths are looked at.
fn fill(path: &Path) -> io::Result<()> {
    drop(Folder::open(path).map_err(io::Error::other)?);
    for number in 0..FILES {
        let id = FileId(RustCrypto::hash(&[&number.to_be_bytes()]));
        let file = fs::File::create_new(path.join("files").join(id.to_string()))?;
        file.set_len(FILE_LENGTH)?;
    }
    Ok(())
}

fn verdict(passed: bool, line: &str) -> bool {
    println!("{} {line}", if passed { "ok    " } else { "FAILED" });
    passed
}
