//! Keys that are pressed while a track plays, or is waited for.

use crate::music::Place;
use crate::proxy::Proxy;
use crate::spot::{SOON, Serving};
use core::time::Duration;
use runtime_tokio::{Client, ClientOptions, Clock, DialOptions, entropy};
use spot_player::keys::Key;
use spot_player::listen::{Heard, Listener, Progress, Then, Voice};
use spot_player::output::Null;
use spot_player::server_name::ServerName;
use spotp2p::node::{Config, LogIn};
use spotproto::crypto::{KeyPair, RustCrypto};
use spotproto::{Limits, Link, UnixTime};
use std::time::Instant;
use tokio::sync::mpsc;

/// Longer than the tune.
const MANY: usize = 14;

/// A listener at the end of a line, without a cache.
fn listener(proxy: &Proxy, server: &Serving) -> Listener {
    let name: ServerName = format!("{}#{}", proxy.address, server.key()).parse().expect("a name");
    let identity = KeyPair::new::<RustCrypto>(entropy::secret_key().expect("entropy"));
    let seed = || entropy::seed().expect("entropy");
    let clock = Clock::start();
    let log_in = LogIn { link_key: identity.public, seed: seed() };
    let config = Config::new(log_in, "test/0", seed(), (clock.now(), UnixTime(1_800_000_000)));
    let options = ClientOptions {
        server: name.address.clone(),
        server_key: name.key,
        identity,
        dial: DialOptions::default(),
        limits: Limits::DEFAULT,
        listen: None,
    };
    Listener::new(Client::start(options, clock, config, None).expect("it starts"), name.address)
}

/// Plays the tune from its beginning over a line of this many bytes a second, and presses keys as `presses` says of what is
/// shown: how often it was called before, and where the sound is.
fn play(rate: u64, mut presses: impl FnMut(usize, &Progress) -> Vec<Key>) -> Heard {
    let place = Place::with(&["tune.ogg"]);
    let server = Serving::start(&place.music(), &place.state(), 0);
    let proxy = Proxy::start(server.port(), rate);
    let Ok(Link::Track { gid, .. }) = server.link("tune.ogg").parse() else { panic!("a track's link") };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("threads");
    runtime.block_on(async {
        let mut listener = listener(&proxy, &server);
        let (press, keys) = mpsc::channel(MANY);
        listener.listen_to(keys);
        let mut calls = 0;
        let show = |progress: Progress| {
            for key in presses(calls, &progress) {
                press.try_send(key).expect("there is room");
            }
            calls += 1;
        };
        let played = listener.play(gid, Duration::ZERO, Voice::new(Box::new(Null::new())), show);
        let heard = tokio::time::timeout(SOON, played).await.expect("it ends").expect("nothing fails");
        listener.leave().await;
        heard
    })
}

/// Once the sound has come to half a second.
fn sounds(progress: &Progress) -> bool {
    matches!(progress, Progress::At { position, .. } if *position >= Duration::from_millis(500))
}

#[test]
fn jumps_into_what_is_not_here_yet_lead_there_however_fast_they_follow_each_other() {
    let mut pressed = 0;
    let began = Instant::now();
    let heard = play(60_000, |_, progress| {
        // The first ones all at once, the others each while the one before is waited for.
        let count = match pressed {
            0 if sounds(progress) => 5,
            5..MANY => 1,
            _ => 0,
        };
        pressed += count;
        vec![Key::On; count]
    });
    assert_eq!((pressed, heard.then), (MANY, Then::Next), "it came to its end");
    assert!(heard.report.heard < Duration::from_secs(30), "most was jumped over: {:?}", heard.report.heard);
    assert!(began.elapsed() > heard.report.heard);
    let judged = heard.report.starts.iter().filter(|start| start.stuttered == Some(false)).count();
    assert!(judged >= 1, "the node was told of the sound after the last jump: {:?}", heard.report.starts);
}

#[test]
fn a_jump_before_the_first_sound_leads_there() {
    let mut pressed = false;
    let heard = play(50_000, |_, progress| {
        let known = matches!(progress, Progress::Opened { .. });
        let count = if known && !core::mem::replace(&mut pressed, true) { MANY } else { 0 };
        vec![Key::On; count]
    });
    assert!(pressed && heard.then == Then::Next);
    assert!(heard.report.heard < Duration::from_secs(2), "the end of it only: {:?}", heard.report.heard);
    assert!(heard.report.first_sound.is_some() && heard.report.stutters == 0);
}

#[test]
fn a_track_is_left_before_it_is_known_and_while_it_sounds() {
    for (key, then) in [(Key::Next, Then::Next), (Key::Previous, Then::Previous), (Key::Quit, Then::Quit)] {
        let heard = play(2_000, |calls, _| if calls == 0 { vec![key] } else { vec![] });
        assert_eq!((heard.then, heard.report.pieces, heard.report.heard), (then, 0, Duration::ZERO));
    }
    let mut pressed = false;
    let heard = play(1_000_000, |_, progress| {
        let first = sounds(progress) && !core::mem::replace(&mut pressed, true);
        if first { vec![Key::Pause, Key::Pause, Key::Quit] } else { vec![] }
    });
    assert!(heard.then == Then::Quit && heard.report.heard >= Duration::from_millis(500));
    assert!(heard.report.starts.iter().all(|start| start.stuttered.is_none()), "{:?}", heard.report.starts);
}
