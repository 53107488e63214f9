//! A disk in memory, which fails as it is told.

use alloc::collections::BTreeMap;
use bytes::Bytes;
use spotcache::cache::{Content, DiskError, Done, Effect, Found, Place, RequestId};
use spotproto::content::FileId;

#[derive(Clone, Default)]
pub(crate) struct Disk {
    pub(crate) parts: BTreeMap<(FileId, Place), Content<Bytes>>,
    pub(crate) journal: Option<Bytes>,
    /// What every write meets.
    pub(crate) refuses: Option<DiskError>,
    /// Nothing is there any more.
    pub(crate) gone: bool,
    /// Reads that were answered.
    pub(crate) reads: u32,
}

impl Disk {
    pub(crate) fn carry_out(&mut self, effect: Effect<FileId, Bytes>) -> (RequestId, Done<FileId, Bytes>) {
        let writes = self.may_write();
        match effect {
            Effect::Open { request } => (request, Done::Opened(self.found())),
            Effect::Read { request, file, place, .. } => {
                self.reads += 1;
                let part = self.parts.get(&(file, place)).filter(|_| !self.gone).cloned();
                (request, Done::Read(part.ok_or(DiskError::Missing)))
            }
            Effect::Write { request, file, place, content, .. } => {
                if writes.is_ok() {
                    self.parts.insert((file, place), content);
                }
                (request, Done::Carried(writes))
            }
            Effect::Append { request, records, .. } => {
                if writes.is_ok() {
                    let old = self.journal.take().unwrap_or_default();
                    self.journal = Some([old, records].concat().into());
                }
                (request, Done::Carried(writes))
            }
            Effect::Replace { request, journal } => {
                if writes.is_ok() {
                    self.journal = Some(journal);
                }
                (request, Done::Carried(writes))
            }
            Effect::Remove { request, file } => {
                self.parts.retain(|(of, _), _| *of != file);
                (request, Done::Carried(writes))
            }
            Effect::Cut { request, .. } => (request, Done::Carried(writes)),
            other => panic!("this disk does not know {other:?}"),
        }
    }

    /// Flips a bit of a part.
    pub(crate) fn rot(&mut self, file: FileId, place: Place) {
        let part = self.parts.get_mut(&(file, place)).expect("it is there");
        let (Content::Piece(bytes) | Content::Sealed(bytes)) = part;
        let mut rotten = bytes.to_vec();
        rotten[20] ^= 4;
        *bytes = rotten.into();
    }

    fn may_write(&self) -> Result<(), DiskError> {
        match self.refuses {
            _ if self.gone => Err(DiskError::Failed),
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    fn found(&self) -> Result<Found<FileId>, DiskError> {
        if self.gone {
            return Err(DiskError::Failed);
        }
        let mut files: BTreeMap<FileId, u64> = BTreeMap::new();
        for (file, _) in self.parts.keys() {
            // As long as a file can be: what is missing shows when it is read.
            files.insert(*file, u64::MAX);
        }
        Ok(Found { journal: self.journal.clone(), files: files.into_iter().collect(), free: 1 << 40 })
    }
}
