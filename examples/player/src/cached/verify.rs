//! Looks at every byte of a cache, and forgets what is not what it was.

use super::{CacheFolder, CachedFile};
use bytes::Bytes;
use spotcache::cache::{Content, Place};
use spotcache::sheet::LeafGroup;
use spotproto::content::{FileId, Hash, LEAF_GROUP, Leaves};
use spotproto::crypto::{Crypto, RustCrypto};

/// What was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Verified {
    /// Files that were looked at.
    pub files: u64,
    /// Of those, files of which nothing could be used any more: what they are was damaged.
    pub files_lost: u64,
    /// Pieces that are what they were.
    pub pieces: u64,
    /// Pieces that were not, and were forgotten.
    pub pieces_lost: u64,
}

impl Verified {
    /// Whether everything was as it should be.
    #[must_use]
    pub const fn is_clean(self) -> bool {
        self.files_lost == 0 && self.pieces_lost == 0
    }
}

impl CacheFolder {
    /// Reads everything and compares it with its leaf, and the leaves of whole files with the file's name. What does not
    /// fit is forgotten, and will be fetched again when it is wanted. `progress` hears how many files are done.
    pub fn verify(&mut self, mut progress: impl FnMut(usize, usize)) -> Verified {
        let files = self.files();
        let mut found = Verified::default();
        for (done, cached) in files.iter().enumerate() {
            progress(done, files.len());
            self.verify_file(cached, &mut found);
            self.events.clear();
        }
        progress(files.len(), files.len());
        found
    }

    fn verify_file(&mut self, cached: &CachedFile, found: &mut Verified) {
        let CachedFile { file, holding, sheet } = cached;
        found.files += 1;
        let held: Vec<u32> = (0..holding.pieces).filter(|piece| self.cache.holds(file, *piece)).collect();
        let described = sheet.as_ref().is_some_and(|sheet| sheet.head.pieces() == holding.pieces);
        if !described {
            found.files_lost += u64::from(!held.is_empty());
            found.pieces_lost += held.len() as u64;
            return self.forget(*file, 0..holding.pieces);
        }
        let leaves = self.leaves(*file, holding.pieces);
        // A whole file's leaves must lead to its name; those of a part were proved before they were sealed.
        let whole: Option<Vec<Hash>> = holding.complete.then(|| leaves.iter().copied().flatten().collect());
        if whole.is_some_and(|whole| root_of(whole) != Some(*file)) {
            found.files_lost += 1;
            found.pieces_lost += held.len() as u64;
            return self.forget(*file, 0..holding.pieces);
        }
        for piece in held {
            let leaf = leaves.get(piece as usize).copied().flatten();
            if leaf.is_some()
                && self.piece(*file, piece).map(|bytes| Hash(RustCrypto::hash(&[&bytes]))) == leaf
            {
                found.pieces += 1;
            } else {
                found.pieces_lost += 1;
                self.forget(*file, piece..piece + 1);
            }
        }
    }

    fn forget(&mut self, file: FileId, pieces: core::ops::Range<u32>) {
        self.cache.forget(super::NOW, &file, pieces);
        self.settle();
    }

    /// The leaves of a file, as far as they are there.
    fn leaves(&mut self, file: FileId, pieces: u32) -> Vec<Option<Hash>> {
        let mut leaves = vec![None; pieces as usize];
        for group in 0..pieces.div_ceil(LEAF_GROUP) {
            let Some(Content::Sealed(bytes)) = self.read(file, Place::Leaves(group)) else { continue };
            let Ok(group) = LeafGroup::decode::<RustCrypto>(&self.keys, &file, group, &bytes) else {
                continue;
            };
            for (piece, leaf) in group.leaves() {
                if let Some(place) = leaves.get_mut(piece as usize) {
                    *place = Some(leaf);
                }
            }
        }
        leaves
    }

    fn piece(&mut self, file: FileId, piece: u32) -> Option<Bytes> {
        match self.read(file, Place::Piece(piece))? {
            Content::Piece(bytes) => Some(bytes),
            Content::Sealed(_) => None,
        }
    }
}

fn root_of(leaves: Vec<Hash>) -> Option<FileId> {
    Leaves::new::<RustCrypto>(leaves).map(|leaves| leaves.root().into())
}
