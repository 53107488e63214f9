//! What an access point gets out of a library.

use super::*;

#[test]
fn every_piece_verifies_and_opens_to_the_canonical_plaintext() {
    let shelf = Shelf::new();
    for (name, encoding) in [("a.ogg", VORBIS), ("b.flac", Encoding::Flac), ("c.wav", Encoding::Wav)] {
        shelf.put(name, &song(1, encoding));
    }
    let library = shelf.library();
    scan(&library);
    let tracks = library.tracks().unwrap();
    assert_eq!(tracks.len(), 3);
    for track in tracks {
        let bytes = fs::read(shelf.music.path().join(&track.path)).unwrap();
        assert!(download(&library, gid(&track)).unwrap() == canonical(&bytes), "{}", track.path.display());
    }
}

#[test]
fn a_track_is_found_by_its_link_and_its_file_by_name() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let (gid, file) = only(&library);
    let entry = library.find(&Wanted::File(file)).unwrap();
    assert_eq!(entry, library.find(&Wanted::Track(gid)).unwrap());
    assert_eq!((&*entry.title, &*entry.artist), ("Song 1", "Nobody"));
    assert!((2_900..3_100).contains(&entry.head.duration_ms), "{} ms", entry.head.duration_ms);
    assert_eq!(library.find(&Wanted::Track(Gid::from_bytes([1; 16]))), Err(Refusal::NotFound));
    assert_eq!(library.find(&Wanted::File(FileId([1; 32]))), Err(Refusal::NotFound));
    assert_eq!(library.piece(&FileId([1; 32]), 0), Err(Refusal::NotFound));
}

#[test]
fn pieces_behind_the_end_are_not_found() {
    let shelf = Shelf::new();
    shelf.put("a.wav", &song(1, Encoding::Wav));
    let library = shelf.library();
    scan(&library);
    let (_, file) = only(&library);
    let pieces = library.find(&Wanted::File(file)).unwrap().head.pieces();
    for index in [pieces, u32::MAX] {
        assert_eq!(library.piece(&file, index), Err(Refusal::NotFound));
    }
    for range in [
        PieceRange { start: 0, count: 0 },
        PieceRange { start: pieces - 1, count: 2 },
        PieceRange { start: u32::MAX, count: u32::MAX },
    ] {
        assert_eq!(library.prove(&file, &[range]), Err(Refusal::NotFound));
    }
    assert!(library.piece(&file, pieces - 1).is_ok());
}

#[test]
fn a_file_that_vanishes_is_not_available() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let (gid, file) = only(&library);
    fs::remove_file(shelf.music.path().join("a.ogg")).unwrap();
    assert_eq!(library.piece(&file, 0), Err(Refusal::Unavailable));
    assert!(library.is_outdated());
    let report = scan(&library);
    assert_eq!(report.removed, 1);
    assert_eq!(library.find(&Wanted::Track(gid)), Err(Refusal::NotFound));
    assert!(library.tracks().unwrap().is_empty());
}

#[test]
fn a_file_that_vanishes_while_it_is_served_is_served_to_its_end_or_refused() {
    let shelf = Shelf::new();
    let bytes = song(1, VORBIS);
    shelf.put("a.ogg", &bytes);
    let library = shelf.library();
    scan(&library);
    let (gid, file) = only(&library);
    library.piece(&file, 0).unwrap();
    fs::remove_file(shelf.music.path().join("a.ogg")).unwrap();
    match download(&library, gid) {
        Ok(plaintext) => assert!(plaintext == canonical(&bytes)),
        Err(why) => assert_eq!(why, Refusal::Unavailable),
    }
    // After a scan the handle is closed, too.
    scan(&library);
    assert_eq!(library.piece(&file, 0), Err(Refusal::NotFound));
}

#[test]
fn the_same_song_in_two_places_is_one_track_that_outlives_either() {
    let shelf = Shelf::new();
    let bytes = song(1, Encoding::Flac);
    shelf.put("b.flac", &bytes);
    shelf.put("a/a.flac", &bytes);
    let library = shelf.library();
    assert_eq!(scan(&library).added, 2);
    let (gid, file) = only(&library);
    assert_eq!(library.tracks().unwrap()[0].path, Path::new("a/a.flac"));

    // Before any scan knows of it.
    fs::remove_file(shelf.music.path().join("a/a.flac")).unwrap();
    assert!(download(&library, gid).unwrap() == canonical(&bytes));
    scan(&library);
    assert_eq!(only(&library), (gid, file));
    assert_eq!(library.tracks().unwrap()[0].path, Path::new("b.flac"));
    assert!(download(&library, gid).unwrap() == canonical(&bytes));
}

#[test]
fn more_files_than_may_be_open_are_served_in_turns() {
    let shelf = Shelf::new();
    for seed in 0..7 {
        let pcm = sound(seed, 1);
        shelf.put(&format!("{seed}.wav"), &encode(&pcm, Encoding::Wav).unwrap());
    }
    let library = shelf.library();
    scan(&library);
    for _ in 0..2 {
        for track in library.tracks().unwrap() {
            download(&library, gid(&track)).unwrap();
        }
    }
    #[cfg(target_os = "linux")]
    {
        let open = fs::read_dir("/proc/self/fd").unwrap().filter(|fd| {
            let target = fs::read_link(fd.as_ref().unwrap().path()).unwrap_or_default();
            target.starts_with(fs::canonicalize(shelf.music.path()).unwrap())
        });
        assert_eq!(open.count(), 4);
    }
}

#[test]
fn pieces_are_served_to_many_threads_at_once() {
    let shelf = Shelf::new();
    let bytes = song(1, VORBIS);
    shelf.put("a.ogg", &bytes);
    let library = shelf.library();
    scan(&library);
    let (gid, _) = only(&library);
    let expected = canonical(&bytes);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(download(&library, gid).unwrap() == expected));
        }
    });
}
