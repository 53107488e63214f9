//! Catalogues that are damaged or not ours.

use super::*;
use rusqlite::Connection;

fn shelf() -> Shelf {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    shelf.put("b.wav", &song(2, Encoding::Wav));
    shelf
}

#[test]
fn a_database_that_is_none_is_moved_away_and_made_anew() {
    let shelf = shelf();
    fs::write(shelf.database(), "these are words and no tables ".repeat(500)).unwrap();
    let library = shelf.library();
    let report = scan(&library);
    let moved = report.rebuilt.unwrap();
    assert_eq!(report.added, 2);
    assert!(fs::read_to_string(moved).unwrap().starts_with("these are words"));
    assert_eq!(scan(&library).rebuilt, None);
}

#[test]
fn a_database_with_damaged_pages_is_made_anew_by_a_scan() {
    let shelf = shelf();
    let library = shelf.library();
    scan(&library);
    let (tracks, ids) =
        (library.tracks().unwrap(), library.tracks().unwrap().iter().map(gid).collect::<Vec<_>>());
    drop(library);
    // Everything behind the page with the tables' names.
    let mut bytes = fs::read(shelf.database()).unwrap();
    bytes[4096..].fill(0x5a);
    fs::write(shelf.database(), bytes).unwrap();
    let library = shelf.library();
    for gid in &ids {
        assert!(library.find(&Wanted::Track(*gid)).is_err());
    }
    let report = scan(&library);
    assert!(report.rebuilt.is_some());
    assert_eq!(library.tracks().unwrap(), tracks);
    for gid in ids {
        download(&library, gid).unwrap();
    }
}

#[test]
fn damage_that_answers_come_upon_is_mended_by_the_next_scan() {
    for column in ["head", "leaves", "digest"] {
        let shelf = shelf();
        let library = shelf.library();
        scan(&library);
        let gid = gid(&library.tracks().unwrap()[0]);
        let database = Connection::open(shelf.database()).unwrap();
        database.execute(&format!("UPDATE files SET {column} = x'00ff'"), ()).unwrap();
        drop(database);
        assert_eq!(download(&library, gid).err(), Some(Refusal::Unavailable), "{column}");
        assert!(library.is_outdated());
        assert!(scan(&library).rebuilt.is_some(), "{column}");
        download(&library, gid).unwrap();
    }
}

#[test]
fn a_wrong_plan_yields_no_wrong_byte() {
    let shelf = shelf();
    let library = shelf.library();
    scan(&library);
    let tracks = library.tracks().unwrap();
    let database = Connection::open(shelf.database()).unwrap();
    // Each file is read by the other one's plan.
    database
        .execute_batch(
            "CREATE TEMP TABLE plans AS SELECT path, plan FROM places;
             UPDATE places SET plan = (SELECT p.plan FROM plans p WHERE p.path <> places.path)",
        )
        .unwrap();
    drop(database);
    for track in &tracks {
        assert_eq!(download(&library, gid(track)).err(), Some(Refusal::Unavailable));
    }
    assert_eq!(scan(&library).changed, 2);
    for track in &tracks {
        download(&library, gid(track)).unwrap();
    }
}

#[test]
fn a_database_of_a_later_version_is_refused_and_left_alone() {
    let shelf = shelf();
    scan(&shelf.library());
    Connection::open(shelf.database()).unwrap().pragma_update(None, "user_version", 1_000).unwrap();
    let opened =
        Library::open(shelf.music.path(), &shelf.database(), Epochs::of(epoch(1)), Options::default());
    assert!(matches!(opened, Err(CatalogueError::Newer)));
    assert!(shelf.database().exists());
}

#[test]
fn a_database_of_another_program_is_moved_away() {
    let shelf = shelf();
    let other = Connection::open(shelf.database()).unwrap();
    other.execute_batch("CREATE TABLE files (name TEXT); PRAGMA user_version = 1;").unwrap();
    drop(other);
    assert!(scan(&shelf.library()).rebuilt.is_some());
}
