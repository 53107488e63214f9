//! Settings from the file, the environment and the command line, as the program goes by them.

use crate::music::Place;
use crate::spot::{Serving, command, failed, good, spot, stderr};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const LINK: &str = "spotify:track:6JEK0CvvjDjjMUBFoXShNZ";

/// A home with this file of settings.
fn home(text: &str) -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join(".config/spot/config.toml");
    fs::create_dir_all(file.parent().expect("a parent")).expect("made");
    fs::write(&file, text).expect("written");
    (home, file)
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `spot config print --json` says of a setting: value, and from where.
fn printed(output: &Output, key: &str) -> (String, String) {
    let objects = out(output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect::<Vec<serde_json::Value>>();
    let object = objects.into_iter().find(|object| object["key"] == key).expect("the setting");
    let text = |name: &str| object[name].as_str().unwrap_or_default().to_owned();
    (text("value"), text("from"))
}

#[test]
fn every_layer_is_read_and_printed_with_where_it_comes_from() {
    let (home, file) = home("output = 'null'\n\n[cache]\nlimit = '2 GB' # enough\n");
    let printing = || command(home.path(), ["config", "print", "--json", "--port", "4071"]);
    let output = printing().env("SPOT_PATIENCE", "5 min").output().expect("it runs");
    good(&output);
    let is = |key: &str, value: &str, from: &str| {
        assert_eq!(printed(&output, key), (value.to_owned(), from.to_owned()), "{key}");
    };
    is("output", "null", "file");
    is("cache.limit", "2 GB", "file");
    is("patience", "5 min", "environment");
    is("port", "4071", "command line");
    is("device", &home.path().join("device").display().to_string(), "environment");
    is("serve.state", &home.path().join(".local/state/spot/server").display().to_string(), "default");
    is("cache.dir", &home.path().join(".cache/spot").display().to_string(), "default");

    let table = spot(home.path(), ["config", "print"]);
    good(&table);
    assert!(out(&table).contains("cache.limit        2 GB"), "{}", out(&table));
    assert!(out(&table).contains("file, line 4"), "{}", out(&table));
    assert_eq!(out(&spot(home.path(), ["config", "path"])), format!("{}\n", file.display()));

    let elsewhere = home.path().join("xdg");
    let path = command(home.path(), ["config", "path"]).env("XDG_CONFIG_HOME", &elsewhere).output();
    let path = path.expect("it runs");
    assert_eq!(out(&path), format!("{}\n", elsewhere.join("spot/config.toml").display()));
}

#[test]
fn a_mistake_ends_a_play_but_is_no_hindrance_to_print() {
    let (home, file) = home("port = 7\n[cache]\nlimit = 'much'\n");
    let line = format!("{}:3: cache.limit = \"much\": ", file.display());
    failed(&spot(home.path(), ["play", LINK]), 2, &line);
    let table = spot(home.path(), ["config", "print"]);
    failed(&table, 2, &line);
    assert!(out(&table).contains("file, line 1"), "{}", out(&table));
    let objects = spot(home.path(), ["config", "print", "--json"]);
    assert!(out(&objects).lines().last().is_some_and(|last| last.starts_with("{\"mistake\":")));
    // Another file may be named, and is then all that counts.
    let other = home.path().join("other.toml");
    fs::write(&other, "").expect("written");
    good(&command(home.path(), ["config", "print"]).env("SPOT_CONFIG", &other).output().expect("it runs"));
    good(&spot(home.path(), [Path::new("config"), Path::new("print"), Path::new("--config"), &other]));
    let nowhere = spot(home.path(), ["play", "--config", "/nowhere.toml", LINK]);
    failed(&nowhere, 3, "there is no file /nowhere.toml, but the command line --config names it");
}

#[test]
fn a_play_goes_by_the_file() {
    let place = Place::with(&["tune.ogg"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    let wav = place.home.path().join("heard.wav");
    let text = format!("server = '{}'\noutput = 'wav:{}'\ndevice = '~/keys'\n", server.name, wav.display());
    let (home, _) = home(&text);
    let mut play = command(home.path(), ["play", "--seek", "110", &server.link("tune.ogg")]);
    let played = play.env_remove("SPOT_DEVICE").output().expect("it runs");
    good(&played);
    assert!(fs::metadata(&wav).expect("it was written").len() > 100_000, "{}", stderr(&played));
    assert!(home.path().join("keys/device.key").exists());
}

#[test]
fn a_server_goes_by_the_file() {
    let place = Place::with(&["tune.ogg"]);
    let (home, file) = home("[serve]\nlisten = '127.0.0.1:0'\nstate = '~/keys'\n");
    let server = Serving::configured(&place.music(), home.path());
    assert!(server.address().starts_with("127.0.0.1:"), "{}", server.name);
    assert!(home.path().join("keys/identity.key").exists(), "{}", file.display());
}
