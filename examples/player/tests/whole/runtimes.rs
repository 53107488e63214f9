//! Server and listener on either runtime.

use crate::music::{Place, decoded, same};
use crate::spot::{Serving, good, spot};
use std::fs;

#[test]
fn a_track_sounds_the_same_whatever_the_network_runs_on() {
    let place = Place::with(&["tune.ogg"]);
    for (serving, playing) in [("smol", "smol"), ("tokio", "smol"), ("smol", "tokio")] {
        let server = Serving::on(serving, &place.music(), &place.state());
        let wav = place.home.path().join("heard.wav");
        let output = format!("wav:{}", wav.display());
        let link = server.link("tune.ogg");
        // Without a cache, so that each hears it over the network.
        let common = ["--runtime", playing, "play", "--cache-limit", "0", "--server", &server.name];
        good(&spot(place.home.path(), common.into_iter().chain(["--output", &output, &link])));
        let case = format!("from {serving} to {playing}");
        same(&fs::read(&wav).expect("it was written"), &decoded("tune.ogg"), &case);
    }
    let unknown = spot(place.home.path(), ["--runtime", "none", "play", "6JEK0CvvjDjjMUBFoXShNZ"]);
    assert_eq!(unknown.status.code(), Some(2));
}
