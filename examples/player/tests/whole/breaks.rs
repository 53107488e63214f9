//! What goes wrong while music plays.

use crate::music::{Place, decoded, original, same, samples};
use crate::proxy::Proxy;
use crate::spot::{Serving, command, failed, good, json, spot, stderr};
use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Child, Stdio};

/// Begins to play through a line, into a file.
fn begin(place: &Place, server: &Serving, proxy: &Proxy, tune: &str, wav: &Path) -> Child {
    let name = format!("{}#{}", proxy.address, server.key());
    let output = format!("wav:{}", wav.display());
    let arguments = ["play", "--json", "--server", &name, "--output", &output, &server.link(tune)];
    command(place.home.path(), arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

#[test]
fn a_server_that_is_killed_and_started_again_is_a_break_and_no_more() {
    let place = Place::with(&["tune.ogg"]);
    let mut server = Serving::start(&place.music(), &place.state(), 0);
    let proxy = Proxy::start(server.port(), 1_000_000);
    let wav = place.home.path().join("heard.wav");
    let playing = begin(&place, &server, &proxy, "tune.ogg", &wav);
    proxy.wait_for(300_000);
    server.kill();
    let restarted = Serving::start(&place.music(), &place.state(), server.port());
    assert_eq!(restarted.key(), server.key());
    let played = playing.wait_with_output().expect("it ran");
    good(&played);
    assert!(stderr(&played).contains("the server is away"));
    assert!(json(&played)["breaks"].as_u64().is_some_and(|breaks| breaks >= 1), "{}", json(&played));
    same(&fs::read(&wav).expect("it was written"), &decoded("tune.ogg"), "after a break");
}

#[test]
fn a_file_that_changes_while_it_is_served_is_never_heard_wrongly() {
    let place = Place::with(&["tune.flac"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    let proxy = Proxy::start(server.port(), 4_000_000);
    let wav = place.home.path().join("heard.wav");
    let playing = begin(&place, &server, &proxy, "tune.flac", &wav);
    proxy.wait_for(500_000);
    let mut file = File::options().write(true).open(place.music().join("tune.flac")).expect("it is there");
    let half = original("tune.flac").len() / 2;
    file.seek(SeekFrom::Start(half as u64)).expect("within it");
    file.write_all(&vec![0x55; half]).expect("it may be written to");
    drop(file);
    let played = playing.wait_with_output().expect("it ran");
    failed(&played, 1, "can't deliver the track: not available any more");
    let heard = fs::read(&wav).expect("it was begun");
    let right = decoded("tune.flac");
    let (heard, right) = (samples(&heard), samples(&right));
    assert!(heard.len() < right.len());
    same(heard, &right[..heard.len()], "what was heard before the change");
}

#[test]
fn a_file_that_is_gone_is_said_to_be() {
    let place = Place::with(&["tune.ogg", "tune.wav"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    fs::remove_file(place.music().join("tune.ogg")).expect("it was there");
    place.write("tune.wav", b"something else");
    for tune in ["tune.ogg", "tune.wav"] {
        let wav = place.home.path().join("heard.wav");
        let output = format!("wav:{}", wav.display());
        let link = server.link(tune);
        let played = spot(place.home.path(), ["play", "--server", &server.name, "--output", &output, &link]);
        failed(&played, 1, "can't deliver the track: not available any more");
        assert!(!wav.exists(), "{tune}");
    }
}
