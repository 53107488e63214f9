//! How a server ends, and what its listeners hear of it.

use crate::music::Place;
use crate::proxy::Proxy;
use crate::spot::{Serving, command, failed, stderr};
use std::process::Stdio;

#[test]
fn a_server_that_is_asked_to_end_says_goodbye_and_ends_well() {
    let place = Place::with(&["tune.ogg"]);
    let mut server = Serving::start(&place.music(), &place.state(), 0);
    let proxy = Proxy::start(server.port(), 200_000);
    let name = format!("{}#{}", proxy.address, server.key());
    let link = server.link("tune.ogg");
    let arguments = ["play", "--patience", "1", "--server", &name, "--output", "null:fast", &link];
    let playing = command(place.home.path(), arguments).stderr(Stdio::piped()).spawn().expect("it starts");
    proxy.wait_for(50_000);
    let ended = server.terminate();
    assert_eq!(ended.code(), Some(0));
    let played = playing.wait_with_output().expect("it ran");
    assert!(stderr(&played).contains("the server is away (the other side closed: shutting down)"));
    failed(&played, 4, "does not answer");
}
