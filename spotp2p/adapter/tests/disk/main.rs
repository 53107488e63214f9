//! A cache's disk on real folders.
#![cfg(unix)]

mod folder;
mod handle;
mod small;
mod trouble;

use bytes::Bytes;
use spotcache::cache::{Content, DiskError, Done, Effect, Found, Layout, Place, RequestId};
use spotp2p_adapter::Disk;
use spotproto::content::FileId;

const LAYOUT: Layout = Layout { pieces: 3 };

/// The file with this number.
fn file(number: u8) -> FileId {
    FileId([number; 32])
}

/// Numbers that the tests don't look at.
const REQUEST: RequestId = RequestId(0);

fn write(number: u8, piece: u32, bytes: &[u8]) -> Effect<FileId, Bytes> {
    let content = Content::Piece(Bytes::copy_from_slice(bytes));
    Effect::Write {
        request: REQUEST,
        file: file(number),
        layout: LAYOUT,
        place: Place::Piece(piece),
        content,
    }
}

fn read(number: u8, place: Place) -> Effect<FileId, Bytes> {
    Effect::Read { request: REQUEST, file: file(number), layout: LAYOUT, place }
}

fn append(after: &[u8], records: &'static [u8]) -> Effect<FileId, Bytes> {
    let after = after.iter().copied().map(file).collect();
    Effect::Append { request: REQUEST, after, records: Bytes::from_static(records) }
}

fn replace(journal: &'static [u8]) -> Effect<FileId, Bytes> {
    Effect::Replace { request: REQUEST, journal: Bytes::from_static(journal) }
}

fn remove(number: u8) -> Effect<FileId, Bytes> {
    Effect::Remove { request: REQUEST, file: file(number) }
}

/// Submits one effect and waits for what comes of it.
async fn carry_out(disk: &mut Disk, effect: Effect<FileId, Bytes>) -> Done<FileId, Bytes> {
    disk.submit(effect);
    disk.next().await.1
}

async fn carried(disk: &mut Disk, effect: Effect<FileId, Bytes>) -> Result<(), DiskError> {
    match carry_out(disk, effect).await {
        Done::Carried(carried) => carried,
        other => panic!("{other:?}"),
    }
}

async fn found(disk: &mut Disk) -> Result<Found<FileId>, DiskError> {
    match carry_out(disk, Effect::Open { request: REQUEST }).await {
        Done::Opened(opened) => opened,
        other => panic!("{other:?}"),
    }
}

async fn bytes(disk: &mut Disk, effect: Effect<FileId, Bytes>) -> Result<Bytes, DiskError> {
    match carry_out(disk, effect).await {
        Done::Read(Ok(Content::Piece(bytes) | Content::Sealed(bytes))) => Ok(bytes),
        Done::Read(Err(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}
