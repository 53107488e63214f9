//! One sealed file in memory.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of it")]

use bytes::Bytes;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use runtime_tokio::Store;
use spotp2p::access_point::Entry;
use spotproto::Gid;
use spotproto::content::{
    BLOCK_LEN, ContentKey, FileId, Format, Geometry, Head, LeafRange, Leaves, SeekTable,
};
use spotproto::crypto::{Aead, Crypto, KeyPair, RustCrypto, SecretKey};
use spotproto::message::{PieceRange, Refusal, Wanted};

pub const TRACK: Gid = Gid::from_bytes([7; 16]);
pub const PIECES: u32 = 200;

/// One sealed file in memory.
pub struct Shelf {
    pub entry: Entry<FileId>,
    leaves: Leaves,
    pub pieces: Vec<Bytes>,
    pub spoilt: AtomicBool,
    /// Pieces handed out so far.
    pub fetched: AtomicUsize,
}

impl Shelf {
    pub fn new() -> Self {
        let key = ContentKey::new([5; 32]);
        let cipher = <RustCrypto as Crypto>::Aead::new(key.secret());
        let pieces: Vec<Bytes> = (0..PIECES)
            .map(|index| {
                let mut piece = vec![index as u8; BLOCK_LEN];
                let tag = cipher.seal(&[0; 12], &[], &mut piece);
                piece.extend(tag);
                piece.into()
            })
            .collect();
        let hashes =
            pieces.iter().map(|piece| spotproto::content::Hash(RustCrypto::hash(&[piece]))).collect();
        let leaves = Leaves::new::<RustCrypto>(hashes).expect("leaves");
        let length = u64::from(PIECES) * BLOCK_LEN as u64;
        let head = Head {
            file: FileId(leaves.root().0),
            geometry: Geometry::of_plaintext(length).expect("a possible length"),
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms: 160_000,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: core::iter::once(0..4000).collect(),
            seek: SeekTable::even(160_000, 4000, length).expect("an even table"),
        };
        let entry = Entry { head, key, title: "Tune".into(), artist: "Nobody".into(), mirrors: Vec::new() };
        Self { entry, leaves, pieces, spoilt: AtomicBool::new(false), fetched: AtomicUsize::new(0) }
    }
}

impl Store for Shelf {
    fn find(&self, wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal> {
        match wanted {
            Wanted::Track(TRACK) => Ok(self.entry.clone()),
            Wanted::File(file) if *file == self.entry.head.file => Ok(self.entry.clone()),
            _ => Err(Refusal::NotFound),
        }
    }

    fn prove(&self, _file: &FileId, ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal> {
        ranges
            .iter()
            .map(|range| self.leaves.prove(range.start..range.end()).map_err(|_| Refusal::NotFound))
            .collect()
    }

    fn piece(&self, _file: &FileId, piece: u32) -> Result<Bytes, Refusal> {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        let good = self.pieces.get(piece as usize).cloned().ok_or(Refusal::NotFound)?;
        if self.spoilt.load(Ordering::Relaxed) { Ok(vec![0; good.len()].into()) } else { Ok(good) }
    }
}

pub fn keys(byte: u8) -> KeyPair {
    KeyPair::new::<RustCrypto>(SecretKey([byte; 32]))
}
