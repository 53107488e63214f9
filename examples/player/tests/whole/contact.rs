//! Which key a server has to show.

use crate::music::Place;
use crate::spot::{Serving, failed, good, spot, stderr};
use std::fs;

#[test]
fn the_key_of_the_first_contact_is_kept_and_insisted_on() {
    let place = Place::with(&["tune.ogg"]);
    let mut server = Serving::start(&place.music(), &place.state(), 0);
    let (address, key) = (server.address().to_owned(), server.key().to_owned());
    let link = server.link("tune.ogg");
    let play = |name: &str| {
        let arguments = ["play", "--seek", "110", "--output", "null:fast", "--server", name, &link];
        spot(place.home.path(), arguments)
    };
    let met = play(&address);
    good(&met);
    assert!(stderr(&met).contains(&format!("{address} is met for the first time; its key is {key}")));
    let known = fs::read_to_string(place.home.path().join("device/known-servers")).expect("it is kept");
    assert_eq!(known, format!("{address} {key}\n"));
    // Neither the address nor the key has to be named again.
    let again = spot(place.home.path(), ["play", "--seek", "110", "--output", "null:fast", &link]);
    good(&again);
    assert!(!stderr(&again).contains("first time"));

    let port = server.port();
    server.kill();
    let other = Serving::start(&place.music(), &place.home.path().join("other"), port);
    assert_ne!(other.key(), key);
    failed(&play(&address), 5, "does not have the key it is expected to have");
    failed(&play(&other.name), 5, "had another key when it was first met");
}
