//! What the adapter may cost.

use bytes::Bytes;
use core::hint::black_box;
use core::time::Duration;
use spotcache::cache::{
    Cache, Config, Content, Done, Effect, Event, Eviction, Found, Layout, Limits, NotKept, Opened, Output,
    Place, Quota, RequestId,
};
use spotp2p_adapter::disk::{Executor, Folder};
use spotproto::content::{FileId, Hash, LeafSet, Leaves, PIECE_LEN};
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::{Machine, Seed};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::Instant;

/// A cached piece comes at this part of the speed of reading and hashing it.
const READING: f64 = 0.8;

/// A cache of 10,000 files and 10 GB is open after this long.
const OPENING: Duration = Duration::from_millis(300);

const FILES: u32 = 10_000;
/// Each has 1 MB.
const FILE_PIECES: u32 = 61;

const CONFIG: Config =
    Config { quota: Quota::Bytes(20_000_000_000), eviction: Eviction::Lru, limits: Limits::DEFAULT };

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

/// Opens a large cache: the lock, the journal, the list of files, and what the machine makes of them.
pub(crate) fn opening() -> io::Result<bool> {
    let folder = tempfile::tempdir()?;
    fill(folder.path())?;
    let (mut best, mut of_machine) = (Duration::MAX, Duration::MAX);
    for _ in 0..5 {
        let begun = Instant::now();
        let mut executor = Executor::new(Folder::open(folder.path()).map_err(io::Error::other)?);
        let mut cache = Cache::new(CONFIG, &Seed([1; 32]));
        cache.open();
        let Some(Output::Effect(effect)) = cache.poll_output() else { return Err(does_not_open()) };
        let (request, found) = executor.carry_out(effect).ok_or_else(does_not_open)?;
        let found_at = Instant::now();
        cache.done(spotproto::Instant::START, request, found);
        let ready = cache.poll_output();
        best = best.min(begun.elapsed());
        of_machine = of_machine.min(found_at.elapsed());
        let whole = |opened: &Opened| opened.complete == FILES && opened.forgotten == 0 && opened.strays == 0;
        assert!(matches!(&ready, Some(Output::Event(Event::Ready(opened))) if whole(opened)), "{ready:?}");
    }
    let milliseconds = |span: Duration| span.as_secs_f64() * 1e3;
    Ok(verdict(
        best <= OPENING,
        &format!(
            "opening {FILES} files of 10 GB: {:.1} ms, the machine's part {:.1} ms (at most {} ms)",
            milliseconds(best),
            milliseconds(of_machine),
            OPENING.as_millis()
        ),
    ))
}

fn does_not_open() -> io::Error {
    io::Error::other("the cache does not open")
}

fn not_kept(why: NotKept) -> io::Error {
    io::Error::other(format!("not kept: {why:?}"))
}

/// A cache's folder as the machine would leave it, but for the pieces: only names, lengths and the journal are looked
/// at when it opens.
fn fill(path: &Path) -> io::Result<()> {
    drop(Folder::open(path).map_err(io::Error::other)?);
    let layout = Layout { pieces: FILE_PIECES };
    let mut cache = Cache::new(CONFIG, &Seed([2; 32]));
    let mut journal = Vec::new();
    cache.open();
    drain(&mut cache, &mut journal);
    for number in 0..FILES {
        let id = FileId(RustCrypto::hash(&[&number.to_be_bytes()]));
        File::create_new(path.join("files").join(id.to_string()))?.set_len(layout.length(FILE_PIECES))?;
        cache.admit(spotproto::Instant::START, id, FILE_PIECES, 1, None).map_err(not_kept)?;
        for piece in 0..FILE_PIECES {
            cache.store(&id, piece, Bytes::new()).map_err(not_kept)?;
            drain(&mut cache, &mut journal);
        }
    }
    cache.sync();
    drain(&mut cache, &mut journal);
    fs::write(path.join("journal"), journal)
}

/// A disk that takes everything and keeps the journal.
fn drain(cache: &mut Cache<FileId, Bytes>, journal: &mut Vec<u8>) {
    while let Some(output) = cache.poll_output() {
        let Output::Effect(effect) = output else { continue };
        let (request, done) = match effect {
            Effect::Open { request } => {
                (request, Done::Opened(Ok(Found { journal: None, files: Vec::new(), free: u64::MAX })))
            }
            Effect::Append { request, records, .. } => {
                journal.extend_from_slice(&records);
                (request, Done::Carried(Ok(())))
            }
            Effect::Replace { request, journal: new } => {
                *journal = new.to_vec();
                (request, Done::Carried(Ok(())))
            }
            Effect::Write { request, .. } => (request, Done::Carried(Ok(()))),
            other => panic!("{other:?}"),
        };
        cache.done(spotproto::Instant::START, request, done);
    }
}

fn verdict(passed: bool, line: &str) -> bool {
    println!("{} {line}", if passed { "ok    " } else { "FAILED" });
    passed
}
