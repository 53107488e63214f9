//! The library as an access point asks it.

use super::catalogue::{Catalogue, CatalogueError, Track};
use super::open_files::{NoPiece, OpenFile, OpenFiles};
use super::scan::{Progress, Report, Scan, ScanError};
use super::state::Epochs;
use alloc::sync::Arc;
use bytes::Bytes;
use core::ops::ControlFlow;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use runtime_tokio::Store;
use spotcache::canonical::Plan;
use spotcache::seal::{Digest, PieceCipher, content_key};
use spotp2p::access_point::Entry;
use spotp2p::cdn::Url;
use spotproto::codec::Reader;
use spotproto::content::{FileId, Head, LeafRange, Leaves};
use spotproto::crypto::RustCrypto;
use spotproto::message::{PieceRange, Refusal, Wanted};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// How many places of one file are tried before a piece counts as lost.
const PLACES_TRIED: usize = 4;

/// How a library works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// Threads that read files during a scan; at least one.
    pub readers: usize,
    /// How long a file has to be left alone before it counts as complete.
    pub settle: Duration,
    /// Files held open for serving.
    pub open_files: usize,
}

impl Default for Options {
    /// As many threads as processors, up to eight; two seconds; 64 files.
    fn default() -> Self {
        let readers = thread::available_parallelism().map_or(2, |count| count.get().min(8));
        Self { readers, settle: Duration::from_secs(2), open_files: 64 }
    }
}

/// The music in a folder, as a server offers it.
#[derive(Debug)]
pub struct Library {
    root: PathBuf,
    database: PathBuf,
    epochs: Epochs,
    options: Options,
    /// The folder of a web server where its files are too.
    cdn: Option<Url>,
    /// For answers; scans have a connection of their own. None only while a damaged one is replaced.
    catalogue: Mutex<Option<Catalogue>>,
    open_files: OpenFiles,
    /// Held by a scan. Where a damaged catalogue went that no report told of yet.
    scanning: Mutex<Option<PathBuf>>,
    /// Answers came upon damage in the catalogue.
    damaged: AtomicBool,
    /// Answers came upon files that have changed.
    outdated: AtomicBool,
}

impl Library {
    /// The library of the folder `root`, with its catalogue in the file `database`. What it holds is what the last
    /// scan found.
    ///
    /// # Errors
    /// The catalogue cannot be used. A damaged one is moved away and made anew, which the next report tells.
    pub fn open(
        root: &Path,
        database: &Path,
        epochs: Epochs,
        options: Options,
    ) -> Result<Self, CatalogueError> {
        let (catalogue, moved) = match Catalogue::open(database) {
            Err(CatalogueError::Damaged) => {
                let moved = Catalogue::move_away(database)?;
                (Catalogue::open(database)?, Some(moved))
            }
            catalogue => (catalogue?, None),
        };
        Ok(Self {
            root: root.to_owned(),
            database: database.to_owned(),
            epochs,
            options,
            cdn: None,
            catalogue: Mutex::new(Some(catalogue)),
            open_files: OpenFiles::new(options.open_files),
            scanning: Mutex::new(moved),
            damaged: AtomicBool::new(false),
            outdated: AtomicBool::new(false),
        })
    }

    /// Tells whoever opens a file that it lies in this folder of a web server too.
    #[must_use]
    pub fn with_cdn(self, folder: Option<Url>) -> Self {
        Self { cdn: folder, ..self }
    }

    /// Brings the catalogue up to what lies in the folder. Files are offered as soon as they are taken in. `progress`
    /// is called after each file and at least ten times a second, from this thread, and may stop the scan.
    ///
    /// # Errors
    /// Folder or catalogue cannot be used at all. What is wrong with single files is in the report.
    pub fn scan(
        &self,
        mut progress: impl FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, ScanError> {
        let mut moved = self.scanning.lock().unwrap_or_else(PoisonError::into_inner);
        if self.damaged.swap(false, Ordering::Relaxed) {
            *moved = Some(self.rebuild()?);
        }
        self.outdated.store(false, Ordering::Relaxed);
        let report = match self.scan_once(&mut progress) {
            Err(ScanError::Catalogue(CatalogueError::Damaged)) => {
                *moved = Some(self.rebuild()?);
                self.scan_once(&mut progress)
            }
            report => report,
        }?;
        Ok(Report { rebuilt: moved.take(), ..report })
    }

    /// Whether files turned out to have changed since the last scan, so that another one would help.
    #[must_use]
    pub fn is_outdated(&self) -> bool {
        self.outdated.load(Ordering::Relaxed) || self.damaged.load(Ordering::Relaxed)
    }

    /// All tracks, by path.
    ///
    /// # Errors
    /// The catalogue cannot be read.
    pub fn tracks(&self) -> Result<Vec<Track>, CatalogueError> {
        self.catalogue().as_ref().map_or(Ok(Vec::new()), Catalogue::tracks)
    }

    fn scan_once(
        &self,
        progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Report, ScanError> {
        let scan = Scan {
            root: &self.root,
            epochs: &self.epochs,
            options: &self.options,
            catalogue: &mut Catalogue::open(&self.database)?,
            open_files: &self.open_files,
        };
        scan.run(progress)
    }

    fn rebuild(&self) -> Result<PathBuf, CatalogueError> {
        let mut catalogue = self.catalogue();
        *catalogue = None;
        self.open_files.clear();
        let moved = Catalogue::move_away(&self.database)?;
        *catalogue = Some(Catalogue::open(&self.database)?);
        Ok(moved)
    }

    fn catalogue(&self) -> MutexGuard<'_, Option<Catalogue>> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the catalogue. The lock is held for a look-up of some ten microseconds.
    fn ask<T>(&self, question: impl FnOnce(&Catalogue) -> Result<T, CatalogueError>) -> Result<T, Refusal> {
        let catalogue = self.catalogue();
        question(catalogue.as_ref().ok_or(Refusal::Unavailable)?).map_err(|error| {
            if matches!(error, CatalogueError::Damaged) {
                self.damaged.store(true, Ordering::Relaxed);
            }
            Refusal::Unavailable
        })
    }

    /// What the catalogue holds is not what it was given.
    fn damage(&self) -> Refusal {
        self.damaged.store(true, Ordering::Relaxed);
        Refusal::Unavailable
    }

    fn entry(&self, file: &FileId) -> Result<Entry<FileId>, Refusal> {
        let listed = self.ask(|catalogue| catalogue.file(file))?.ok_or(Refusal::NotFound)?;
        let epoch = self.epochs.find(&listed.epoch).filter(|_| !listed.stale).ok_or(Refusal::Unavailable)?;
        let head = Head::decode(&mut Reader::new(&listed.head)).map_err(|_| self.damage())?;
        let sha256 = <[u8; 32]>::try_from(&listed.digest[..]).map_err(|_| self.damage())?;
        if head.file != *file {
            return Err(self.damage());
        }
        let digest = Digest { geometry: head.geometry, sha256 };
        Ok(Entry {
            key: content_key::<RustCrypto>(&epoch.secret, head.format, &digest),
            head: Head { gain: listed.gain, ..head },
            title: listed.title.into(),
            mirrors: self
                .cdn
                .iter()
                .filter_map(|cdn| Some(cdn.of_file(file).ok()?.to_string().into()))
                .collect(),
            artist: listed.artist.into(),
        })
    }

    /// The file, held open: from the first place that can still be opened.
    fn opened(&self, file: &FileId) -> Result<Arc<OpenFile>, Refusal> {
        if let Some(open) = self.open_files.get(file) {
            return Ok(open);
        }
        let Entry { head, key, .. } = self.entry(file)?;
        let leaves = self.ask(|catalogue| catalogue.leaves(file))?.ok_or(Refusal::NotFound)?;
        let leaves = Leaves::from_bytes::<RustCrypto>(&leaves)
            .filter(|leaves| leaves.root() == file.root() && leaves.pieces() == head.pieces())
            .ok_or_else(|| self.damage())?;
        for place in self.ask(|catalogue| catalogue.places_of(file))? {
            let Ok(opened) = File::open(self.root.join(&place.path)) else {
                self.outdated.store(true, Ordering::Relaxed);
                continue;
            };
            let plan = Plan::decode(&mut Reader::new(&place.plan)).map_err(|_| self.damage())?;
            let open = Arc::new(OpenFile {
                file: opened,
                path: place.path,
                stamp: place.stamp,
                plan,
                leaves,
                geometry: head.geometry,
                cipher: PieceCipher::new(&key),
            });
            self.open_files.keep(*file, Arc::clone(&open));
            return Ok(open);
        }
        Err(Refusal::Unavailable)
    }

    /// A place turned out to hold something else than it did.
    fn give_up(&self, file: &FileId, open: &Arc<OpenFile>) {
        self.outdated.store(true, Ordering::Relaxed);
        // If the catalogue cannot be written to, the leaves still keep what changed from leaving.
        let _ = self.ask(|catalogue| catalogue.mark_stale(&open.path, open.stamp));
        self.open_files.forget(file, open);
    }
}

impl Store for Library {
    fn find(&self, wanted: &Wanted<FileId>) -> Result<Entry<FileId>, Refusal> {
        let file = match wanted {
            Wanted::File(file) => *file,
            Wanted::Track(gid) => {
                let files = self.ask(|catalogue| catalogue.files_of(*gid))?;
                // The newest epoch's file, if there is one.
                let current = files.iter().find(|(_, epoch)| self.epochs.current().fingerprint == epoch[..]);
                current.or(files.first()).ok_or(Refusal::NotFound)?.0
            }
        };
        self.entry(&file)
    }

    fn prove(&self, file: &FileId, ranges: &[PieceRange]) -> Result<Vec<LeafRange>, Refusal> {
        let open = self.opened(file)?;
        ranges.iter().map(|range| open.prove(*range).ok_or(Refusal::NotFound)).collect()
    }

    fn piece(&self, file: &FileId, piece: u32) -> Result<Bytes, Refusal> {
        for _ in 0..PLACES_TRIED {
            let open = self.opened(file)?;
            match open.piece(piece) {
                Ok(bytes) => return Ok(bytes),
                Err(NoPiece::Behind) => return Err(Refusal::NotFound),
                Err(NoPiece::Changed) => self.give_up(file, &open),
                Err(NoPiece::Unreadable) => {
                    // Opened again for the next piece: a disk that comes back brings other handles.
                    self.open_files.forget(file, &open);
                    return Err(Refusal::Unavailable);
                }
            }
        }
        Err(Refusal::Unavailable)
    }
}
