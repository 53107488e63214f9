//! The one journal: appended to, and replaced as a whole.

use super::fault;
use super::files::{Access, Directory, Files, Name};
use bytes::Bytes;
use spotcache::cache::DiskError;
use std::io;

/// Bytes of a journal that are read; a longer one is none that a cache has written.
const JOURNAL_MAX: u64 = 64 << 20;

/// The journal's file, and how much of it is good.
#[derive(Debug)]
pub(super) struct Journal<F: Files> {
    open: Option<Open<F::File>>,
    /// It has a name that need not last yet. True at first: a player that was killed may have given it.
    new_name: bool,
}

#[derive(Debug)]
struct Open<H> {
    handle: H,
    /// What was there at the opening and what was appended since. An append that failed may have left bytes behind
    /// this: the next one takes their place.
    good: u64,
}

impl<F: Files> Journal<F> {
    pub(super) const fn new() -> Self {
        Self { open: None, new_name: true }
    }

    /// It may have a name that need not last yet.
    pub(super) const fn doubt(&mut self) {
        self.new_name = true;
    }

    /// Reads it whole; `None` if there is none.
    pub(super) fn open(&mut self, files: &F) -> io::Result<Option<Bytes>> {
        // Left over from a replacement that came to nothing. If it can't go, the next one meets it again.
        let _ = files.remove(Name::NextJournal);
        let (handle, writable) = match files.open(Name::Journal, Access::Write) {
            Ok(handle) => (handle, true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(_) => (files.open(Name::Journal, Access::Read)?, false),
        };
        let length = files.length(&handle)?;
        if length > JOURNAL_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut bytes = vec![0; length as usize];
        let read = files.read(&handle, 0, &mut bytes)?;
        bytes.truncate(read);
        // Where it can only be read, the next append tries again and has the system say why.
        self.open = writable.then_some(Open { handle, good: length });
        Ok(Some(bytes.into()))
    }

    /// Appends whole records and makes them last. After an error none of them counts.
    pub(super) fn append(&mut self, files: &F, records: &[u8]) -> Result<(), DiskError> {
        self.try_append(files, records).map_err(|error| fault::writing(&error))
    }

    fn try_append(&mut self, files: &F, records: &[u8]) -> io::Result<()> {
        if self.open.is_none() {
            self.open = Some(self.reach(files)?);
        }
        let Some(open) = &mut self.open else { return Err(io::ErrorKind::NotFound.into()) };
        // The length of a journal that was removed is an error: what is appended to it would be lost.
        if files.length(&open.handle)? > open.good {
            files.set_length(&open.handle, open.good)?;
            // Or a crash might leave the failed records' rest behind the new ones.
            files.sync(&open.handle)?;
        }
        files.write(&open.handle, open.good, records)?;
        files.sync(&open.handle)?;
        if self.new_name {
            files.sync_folder(Directory::Top)?;
            self.new_name = false;
        }
        open.good += records.len() as u64;
        Ok(())
    }

    /// Opens it for writing, or makes it.
    fn reach(&mut self, files: &F) -> io::Result<Open<F::File>> {
        match files.open(Name::Journal, Access::Write) {
            Ok(handle) => {
                let good = files.length(&handle)?;
                Ok(Open { handle, good })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let handle = files.create(Name::Journal)?;
                self.new_name = true;
                Ok(Open { handle, good: 0 })
            }
            Err(error) => Err(error),
        }
    }

    /// Puts a new journal in the place of the old one and makes it last. After an error the old one or the new one
    /// is in place, and appending goes on behind that.
    pub(super) fn replace(&mut self, files: &F, journal: &[u8]) -> Result<(), DiskError> {
        self.try_replace(files, journal).map_err(|error| fault::writing(&error))
    }

    fn try_replace(&mut self, files: &F, journal: &[u8]) -> io::Result<()> {
        match files.remove(Name::NextJournal) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let handle = files.create(Name::NextJournal)?;
        let written = files.write(&handle, 0, journal).and_then(|()| files.sync(&handle));
        if let Err(error) = written.and_then(|()| files.rename(Name::NextJournal, Name::Journal)) {
            // On a full disk its bytes are wanted back.
            let _ = files.remove(Name::NextJournal);
            return Err(error);
        }
        self.open = Some(Open { handle, good: journal.len() as u64 });
        // Until the folder is synced a crash brings the old journal back, without what is appended to the new one.
        self.new_name = true;
        files.sync_folder(Directory::Top)?;
        self.new_name = false;
        Ok(())
    }
}
