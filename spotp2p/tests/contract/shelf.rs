//! One file with real leaves: pieces that can be told from others.

use bytes::Bytes;
use spotp2p::access_point::Entry;
use spotproto::content::{
    ContentKey, FileId, Format, Geometry, Hash, Head, LeafRange, Leaves, PIECE_LEN, SeekTable,
};
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::message::PieceRange;
use std::sync::LazyLock;

/// Seven groups of leaves, the last one short.
pub(crate) const PIECES: u32 = 400;

/// The file.
pub(crate) static SHELF: LazyLock<Shelf> = LazyLock::new(|| Shelf::new(0));

pub(crate) struct Shelf {
    pub(crate) entry: Entry<FileId>,
    pub(crate) pieces: Vec<Bytes>,
    leaves: Leaves,
}

impl Shelf {
    /// A file whose pieces are full of numbers from this one on.
    pub(crate) fn new(first: u32) -> Self {
        let pieces: Vec<Bytes> =
            (first..first + PIECES).map(|index| vec![index as u8; PIECE_LEN].into()).collect();
        let hashes = pieces.iter().map(|piece| Hash(RustCrypto::hash(&[piece]))).collect();
        let leaves = Leaves::new::<RustCrypto>(hashes).expect("leaves");
        let geometry =
            Geometry::of_ciphertext(u64::from(PIECES) * PIECE_LEN as u64).expect("a possible length");
        let duration_ms = 120_000;
        let head = Head {
            file: FileId(leaves.root().0),
            geometry,
            format: Format::OggVorbis,
            bit_rate: 160_000,
            duration_ms,
            sample_rate: 44_100,
            channels: 2,
            samples: None,
            delay: 0,
            gain: None,
            headers: core::iter::once(0..4000).collect(),
            seek: SeekTable::even(duration_ms, 4000, geometry.plaintext_len()).expect("an even table"),
        };
        let key = ContentKey::new([5; 32]);
        Self {
            entry: Entry { head, key, title: "Tune".into(), artist: "Nobody".into(), mirrors: Vec::new() },
            pieces,
            leaves,
        }
    }

    pub(crate) fn file(&self) -> FileId {
        self.entry.head.file
    }

    pub(crate) fn prove(&self, range: PieceRange) -> LeafRange {
        self.leaves.prove(range.start..range.end()).expect("within the file")
    }
}
