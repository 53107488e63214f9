//! Files that change, by their tags or by their sound.

use super::*;
use lofty::config::WriteOptions;
use lofty::file::{AudioFile, TaggedFileExt};
use lofty::picture::{MimeType, Picture, PictureType};
use lofty::tag::{Accessor, ItemKey, Tag};

/// Edits tags as a user's program would.
fn retag(shelf: &Shelf, name: &str, edit: impl FnOnce(&mut Tag)) {
    let path = shelf.music.path().join(name);
    let mut tagged = lofty::read_from_path(&path).unwrap();
    let kind = tagged.primary_tag_type();
    if tagged.primary_tag().is_none() {
        tagged.insert_tag(Tag::new(kind));
    }
    edit(tagged.primary_tag_mut().unwrap());
    tagged.save_to_path(&path, WriteOptions::default()).unwrap();
    shelf.age(name, Duration::from_secs(1800));
}

#[test]
fn editing_tags_changes_neither_track_nor_file() {
    for (name, encoding) in [("a.ogg", VORBIS), ("a.flac", Encoding::Flac), ("a.wav", Encoding::Wav)] {
        let shelf = Shelf::new();
        shelf.put(name, &song(1, encoding));
        let library = shelf.library();
        scan(&library);
        let before = only(&library);
        let plaintext = download(&library, before.0).unwrap();

        retag(&shelf, name, |tag| {
            tag.set_title("Another title".into());
            tag.set_album("An album".into());
            tag.set_track(7);
            tag.insert_text(ItemKey::ReplayGainTrackGain, "-7.50 dB".into());
        });
        let report = scan(&library);
        assert_eq!((report.changed, report.skipped.len()), (1, 0), "{name}: {:?}", report.skipped);
        assert_eq!(only(&library), before, "{name}");
        let track = &library.tracks().unwrap()[0];
        assert_eq!(
            (track.title.as_str(), track.album.as_str(), track.number),
            ("Another title", "An album", Some(7))
        );
        assert_eq!(library.find(&Wanted::Track(before.0)).unwrap().head.gain, Some(-1920), "{name}");
        assert!(download(&library, before.0).unwrap() == plaintext, "{name}");
    }
}

#[test]
fn a_large_cover_is_neither_served_nor_in_the_way() {
    let mp3 = include_bytes!("../../../../../spotcache/tests/fixtures/sweep-vbr.mp3").to_vec();
    let files = [("a.flac", song(1, Encoding::Flac)), ("a.ogg", song(1, VORBIS)), ("a.mp3", mp3)];
    for (name, bytes) in files {
        let shelf = Shelf::new();
        shelf.put(name, &bytes);
        let library = shelf.library();
        scan(&library);
        let before = only(&library);
        retag(&shelf, name, |tag| {
            let noise = (0..8_000_000u32).map(|i| (i.wrapping_mul(i) >> 7) as u8).collect();
            let picture = Picture::unchecked(noise);
            tag.push_picture(picture.pic_type(PictureType::CoverFront).mime_type(MimeType::Jpeg).build());
            tag.set_artist("Somebody".into());
        });
        assert!(fs::metadata(shelf.music.path().join(name)).unwrap().len() > 8_000_000);
        let report = scan(&library);
        assert_eq!(report.changed, 1, "{name}: {:?}", report.skipped);
        assert_eq!(only(&library), before, "{name}");
        assert_eq!(library.tracks().unwrap()[0].artist, "Somebody", "{name}");
        assert!(download(&library, before.0).unwrap() == canonical(&bytes), "{name}");
    }
}

#[test]
fn a_touched_file_is_read_again_and_stays_the_same() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let before = only(&library);
    shelf.age("a.ogg", Duration::from_secs(60));
    let report = scan(&library);
    assert_eq!((report.added, report.changed), (0, 1));
    assert!(report.bytes_read > 0);
    assert_eq!(only(&library), before);
}

#[test]
fn a_moved_file_stays_the_same() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let before = only(&library);
    fs::rename(shelf.music.path().join("a.ogg"), shelf.music.path().join("b.ogg")).unwrap();
    let report = scan(&library);
    assert_eq!((report.added, report.removed), (1, 1));
    assert_eq!(only(&library), before);
    download(&library, before.0).unwrap();
}

#[test]
fn sound_that_changes_under_a_served_file_never_leaves_under_the_old_name() {
    let shelf = Shelf::new();
    let name = "a.wav";
    let (old, new) = (song(1, Encoding::Wav), song(2, Encoding::Wav));
    assert_eq!(old.len(), new.len());
    shelf.put(name, &old);
    let library = shelf.library();
    scan(&library);
    let (gid, file) = only(&library);
    let pieces = library.find(&Wanted::File(file)).unwrap().head.pieces();
    let before: Vec<_> = (0..pieces).map(|index| library.piece(&file, index).unwrap()).collect();

    // In place, so that the library's open handle sees it, and with the old date.
    let modified = fs::metadata(shelf.music.path().join(name)).unwrap().modified().unwrap();
    fs::write(shelf.music.path().join(name), &new).unwrap();
    let handle = File::options().write(true).open(shelf.music.path().join(name)).unwrap();
    handle.set_modified(modified).unwrap();
    for index in 0..pieces {
        match library.piece(&file, index) {
            Ok(piece) => assert!(piece == before[index as usize], "piece {index}"),
            Err(why) => assert_eq!(why, Refusal::Unavailable),
        }
    }
    assert_eq!(library.piece(&file, 1), Err(Refusal::Unavailable));
    assert_eq!(library.find(&Wanted::Track(gid)), Err(Refusal::Unavailable));
    assert!(library.is_outdated());
    assert!(library.tracks().unwrap().is_empty());

    // It was marked, so the next scan reads it although size and date are those that it knows.
    let report = scan(&library);
    assert_eq!((report.changed, report.unchanged), (1, 0));
    assert!(!library.is_outdated());
    let after = only(&library);
    assert!(after.0 != gid && after.1 != file);
    assert!(download(&library, after.0).unwrap() == canonical(&new));
    assert_eq!(library.piece(&file, 0), Err(Refusal::NotFound));
}

#[test]
fn a_file_cut_short_while_it_is_served_is_refused() {
    let shelf = Shelf::new();
    shelf.put("a.wav", &song(1, Encoding::Wav));
    let library = shelf.library();
    scan(&library);
    let (_, file) = only(&library);
    library.piece(&file, 0).unwrap();
    File::options().write(true).open(shelf.music.path().join("a.wav")).unwrap().set_len(5_000).unwrap();
    assert_eq!(library.piece(&file, 3), Err(Refusal::Unavailable));
}

#[test]
fn a_song_that_becomes_a_text_is_gone() {
    let shelf = Shelf::new();
    shelf.put("a.ogg", &song(1, VORBIS));
    let library = shelf.library();
    scan(&library);
    let (gid, file) = only(&library);
    shelf.put("a.ogg", b"words");
    assert_eq!(why(&scan(&library)), "this is not a sound file");
    assert_eq!(library.find(&Wanted::Track(gid)), Err(Refusal::NotFound));
    assert_eq!(library.piece(&file, 0), Err(Refusal::NotFound));
    assert_eq!(scan(&library).bytes_read, 0);
}

#[test]
fn another_copy_takes_over_when_the_first_place_changes() {
    let shelf = Shelf::new();
    let (old, new) = (song(1, Encoding::Wav), song(2, Encoding::Wav));
    shelf.put("a.wav", &old);
    shelf.put("b.wav", &old);
    let library = shelf.library();
    scan(&library);
    let (gid, _) = only(&library);
    download(&library, gid).unwrap();
    fs::write(shelf.music.path().join("a.wav"), &new).unwrap();
    assert!(download(&library, gid).unwrap() == canonical(&old));
    assert!(library.is_outdated());
}
