//! Small files with real names, and their leaves.

use bytes::Bytes;
use spotcache::cache::Layout;
use spotproto::content::{FileId, Hash, LeafSet, Leaves, PIECE_LEN};
use spotproto::crypto::{Crypto, RustCrypto};
use spotproto::{Dice, Seed};

/// What may be cached.
pub(crate) struct Library(Vec<Track>);

pub(crate) struct Track {
    pub(crate) id: FileId,
    pub(crate) pieces: Vec<Bytes>,
    /// Leading pieces with headers.
    pub(crate) headers: u32,
    leaves: LeafSet,
}

impl Library {
    pub(crate) fn new() -> Self {
        let mut dice = Dice::new(&Seed([9; 32]));
        Self((0..14).map(|number| Track::new(1 + number % 6, &mut dice)).collect())
    }

    pub(crate) fn tracks(&self) -> &[Track] {
        &self.0
    }

    pub(crate) fn find(&self, id: FileId) -> &Track {
        self.0.iter().find(|track| track.id == id).expect("the cache knows what it was told")
    }

    /// Bytes that the largest takes in a cache.
    pub(crate) fn largest(&self) -> u64 {
        self.0.iter().map(|track| track.layout().length(track.pieces.len() as u32)).max().unwrap_or(0)
    }
}

impl Track {
    fn new(count: u32, dice: &mut Dice) -> Self {
        let pieces: Vec<Bytes> = (1..=count)
            .map(|number| {
                let last = 17 + dice.below(PIECE_LEN as u32 - 17) as usize;
                let length = if number == count { last } else { PIECE_LEN };
                (0..length).map(|_| dice.bits() as u8 | 1).collect()
            })
            .collect();
        let hashes = pieces.iter().map(|piece| Hash(RustCrypto::hash(&[piece]))).collect();
        let tree = Leaves::new::<RustCrypto>(hashes).expect("pieces");
        let id = FileId::from(tree.root());
        let mut leaves = LeafSet::new(id, count, 0);
        leaves.insert::<RustCrypto>(&tree.prove(0..count).expect("a range")).expect("a proof");
        Self { id, pieces, headers: dice.below(count.min(2) + 1), leaves }
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout { pieces: self.pieces.len() as u32 }
    }

    /// Whether bytes are this piece, told as a node tells: by the leaf alone.
    pub(crate) fn proves(&self, piece: u32, bytes: &[u8]) -> bool {
        self.leaves.matches::<RustCrypto>(piece, bytes) == Some(true)
    }
}
