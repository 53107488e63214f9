//! What was heard once costs nothing again; what is kept plays without the server; and the cache's own commands.

use crate::music::{Place, decoded, same};
use crate::spot::{Serving, failed, good, json, spot, stderr};
use serde_json::Value;
use std::fs;
use std::process::Output;

/// A listener of a server that has these tunes.
struct House {
    place: Place,
    server: Serving,
}

impl House {
    fn with(tunes: &[&str]) -> Self {
        let place = Place::with(tunes);
        let server = Serving::start(&place.music(), &place.state(), 0);
        Self { place, server }
    }

    fn spot(&self, arguments: &[&str]) -> Output {
        spot(self.place.home.path(), arguments)
    }

    fn play(&self, tune: &str, options: &[&str]) -> Output {
        let link = self.server.link(tune);
        let common = ["play", "--json", "--server", &self.server.name, "--patience", "2", &link];
        self.spot(&[&common[..], options].concat())
    }

    /// Plays a tune, which has to sound as the original does; bytes from the cache and from the server.
    fn hear(&self, tune: &str) -> (u64, u64) {
        let wav = self.place.home.path().join("heard.wav");
        let played = self.play(tune, &["--output", &format!("wav:{}", wav.display())]);
        good(&played);
        same(&fs::read(&wav).expect("it was written"), &decoded(tune), tune);
        let bytes = json(&played)["bytes"].clone();
        let count = |source: &str| bytes[source].as_u64().expect("a number");
        (count("cache"), count("server"))
    }

    fn cache(&self, arguments: &[&str]) -> Value {
        let output = self.spot(&[&["cache"], arguments, &["--json"]].concat());
        good(&output);
        json(&output)
    }

    fn keep(&self, tune: &str) -> Output {
        self.spot(&[
            "offline",
            "add",
            "--server",
            &self.server.name,
            "--patience",
            "2",
            &self.server.link(tune),
        ])
    }
}

#[test]
fn the_second_play_needs_nothing_from_the_server() {
    let house = House::with(&["tune.ogg"]);
    let (cached, served) = house.hear("tune.ogg");
    assert!(cached == 0 && served > 500_000, "{cached} {served}");
    assert_eq!(house.hear("tune.ogg"), (served, 0));
    let stats = house.cache(&["stats"]);
    assert_eq!((&stats["files"], &stats["files_in_part"], &stats["kept"]), (&1.into(), &0.into(), &0.into()));
}

#[test]
fn what_is_kept_plays_without_the_server_and_the_rest_says_what_is_missing() {
    let mut house = House::with(&["tune.ogg", "tune.flac"]);
    good(&house.keep("tune.ogg"));
    house.server.kill();
    assert_eq!(house.hear("tune.ogg").1, 0);
    failed(&house.play("tune.flac", &["--output", "null:fast"]), 4, "the cache does not have track");
    failed(&house.keep("tune.flac"), 4, "the cache does not have all of");
    let list = house.spot(&["offline", "list", "--json"]);
    good(&list);
    let kept = json(&list);
    assert_eq!((&kept["track"], &kept["complete"]), (&house.server.link("tune.ogg").into(), &true.into()));
    good(&house.spot(&["offline", "remove", &house.server.link("tune.ogg")]));
    failed(&house.spot(&["offline", "remove", &house.server.link("tune.ogg")]), 3, "is not kept");
    assert_eq!(house.hear("tune.ogg").1, 0, "it is held all the same");
}

#[test]
fn damage_is_found_told_and_mended() {
    let house = House::with(&["tune.ogg"]);
    house.hear("tune.ogg");
    assert_eq!(house.cache(&["verify"])["pieces_lost"], 0);
    let files = house.place.home.path().join(".cache/spot/files");
    let file = fs::read_dir(files).expect("a folder").next().expect("a file").expect("an entry").path();
    let mut bytes = fs::read(&file).expect("it is read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("it is written");
    let found = house.spot(&["cache", "verify"]);
    failed(&found, 1, "1 damaged pieces are forgotten");
    assert_eq!(house.cache(&["verify"])["pieces_lost"], 0);
    let (cached, served) = house.hear("tune.ogg");
    assert!(cached > 0 && (1..=16_384).contains(&served), "{cached} {served}");
}

#[test]
fn the_cache_is_cleared_but_for_what_is_kept_and_limited_as_it_is_told() {
    let house = House::with(&["tune.ogg", "tune.flac"]);
    good(&house.keep("tune.ogg"));
    house.hear("tune.flac");
    house.cache(&["clear"]);
    let stats = house.cache(&["stats"]);
    assert_eq!((&stats["files"], &stats["kept"]), (&1.into(), &1.into()));
    house.cache(&["clear", "--all"]);
    assert_eq!(house.cache(&["stats"])["bytes"], 0);
    assert_eq!(house.cache(&["limit", "3MB"])["limit"], 3_000_000);
    let config =
        fs::read_to_string(house.place.home.path().join(".config/spot/config.toml")).expect("written");
    assert!(config.contains("3 MB"), "{config}");
    house.hear("tune.flac");
    let stats = house.cache(&["stats"]);
    assert!(stats["bytes"].as_u64().expect("a number") <= 3_000_000, "{stats}");
    failed(&house.keep("tune.flac"), 1, "does not fit the cache's limit");
    house.cache(&["limit", "0"]);
    assert!(house.hear("tune.ogg").1 > 0, "without a cache it plays all the same");
    assert!(house.hear("tune.ogg").1 > 0, "and keeps nothing");
}

#[test]
fn a_second_player_plays_without_the_cache_that_another_one_has() {
    let house = House::with(&["tune.ogg"]);
    house.hear("tune.ogg");
    let folder = house.place.home.path().join(".cache/spot");
    let lock = fs::File::open(folder.join("lock")).expect("there is a lock");
    lock.try_lock().expect("nobody has it");
    let played = house.play("tune.ogg", &["--output", "null:fast"]);
    good(&played);
    assert!(stderr(&played).contains("another player uses this cache"), "{}", stderr(&played));
    failed(&house.spot(&["cache", "stats"]), 1, "another player uses this cache");
}
