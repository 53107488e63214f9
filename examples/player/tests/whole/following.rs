//! Tracks that follow each other: no sample is lost, added or late between them.

use crate::music::{Place, decoded, same, samples};
use crate::spot::{Serving, failed, good, spot};
use serde_json::Value;
use std::fs;
use std::process::Output;

fn reports(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Two tracks of one kind of sound: the second is the first by another encoder.
fn place() -> (Place, Serving) {
    let place = Place::with(&["tune.flac", "tune.wav", "tune.ogg"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    (place, server)
}

#[test]
fn tracks_in_one_file_are_the_tracks_one_after_the_other() {
    let (place, server) = place();
    let (one, two) = (server.link("tune.flac"), server.link("tune.wav"));
    let right = [samples(&decoded("tune.flac")), samples(&decoded("tune.wav"))].concat();
    // Over the network, out of the cache, without a cache, and without anything fetched ahead.
    for options in [&[][..], &[], &["--cache-limit", "0"], &["--no-prefetch", "--cache-limit", "0"]] {
        let wav = place.home.path().join("heard.wav");
        let output = format!("wav:{}", wav.display());
        let always = ["play", "--json", "--server", &server.name, "--output", &output, &one, &two];
        let played = spot(place.home.path(), always.iter().chain(options));
        good(&played);
        same(samples(&fs::read(&wav).expect("it was written")), &right, &format!("{options:?}"));
        let gaps: Vec<Value> = reports(&played).iter().map(|report| report["gap_samples"].clone()).collect();
        assert_eq!(gaps, [Value::Null, 0.into()]);
    }
}

#[test]
fn a_track_of_another_kind_of_sound_needs_another_file() {
    let (place, server) = place();
    let (one, two) = (server.link("tune.flac"), server.link("tune.ogg"));
    let wav = format!("wav:{}", place.home.path().join("heard.wav").display());
    let play = |output: &str| {
        spot(place.home.path(), ["play", "--server", &server.name, "--output", output, &one, &two])
    };
    failed(&play(&wav), 6, "kind");
    good(&play(&format!("wav:{}", place.home.path().display())));
    good(&play("null:fast"));
}

#[test]
fn sound_in_time_goes_from_one_end_to_the_next_start() {
    let (place, server) = place();
    // The last seconds of one, and of the other.
    let links = ["tune.flac", "tune.wav"].map(|tune| format!("{}#2:05", server.link(tune)));
    let always = ["play", "--json", "--server", &server.name, "--output", "null", "--cache-limit", "0"];
    let played = spot(place.home.path(), always.into_iter().chain(links.iter().map(String::as_str)));
    good(&played);
    let reports = reports(&played);
    assert!(reports[0]["gap_samples"].is_null() && reports[1]["gap_samples"].is_u64(), "{reports:?}");
    let bytes = |report: &Value| report["bytes"]["server"].as_u64();
    assert!(reports.iter().all(|report| bytes(report) > Some(0)), "{reports:?}");
    assert!(reports.iter().all(|report| report["wasted"]["server"] == 0), "{reports:?}");
}
