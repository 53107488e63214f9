//! What scans read, and what they pass over.

use super::*;
use std::io::Write;

#[test]
fn a_second_scan_reads_nothing() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    shelf.put("b/c.flac", &song(2, Encoding::Flac));
    shelf.put("b/notes.doc2", b"these are words");
    let library = shelf.library();
    let first = scan(&library);
    assert_eq!((first.added, first.unchanged, first.skipped.len()), (2, 0, 1));
    assert!(first.bytes_read > 0);
    let tracks = library.tracks().unwrap();

    let again = scan(&library);
    assert_eq!((again.added, again.changed, again.unchanged, again.removed), (0, 0, 2, 0));
    assert_eq!(again.bytes_read, 0);
    assert_eq!(again.skipped, first.skipped, "the reason is told each time");

    // Nor does the first scan of another run.
    drop(library);
    let library = shelf.library();
    assert_eq!(library.tracks().unwrap(), tracks);
    assert_eq!(scan(&library).bytes_read, 0);
}

#[test]
fn tracks_are_listed_with_what_their_tags_say() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    shelf.put("b/Some Song.wav", &song(2, Encoding::Wav));
    let library = shelf.library();
    scan(&library);
    let tracks = library.tracks().unwrap();
    let lines: Vec<_> =
        tracks.iter().map(|t| (t.title.as_str(), t.artist.as_str(), t.format.to_string())).collect();
    assert_eq!(lines, [("Song 1", "Nobody", "Ogg Vorbis".to_owned()), ("Some Song", "", "WAV".to_owned())]);
    assert!(tracks.iter().all(|track| (2_900..3_100).contains(&track.duration.as_millis())));
    assert!(matches!(tracks[0].link, Link::Track { at: None, .. }));
}

#[test]
fn what_is_no_music_is_named_with_the_reason() {
    let shelf = Shelf::new();
    shelf.put("empty.ogg", b"");
    shelf.put("text.ogg", b"Dear diary, today I renamed a text.");
    shelf.put("tune.aiff", b"FORM\0\0\0\x20AIFFCOMM");
    shelf.put("cover.jpg", b"not looked at");
    shelf.put("list.M3U", b"a.ogg");
    let library = shelf.library();
    let report = scan(&library);
    let lines: Vec<_> = report.skipped.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "empty.ogg: the file is empty",
            "text.ogg: this is not a sound file",
            "tune.aiff: AIFF is not supported"
        ]
    );
    assert!(library.tracks().unwrap().is_empty());
}

#[test]
fn a_half_copied_file_is_taken_once_it_is_whole() {
    let shelf = Shelf::new();
    let whole = song(1, Encoding::Flac);
    shelf.put("a.flac", &whole[..whole.len() / 2]);
    let library = shelf.library();
    let report = scan(&library);
    assert_eq!((report.added, report.skipped.len()), (0, 1), "{:?}", report.skipped);

    shelf.put("a.flac", &whole);
    let report = scan(&library);
    assert_eq!((report.added + report.changed, report.skipped.len()), (1, 0), "{:?}", report.skipped);
    let (gid, _) = only(&library);
    assert!(download(&library, gid).unwrap() == canonical(&whole));
}

#[test]
fn a_file_that_was_just_written_is_waited_for() {
    let shelf = Shelf::new();
    let settle = Duration::from_millis(300);
    let library = shelf.library_with(Epochs::of(epoch(1)), settle);
    shelf.put("a.ogg", &song(1, VORBIS));
    shelf.age("a.ogg", Duration::ZERO);
    assert_eq!(scan(&library).added, 1);
    let modified = fs::metadata(shelf.music.path().join("a.ogg")).unwrap().modified().unwrap();
    assert!(SystemTime::now().duration_since(modified).unwrap() >= settle);
}

#[test]
fn a_file_that_grows_during_the_scan_is_left_to_the_next() {
    let shelf = Shelf::new();
    let whole = song(1, Encoding::Wav);
    shelf.put("a.wav", &whole);
    let mut file = File::options().append(true).open(shelf.music.path().join("a.wav")).unwrap();
    file.write_all(b"x").unwrap();
    let library = shelf.library_with(Epochs::of(epoch(1)), Duration::from_millis(400));
    let report = library
        .scan(|_| {
            file.write_all(b"x").unwrap();
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(why(&report), "still being copied; the next scan takes it");
    assert!(library.tracks().unwrap().is_empty());
    drop(file);

    shelf.put("a.wav", &whole);
    assert_eq!(scan(&library).added, 1);
}

#[test]
fn a_date_in_the_future_keeps_no_file_out() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let file = File::options().write(true).open(shelf.music.path().join("a.ogg")).unwrap();
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400)).unwrap();
    assert_eq!(scan(&shelf.library()).added, 1);
}

#[test]
fn progress_reaches_the_end_and_never_goes_back() {
    let shelf = Shelf::new();
    for seed in 0..4 {
        shelf.put(&format!("{seed}.ogg"), &song(seed, VORBIS));
    }
    let library = shelf.library();
    let mut told = Vec::new();
    library
        .scan(|progress| {
            told.push((progress.files, progress.bytes, progress.files_total, progress.bytes_total));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(told.is_sorted(), "{told:?}");
    let last = told.last().unwrap();
    assert_eq!((last.0, last.1), (4, last.3));
    assert!(told.iter().all(|line| line.2 == 4));
}

#[test]
fn a_scan_can_be_stopped_and_keeps_what_it_has() {
    let shelf = Shelf::new();
    for seed in 0..8 {
        shelf.put(&format!("{seed}.ogg"), &song(seed, VORBIS));
    }
    let library = shelf.library();
    let report = library
        .scan(|progress| match progress.files {
            0 => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        })
        .unwrap();
    assert!(report.stopped && report.skipped.is_empty());
    assert!((1..8).contains(&report.added), "{}", report.added);
    assert_eq!(library.tracks().unwrap().len(), report.added);
    let rest = scan(&library);
    assert_eq!((rest.added, rest.unchanged, rest.stopped), (8 - report.added, report.added, false));
}

#[cfg(unix)]
#[test]
fn what_lies_in_a_folder_that_cannot_be_read_is_kept() {
    use std::os::unix::fs::symlink;
    let shelf = Shelf::new();
    shelf.put("disk/a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let (_, file) = only(&library);
    // A link in a circle cannot be read by anybody, not even by root, whom permissions don't keep out.
    fs::rename(shelf.music.path().join("disk"), shelf.music.path().join(".away")).unwrap();
    symlink("disk", shelf.music.path().join("disk")).unwrap();
    let report = scan(&library);
    assert_eq!((report.removed, report.skipped.len()), (0, 1));
    assert_eq!(library.piece(&file, 0), Err(Refusal::Unavailable));

    fs::remove_file(shelf.music.path().join("disk")).unwrap();
    fs::rename(shelf.music.path().join(".away"), shelf.music.path().join("disk")).unwrap();
    let report = scan(&library);
    assert_eq!((report.unchanged, report.bytes_read), (1, 0));
    assert!(library.piece(&file, 0).is_ok());
}

#[cfg(unix)]
#[test]
fn names_that_are_no_text_are_names_all_the_same() {
    use std::os::unix::ffi::OsStrExt;
    let shelf = Shelf::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9\x1b.ogg");
    shelf.put("a.ogg", &song(1, VORBIS));
    fs::rename(shelf.music.path().join("a.ogg"), shelf.music.path().join(name)).unwrap();
    let library = shelf.library();
    assert_eq!(scan(&library).added, 1);
    assert_eq!(scan(&library).bytes_read, 0);
    assert_eq!(library.tracks().unwrap()[0].path, Path::new(name));
    let (gid, _) = only(&library);
    download(&library, gid).unwrap();
}

#[cfg(unix)]
#[test]
fn no_name_commands_the_terminal_that_it_is_told_on() {
    let shelf = Shelf::new();
    shelf.put("\u{1b}[2J\n.ogg", b"words");
    let line = scan(&shelf.library()).skipped[0].to_string();
    assert_eq!(line, "\u{fffd}[2J\u{fffd}.ogg: this is not a sound file");
}

#[test]
fn a_folder_that_is_not_there_changes_nothing() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let away = shelf.state.path().join("away");
    fs::rename(shelf.music.path(), &away).unwrap();
    let error = library.scan(|_| ControlFlow::Continue(())).unwrap_err();
    assert!(error.to_string().starts_with("cannot read the folder"), "{error}");
    fs::rename(&away, shelf.music.path()).unwrap();
    assert_eq!(scan(&library).unchanged, 1);
}
