//! A client and a server over TCP on loopback: real sessions, real machines, sealed music made on the spot.

extern crate alloc;

mod shelf;

use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::time::Duration;
use runtime_tokio::ClientEvent;
use shelf::{OPEN, PIECES, Shelf, keys, start_bounded, start_client, start_server, until, whole_track};
use spotp2p::node::{Command, Event};
use spotproto::SessionError;
use spotproto::error::Refused;
use spotproto::message::Refusal;

#[tokio::test]
async fn a_track_comes_whole_over_tcp_with_the_key_known() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    whole_track(&mut client, &shelf).await;
}

#[tokio::test]
async fn a_server_without_room_says_so_and_is_tried_again() {
    let shelf = Arc::new(Shelf::new());
    let mut bounds = shelf::DEFAULT;
    bounds.1.sessions = 1;
    let server = start_bounded(shelf.clone(), 1, "127.0.0.1:0", bounds);
    let mut first = start_client(&server.address, Some(1));
    first.tell(OPEN).await.expect("the client lives");
    whole_track(&mut first, &shelf).await;
    let mut second = start_client(&server.address, Some(1));
    second.tell(OPEN).await.expect("the client lives");
    let why = until(&mut second, |event| match event {
        ClientEvent::Node(Event::Offline { why, .. }) => Some(*why),
        _ => None,
    });
    assert_eq!(why.await, Some(SessionError::Refused(Refused::Busy)));
    drop(first);
    whole_track(&mut second, &shelf).await;
}

#[tokio::test]
async fn first_contact_shows_the_key() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, None);
    client.tell(OPEN).await.expect("the client lives");
    let shown = until(&mut client, |event| match event {
        ClientEvent::ServerKey(key) => Some(*key),
        _ => None,
    })
    .await;
    assert_eq!(shown, keys(1).public);
    whole_track(&mut client, &shelf).await;
}

#[tokio::test]
async fn a_changed_key_is_refused_for_good() {
    let server = start_server(Arc::new(Shelf::new()), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(2));
    client.tell(OPEN).await.expect("the client lives");
    let why = until(&mut client, |event| match event {
        ClientEvent::Node(Event::GaveUp { why }) => Some(*why),
        _ => None,
    })
    .await;
    assert_eq!(why, SessionError::Refused(Refused::WrongKey));
}

#[tokio::test]
async fn a_restarted_server_goes_on_where_the_old_one_stopped() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let address = server.address.clone();
    let mut client = start_client(&address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    let mut held = vec![false; PIECES as usize];
    until(&mut client, |event| {
        if let ClientEvent::Node(Event::Piece { index, .. }) = event {
            held[*index as usize] = true;
        }
        (held.iter().filter(|piece| **piece).count() > 20).then_some(())
    })
    .await;
    server.task.abort();
    let _ = server.task.await;
    drop(server.stop);
    let server = start_server(shelf.clone(), 1, &address);
    until(&mut client, |event| {
        if let ClientEvent::Node(Event::Piece { index, .. }) = event {
            assert!(!core::mem::replace(&mut held[*index as usize], true), "piece {index} came twice");
        }
        held.iter().all(|piece| *piece).then_some(())
    })
    .await;
    drop(server);
}

#[tokio::test]
async fn spoilt_pieces_never_reach_the_program() {
    let shelf = Arc::new(Shelf::new());
    shelf.spoilt.store(true, Ordering::Relaxed);
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    let refused = until(&mut client, |event| match event {
        ClientEvent::Node(Event::Piece { index, .. }) => panic!("piece {index} is spoilt"),
        ClientEvent::Node(Event::Refused(why)) => Some(*why),
        _ => None,
    })
    .await;
    assert_eq!(refused, Refusal::Unavailable);
}

#[tokio::test]
async fn a_server_that_stops_says_goodbye() {
    let server = start_server(Arc::new(Shelf::new()), 1, "127.0.0.1:0");
    let mut client = start_client(&server.address, Some(1));
    client.tell(Command::Connect).await.expect("the client lives");
    until(&mut client, |event| matches!(event, ClientEvent::Node(Event::LoggedIn)).then_some(())).await;
    server.stop.send(()).expect("the server lives");
    tokio::time::timeout(Duration::from_secs(5), server.task).await.expect("in time").expect("without panic");
    let why = until(&mut client, |event| match event {
        ClientEvent::Node(Event::Offline { why, .. }) => Some(*why),
        _ => None,
    })
    .await;
    assert!(matches!(why, Some(SessionError::Closed { by_peer: true, .. })), "{why:?}");
}

#[tokio::test]
async fn a_thousand_connections_that_never_shake_hands_keep_nobody_out() {
    let shelf = Arc::new(Shelf::new());
    let server = start_server(shelf.clone(), 1, "127.0.0.1:0");
    let mut idle = Vec::new();
    for _ in 0..1000 {
        idle.push(tokio::net::TcpStream::connect(&server.address).await.expect("the kernel takes it"));
    }
    let mut client = start_client(&server.address, Some(1));
    client.tell(OPEN).await.expect("the client lives");
    whole_track(&mut client, &shelf).await;
}
