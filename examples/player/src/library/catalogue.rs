//! What the server knows of its music, in SQLite.

use super::disk::Stamp;
use super::intake::Taken;
use super::schema;
use alloc::collections::BTreeMap;
use core::fmt;
use core::time::Duration;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Row, named_params, params};
use spotproto::content::{FileId, Format};
use spotproto::{Gid, Link};
#[cfg(unix)]
use std::ffi::OsString;
use std::fs;
use std::io;
#[cfg(unix)]
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Raised when canonical forms change or more formats are supported: places looked at before are then read again.
const ANALYSIS: i64 = 2;

/// Why the catalogue is of no use.
#[derive(Debug)]
#[non_exhaustive]
pub enum CatalogueError {
    /// It is damaged, or no catalogue at all.
    Damaged,
    /// A later version of this program wrote it.
    Newer,
    /// The system refuses.
    Database(rusqlite::Error),
    /// The system does not let us make or move its file.
    Unusable(io::ErrorKind),
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Damaged => f.write_str("the catalogue is damaged"),
            Self::Newer => f.write_str("the catalogue was written by a later version of this program"),
            Self::Database(error) => write!(f, "the catalogue cannot be used: {error}"),
            Self::Unusable(kind) => write!(f, "the catalogue's file cannot be used: {kind}"),
        }
    }
}

impl core::error::Error for CatalogueError {}

impl From<rusqlite::Error> for CatalogueError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged,
            // A table or column that should be there is not: somebody else's database under our version number.
            Some(ErrorCode::Unknown) => Self::Damaged,
            _ => match error {
                rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
                    Self::Damaged
                }
                error => Self::Database(error),
            },
        }
    }
}

/// A track that can be played, for listings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Track {
    /// What to hand to a player.
    pub link: Link,
    /// Where it lies, below the folder: the first place, if there are several.
    pub path: PathBuf,
    /// What it is called.
    pub title: String,
    /// Who plays; empty if not known.
    pub artist: String,
    /// On which album; empty if not known.
    pub album: String,
    /// Its number on the album.
    pub number: Option<u32>,
    /// How long it is.
    pub duration: Duration,
    /// As what it is encoded.
    pub format: Format,
    /// The file that lies there.
    pub file: FileId,
}

/// What is known of a place in the folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    pub(super) holds: Holds,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Holds {
    /// A file, sealed in the epoch with this fingerprint.
    File([u8; 8]),
    /// Nothing that can be served, for this reason.
    Nothing(String),
    /// What has to be found out again.
    Unknown,
}

/// What a scan found out about a place.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    /// The file, or why there is none.
    pub(super) found: Result<Box<Taken>, String>,
}

/// A file as it is asked for.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) head: Vec<u8>,
    pub(super) epoch: Vec<u8>,
    pub(super) digest: Vec<u8>,
    pub(super) title: String,
    pub(super) artist: String,
    pub(super) gain: Option<i16>,
    /// Every place that had it is known to have changed.
    pub(super) stale: bool,
}

/// A place that a file can be read from.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
    pub(super) plan: Vec<u8>,
}

/// One connection to the catalogue.
#[derive(Debug)]
pub(super) struct Catalogue {
    connection: Connection,
}

impl Catalogue {
    pub(super) fn open(path: &Path) -> Result<Self, CatalogueError> {
        Ok(Self { connection: schema::open(path)? })
    }

    /// Moves a damaged database out of the way; answers where it is now.
    pub(super) fn move_away(path: &Path) -> Result<PathBuf, CatalogueError> {
        let aside = path.with_extension("sqlite.damaged");
        fs::rename(path, &aside).map_err(|error| CatalogueError::Unusable(error.kind()))?;
        for companion in ["sqlite-wal", "sqlite-shm"] {
            match fs::remove_file(path.with_extension(companion)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(CatalogueError::Unusable(error.kind()));
                }
                _ => {}
            }
        }
        Ok(aside)
    }

    /// Every place that was looked at.
    pub(super) fn places(&self) -> Result<BTreeMap<PathBuf, Known>, CatalogueError> {
        let mut statement = self.connection.prepare(
            "SELECT p.path, p.modified, p.size, p.stale OR p.analysis <> ?1, p.refused, f.epoch
             FROM places p LEFT JOIN files f ON f.file = p.file",
        )?;
        let known = |row: &Row<'_>| {
            let stamp = Stamp { modified: row.get(1)?, size: row.get::<_, i64>(2)? as u64 };
            let holds = match (row.get(3)?, row.get(4)?, row.get(5)?) {
                (false, Some(reason), _) => Holds::Nothing(reason),
                (false, None, Some(epoch)) => Holds::File(epoch),
                _ => Holds::Unknown,
            };
            Ok((path(row.get(0)?), Known { stamp, holds }))
        };
        Ok(statement.query_map([ANALYSIS], known)?.collect::<Result<_, _>>()?)
    }

    /// Takes findings down, all or none.
    pub(super) fn record(&mut self, findings: &[Finding]) -> Result<(), CatalogueError> {
        let transaction = self.connection.transaction()?;
        for finding in findings {
            let (taken, refused) = match &finding.found {
                Ok(taken) => (Some(&**taken), None),
                Err(reason) => (None, Some(reason)),
            };
            if let Some(taken) = taken {
                add_file(&transaction, taken)?;
            }
            let tags = taken.map(|taken| &taken.tags);
            transaction
                .prepare_cached(
                    "REPLACE INTO places (path, modified, size, analysis, file, refused, title, artist, album,
                         number, gain, plan)
                     VALUES (:path, :modified, :size, :analysis, :file, :refused, :title, :artist, :album,
                         :number, :gain, :plan)",
                )?
                .execute(named_params! {
                    ":path": bytes(&finding.path),
                    ":modified": finding.stamp.modified,
                    ":size": finding.stamp.size as i64,
                    ":analysis": ANALYSIS,
                    ":file": taken.map(|taken| taken.head.file.0),
                    ":refused": refused,
                    ":title": tags.map(|tags| &tags.title),
                    ":artist": tags.map(|tags| &tags.artist),
                    ":album": tags.map(|tags| &tags.album),
                    ":number": tags.and_then(|tags| tags.number),
                    ":gain": tags.and_then(|tags| tags.gain),
                    ":plan": taken.map(|taken| &taken.plan),
                })?;
        }
        Ok(transaction.commit()?)
    }

    /// Forgets places that are gone, and files that lie nowhere any more.
    pub(super) fn retire(&mut self, gone: &[PathBuf]) -> Result<(), CatalogueError> {
        let transaction = self.connection.transaction()?;
        for path in gone {
            transaction.prepare_cached("DELETE FROM places WHERE path = ?1")?.execute([bytes(path)])?;
        }
        transaction.execute(
            "DELETE FROM files WHERE NOT EXISTS (SELECT 1 FROM places WHERE places.file = files.file)",
            (),
        )?;
        Ok(transaction.commit()?)
    }

    /// The files of a track, with their epochs; those that can be read first.
    pub(super) fn files_of(&self, gid: Gid) -> Result<Vec<(FileId, Vec<u8>)>, CatalogueError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT file, epoch FROM files WHERE gid = ?1
             ORDER BY NOT EXISTS (SELECT 1 FROM places p WHERE p.file = files.file AND NOT p.stale), file",
        )?;
        let files = statement.query_map([gid.as_bytes()], |row| Ok((FileId(row.get(0)?), row.get(1)?)))?;
        Ok(files.collect::<Result<_, _>>()?)
    }

    /// A file, with the tags of the first place that has it; of one that has changed if there is no other.
    pub(super) fn file(&self, file: &FileId) -> Result<Option<Listed>, CatalogueError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT f.head, f.epoch, f.digest, p.title, p.artist, p.gain, p.stale
             FROM files f JOIN places p ON p.file = f.file WHERE f.file = ?1 ORDER BY p.stale, p.path LIMIT 1",
        )?;
        let listed = statement.query_row([&file.0], |row| {
            Ok(Listed {
                head: row.get(0)?,
                epoch: row.get(1)?,
                digest: row.get(2)?,
                title: row.get(3)?,
                artist: row.get(4)?,
                gain: row.get(5)?,
                stale: row.get(6)?,
            })
        });
        Ok(listed.optional()?)
    }

    /// The leaves of a file.
    pub(super) fn leaves(&self, file: &FileId) -> Result<Option<Vec<u8>>, CatalogueError> {
        let mut statement = self.connection.prepare_cached("SELECT leaves FROM files WHERE file = ?1")?;
        Ok(statement.query_row([&file.0], |row| row.get(0)).optional()?)
    }

    /// Where a file can be read, the first place first.
    pub(super) fn places_of(&self, file: &FileId) -> Result<Vec<Place>, CatalogueError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT path, modified, size, plan FROM places WHERE file = ?1 AND NOT stale ORDER BY path LIMIT 16",
        )?;
        let place = |row: &Row<'_>| {
            let stamp = Stamp { modified: row.get(1)?, size: row.get::<_, i64>(2)? as u64 };
            Ok(Place { path: path(row.get(0)?), stamp, plan: row.get(3)? })
        };
        Ok(statement.query_map([&file.0], place)?.collect::<Result<_, _>>()?)
    }

    /// Has a place looked at again by the next scan, and not read before, unless it was looked at since.
    pub(super) fn mark_stale(&self, path: &Path, stamp: Stamp) -> Result<(), CatalogueError> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE places SET stale = 1 WHERE path = ?1 AND modified = ?2 AND size = ?3")?;
        statement.execute(params![bytes(path), stamp.modified, stamp.size as i64])?;
        Ok(())
    }

    /// All tracks, each once, by path.
    pub(super) fn tracks(&self) -> Result<Vec<Track>, CatalogueError> {
        // SQLite takes the other columns from the row with the least path.
        let mut statement = self.connection.prepare(
            "SELECT f.gid, min(p.path), p.title, p.artist, p.album, p.number, f.duration_ms, f.format, f.file
             FROM files f JOIN places p ON p.file = f.file WHERE NOT p.stale GROUP BY f.gid",
        )?;
        let track = |row: &Row<'_>| {
            Ok(Track {
                link: Link::Track { gid: Gid::from_bytes(row.get(0)?), at: None },
                path: path(row.get(1)?),
                title: row.get(2)?,
                artist: row.get(3)?,
                album: row.get(4)?,
                number: row.get(5)?,
                duration: Duration::from_millis(row.get::<_, u32>(6)?.into()),
                format: Format::from_number(row.get(7)?)
                    .ok_or(rusqlite::Error::IntegralValueOutOfRange(7, 0))?,
                file: FileId(row.get(8)?),
            })
        };
        let mut tracks = statement.query_map((), track)?.collect::<Result<Vec<_>, _>>()?;
        tracks.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(tracks)
    }
}

fn add_file(connection: &Connection, taken: &Taken) -> Result<(), CatalogueError> {
    let mut head = Vec::new();
    taken.head.encode(&mut head);
    // The same file is the same head and the same leaves: what is there is right, unless it was damaged.
    connection
        .prepare_cached(
            "INSERT INTO files (file, gid, epoch, digest, format, duration_ms, head, leaves)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (file) DO UPDATE SET head = excluded.head, leaves = excluded.leaves",
        )?
        .execute(params![
            taken.head.file.0,
            taken.gid.as_bytes(),
            taken.epoch,
            taken.digest,
            taken.head.format as u8,
            taken.head.duration_ms,
            head,
            taken.leaves,
        ])?;
    Ok(())
}

#[cfg(unix)]
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

#[cfg(unix)]
fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

#[cfg(not(unix))]
fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// Names that are no Unicode are read again by each scan.
#[cfg(not(unix))]
fn path(bytes: Vec<u8>) -> PathBuf {
    String::from_utf8_lossy(&bytes).into_owned().into()
}
