//! What a server says of the files that it doesn't serve.

use crate::music::{Place, original};
use crate::spot::Serving;

#[test]
fn what_is_no_whole_track_is_named_and_passed_over() {
    let place = Place::with(&["tune.ogg"]);
    let flac = original("tune.flac");
    place.write("half.flac", &flac[..flac.len() / 2]);
    place.write("empty.mp3", b"");
    place.write("words.ogg", b"This is no music, whatever it is called.");
    place.write("notes.txt", b"Nobody wants to be told that this is no music.");
    let server = Serving::start(&place.music(), &place.state(), 0);
    let skipped: Vec<(&str, &str)> = server
        .said
        .iter()
        .filter(|event| event["event"] == "skipped")
        .map(|event| (event["path"].as_str().expect("a path"), event["why"].as_str().expect("a reason")))
        .collect();
    let paths: Vec<&str> = skipped.iter().map(|(path, _)| *path).collect();
    assert_eq!(paths, ["empty.mp3", "half.flac", "words.ogg"], "{skipped:?}");
    assert!(skipped.iter().all(|(_, why)| why.len() > 10), "{skipped:?}");
    let tracks: Vec<_> = server.said.iter().filter(|event| event["event"] == "track").collect();
    assert_eq!(tracks.len(), 1);
    server.link("tune.ogg");
    let scanned = server.said.iter().find(|event| event["event"] == "scanned").expect("it says so");
    assert_eq!((&scanned["added"], &scanned["skipped"]), (&1.into(), &3.into()));
}
