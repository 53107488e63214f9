//! Taking one file in: what is in it, and what it is called once it is sealed.

use super::disk::{Meter, Metered, Stamp};
use super::state::Epoch;
use super::tags::{self, Tags};
use core::fmt;
use spotcache::canonical::{Canonical, Plan, ReadError, Refusal, analyse};
use spotcache::seal::{Changed, Digest, DigestPass, SealPass, Sealed, content_key};
use spotproto::Gid;
use spotproto::content::{FileId, Geometry, Head, PIECE_LEN};
use spotproto::crypto::{Crypto, RustCrypto, TAG_LEN};
use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Bytes that the first pass reads at once.
const STRIDE: usize = 256 * 1024;

/// Why a file is passed over, this time or until it changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Skip {
    /// It was written to just now, or while it was read.
    Changing,
    /// The system does not let us read it.
    Unreadable(io::ErrorKind),
    /// It is no music that can be served.
    Refused(Refusal),
    /// The scan was stopped.
    Stopped,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changing => f.write_str("still being copied; the next scan takes it"),
            Self::Unreadable(kind) => write!(f, "cannot be read: {kind}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Stopped => f.write_str("the scan was stopped"),
        }
    }
}

impl core::error::Error for Skip {}

impl From<io::Error> for Skip {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.kind())
    }
}

impl From<Refusal> for Skip {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable => Self::Unreadable(io::ErrorKind::Other),
            refusal => Self::Refused(refusal),
        }
    }
}

impl From<ReadError> for Skip {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unreadable => Self::Unreadable(io::ErrorKind::Other),
            _ => Self::Changing,
        }
    }
}

impl From<Changed> for Skip {
    fn from(_: Changed) -> Self {
        Self::Changing
    }
}

/// A file that was taken in.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) gid: Gid,
    pub(super) epoch: [u8; 8],
    pub(super) digest: [u8; 32],
    /// Without the gain: two places of one file may have different ones.
    pub(super) head: Head<FileId>,
    pub(super) leaves: Vec<u8>,
    pub(super) plan: Vec<u8>,
    pub(super) tags: Tags,
}

/// Reads a file three times: to find out what it is, to make its key, and to seal it.
pub(super) fn take(path: &Path, expected: Stamp, epoch: &Epoch, meter: &Meter) -> Result<Taken, Skip> {
    match take_unless_stopped(path, expected, epoch, meter) {
        // A reader that is stopped sees an unreadable file.
        Err(_) if meter.is_stopped() => Err(Skip::Stopped),
        taken => taken,
    }
}

fn take_unless_stopped(path: &Path, expected: Stamp, epoch: &Epoch, meter: &Meter) -> Result<Taken, Skip> {
    let file = File::open(path)?;
    unchanged(Stamp::of(&file.metadata()?), expected)?;
    let mut source = Metered::new(&file, expected.size, meter);
    let taken = analyse(&mut source).map_err(Skip::from).and_then(|Canonical { plan, facts }| {
        let digest = digest(&plan, facts.geometry, &mut source)?;
        let key = content_key::<RustCrypto>(&epoch.secret, facts.format, &digest);
        let sealed = seal(&plan, SealPass::new(&key, digest), &mut source)?;
        let mut stored = Vec::new();
        plan.encode(&mut stored);
        Ok(Taken {
            gid: gid(&digest),
            epoch: epoch.fingerprint,
            digest: digest.sha256,
            head: facts.head(sealed.file, None),
            leaves: sealed.leaves.to_bytes(),
            plan: stored,
            tags: tags::read(Metered::new(&file, expected.size, meter), path),
        })
    });
    // A file that changed meanwhile may have been refused for that alone: the change is what to tell of.
    unchanged(Stamp::of(&file.metadata()?), expected)?;
    unchanged(Stamp::of(&fs::metadata(path)?), expected)?;
    taken.map_err(|skip| match skip {
        Skip::Unreadable(_) => Skip::Unreadable(source.failed()),
        skip => skip,
    })
}

fn unchanged(now: Stamp, expected: Stamp) -> Result<(), Skip> {
    if now == expected { Ok(()) } else { Err(Skip::Changing) }
}

fn digest(plan: &Plan, geometry: Geometry, source: &mut Metered<'_>) -> Result<Digest, Skip> {
    let mut pass = DigestPass::<RustCrypto>::new(geometry);
    let mut buffer = vec![0; STRIDE];
    let mut offset = 0;
    loop {
        let count = plan.read_at(source, offset, &mut buffer)?;
        if count == 0 {
            return Ok(pass.finish()?);
        }
        pass.update(&buffer[..count])?;
        offset += count as u64;
    }
}

fn seal(plan: &Plan, mut pass: SealPass<RustCrypto>, source: &mut Metered<'_>) -> Result<Sealed, Skip> {
    let geometry = pass.geometry();
    let mut buffer = vec![0; PIECE_LEN];
    for index in 0..geometry.pieces() {
        let piece = &mut buffer[..geometry.piece_len(index)];
        let block = piece.len() - TAG_LEN;
        if plan.read_at(source, geometry.block(index).start, &mut piece[..block])? < block {
            return Err(Skip::Changing);
        }
        pass.push(piece)?;
    }
    Ok(pass.finish()?)
}

/// A track is known by what it sounds like, not by where it lies or how it is sealed.
fn gid(digest: &Digest) -> Gid {
    let hash = RustCrypto::hash(&[b"spot track v1", &digest.sha256]);
    let mut gid = [0; 16];
    gid.copy_from_slice(&hash[..16]);
    Gid::from_bytes(gid)
}
