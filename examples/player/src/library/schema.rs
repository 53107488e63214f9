//! The tables of the catalogue, and how older ones become them.

use super::catalogue::CatalogueError;
use super::state::create_private;
use rusqlite::Connection;
use std::path::Path;

/// What brings a database from version N to N + 1: a file of an older version goes through the rest of them.
const STEPS: [&str; 1] = ["
    -- What was sealed. A file may lie in several places.
    CREATE TABLE files (
        file BLOB PRIMARY KEY,
        gid BLOB NOT NULL,
        epoch BLOB NOT NULL,
        digest BLOB NOT NULL,
        format INTEGER NOT NULL,
        duration_ms INTEGER NOT NULL,
        head BLOB NOT NULL,
        leaves BLOB NOT NULL
    ) STRICT;
    CREATE INDEX files_by_gid ON files (gid);

    -- What lies in the folder: a file of above, or the reason why it is none. Blobs come last, so that walking
    -- over the other columns does not read them.
    CREATE TABLE places (
        path BLOB PRIMARY KEY,
        modified INTEGER NOT NULL,
        size INTEGER NOT NULL,
        analysis INTEGER NOT NULL,
        stale INTEGER NOT NULL DEFAULT 0,
        file BLOB REFERENCES files (file),
        refused TEXT,
        title TEXT,
        artist TEXT,
        album TEXT,
        number INTEGER,
        gain INTEGER,
        plan BLOB
    ) STRICT;
    CREATE INDEX places_by_file ON places (file, path);
"];

/// Opens the database and brings it to this version.
///
/// # Errors
/// It is damaged, or of a later version, or the system refuses.
pub(super) fn open(path: &Path) -> Result<Connection, CatalogueError> {
    // SQLite gives its other files the mode of this one.
    create_private(path, false).map_err(|error| CatalogueError::Unusable(error.kind()))?;
    let mut connection = Connection::open(path)?;
    // A write by the other connection takes milliseconds.
    connection.busy_timeout(core::time::Duration::from_secs(10))?;
    // A crash of the machine may lose the last batch, which the next scan reads again, and never the order.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    upgrade(&mut connection)?;
    // Reads the root of each table: what is no database at all, or of another program, fails here.
    connection.query_row(
        "SELECT (SELECT count(*) FROM (SELECT 1 FROM files LIMIT 1)) +
        (SELECT count(*) FROM (SELECT 1 FROM places LIMIT 1))",
        (),
        |row| row.get::<_, i64>(0),
    )?;
    Ok(connection)
}

fn upgrade(connection: &mut Connection) -> Result<(), CatalogueError> {
    let version: u32 = connection.query_row("PRAGMA user_version", (), |row| row.get(0))?;
    let steps = STEPS.get(version as usize..).ok_or(CatalogueError::Newer)?;
    if steps.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for step in steps {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", STEPS.len() as u32)?;
    transaction.commit()?;
    Ok(())
}
