//! Scenarios of a client and a server.

use crate::ends::{Hearing, OPEN, Server, client, keeper};
use crate::mirror::Mirror;
use crate::music::{PIECES, Shelf, TRACK};
use crate::runtimes::Bench;
use crate::{Outcome, moment};
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use spotp2p::node::Command;
use spotp2p::planner::Kind;
use spotproto::message::Wanted;

/// A click, and the whole track, each piece of it right.
pub(crate) async fn start<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone());
    let mut client = client::<R>(server.address);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until_held(&mut client, 0).await;
    client.leave().await;
    server.stops().await;
    hearing.all()
}

/// A listener who can't decide where to listen.
pub(crate) async fn seek_storm<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone());
    let mut client = client::<R>(server.address);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until_told(&mut client, "opened").await;
    for jump in 0..120u32 {
        client.tell(Command::Seek { at_ms: jump * 7919 % 160_000 }).await.expect("the client lives");
        if jump % 5 == 0 {
            hearing.until(&mut client, |_, _| true).await;
        }
    }
    client.tell(Command::Seek { at_ms: 80_000 }).await.expect("the client lives");
    hearing.until_held(&mut client, 102).await;
    let fetched = hearing.shelf.fetched.load(Ordering::Relaxed);
    assert!(fetched < 12 * PIECES as usize, "{fetched} pieces were fetched");
    vec!["all from the last seek on".into()]
}

/// The server dies in mid-track and is started again.
pub(crate) async fn restart<R: Bench>() -> Outcome {
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone());
    let address = server.address;
    let mut client = client::<R>(server.address);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf.clone());
    hearing.until(&mut client, |held, _| held.iter().filter(|held| **held).count() > 20).await;
    server.dies().await;
    let server = Server::start_at::<R>(shelf, address);
    hearing.until_held(&mut client, 0).await;
    server.stops().await;
    hearing.until_told(&mut client, "offline").await;
    hearing.all()
}

/// A track is kept; another day it is played without a server, all of it out of the cache.
pub(crate) async fn kept<R: Bench>() -> Outcome {
    let folder = tempfile::tempdir().expect("a folder");
    let shelf = Arc::new(Shelf::new());
    let server = Server::start::<R>(shelf.clone());
    let address = server.address;
    let mut client = keeper::<R>(address, R::disk(folder.path()));
    let mut hearing = Hearing::new(shelf.clone());
    loop {
        client.tell(Command::Keep { wanted: Wanted::Track(TRACK) }).await.expect("the client lives");
        if hearing.until(&mut client, |_, name| name == "kept" || name == "not kept yet").await == "kept" {
            break;
        }
        moment::<R>(20).await;
    }
    client.leave().await;
    server.stops().await;
    let mut outcome = hearing.all();
    let mut client = keeper::<R>(address, R::disk(folder.path()));
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until_held(&mut client, 0).await;
    client.leave().await;
    outcome.push(format!("{} pieces out of the cache", hearing.from[Kind::Cache as usize]));
    outcome
}

/// A web server has the file too, and the listener asks it.
pub(crate) async fn mirrored<R: Bench>() -> Outcome {
    let mut shelf = Shelf::new();
    let mirror = Mirror::start::<R>(&shelf);
    shelf.entry.mirrors.push(mirror.url().into());
    let shelf = Arc::new(shelf);
    let server = Server::start::<R>(shelf.clone());
    let mut client = client::<R>(server.address);
    client.tell(OPEN).await.expect("the client lives");
    let mut hearing = Hearing::new(shelf);
    hearing.until_held(&mut client, 0).await;
    client.leave().await;
    server.stops().await;
    let from_mirror = hearing.from[Kind::Cdn as usize];
    assert!(from_mirror > PIECES as usize / 2, "only {from_mirror} pieces came from it");
    let mut outcome = hearing.all();
    outcome.push("most of it from the mirror".into());
    outcome
}
