//! What is heard is what is on the server's disk, sample for sample; and what can't be played is said plainly.

use crate::music::{Place, TUNES, decoded, from_second, same, samples};
use crate::spot::{Serving, failed, good, json, spot, stderr};
use std::fs;
use std::net::TcpListener;

#[test]
fn every_track_sounds_as_the_original_does() {
    let place = Place::with(&TUNES.map(|(name, _)| name));
    let server = Serving::start(&place.music(), &place.state(), 0);
    for (tune, _) in TUNES {
        let wav = place.home.path().join("heard.wav");
        let output = format!("wav:{}", wav.display());
        let link = server.link(tune);
        let played =
            spot(place.home.path(), ["play", "--json", "--server", &server.name, "--output", &output, &link]);
        good(&played);
        same(&fs::read(&wav).expect("it was written"), &decoded(tune), tune);
        let report = json(&played);
        let clean = [&report["pieces_forged"], &report["breaks"], &report["damaged_packets"]];
        assert_eq!((&report["track"], clean), (&link.rsplit(':').next().into(), [&0.into(); 3]));
        assert!(report["pieces_verified"].as_u64().is_some_and(|pieces| pieces > 40), "{report}");
    }
}

#[test]
fn a_start_in_the_midst_sounds_as_the_rest_of_the_original() {
    let place = Place::with(&TUNES.map(|(name, _)| name));
    let server = Serving::start(&place.music(), &place.state(), 0);
    for (tune, _) in TUNES {
        let link = server.link(tune);
        for (second, options) in [
            (83, vec![format!("{link}#1:23")]),
            (100, vec![link.clone(), "--seek".into(), "1:40".into()]),
            (1, vec![link.clone(), "--seek".into(), "1".into()]),
        ] {
            let wav = place.home.path().join("heard.wav");
            let mut arguments = vec!["play".into(), "--server".into(), server.name.clone()];
            arguments.extend(["--output".into(), format!("wav:{}", wav.display())]);
            arguments.extend(options);
            good(&spot(place.home.path(), arguments));
            let heard = fs::read(&wav).expect("it was written");
            same(samples(&heard), &from_second(tune, second), &format!("{tune} from {second} s"));
        }
    }
}

#[test]
fn what_can_not_be_played_is_told_from_what_can_not_be_reached() {
    let place = Place::with(&["tune.ogg"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    let play = |arguments: &[&str]| {
        let common = ["play", "--server", &server.name, "--output", "null:fast"];
        spot(place.home.path(), common.iter().chain(arguments))
    };
    failed(&play(&["spotify:track:0000000000000000000000"]), 3, "has no track 0000000000000000000000");
    failed(&play(&["nonsense"]), 3, "nonsense");
    failed(&play(&["spotify:album:6JEK0CvvjDjjMUBFoXShNZ"]), 3, "only tracks can be played");
    let link = server.link("tune.ogg");
    for usage in [&[][..], &[&link, "--seek", "soon"], &[&link, "--patience", "-1"], &[&link, "--nonsense"]] {
        let output = play(usage);
        assert_eq!(output.status.code(), Some(2), "{usage:?}: {}", stderr(&output));
    }
}

#[test]
fn a_server_that_is_not_there_is_given_up() {
    let place = Place::with(&[]);
    let port =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("its number").port();
    let server = format!("127.0.0.1:{port}");
    let link = "spotify:track:6JEK0CvvjDjjMUBFoXShNZ";
    let output = spot(place.home.path(), ["play", "--server", &server, "--patience", "1", link]);
    failed(&output, 4, "does not answer");
}

#[test]
fn links_are_converted() {
    let place = Place::with(&[]);
    let uri = "spotify:track:6JEK0CvvjDjjMUBFoXShNZ";
    let web = "https://open.spotify.com/track/6JEK0CvvjDjjMUBFoXShNZ";
    for link in [uri, web] {
        let output = spot(place.home.path(), ["link", link]);
        good(&output);
        let text = String::from_utf8_lossy(&output.stdout);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines[0], lines[1], lines[2].len()), (uri, web, 32));
        let output = json(&spot(place.home.path(), ["link", "--json", link]));
        assert_eq!((&output["uri"], &output["web"]), (&uri.into(), &web.into()));
        assert_eq!(output["id"], lines[2]);
    }
    let output = spot(place.home.path(), ["link", &format!("{web}#1:23")]);
    assert!(String::from_utf8_lossy(&output.stdout).starts_with(&format!("{uri}#1:23\n")));
    failed(&spot(place.home.path(), ["link", "spotify:track:tooshort"]), 3, "spotify:track:tooshort");
    let usage = spot(place.home.path(), ["link"]);
    assert_eq!(usage.status.code(), Some(2));
}
