//! Three ways of laying pieces out on disk, each as plain as it can be.

use alloc::collections::btree_map::Entry;
use alloc::collections::{BTreeMap, BTreeSet};
use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

pub(crate) const PIECE: usize = 16 * 1024;

/// Pieces of a track of 4 MB.
pub(crate) const PIECES: u32 = 244;

/// Where pieces are kept.
pub(crate) trait Layout {
    fn write(&mut self, track: u32, piece: u32, bytes: &[u8]) -> io::Result<()>;
    /// Makes last what was written, then says so in a journal.
    fn commit(&mut self, records: &[u8]) -> io::Result<()>;
    fn read(&mut self, track: u32, piece: u32, buffer: &mut [u8]) -> io::Result<()>;
    fn evict(&mut self, track: u32) -> io::Result<()>;
    /// Has the system forget what it holds in memory.
    fn cool(&mut self) -> io::Result<()>;
    /// Bytes taken on disk.
    fn bytes(&self) -> io::Result<u64>;
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn cool(file: &File) -> io::Result<()> {
    file.sync_all()?;
    Ok(fadvise(file, 0, None, Advice::DontNeed)?)
}

/// Bytes on disk; a block of `st_blocks` has 512.
fn blocks(file: &File) -> io::Result<u64> {
    Ok(file.metadata()?.blocks() * 512)
}

struct Journal {
    file: File,
    length: u64,
}

impl Journal {
    fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self { file: open(&folder.join("journal"))?, length: 0 })
    }

    fn append(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.write_all_at(records, self.length)?;
        self.length += records.len() as u64;
        self.file.sync_data()
    }
}

/// A file for each track.
struct Tracks {
    folder: PathBuf,
    journal: Journal,
    open: BTreeMap<u32, File>,
    unsynced: BTreeSet<u32>,
    made: bool,
}

impl Tracks {
    fn new(folder: &Path) -> io::Result<Self> {
        let journal = Journal::new(folder)?;
        let folder = folder.to_owned();
        Ok(Self { folder, journal, open: BTreeMap::new(), unsynced: BTreeSet::new(), made: false })
    }

    fn path(&self, track: u32) -> PathBuf {
        self.folder.join(format!("{track:064x}"))
    }

    fn write(&mut self, track: u32, piece: u32, bytes: &[u8], reserve: bool) -> io::Result<()> {
        let path = self.path(track);
        let file = match self.open.entry(track) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                self.made = true;
                let file = open(&path)?;
                if reserve {
                    fallocate(&file, FallocateFlags::empty(), 0, u64::from(PIECES) * PIECE as u64)?;
                }
                entry.insert(file)
            }
        };
        self.unsynced.insert(track);
        file.write_all_at(bytes, u64::from(piece) * PIECE as u64)
    }

    fn commit(&mut self, records: &[u8]) -> io::Result<()> {
        for track in core::mem::take(&mut self.unsynced) {
            self.open[&track].sync_data()?;
        }
        if core::mem::take(&mut self.made) {
            File::open(&self.folder)?.sync_all()?;
        }
        self.journal.append(records)
    }

    fn read(&self, track: u32, piece: u32, buffer: &mut [u8]) -> io::Result<()> {
        self.open[&track].read_exact_at(buffer, u64::from(piece) * PIECE as u64)
    }

    fn evict(&mut self, track: u32) -> io::Result<()> {
        self.open.remove(&track);
        self.unsynced.remove(&track);
        fs::remove_file(self.path(track))
    }
}

macro_rules! tracks {
    ($name:ident, $reserve:literal) => {
        pub(crate) struct $name(Tracks);

        impl $name {
            pub(crate) fn new(folder: &Path) -> io::Result<Self> {
                Ok(Self(Tracks::new(folder)?))
            }
        }

        impl Layout for $name {
            fn write(&mut self, track: u32, piece: u32, bytes: &[u8]) -> io::Result<()> {
                self.0.write(track, piece, bytes, $reserve)
            }
            fn commit(&mut self, records: &[u8]) -> io::Result<()> {
                self.0.commit(records)
            }
            fn read(&mut self, track: u32, piece: u32, buffer: &mut [u8]) -> io::Result<()> {
                self.0.read(track, piece, buffer)
            }
            fn evict(&mut self, track: u32) -> io::Result<()> {
                self.0.evict(track)
            }
            fn cool(&mut self) -> io::Result<()> {
                self.0.open.values().try_for_each(cool)
            }
            fn bytes(&self) -> io::Result<u64> {
                self.0.open.values().map(blocks).sum()
            }
        }
    };
}

tracks!(Sparse, false);
tracks!(Preallocated, true);

/// One file of slots, each for one piece of any track.
pub(crate) struct Segment {
    file: File,
    journal: Journal,
    slots: BTreeMap<(u32, u32), u64>,
    free: Vec<u64>,
    next: u64,
}

impl Segment {
    pub(crate) fn new(folder: &Path) -> io::Result<Self> {
        let (file, journal) = (open(&folder.join("segment"))?, Journal::new(folder)?);
        Ok(Self { file, journal, slots: BTreeMap::new(), free: Vec::new(), next: 0 })
    }
}

impl Layout for Segment {
    fn write(&mut self, track: u32, piece: u32, bytes: &[u8]) -> io::Result<()> {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            self.next - 1
        });
        self.slots.insert((track, piece), slot);
        self.file.write_all_at(bytes, slot * PIECE as u64)
    }

    fn commit(&mut self, records: &[u8]) -> io::Result<()> {
        self.file.sync_data()?;
        self.journal.append(records)
    }

    fn read(&mut self, track: u32, piece: u32, buffer: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(buffer, self.slots[&(track, piece)] * PIECE as u64)
    }

    fn evict(&mut self, track: u32) -> io::Result<()> {
        let of_track: Vec<_> = self.slots.range((track, 0)..(track + 1, 0)).map(|(key, _)| *key).collect();
        // Handed out again in order.
        for key in of_track.iter().rev() {
            self.free.extend(self.slots.remove(key));
        }
        Ok(())
    }

    fn cool(&mut self) -> io::Result<()> {
        cool(&self.file)
    }

    fn bytes(&self) -> io::Result<u64> {
        blocks(&self.file)
    }
}
